package env

import (
	"cmp"
	"reflect"
)

// Settings maps what a package calls its settings to the variables that fill
// them. Sections are the parts of a configuration struct that the package's own
// configuration is made of. A setting is the path of its field in its section,
// such as TLS.CertFile, or what the tag setting says. What is no setting keeps its
// name.
func Settings(sections ...any) func(setting string) string {
	names := map[string]string{}
	for _, section := range sections {
		for _, f := range fieldsOf(reflect.ValueOf(section), "", "") {
			names[cmp.Or(f.tag.Get("setting"), f.path)] = f.name
		}
	}
	return func(setting string) string { return cmp.Or(names[setting], setting) }
}

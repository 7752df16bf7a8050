package main

import (
	"cmp"
	"reflect"
	"strings"

	"airudder-exporter/internal/kafka"
)

// variables is what the operator calls the settings of a room (its SettingName):
// the variable from which cmd fills them. Sections are the parts of Config that
// the room's own Config is made of. A field is found by its path in its section,
// such as "TLS.CertFile", or, where the room spells it in another way, by the tag
// setting.
func variables(sections ...any) func(setting string) string {
	names := make(map[string]string)
	for _, section := range sections {
		nameVariables(names, "", reflect.TypeOf(section))
	}
	return func(setting string) string { return cmp.Or(names[setting], setting) }
}

func nameVariables(names map[string]string, path string, section reflect.Type) {
	for i := range section.NumField() {
		field := section.Field(i)
		env, ok := field.Tag.Lookup("env")
		if !ok {
			nameVariables(names, path+field.Name+".", field.Type)
			continue
		}
		name, _, _ := strings.Cut(env, ",")
		names[cmp.Or(field.Tag.Get("setting"), path+field.Name)] = name
	}
}

// told notes what the brokers' room says of its own settings. What follows from a
// value that could not be read is no second mistake.
func (l *loader) told(problems []*kafka.SettingError) {
	for _, p := range problems {
		switch {
		case p.Needs != "" && !l.ok(p.Needs):
		case p.Value != "":
			l.bad(p.Setting, p.Text)
		default:
			l.add(p.Setting, p.Text+l.orFile(p.Setting))
		}
	}
}

// orFile reminds of the file that may hold a secret which is missing.
func (l *loader) orFile(name string) string {
	for _, f := range l.fields {
		if f.name == name && f.secret && f.value.IsZero() {
			return orFile(f)
		}
	}
	return ""
}

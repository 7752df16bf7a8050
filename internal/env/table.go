package env

import "reflect"

// Variable is one line of the documentation.
type Variable struct {
	Name    string
	Default string // as it would be given; "required"; or empty: none
	Doc     string
	Group   string
	Value   string // in force; of a secret only that it is set
	From    string // where Value comes from: see Reader.Table
}

// Table lists the variables of a struct in the order of its fields, each secret
// followed by its <name>_FILE.
func Table(config any) (table []Variable) {
	for _, f := range fieldsOf(reflect.ValueOf(config), "", "") {
		v := Variable{Name: f.name, Default: f.standard, Doc: f.doc, Group: f.group, Value: f.text()}
		if f.required {
			v.Default = "required"
		}
		table = append(table, v)
		if f.secret {
			doc := "File with the value of " + f.name + "."
			if _, again := f.value.Interface().(Secret); again {
				doc = "File with the value of " + f.name + ", which is read again while the exporter runs."
			}
			table = append(table, Variable{Name: f.file(), Doc: doc, Group: f.group})
		}
	}
	return table
}

// Where a value comes from, but for a file, which is "its variable=its path".
const (
	FromEnvironment = "environment"
	FromDefault     = "default"
)

// Table is what was read, in the order of the struct's fields: the values in force, or as
// they were given where they are wrong, and where they come from. From is empty for one
// that is not set and has no default.
func (r *Reader) Table() (table []Variable) {
	for _, f := range r.fields {
		v := Variable{Name: f.name, Default: f.standard, Doc: f.doc, Group: f.group, Value: f.text(), From: r.from(f)}
		if given, found := r.lookup(f.name); found && !f.secret && !r.OK(f.name) {
			v.Value = shortened(given)
		}
		table = append(table, v)
	}
	return table
}

func (r *Reader) from(f field) string {
	_, given := r.given[f.name]
	switch {
	case r.isSet(f.name), given && f.blank && !r.env.ignores(f.name):
		return FromEnvironment
	case f.secret && r.isSet(f.file()) && f.value.IsZero(): // the path may be the secret itself
		return f.file()
	case f.secret && r.isSet(f.file()):
		return f.file() + "=" + r.given[f.file()]
	case f.standard != "":
		return FromDefault
	}
	return ""
}

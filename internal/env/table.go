package env

import "reflect"

// Variable is one line of the documentation.
type Variable struct {
	Name    string
	Default string // as it would be given; "required"; or empty: none
	Doc     string
	Group   string
	Value   string // in force; a mask for a secret that is set
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
			table = append(table, Variable{Name: f.file(), Doc: "File with the value of " + f.name + ".", Group: f.group})
		}
	}
	return table
}

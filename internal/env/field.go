package env

import (
	"cmp"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// field is one variable and the place of its value in the struct.
type field struct {
	name     string
	path     string // in the struct: TLS.CertFile
	standard string // the default; empty: none
	doc      string
	group    string
	required bool
	secret   bool
	blank    bool // one that is blank is set
	tag      reflect.StructTag
	value    reflect.Value
}

// file is the variable that can name a secret's file.
func (f field) file() string { return f.name + "_FILE" }

// fieldsOf lists the variables of a struct in the order of its fields.
func fieldsOf(v reflect.Value, path, group string) (fields []field) {
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		if !sf.IsExported() { // the program's own
			continue
		}
		inner, group := path+sf.Name, cmp.Or(sf.Tag.Get("group"), group)
		env, ok := sf.Tag.Lookup("env")
		if !ok {
			fields = append(fields, fieldsOf(v.Field(i), inner+".", group)...)
			continue
		}
		name, option, _ := strings.Cut(env, ",")
		standard, _ := strings.CutPrefix(option, "default=")
		required := option == "required"
		if required {
			standard = ""
		}
		fields = append(fields, field{
			name: name, path: inner, standard: standard, required: required, group: group,
			doc: sf.Tag.Get("doc"), secret: sf.Tag.Get("secret") != "", blank: sf.Tag.Get("blank") != "", tag: sf.Tag, value: v.Field(i),
		})
	}
	return fields
}

// text is the field's value as it would be given; of a secret, that it is set.
func (f field) text() string {
	if f.secret {
		return described(f.secretText())
	}
	switch v := f.value.Interface().(type) {
	case []string:
		return withoutPassword(strings.Join(v, ","))
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.Format(time.RFC3339)
	default:
		return withoutPassword(fmt.Sprint(v))
	}
}

// secretText is the value of a secret's field.
func (f field) secretText() string {
	if secret, ok := f.value.Interface().(Secret); ok {
		return secret.text
	}
	return f.value.String()
}

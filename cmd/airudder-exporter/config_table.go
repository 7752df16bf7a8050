package main

import (
	"fmt"
	"strings"
	"time"
)

// setting is one line of the configuration as a person reads it.
type setting struct {
	Name    string
	Default string // as it would be given; empty: none
	Doc     string
	Group   string
	Value   string // in force; a secret shows only whether it is there
}

// settings lists the configuration in its order, a secret's …_FILE after it.
func (c Config) settings() []setting {
	var all []setting
	for _, f := range fieldsOf(&c) {
		s := setting{Name: f.name, Default: f.standard, Doc: f.doc, Group: f.group, Value: f.text()}
		if f.required {
			s.Default = "required"
		}
		all = append(all, s)
		if f.secret {
			all = append(all, setting{Name: f.file(), Doc: "A file that holds it, instead of " + f.name + ".", Group: f.group})
		}
	}
	return all
}

// text is a field's value as it would be given, with secrets masked.
func (f field) text() string {
	if f.secret {
		if f.value.IsZero() {
			return ""
		}
		return "********"
	}
	switch v := f.value.Interface().(type) {
	case []string:
		return withoutPassword(strings.Join(v, ","))
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.Format(time.RFC3339)
	case Zone:
		if v.Location == nil {
			return ""
		}
		return v.String()
	case LogLevel:
		return strings.ToLower(v.String())
	default:
		return withoutPassword(fmt.Sprint(v))
	}
}

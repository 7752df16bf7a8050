package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/sethvargo/go-envconfig"
)

// field is one variable of the configuration.
type field struct {
	name     string
	standard string // its default; empty: none
	doc      string
	group    string
	required bool
	secret   bool
	tag      reflect.StructTag
	value    reflect.Value // where it goes
}

// file is the variable that may name a file instead, for a secret.
func (f field) file() string { return f.name + "_FILE" }

// fieldsOf lists the variables of a Config in the order of its fields.
func fieldsOf(c *Config) []field {
	return structFields(reflect.ValueOf(c).Elem(), "")
}

func structFields(v reflect.Value, outer string) []field {
	var fields []field
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		group := cmp.Or(sf.Tag.Get("group"), outer)
		env, ok := sf.Tag.Lookup("env")
		if !ok {
			fields = append(fields, structFields(v.Field(i), group)...)
			continue
		}
		name, option, _ := strings.Cut(env, ",")
		standard, _ := strings.CutPrefix(option, "default=")
		required := option == "required"
		if required {
			standard = ""
		}
		fields = append(fields, field{
			name: name, standard: standard, required: required, group: group,
			doc: sf.Tag.Get("doc"), secret: sf.Tag.Get("secret") != "", tag: sf.Tag, value: v.Field(i),
		})
	}
	return fields
}

// loader reads a configuration and collects all that is wrong with it.
type loader struct {
	lookuper envconfig.Lookuper
	fields   []field
	problems []problem
	warnings []string
}

// lookup is the Lookuper's, but an empty variable is none.
func (l *loader) lookup(name string) (string, bool) {
	value, ok := l.lookuper.Lookup(name)
	return value, ok && strings.TrimSpace(value) != ""
}

func (l *loader) decodeAll(ctx context.Context) {
	for _, f := range l.fields {
		value, found, err := l.find(f)
		switch {
		case err != nil:
			l.add(f.name, err.Error())
		case !found && f.required:
			l.add(f.name, "is required"+orFile(f))
		default:
			l.decode(ctx, f, value, found)
		}
	}
}

func orFile(f field) string {
	if f.secret {
		return ": give it, or a file that holds it as " + f.file()
	}
	return ""
}

// find returns a variable's text, for a secret also from the file that is
// named instead.
func (l *loader) find(f field) (string, bool, error) {
	value, found := l.lookup(f.name)
	if !f.secret {
		return strings.TrimSpace(value), found, nil
	}
	path, named := l.lookup(f.file())
	if !named {
		return value, found, nil
	}
	if found {
		return "", false, fmt.Errorf("is given twice, also as %s: keep one", f.file())
	}
	text, err := os.ReadFile(path)
	if pathErr, ok := errors.AsType[*os.PathError](err); ok {
		err = pathErr.Err // without the path: whoever takes one variable for the other has put the secret there
	}
	if err != nil {
		return "", false, fmt.Errorf("cannot be read from %s: %w", f.file(), err)
	}
	value = strings.TrimRight(string(text), "\r\n")
	if value == "" {
		return "", false, fmt.Errorf("cannot be read from %s: the file is empty", f.file())
	}
	return value, true, nil
}

// decode has envconfig fill one field. It gets a struct of that field alone,
// because envconfig stops at the first bad value and we report them all.
func (l *loader) decode(ctx context.Context, f field, value string, found bool) {
	one := reflect.New(reflect.StructOf([]reflect.StructField{{Name: "Value", Type: f.value.Type(), Tag: f.tag}}))
	given := map[string]string{}
	if found {
		given[f.name] = value
	}
	err := envconfig.ProcessWith(ctx, &envconfig.Config{Target: one.Interface(), Lookuper: envconfig.MapLookuper(given)})
	if err != nil {
		l.bad(f.name, wanted(f.value.Interface()))
		return
	}
	f.value.Set(one.Elem().Field(0))
}

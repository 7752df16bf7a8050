package env

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/sethvargo/go-envconfig"
)

// Environment is what is set, and what is known of the variables' names.
type Environment struct {
	Set []string // NAME=value, as os.Environ has them; of two with one name, the first counts

	// Own are prefixes that the program alone uses: a variable that begins with
	// one and is none of the struct's is a mistake.
	Own []string

	// Shared are prefixes that other programs use too: a variable that begins
	// with one and is nearly one of the struct's is worth a warning.
	Shared []string

	// Gone are variables that the program no longer has, and what to do instead. One
	// that is set is a mistake.
	Gone map[string]string

	// Ignored are the beginnings of variables that are not read: their fields
	// get the defaults, and nothing is said of them.
	Ignored []string
}

func (e Environment) ignores(name string) bool {
	return slices.ContainsFunc(e.Ignored, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// own is the prefix that makes a variable the program's own; empty: none does.
func (e Environment) own(name string) string {
	for _, prefix := range e.Own {
		if strings.HasPrefix(name, prefix) {
			return prefix
		}
	}
	return ""
}

// Reader has read a struct and collects what is wrong with it.
type Reader struct {
	env      Environment
	given    map[string]string
	fields   []field
	problems []problem
	warnings []string
	log      atomic.Pointer[slog.Logger] // see Log
}

// Read fills the struct that into points to. The caller checks the values by its
// own rules, with Bad and Add, and then asks for Err.
func Read(ctx context.Context, into any, env Environment) *Reader {
	r := &Reader{env: env, given: map[string]string{}, fields: fieldsOf(reflect.ValueOf(into).Elem(), "", "")}
	for _, entry := range env.Set {
		name, value, _ := strings.Cut(entry, "=")
		if _, twice := r.given[name]; !twice {
			r.given[name] = value
		}
	}
	for _, f := range r.fields {
		r.read(ctx, f)
	}
	r.checkNames()
	return r
}

func (r *Reader) read(ctx context.Context, f field) {
	value, found, err := r.find(ctx, f)
	switch {
	case err != nil:
		r.Add(f.name, err.Error())
	case !found && f.required:
		r.Add(f.name, "is required")
	default:
		r.decode(ctx, f, value, found)
		if path, named := r.lookup(f.file()); f.secret && named {
			r.again(f, path)
		}
	}
}

func (r *Reader) lookup(name string) (value string, found bool) {
	return r.given[name], r.isSet(name)
}

func (r *Reader) isSet(name string) bool {
	return strings.TrimSpace(r.given[name]) != "" && !r.env.ignores(name)
}

// find returns a variable's text, for a secret also from the file that is named
// instead.
func (r *Reader) find(ctx context.Context, f field) (value string, found bool, err error) {
	value, found = r.lookup(f.name)
	if !f.secret {
		if _, given := r.given[f.name]; given && f.blank && !r.env.ignores(f.name) {
			found = true
		}
		return strings.TrimSpace(value), found, nil
	}
	path, named := r.lookup(f.file())
	if !named {
		value = strings.TrimLeft(value, byteOrderMark)
		if found = found && strings.TrimSpace(value) != ""; found {
			r.warnOfBlanks(f.name, value)
		}
		return value, found, nil
	}
	if found {
		return "", false, fmt.Errorf("is set twice, also by %s: keep one of them", f.file())
	}
	value, err = r.fromFile(ctx, f, path)
	return value, err == nil, err
}

// decode has envconfig fill one field. It gets a struct of that field alone:
// envconfig stops at the first bad value, and a Reader reports them all.
func (r *Reader) decode(ctx context.Context, f field, value string, found bool) {
	one := reflect.New(reflect.StructOf([]reflect.StructField{{Name: "Value", Type: f.value.Type(), Tag: f.tag}}))
	given := map[string]string{}
	if found {
		given[f.name] = value
	}
	err := envconfig.ProcessWith(ctx, &envconfig.Config{Target: one.Interface(), Lookuper: envconfig.MapLookuper(given)})
	if err != nil {
		r.Bad(f.name, wanted(f.value.Interface(), value, err))
		return
	}
	f.value.Set(one.Elem().Field(0))
}

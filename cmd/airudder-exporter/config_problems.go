package main

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// problem is what is wrong with one variable.
type problem struct{ name, text string }

// wanted says what a value of a type looks like.
func wanted(value any) string {
	switch value.(type) {
	case time.Duration:
		return "is not a duration: give one such as 1m or 30s"
	case time.Time:
		return "is not an RFC 3339 time: give one such as 2026-01-31T00:00:00Z"
	case bool:
		return "is neither true nor false: give one of them"
	case int:
		return "is not a whole number: give one such as 4"
	case float64:
		return "is not a number: give one such as 0.5 or 2"
	case Zone:
		return "is not a time zone: give an offset such as +08:00 or a name such as Asia/Jakarta"
	case LogLevel:
		return "is not a log level: give debug, info, warn or error"
	}
	return "cannot be read"
}

// add notes what is wrong with a variable. Only the first counts: what follows
// from a bad value is no second mistake.
func (l *loader) add(name, text string) {
	if l.ok(name) {
		l.problems = append(l.problems, problem{name, text})
	}
}

// bad notes a bad value and shows it.
func (l *loader) bad(name, text string) {
	l.add(name, fmt.Sprintf("%s %s", l.shown(name), text))
}

// ok reports whether nothing is wrong so far with the variables named.
func (l *loader) ok(names ...string) bool {
	return !slices.ContainsFunc(l.problems, func(p problem) bool { return slices.Contains(names, p.name) })
}

// shown is a variable's value as a message may show it.
func (l *loader) shown(name string) string {
	value, found := l.lookup(name)
	for _, f := range l.fields {
		if f.name == name && f.secret {
			return "the value"
		}
		if f.name == name && !found {
			value = f.standard
		}
	}
	const longest = 100
	value = withoutPassword(strings.TrimSpace(value))
	if len(value) > longest {
		value = value[:longest] + "…"
	}
	return fmt.Sprintf("%q", value)
}

// withoutPassword hides what may be one: anything before an @, in a URL from
// the double slash on.
func withoutPassword(value string) string {
	return beforeAt.ReplaceAllString(value, "${1}***@")
}

var beforeAt = regexp.MustCompile(`(//)[^,]*@|[^/,]*@`)

// err joins the problems, one line each, in the order of the table.
func (l *loader) err() error {
	place := func(name string) int {
		i := slices.IndexFunc(l.fields, func(f field) bool { return f.name == name })
		if i < 0 {
			return len(l.fields)
		}
		return i
	}
	slices.SortStableFunc(l.problems, func(a, b problem) int { return cmp.Compare(place(a.name), place(b.name)) })
	var errs []error
	for _, p := range l.problems {
		errs = append(errs, errors.New(p.name+": "+p.text))
	}
	return errors.Join(errs...)
}

package env

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// problem is what is wrong with one variable.
type problem struct{ name, text string }

// Add notes what is wrong with a variable; of a secret that is not set, it says
// how it can be. Only the first problem of a variable counts: what follows from a
// bad value is not a second mistake.
func (r *Reader) Add(name, text string) {
	if !r.OK(name) || r.env.ignores(name) {
		return
	}
	for _, f := range r.fields {
		if f.name == name && f.secret && !r.isSet(name) && !r.isSet(f.file()) {
			text += ": set it, or " + f.file() + " to a file that holds it"
		}
	}
	r.problems = append(r.problems, problem{name, text})
}

// Bad notes that a variable has a bad value, and shows the value.
func (r *Reader) Bad(name, text string) {
	r.Add(name, r.Shown(name)+" "+text)
}

// Warn notes what works but is probably a mistake.
func (r *Reader) Warn(name, text string) {
	r.warnings = append(r.warnings, name+": "+text)
}

// OK reports whether no problem is known of any of the variables.
func (r *Reader) OK(names ...string) bool {
	return !slices.ContainsFunc(r.problems, func(p problem) bool { return slices.Contains(names, p.name) })
}

// Shown is a variable's value as a message can show it.
func (r *Reader) Shown(name string) string {
	value, found := r.lookup(name)
	for _, f := range r.fields {
		if f.name == name && f.secret {
			return "the value"
		}
		if f.name == name && !found {
			value = f.standard
		}
	}
	return fmt.Sprintf("%q", shortened(value))
}

// shortened is a value as it was given, without what could be a password.
func shortened(value string) string {
	const longest = 100
	value = withoutPassword(strings.TrimSpace(value))
	if len(value) > longest {
		value = value[:longest] + "…"
	}
	return value
}

// Err joins the problems, one line each, in the order of the struct's fields.
func (r *Reader) Err() error {
	place := func(name string) int {
		i := slices.IndexFunc(r.fields, func(f field) bool { return f.name == name })
		if i < 0 {
			return len(r.fields)
		}
		return i
	}
	slices.SortStableFunc(r.problems, func(a, b problem) int { return cmp.Compare(place(a.name), place(b.name)) })
	var errs []error
	for _, p := range r.problems {
		errs = append(errs, errors.New(p.name+": "+p.text))
	}
	return errors.Join(errs...)
}

// Warnings are the lines noted with Warn, and those about misspelt names.
func (r *Reader) Warnings() []string { return r.warnings }

// wanted says what a value of a type looks like. A type that decodes itself has
// said so in its error.
func wanted(kind any, value string, err error) string {
	switch kind.(type) {
	case time.Duration:
		return wantedDuration(value)
	case time.Time:
		return "is not an RFC 3339 time: give one such as 2026-01-31T00:00:00Z"
	case bool:
		return "is neither true nor false: give one of them"
	case int:
		return "is not a whole number: give one such as 4"
	case float64:
		return "is not a number: give one such as 0.5 or 2"
	}
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err.Error()
}

// wantedDuration says what is wrong with a duration. Days, and numbers alone, are what
// people write.
func wantedDuration(value string) string {
	const text = "is not a duration: give hours, minutes and seconds, as in 720h, 90m or 1h30m"
	number, unit := value, ""
	if i := strings.IndexFunc(value, unicode.IsLetter); i > 0 {
		number, unit = strings.TrimSpace(value[:i]), value[i:]
	}
	n, err := strconv.ParseUint(number, 10, 16)
	switch hours := map[string]uint64{"d": 24, "day": 24, "days": 24, "w": 168, "week": 168, "weeks": 168}[unit]; {
	case err != nil:
	case hours > 0:
		return fmt.Sprintf("is not a duration: hours are the largest unit, so give %dh", n*hours)
	case unit == "":
		return fmt.Sprintf("is not a duration without its unit: give %ds, %dm or %dh", n, n, n)
	}
	return text
}

// withoutPassword hides what could be a password: anything before an @, in a URL
// from the double slash on.
func withoutPassword(value string) string { return beforeAt.ReplaceAllString(value, "${1}***@") }

var beforeAt = regexp.MustCompile(`(//)[^,]*@|[^/,]*@`)

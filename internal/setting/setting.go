// Package setting says what is wrong with the settings of a room: which one, and
// what would be right. A room knows no variable. It names a setting by the field
// of its own Config, and the program says what the operator calls that.
package setting

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Name is what the operator calls the setting of a field, by what a room was told; by
// nothing, the field's own name.
func Name(called func(field string) string, field string) string {
	if called == nil {
		return field
	}
	return called(field)
}

// WithoutPath is an error of a file without its path: the sentence has that already, or may
// not have it, where the operator has put a secret in its place.
func WithoutPath(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}

// Error says what is wrong with one setting.
type Error struct {
	Setting string // as the operator calls it
	Value   string // as it was given; empty for a secret, and where there is none
	Needs   string // the other setting without which this one is wrong; empty: none
	Text    string // follows the value: what is wrong and what would be right
}

func (e *Error) Error() string {
	if e.Value == "" {
		return e.Setting + ": " + e.Text
	}
	return fmt.Sprintf("%s: %q %s", e.Setting, e.Value, e.Text)
}

// Errors are those that an error is made of.
func Errors(err error) (all []*Error) {
	switch of := err.(type) {
	case *Error:
		return []*Error{of}
	case interface{ Unwrap() []error }:
		for _, inner := range of.Unwrap() {
			all = append(all, Errors(inner)...)
		}
	}
	return all
}

// Check holds settings to rules and collects what is wrong. Each rule takes the
// setting's name and its value.
type Check struct {
	Problems []*Error
}

// Bad notes that a value is wrong.
func (c *Check) Bad(setting string, value any, text string) {
	c.Problems = append(c.Problems, &Error{Setting: setting, Value: fmt.Sprint(value), Text: text})
}

// Positive wants a duration above 0.
func (c *Check) Positive(setting string, d time.Duration) {
	if d <= 0 {
		c.Bad(setting, d, "is not above 0: give a duration such as 1m or 30s")
	}
}

// AtLeastOne wants a number of things.
func (c *Check) AtLeastOne(setting string, n int) {
	if n < 1 || n > math.MaxInt32 {
		c.Bad(setting, n, "is out of range: give 1 or more")
	}
}

// NotBelow wants a duration that is no shorter than another setting's.
func (c *Check) NotBelow(setting string, d time.Duration, other string, least time.Duration) {
	if d < least {
		c.Bad(setting, d, fmt.Sprintf("is below %s, %s: give at least as much", other, least))
		c.Problems[len(c.Problems)-1].Needs = other
	}
}

// Together wants both of two settings or neither.
func (c *Check) Together(a, valueA, b, valueB string) {
	switch {
	case valueA != "" && valueB == "":
		c.Problems = append(c.Problems, &Error{Setting: b, Text: "is required with " + a})
	case valueA == "" && valueB != "":
		c.Problems = append(c.Problems, &Error{Setting: a, Text: "is required with " + b})
	}
}

// URL wants an absolute http or https URL without a user. instead says where a
// user name belongs; empty: nowhere.
func (c *Check) URL(setting, value, example, instead string) {
	u, err := url.Parse(value)
	if at := strings.LastIndex(value, "@"); at >= 0 { // what is before may hold a password
		value = "***" + value[at:]
	}
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" ||
		u.RawQuery != "" || u.Fragment != "":
		c.Bad(setting, value, "is not an absolute http or https URL: give one such as "+example)
	case u.User != nil:
		c.Bad(setting, value, "holds a user name: give the URL alone"+instead)
	}
}

// IsHostPort reports whether an address to dial is host:port with a number for a
// port.
func IsHostPort(address string) bool {
	host, port, err := net.SplitHostPort(address)
	n, errPort := strconv.ParseUint(port, 10, 16)
	return err == nil && errPort == nil && host != "" && n > 0 && !strings.ContainsAny(host, "/@ \t\r\n")
}

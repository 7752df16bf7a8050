package airudder

import (
	"time"

	"airudder-exporter/internal/jsonrows"
)

// field is one documented field of a T: set puts its value into dst, and
// returns false if something of it does not fit and must be kept raw. A null
// never reaches set.
type field[T any] struct {
	name string // as the API spells it
	set  func(d *decoding, dst *T, v jsonrows.Value) (fits bool)
}

// decoding is what setting fields needs to know.
type decoding struct {
	redialZone *time.Location
	mismatched func(field string) // counts
}

// fields are all the documented fields of a T.
type fields[T any] []field[T]

// index finds a field by its name; -1 if there is none. It looks first after the
// field found before, since the order of the documentation is the likely one.
func (f fields[T]) index(key string, before int) int {
	if next := before + 1; next < len(f) && f[next].name == key {
		return next
	}
	for i := range f {
		if f[i].name == key {
			return i
		}
	}
	return -1
}

// leftover is a member that is unknown, or of which something does not fit.
type leftover struct {
	name  string // the API's, where it is known
	raw   string
	known bool
}

// maxFields is how many documented fields an object may have.
const maxFields = 32

// decode sets dst's fields from a valid object; of duplicates the last counts.
func (f fields[T]) decode(d *decoding, dst *T, object jsonrows.Value) (left []leftover) {
	var values [maxFields]jsonrows.Value
	at := -1
	for it := jsonrows.MembersOf(object); it.Next(); {
		if i := f.index(it.Key, at); i >= 0 {
			values[i], at = it.Value, i
		} else {
			left = append(left, leftover{name: it.Key, raw: it.Value.String()})
		}
	}
	for i := range f {
		if v := values[i]; !jsonrows.IsNull(v.Bytes()) && !f[i].set(d, dst, v) {
			left = append(left, leftover{f[i].name, v.String(), true})
		}
	}
	return left
}

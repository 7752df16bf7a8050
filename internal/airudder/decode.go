package airudder

import (
	"errors"
	"time"

	"airudder-exporter/internal/call"
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
	zone       *time.Location
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

// decodeRow decodes a row that is valid JSON and UTF-8 into an empty one, and
// compares it with what its probe read. What is decoded keeps a copy of the raw
// row, which its strings are parts of: it is not to be written to.
func decodeRow(d *decoding, dst *call.Row, row *jsonrows.Row) error {
	object := jsonrows.Keep(row.Raw)
	for _, l := range rowFields.decode(d, dst, object) {
		if dst.Additional == nil {
			dst.Additional = map[string]string{}
		}
		dst.Additional[l.name] = l.raw
		if l.known {
			d.mismatched(l.name)
		}
	}
	dst.Raw = object.Bytes()
	callID, _ := identity(row.Value(probedCallID))
	if dst.CallID != callID || dst.Status != string(statusOf(row)) {
		return errors.New("probe and decoder read the row differently")
	}
	return nil
}

// redialsAfter counts the redials that start after their row.
func redialsAfter(row *call.Row) (n int) {
	for _, r := range row.Redials {
		if !row.CallStart.IsZero() && r.CallStart.After(row.CallStart) {
			n++
		}
	}
	return n
}

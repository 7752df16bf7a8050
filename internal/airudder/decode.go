package airudder

import (
	"errors"
	"slices"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/jsonrows"
)

// field is one documented field of a T: set puts its value into dst. A null never
// reaches set.
type field[T any] struct {
	name string // as the API spells it
	set  setter[T]
}

// fit says what else is to be done about a field that was set; 0: nothing.
type fit int

const (
	otherType fit = 1 << iota // something of it is of another type than documented
	keepRaw                   // it belongs to the additional fields, too

	fits      fit = 0
	converted     = otherType           // of another type, and nothing of it is lost
	unfit         = otherType | keepRaw // something of it could not be taken
)

// decoding is what setting fields needs to know.
type decoding struct {
	zone       *time.Location
	mismatched func(field string) // counts

	values []jsonrows.Value // of the objects that are being decoded, the outermost first; beyond are empty ones
}

// places are as many empty values; put them back when done.
func (d *decoding) places(n int) []jsonrows.Value {
	at := len(d.values)
	d.values = slices.Grow(d.values, n)[:at+n]
	return d.values[at:]
}

// putBack empties the last n values. They may stand elsewhere by now: an object inside
// may have needed more room.
func (d *decoding) putBack(n int) {
	left := len(d.values) - n
	clear(d.values[left:])
	d.values = d.values[:left]
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

// leftover is a member of which there is more to be done than to set its field.
type leftover struct {
	name string // the API's, where it is known
	raw  string
	fit  fit
}

// decode sets dst's fields from a valid object; of duplicates the last counts.
func (f fields[T]) decode(d *decoding, dst *T, object jsonrows.Value) (left []leftover) {
	values := d.places(len(f))
	at := -1
	for it := jsonrows.MembersOf(object); it.Next(); {
		if i := f.index(it.Key, at); i >= 0 {
			values[i], at = it.Value, i
		} else {
			left = append(left, leftover{it.Key, it.Value.String(), keepRaw})
		}
	}
	for i := range f {
		v := values[i]
		if jsonrows.IsNull(v.Bytes()) {
			continue
		}
		if fit := f[i].set(d, dst, v); fit != fits {
			left = append(left, leftover{f[i].name, v.String(), fit})
		}
	}
	d.putBack(len(f))
	return left
}

// decodeRow decodes a row that is valid JSON and UTF-8 into an empty one, and
// compares it with what its probe read. What is decoded keeps a copy of the raw
// row, which its strings are parts of: it is not to be written to.
func decodeRow(d *decoding, dst *call.Row, row *jsonrows.Row) error {
	object := jsonrows.Keep(row.Raw)
	for _, l := range rowFields.decode(d, dst, object) {
		if l.fit&otherType != 0 {
			d.mismatched(l.name)
		}
		if l.fit&keepRaw == 0 {
			continue
		}
		if dst.Additional == nil {
			dst.Additional = map[string]string{}
		}
		dst.Additional[l.name] = l.raw
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

package airudder

import (
	"bytes"
	"strings"
	"time"
	"unsafe"
)

// view is valid JSON twice, the same bytes: to scan, and as a string whose
// parts can be kept without copying each.
type view struct {
	bytes []byte
	str   string
}

func viewOf(raw []byte) view { return view{raw, string(raw)} }

// keep returns a view of a copy whose bytes and string are one memory: nobody
// may write to it from here on. It halves what a new row takes.
func keep(raw []byte) view {
	return lend(bytes.Clone(raw))
}

// lend returns a view of bytes that nobody writes to while it, or what was cut
// from it, is in use.
func lend(raw []byte) view { return view{raw, unsafe.String(unsafe.SliceData(raw), len(raw))} }

func (v view) cut(from, to int) view { return view{v.bytes[from:to], v.str[from:to]} }

// text returns the text of a string; false for any other value.
func (v view) text() (string, bool) {
	if v.bytes[0] != '"' {
		return "", false
	}
	if strings.IndexByte(v.str, '\\') < 0 {
		return v.str[1 : len(v.str)-1], true
	}
	return unquote(v.bytes)
}

// members walks the members of an object, in their order.
type members struct {
	object view
	at     int

	key   string // after next: the member
	value view
}

// newMembers starts before the first member of an object, which must be valid.
func newMembers(object view) members { return members{object: object, at: 1} }

func (m *members) next() bool {
	b := m.object.bytes
	i := m.at
	for isSpace(b[i]) || b[i] == ',' {
		i++
	}
	if b[i] == '}' {
		return false
	}
	end, escaped := stringEnd(b, i)
	m.key = m.object.str[i+1 : end-1]
	if escaped {
		m.key, _ = unquote(b[i:end])
	}
	i = skipSpace(b, skipSpace(b, end)+1)
	end, _ = valueEnd(b, i)
	m.value = m.object.cut(i, end)
	m.at = end
	return true
}

// elements walks the elements of an array.
type elements struct {
	array view
	at    int

	value view // after next: the element
}

// newElements starts before the first element of an array, which must be valid.
func newElements(array view) elements { return elements{array: array, at: 1} }

func (e *elements) next() bool {
	b := e.array.bytes
	i := e.at
	for isSpace(b[i]) || b[i] == ',' {
		i++
	}
	if b[i] == ']' {
		return false
	}
	e.at, _ = valueEnd(b, i)
	e.value = e.array.cut(i, e.at)
	return true
}

// field is one documented field of a T: set puts its value into dst, and
// returns false if something of it does not fit and must be kept raw. A null
// never reaches set.
type field[T any] struct {
	name string // as the API spells it
	set  func(d *decoding, dst *T, v view) (fits bool)
}

// decoding is what setting fields needs to know.
type decoding struct {
	redialZone *time.Location
	mismatched func(field string) // counts
}

// fields are all the documented fields of a T.
type fields[T any] []field[T]

// index finds a field as encoding/json does: by its exact name, else folded; -1
// if there is none. It looks first behind the field found before, since the
// order of the documentation is the likely one.
func (f fields[T]) index(key string, before int) int {
	if next := before + 1; next < len(f) && f[next].name == key {
		return next
	}
	for i := range f {
		if f[i].name == key {
			return i
		}
	}
	for i := range f {
		if strings.EqualFold(f[i].name, key) {
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

// put adds to a map that exists only while it is needed.
func put(m *map[int]string, i int, name string) {
	if *m == nil {
		*m = map[int]string{}
	}
	(*m)[i] = name
}

// maxFields is how many documented fields an object may have.
const maxFields = 32

// decode sets dst's fields from a valid object; of duplicates the last counts,
// but a name spelt as the API does before one that is the same only when case is
// folded, which is left over then.
func (f fields[T]) decode(d *decoding, dst *T, object view) (left []leftover) {
	var values [maxFields]view
	var folded map[int]string // the name by which a field came; nil: all came by their own
	at := -1
	for it := newMembers(object); it.next(); {
		i := f.index(it.key, at)
		if i < 0 {
			left = append(left, leftover{name: it.key, raw: it.value.str})
			continue
		}
		own, seen := it.key == f[i].name, len(values[i].bytes) > 0
		by, wasFolded := folded[i]
		switch at = i; {
		case !own && seen && !wasFolded:
			left = append(left, leftover{name: it.key, raw: it.value.str})
			continue
		case !own:
			put(&folded, i, it.key)
		case wasFolded:
			left = append(left, leftover{name: by, raw: values[i].str})
			delete(folded, i)
		}
		values[i] = it.value
	}
	for i := range f {
		if v := values[i]; !isNull(v.bytes) && !f[i].set(d, dst, v) {
			left = append(left, leftover{f[i].name, v.str, true})
		}
	}
	return left
}

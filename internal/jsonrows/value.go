package jsonrows

import (
	"bytes"
	"strings"
	"unsafe"
)

// Value is a valid JSON value twice, the same bytes: to scan, and as a string
// whose parts can be kept without copying each.
type Value struct {
	raw []byte
	str string
}

// Keep returns a copy whose bytes and string are one memory: nobody may write to
// it any more.
func Keep(raw []byte) Value { return Lend(bytes.Clone(raw)) }

// Lend returns the value of bytes that nobody writes to while it, or what was
// cut from it, is in use.
func Lend(raw []byte) Value { return Value{raw, unsafe.String(unsafe.SliceData(raw), len(raw))} }

func (v Value) cut(from, to int) Value { return Value{v.raw[from:to], v.str[from:to]} }

// Bytes returns the value as it stands.
func (v Value) Bytes() []byte { return v.raw }

// String returns the value as it stands.
func (v Value) String() string { return v.str }

// IsObject reports whether the value is an object.
func (v Value) IsObject() bool { return v.raw[0] == '{' }

// IsArray reports whether the value is an array.
func (v Value) IsArray() bool { return v.raw[0] == '[' }

// Text returns the text of a string; false for any other value.
func (v Value) Text() (string, bool) {
	if v.raw[0] != '"' {
		return "", false
	}
	if strings.IndexByte(v.str, '\\') < 0 {
		return v.str[1 : len(v.str)-1], true
	}
	return unquote(v.raw)
}

// Members walks the members of an object, in their order.
type Members struct {
	object Value
	at     int

	Key   string // after Next: the member
	Value Value
}

// MembersOf starts before the first member of a value that is an object.
func MembersOf(object Value) Members { return Members{object: object, at: 1} }

// Next goes to the next member; false: there is none.
func (m *Members) Next() bool {
	b := m.object.raw
	i := skipComma(b, m.at)
	if b[i] == '}' {
		return false
	}
	end, escaped := stringEnd(b, i)
	m.Key = m.object.str[i+1 : end-1]
	if escaped {
		m.Key, _ = unquote(b[i:end])
	}
	i = skipSpace(b, skipSpace(b, end)+1)
	m.at, _ = valueEnd(b, i)
	m.Value = m.object.cut(i, m.at)
	return true
}

// Elements walks the elements of an array.
type Elements struct {
	array Value
	at    int

	Value Value // after Next: the element
}

// ElementsOf starts before the first element of a value that is an array.
func ElementsOf(array Value) Elements { return Elements{array: array, at: 1} }

// Next goes to the next element; false: there is none.
func (e *Elements) Next() bool {
	b := e.array.raw
	i := skipComma(b, e.at)
	if b[i] == ']' {
		return false
	}
	e.at, _ = valueEnd(b, i)
	e.Value = e.array.cut(i, e.at)
	return true
}

// skipComma returns the index of the first byte from i on that is neither white
// space nor a comma.
func skipComma(b []byte, i int) int {
	for isSpace(b[i]) || b[i] == ',' {
		i++
	}
	return i
}

// MoreValues reports whether a framed row has more than n values. Each but the
// first stands after a comma or a bracket. Texts hold those, too: only where
// there are many is the difference made.
func MoreValues(raw []byte, n int) bool {
	if bytes.Count(raw, []byte{','})+bytes.Count(raw, []byte{'{'})+bytes.Count(raw, []byte{'['}) <= n {
		return false
	}
	values := 0
	for i := 0; i >= 0 && i < len(raw); {
		switch raw[i] {
		case '"':
			i, _ = stringEnd(raw, i)
			continue
		case ',', '{', '[':
			values++
		}
		i++
	}
	return values > n
}

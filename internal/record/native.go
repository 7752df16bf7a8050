package record

import (
	"maps"
	"slices"
	"time"

	"airudder-exporter/internal/call"
)

// goavro encodes from a *native* tree: a map for a record, a map of one branch
// to its value for a union, []any for an array. Building a tree for every record
// costs more than encoding it, so an Encoder keeps one tree per schema and
// writes only what differs from the previous record.

// column fills one field of a schema from a T. A column with a branch is a union
// of null and that branch.
type column[T any] struct {
	name   string
	branch string
	fill   func(*slot, *T)

	// through returns a fill that shows a value in another way; nil: the field is no text.
	through func(show func(string) string) func(*slot, *T)
}

func required[T any](name string, value func(*T) string) column[T] {
	return column[T]{name: name, fill: func(s *slot, from *T) { s.text(value(from)) }}
}

func requiredLong[T any](name string, value func(*T) int64) column[T] {
	return column[T]{name: name, fill: func(s *slot, from *T) { s.long(value(from)) }}
}

func requiredBoolean[T any](name string, value func(*T) bool) column[T] {
	return column[T]{name: name, fill: func(s *slot, from *T) { s.put(value(from)) }}
}

// requiredLongs is an array of longs; a nil slice is an empty one.
func requiredLongs[T any](name string, value func(*T) []int64) column[T] {
	return column[T]{name: name, fill: func(s *slot, from *T) {
		list := value(from)
		items := make([]any, len(list))
		for i, n := range list {
			items[i] = n
		}
		s.put(items)
	}}
}

func requiredTime[T any](name string, value func(*T) time.Time) column[T] {
	return column[T]{name: name, fill: func(s *slot, from *T) { s.long(value(from).UnixMilli()) }}
}

func text[T any](name string, value func(*T) call.Opt[string]) column[T] {
	return column[T]{name: name, branch: "string", fill: func(s *slot, from *T) {
		if v := value(from); v.Set {
			s.text(v.Value)
		} else {
			s.null()
		}
	}, through: func(show func(string) string) func(*slot, *T) {
		return func(s *slot, from *T) {
			if v := value(from); v.Set {
				s.text(show(v.Value))
			} else {
				s.null()
			}
		}
	}}
}

func long[T any](name string, value func(*T) call.Opt[int64]) column[T] {
	return column[T]{name: name, branch: "long", fill: func(s *slot, from *T) {
		if v := value(from); v.Set {
			s.long(v.Value)
		} else {
			s.null()
		}
	}}
}

// moment is a timestamp-millis; the zero time is null.
func moment[T any](name string, value func(*T) time.Time) column[T] {
	return column[T]{name: name, branch: "long.timestamp-millis", fill: func(s *slot, from *T) {
		if t := value(from); !t.IsZero() {
			s.long(t.UnixMilli())
		} else {
			s.null()
		}
	}}
}

func octets[T any](name string, value func(*T) []byte) column[T] {
	return column[T]{name: name, branch: "bytes", fill: func(s *slot, from *T) {
		if b := value(from); b != nil {
			s.put(b)
		} else {
			s.null()
		}
	}}
}

// nested is a record inside a union; a nil one is null.
func nested[T, E any](name, branch string, columns []column[E], value func(*T) *E) column[T] {
	n := newNative(columns)
	return column[T]{name: name, branch: branch, fill: func(s *slot, from *T) {
		if e := value(from); e != nil {
			s.put(n.fill(e))
		} else {
			s.null()
		}
	}}
}

// array is an array of records; a nil slice is null, an empty one is an empty
// array.
func array[T, E any](name string, columns func() []column[E], value func(*T) []E) column[T] {
	var elements []*native[E]
	var items []any
	return column[T]{name: name, branch: "array", fill: func(s *slot, from *T) {
		list := value(from)
		if list == nil {
			s.null()
			return
		}
		items = items[:0]
		for i := range list {
			if i == len(elements) {
				elements = append(elements, newNative(columns()))
			}
			items = append(items, elements[i].fill(&list[i]))
		}
		s.put(items)
	}}
}

// pair is one entry of a map of strings.
type pair struct{ key, value string }

func pairColumns() []column[pair] {
	return []column[pair]{
		required("key", func(p *pair) string { return p.key }),
		required("value", func(p *pair) string { return p.value }),
	}
}

// dict is a map of strings, sorted by key; a nil map is null, an empty one is an
// empty map. To goavro it is an array: see encodingCodec.
func dict[T any](name string, value func(*T) map[string]string) column[T] {
	var keys []string
	var pairs []pair
	return array(name, pairColumns, func(from *T) []pair {
		m := value(from)
		if m == nil {
			return nil
		}
		keys = slices.AppendSeq(keys[:0], maps.Keys(m))
		slices.Sort(keys)
		pairs = slices.Grow(pairs[:0], len(keys)+1)
		for _, k := range keys {
			pairs = append(pairs, pair{k, m[k]})
		}
		return pairs
	})
}

// native is a record's native tree, reused for every record.
type native[T any] struct {
	tree    any // a map[string]any, converted to an interface once
	slots   []slot
	columns []column[T]
}

func newNative[T any](columns []column[T]) *native[T] {
	record := make(map[string]any, len(columns))
	n := &native[T]{tree: record, slots: make([]slot, len(columns)), columns: columns}
	for i, c := range columns {
		n.slots[i] = slot{record: record, name: c.name, branch: c.branch}
		if c.branch != "" {
			n.slots[i].union = map[string]any{c.branch: nil}
			n.slots[i].boxed = n.slots[i].union
		}
		record[c.name] = nil
	}
	return n
}

// fill sets the tree's fields from a T. The tree is valid until the next fill.
func (n *native[T]) fill(from *T) any {
	for i := range n.columns {
		n.columns[i].fill(&n.slots[i], from)
	}
	return n.tree
}

// slot is one field of a native record.
type slot struct {
	record map[string]any
	name   string
	branch string
	union  map[string]any // {branch: last}; nil: the field is no union
	boxed  any            // union, converted to an interface once
	last   any            // the last value: an equal one needs no new interface
	shown  bool           // the record holds the union; else it holds null
}

func (s *slot) null() {
	if s.shown {
		s.record[s.name], s.shown = nil, false
	}
}

func (s *slot) text(v string) {
	if last, ok := s.last.(string); !ok || last != v {
		s.put(v)
	} else {
		s.show()
	}
}

func (s *slot) long(v int64) {
	if last, ok := s.last.(int64); !ok || last != v {
		s.put(v)
	} else {
		s.show()
	}
}

func (s *slot) put(v any) {
	s.last = v
	if s.union == nil {
		s.record[s.name] = v
		return
	}
	s.union[s.branch] = v
	s.show()
}

func (s *slot) show() {
	if s.union != nil && !s.shown {
		s.record[s.name], s.shown = s.boxed, true
	}
}

package inspect

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"airudder-exporter/internal/airudder"
	"airudder-exporter/internal/jsonrows"
)

// Shape is what values at one place of an answer look like, without the values.
type Shape struct {
	Seen    int               `json:"seen"`
	Types   map[string]int    `json:"types"`
	Bytes   *span             `json:"bytes,omitempty"`    // of strings and numbers, as they are written
	Count   *span             `json:"elements,omitempty"` // of arrays, and members of objects
	Items   *Shape            `json:"items,omitempty"`    // of arrays, where the shape goes deeper
	Members map[string]*Shape `json:"members,omitempty"`  // of objects, likewise
	Unnamed int               `json:"unnamed,omitempty"`  // members whose names are not shown

	order []string // of the members, as they came
}

// span is the least and the most of something.
type span [2]int

func widen(s *span, n int) *span {
	if s == nil {
		return &span{n, n}
	}
	return &span{min(s[0], n), max(s[1], n)}
}

func (s span) String() string {
	if s[0] == s[1] {
		return fmt.Sprint(s[0])
	}
	return fmt.Sprintf("%d–%d", s[0], s[1])
}

// maxNames is how many members of one object have names of their own: an object with
// more is likely to be a table, whose names are data.
const maxNames = 64

// add takes a value, and nothing of what is in it.
func (s *Shape) add(v jsonrows.Value) {
	s.Seen++
	if s.Types == nil {
		s.Types = map[string]int{}
	}
	kind := typeOf(v.Bytes())
	s.Types[kind]++
	switch kind {
	case "string":
		text, _ := v.Text()
		s.Bytes = widen(s.Bytes, len(text))
	case "integer", "number":
		s.Bytes = widen(s.Bytes, len(v.Bytes()))
	case "array":
		n := 0
		for it := jsonrows.ElementsOf(v); it.Next(); n++ {
		}
		s.Count = widen(s.Count, n)
	case "object":
		n := 0
		for it := jsonrows.MembersOf(v); it.Next(); n++ {
		}
		s.Count = widen(s.Count, n)
	}
}

// addObject takes an object with its members.
func (s *Shape) addObject(v jsonrows.Value) {
	s.add(v)
	if v.IsObject() {
		for it := jsonrows.MembersOf(v); it.Next(); {
			s.member(it.Key).add(it.Value)
		}
	}
}

// addItems takes an array of objects with their members.
func (s *Shape) addItems(v jsonrows.Value) {
	s.add(v)
	if v.IsArray() {
		for it := jsonrows.ElementsOf(v); it.Next(); {
			s.items().addObject(it.Value)
		}
	}
}

func (s *Shape) items() *Shape {
	if s.Items == nil {
		s.Items = &Shape{}
	}
	return s.Items
}

// member is the shape of a member; one that nobody sees, where its name may say
// something.
func (s *Shape) member(name string) *Shape {
	m, there := s.Members[name]
	switch {
	case there:
		return m
	case !airudder.IsPlain(name) || len(s.Members) == maxNames:
		s.Unnamed++
		return &Shape{}
	case s.Members == nil:
		s.Members = map[string]*Shape{}
	}
	m = &Shape{}
	s.Members[name] = m
	s.order = append(s.order, name)
	return m
}

// String says a shape in a few words, such as "string 32" or "integer 1–3, null in 4".
func (s *Shape) String() string {
	var words []string
	for _, kind := range slices.SortedFunc(maps.Keys(s.Types), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.Types[b], s.Types[a]), cmp.Compare(a, b))
	}) {
		word := kind
		if kind == "string" || kind == "integer" || kind == "number" {
			if s.Bytes != nil {
				word += " " + s.Bytes.String()
			}
		} else if s.Count != nil && kind != "null" {
			word += " of " + s.Count.String()
		}
		if len(words) > 0 {
			word += fmt.Sprintf(" in %d", s.Types[kind])
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

// typeOf is the JSON type of a value.
func typeOf(raw []byte) string {
	switch {
	case len(raw) == 0 || raw[0] == 'n':
		return "null"
	case raw[0] == '"':
		return "string"
	case raw[0] == '{':
		return "object"
	case raw[0] == '[':
		return "array"
	case raw[0] == 't' || raw[0] == 'f':
		return "boolean"
	case strings.ContainsAny(string(raw), ".eE"):
		return "number"
	}
	return "integer"
}

// shownName is a name as people may see it.
func shownName(name string) string {
	if airudder.IsPlain(name) {
		return name
	}
	return "…"
}

package airudder

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"airudder-exporter/internal/jsonrows"
)

// This file finds the entries in a list's answer, whose shape is not documented.

// maxLevels is how far below data the entries may stand.
const maxLevels = 3

// page is one answer of the list.
type page struct {
	envelope map[string]json.RawMessage
	arrays   []jsonrows.Value // of entries
	way      []jsonrows.Value // the objects that they stand in, data among them
	null     bool             // it says nothing, not even that there are none
}

// findEntries finds the arrays of a page's entries: data itself, or those up to three
// levels below, under any name. Arrays of objects with a TaskID go before bare ids,
// which stand in data or right below. An array without either is a mistake, since its
// tasks would be lost, and so is an answer without an array that does not say either
// that there is nothing: by null, or something empty, where the entries should be.
func (p *page) findEntries(t totals) error {
	data := dataOf(p.envelope)
	if len(data) == 0 {
		p.null = true
		return nil
	}
	f := finder{totals: t}
	switch v := jsonrows.Lend(data); {
	case v.IsArray():
		f.array(v, nil)
	case v.IsObject():
		p.way = []jsonrows.Value{v}
		f.object(v, p.way)
	default:
		return &Error{kind: KindGarbage, text: "data is neither an array nor an object"}
	}
	switch {
	case f.tasks != nil:
		p.arrays, p.way = f.tasks, f.way
	case f.ids != nil:
		p.arrays = f.ids
	case f.foreign != nil && !f.isEmpty():
		return &Error{kind: KindGarbage, text: "the list's entries have no TaskID; " + fieldsIn(*f.foreign)}
	case f.arrays > 0: // of no entries
	case f.nothing:
		p.null = true
	default:
		return &Error{kind: KindGarbage, text: "data holds no array of entries; its " + namesOf(jsonrows.Lend(data))}
	}
	return nil
}

// finder gathers what could be the entries.
type finder struct {
	totals     totals
	tasks, way []jsonrows.Value // arrays with a TaskID, and the objects around them
	ids        []jsonrows.Value // the first array of bare ids
	foreign    *jsonrows.Value  // the first array of something else
	arrays     int
	empty      bool  // an array is
	nothing    bool  // something is null or empty, or a total of 0
	total      int64 // the greatest
}

// object looks through an object; way leads to it and ends with it.
func (f *finder) object(o jsonrows.Value, way []jsonrows.Value) {
	members := 0
	for it := jsonrows.MembersOf(o); it.Next(); members++ {
		switch v := it.Value; {
		case v.IsArray():
			f.array(v, way)
		case v.IsObject() && len(way) < maxLevels:
			f.object(v, append(way[:len(way):len(way)], v))
		case v.String() == "null", v.String() == `""`, f.totals.has(it.Key) && v.String() == "0":
			f.nothing = true
		default:
			f.total = max(f.total, f.totals.read(it.Key, v.Bytes()))
		}
	}
	f.nothing = f.nothing || members == 0
}

func (f *finder) array(v jsonrows.Value, way []jsonrows.Value) {
	f.arrays++
	object, bare, any := kinds(v)
	switch {
	case object:
		f.tasks = append(f.tasks, v)
		f.way = append(f.way, way...)
	case bare && f.ids == nil && len(way) <= 1:
		f.ids = []jsonrows.Value{v}
	case !any:
		f.empty = true
	case !bare && f.foreign == nil:
		f.foreign = &v
	}
}

// isEmpty reports whether an array of something else stands beside an empty one that
// is likely to be the list: columns or filters, where an account has no tasks.
func (f *finder) isEmpty() bool {
	return f.empty && f.total == 0 && !hasField(*f.foreign, "id")
}

// kinds reports whether an array has an object with a usable TaskID, a bare id, or
// anything.
func kinds(array jsonrows.Value) (object, bare, any bool) {
	for it := jsonrows.ElementsOf(array); it.Next(); any = true {
		if _, ok := readEntry(it.Value, time.UTC); ok && it.Value.IsObject() {
			return true, bare, true
		} else if ok {
			bare = true
		}
	}
	return false, bare, any
}

// firstObject is the first object of an array.
func firstObject(array jsonrows.Value) (o jsonrows.Value, ok bool) {
	for it := jsonrows.ElementsOf(array); it.Next(); {
		if it.Value.IsObject() {
			return it.Value, true
		}
	}
	return o, false
}

func hasField(array jsonrows.Value, name string) bool {
	o, ok := firstObject(array)
	if !ok {
		return false
	}
	for it := jsonrows.MembersOf(o); it.Next(); {
		if Folded(it.Key) == name {
			return true
		}
	}
	return false
}

// fieldsIn says what the entries of an array look like, by their names alone.
func fieldsIn(array jsonrows.Value) string {
	if o, ok := firstObject(array); ok {
		return "their " + namesOf(o)
	}
	return "the elements are no objects, and no ids"
}

// namesOf says which fields an object has, as far as their names are plain words.
func namesOf(object jsonrows.Value) string {
	const most = 12
	var names []string
	others := false
	for it := jsonrows.MembersOf(object); it.Next(); {
		if IsPlain(it.Key) && len(names) < most {
			names = append(names, it.Key)
		} else {
			others = true
		}
	}
	switch {
	case len(names) == 0:
		return "fields have names that are no plain words"
	case others:
		names = append(names, "…")
	}
	return fmt.Sprintf("fields are %s", strings.Join(names, ", "))
}

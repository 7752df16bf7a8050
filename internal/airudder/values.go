package airudder

import (
	"strconv"
	"strings"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/jsonrows"
)

// This file makes the setters of fields, one a JSON type that the API documents.

func text[T any](at func(*T) *call.Opt[string]) func(*decoding, *T, jsonrows.Value) bool {
	return func(_ *decoding, dst *T, v jsonrows.Value) bool {
		s, ok := v.Text()
		if ok {
			*at(dst) = call.Some(s)
		}
		return ok
	}
}

// reference is a text that is a number at some customers: its literal digits.
func reference[T any](at func(*T) *call.Opt[string]) func(*decoding, *T, jsonrows.Value) bool {
	return func(d *decoding, dst *T, v jsonrows.Value) bool {
		if jsonrows.IsNumber(v.Bytes()) {
			*at(dst) = call.Some(v.String())
			return true
		}
		return text(at)(d, dst, v)
	}
}

func integer[T any](at func(*T) *call.Opt[int64]) func(*decoding, *T, jsonrows.Value) bool {
	return func(_ *decoding, dst *T, v jsonrows.Value) bool {
		n, err := strconv.ParseInt(v.String(), 10, 64)
		if err == nil {
			*at(dst) = call.Some(n)
		}
		return err == nil
	}
}

// instant is a time in the zone that it names or else in that of the settings.
func instant[T any](at func(*T) *time.Time) func(*decoding, *T, jsonrows.Value) bool {
	return func(d *decoding, dst *T, v jsonrows.Value) bool {
		s, ok := v.Text()
		if ok {
			*at(dst), ok = parseInstant(s, d.zone)
		}
		return ok
	}
}

// Layouts of times that name no zone.
var zoneless = []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05"}

// parseInstant reads a time: RFC 3339, or without a zone, which is then zone.
// Empty, the years 0 and 1 and the first day of 1970, where clocks begin, are the
// zero time, "not set". False: it is no time, or none that RFC 3339 can write in UTC.
func parseInstant(s string, zone *time.Location) (time.Time, bool) {
	if s == "" || strings.HasPrefix(s, "0000-") {
		return time.Time{}, true
	}
	t, err := time.Parse(time.RFC3339, s)
	for i := 0; err != nil && i < len(zoneless); i++ {
		t, err = time.ParseInLocation(zoneless[i], s, zone)
	}
	switch utc := t.UTC(); {
	case err != nil, utc.Year() > 9999:
		return time.Time{}, false
	case utc.Year() <= 1, firstOf1970(utc), firstOf1970(t), firstOf1970(t.In(zone)):
		return time.Time{}, true
	default:
		return utc, true
	}
}

// firstOf1970 reports whether a time is on that day, in its zone.
func firstOf1970(t time.Time) bool { return t.Year() == 1970 && t.YearDay() == 1 }

// labels is an object of strings. Values of other types are left out.
func labels[T any](at func(*T) *map[string]string) func(*decoding, *T, jsonrows.Value) bool {
	return func(_ *decoding, dst *T, v jsonrows.Value) bool {
		if !v.IsObject() {
			return false
		}
		fits := true
		all := map[string]string{}
		for it := jsonrows.MembersOf(v); it.Next(); {
			if s, ok := it.Value.Text(); ok {
				all[it.Key] = s
			} else if delete(all, it.Key); !jsonrows.IsNull(it.Value.Bytes()) {
				fits = false
			}
		}
		*at(dst) = all
		return fits
	}
}

// list is an array of objects. Elements of other types are left out.
func list[T, E any](of fields[E], at func(*T) *[]E) func(*decoding, *T, jsonrows.Value) bool {
	return func(d *decoding, dst *T, v jsonrows.Value) bool {
		if !v.IsArray() {
			return false
		}
		n := 0
		for it := jsonrows.ElementsOf(v); it.Next(); {
			n++
		}
		fits := true
		all := make([]E, 0, n)
		for it := jsonrows.ElementsOf(v); it.Next(); {
			if !it.Value.IsObject() {
				fits = false
				continue
			}
			all = all[:len(all)+1]
			if left := of.decode(d, &all[len(all)-1], it.Value); len(left) > 0 {
				fits = false
			}
		}
		*at(dst) = all
		return fits
	}
}

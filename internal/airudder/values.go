package airudder

import (
	"strconv"
	"strings"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/jsonrows"
)

// This file makes the setters of fields, one a JSON type that the API documents.

// setter puts a value into its field.
type setter[T any] = func(d *decoding, dst *T, v jsonrows.Value) fit

// text is a string. A number or a boolean becomes what it is written as.
func text[T any](at func(*T) *call.Opt[string]) setter[T] {
	return func(_ *decoding, dst *T, v jsonrows.Value) fit {
		s, ok := v.Text()
		is := fits
		if !ok {
			s, is = scalar(v)
		}
		if is != unfit {
			*at(dst) = call.Some(s)
		}
		return is
	}
}

// reference is a text that is a number at some customers: its literal digits.
func reference[T any](at func(*T) *call.Opt[string]) setter[T] {
	return func(d *decoding, dst *T, v jsonrows.Value) fit {
		if jsonrows.IsNumber(v.Bytes()) {
			*at(dst) = call.Some(v.String())
			return fits
		}
		return text(at)(d, dst, v)
	}
}

// scalar is the text of a string, or of another scalar as it is written.
func scalar(v jsonrows.Value) (string, fit) {
	if s, ok := v.Text(); ok {
		return s, fits
	}
	switch raw := v.String(); raw[0] {
	case '"', '{', '[', 'n':
		return "", unfit
	default:
		return raw, converted
	}
}

// digitsToo is a text, or a number's literal digits: whatever its type, a CallID is the
// call's one identity, and a status says what there is to do about the row.
func digitsToo(v jsonrows.Value) (string, fit) {
	if s, is := scalar(v); is == fits || jsonrows.IsNumber(v.Bytes()) {
		return s, is
	}
	return "", unfit
}

// integer is a number without a fraction. A string of the same digits is taken, and a
// number whose fraction is zero.
func integer[T any](at func(*T) *call.Opt[int64]) setter[T] {
	return func(_ *decoding, dst *T, v jsonrows.Value) fit {
		n, err := strconv.ParseInt(v.String(), 10, 64)
		is := fits
		if err != nil {
			n, is = whole(v)
		}
		if is != unfit {
			*at(dst) = call.Some(n)
		}
		return is
	}
}

// whole is the integer of a string that is written as one would be, or of a number such
// as 5.0.
func whole(v jsonrows.Value) (int64, fit) {
	s, is := scalar(v)
	if digits, fraction, _ := strings.Cut(s, "."); is == converted && strings.Trim(fraction, "0") == "" {
		s = digits
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || is == fits && strconv.FormatInt(n, 10) != s {
		return 0, unfit
	}
	return n, converted
}

// instant is a time in the zone that it names or else in that of the settings.
func instant[T any](at func(*T) *time.Time) setter[T] {
	return func(d *decoding, dst *T, v jsonrows.Value) fit {
		s, ok := v.Text()
		if ok {
			*at(dst), ok = parseInstant(s, d.zone)
		}
		if !ok {
			return unfit
		}
		return fits
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

// labels is an object of strings. Other scalars become what they are written as; what
// is none is left out.
func labels[T any](at func(*T) *map[string]string) setter[T] {
	return func(_ *decoding, dst *T, v jsonrows.Value) (is fit) {
		if !v.IsObject() {
			return unfit
		}
		all := map[string]string{}
		for it := jsonrows.MembersOf(v); it.Next(); {
			if jsonrows.IsNull(it.Value.Bytes()) {
				delete(all, it.Key)
				continue
			}
			s, one := scalar(it.Value)
			if is |= one; one == unfit {
				delete(all, it.Key)
			} else {
				all[it.Key] = s
			}
		}
		*at(dst) = all
		return is
	}
}

// list is an array of objects. Elements of other types are left out.
func list[T, E any](of fields[E], at func(*T) *[]E) setter[T] {
	return func(d *decoding, dst *T, v jsonrows.Value) (is fit) {
		if !v.IsArray() {
			return unfit
		}
		n := 0
		for it := jsonrows.ElementsOf(v); it.Next(); {
			n++
		}
		all := make([]E, 0, n)
		for it := jsonrows.ElementsOf(v); it.Next(); {
			if !it.Value.IsObject() {
				is = unfit
				continue
			}
			all = all[:len(all)+1]
			for _, l := range of.decode(d, &all[len(all)-1], it.Value) {
				is |= otherType | l.fit // a field that nobody knows is as good as one of another type
			}
		}
		*at(dst) = all
		return is
	}
}

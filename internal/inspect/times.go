package inspect

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Forms of times.
const (
	inUTC      = "2006-01-02T15:04:05Z"
	withOffset = "2006-01-02T15:04:05+08:00"
	zonelessA  = "2006-01-02 15:04:05"
	zonelessB  = "2006-01-02T15:04:05"
	notSet     = "not set"
)

// formOf reads a time. One that names no zone is returned as if it were UTC.
func formOf(text string) (form string, t time.Time) {
	text = strings.TrimSpace(text)
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		switch {
		case isNotSet(t):
			return notSet, time.Time{}
		case strings.HasSuffix(text, "Z"):
			return inUTC, t
		}
		return withOffset, t
	}
	for _, form := range []string{zonelessA, zonelessB} {
		if t, err := time.Parse(form, text); err == nil {
			if isNotSet(t) {
				return notSet, time.Time{}
			}
			return form, t
		}
	}
	if text == "" || strings.HasPrefix(text, "0000-") {
		return notSet, time.Time{}
	}
	return pattern(text), time.Time{}
}

func isNotSet(t time.Time) bool {
	return t.Year() <= 1 || t.Year() == 1970 && t.YearDay() <= 1 || t.UTC().Year() == 1970 && t.UTC().YearDay() == 1
}

// pattern is an unknown form: digits are 9, letters a, and what else is no ASCII ?.
func pattern(text string) string {
	const longest = 32
	if len(text) > longest {
		return fmt.Sprintf("another form of %d bytes", len(text))
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return '9'
		case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z':
			return 'a'
		case r < ' ' || r > '~':
			return '?'
		}
		return r
	}, text)
}

// times are the values of a field that is a time.
type times struct {
	forms          map[string]int
	oldest, newest time.Time // without a zone: as if they were UTC
}

func (t *times) add(text string) time.Time {
	form, at := formOf(text)
	if t.forms == nil {
		t.forms = map[string]int{}
	}
	if _, seen := t.forms[form]; seen || len(t.forms) <= maxWords {
		t.forms[form]++
	}
	if !at.IsZero() {
		if t.oldest.IsZero() || at.Before(t.oldest) {
			t.oldest = at
		}
		if at.After(t.newest) {
			t.newest = at
		}
	}
	return at
}

// zoneless reports whether any of the times names no zone.
func (t *times) zoneless() bool { return t.forms[zonelessA]+t.forms[zonelessB] > 0 }

// known reports whether one of the times could be read.
func (t *times) known() bool { return !t.newest.IsZero() }

func (t *times) String() string {
	var shown []string
	for _, form := range slices.SortedFunc(maps.Keys(t.forms), func(a, b string) int {
		return cmp.Or(cmp.Compare(t.forms[b], t.forms[a]), cmp.Compare(a, b))
	}) {
		name := form
		switch form {
		case inUTC, withOffset, notSet:
		case zonelessA, zonelessB:
			name += " without a zone"
		default:
			name += ", which the exporter does not read"
		}
		shown = append(shown, fmt.Sprintf("%s %d", name, t.forms[form]))
	}
	return strings.Join(shown, ", ")
}

// step is what zones differ by, here.
const step = 30 * time.Minute

// zoneAfter is the first zone east of this difference to UTC.
func zoneAfter(d time.Duration) time.Duration {
	z := d.Truncate(step)
	if z <= d {
		z += step
	}
	return z
}

// offsetText writes a difference to UTC as a zone: +08:00.
func offsetText(d time.Duration) string {
	sign := '+'
	if d < 0 {
		sign, d = '-', -d
	}
	return fmt.Sprintf("%c%02d:%02d", sign, int(d.Hours()), int(d.Minutes())%60)
}

// offsetOf is a zone's difference to UTC at a time.
func offsetOf(zone *time.Location, at time.Time) time.Duration {
	_, seconds := at.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}

// spoken is a duration for people.
func spoken(d time.Duration) string {
	if d < 0 {
		d = -d
	}
	switch {
	case d < 10*time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Hour:
		return d.Round(time.Second).String()
	case d < 48*time.Hour:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

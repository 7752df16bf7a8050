package status

import (
	"strconv"
	"time"
)

// moment is a time as the page shows it: relative, or the time of day; the exact
// time shows on hovering.
type moment struct {
	Text  string
	Exact string // RFC 3339, UTC, milliseconds
}

const exact = "2006-01-02T15:04:05.000Z"

// ago tells a time by its distance from now, in either direction.
func ago(now, t time.Time) moment {
	d := now.Sub(t)
	m := moment{Text: "now", Exact: t.UTC().Format(exact)}
	switch {
	case d >= time.Second:
		m.Text = span(d) + " ago"
	case d <= -time.Second:
		m.Text = "in " + span(-d)
	}
	return m
}

// due tells when something will happen; what should have happened by now is due.
func due(now, t time.Time) moment {
	m := ago(now, t)
	if !t.After(now) {
		m.Text = "due"
	}
	return m
}

// clock tells a time of day in UTC, with its date where that is not today's.
func clock(now, t time.Time) moment {
	now, t = now.UTC(), t.UTC()
	layout := time.TimeOnly
	if t.Format(time.DateOnly) != now.Format(time.DateOnly) {
		layout = time.DateTime
	}
	return moment{Text: t.Format(layout), Exact: t.Format(exact)}
}

// day tells a date and time in UTC to the minute.
func day(t time.Time) moment {
	return moment{Text: t.UTC().Format("2006-01-02 15:04") + " UTC", Exact: t.UTC().Format(exact)}
}

// span tells a duration in its two largest units, or in milliseconds below a
// second. A negative duration is 0.
func span(d time.Duration) string {
	d = max(d, 0)
	if d < time.Second {
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	}
	s := int64(d / time.Second)
	switch {
	case s < 10:
		return strconv.FormatFloat(float64(d/(100*time.Millisecond))/10, 'f', 1, 64) + " s"
	case s < 60:
		return strconv.FormatInt(s, 10) + " s"
	case s < 3600:
		return pair(s/60, "min", s%60, "s")
	case s < 86400:
		return pair(s/3600, "h", s%3600/60, "min")
	}
	return pair(s/86400, "d", s%86400/3600, "h")
}

func pair(large int64, unit string, small int64, smallUnit string) string {
	text := strconv.FormatInt(large, 10) + " " + unit
	if small > 0 {
		text += " " + strconv.FormatInt(small, 10) + " " + smallUnit
	}
	return text
}

// count writes a number with commas between its thousands.
func count[N int | int64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// size writes bytes in decimal units.
func size[N int | int64](n N) string {
	if n < 1000 {
		return strconv.FormatInt(int64(n), 10) + " B"
	}
	f := float64(n)
	for _, unit := range []string{"kB", "MB", "GB"} {
		if f /= 1000; f < 999.95 {
			return strconv.FormatFloat(f, 'f', 1, 64) + " " + unit
		}
	}
	return strconv.FormatFloat(f/1000, 'f', 1, 64) + " TB"
}

// clip shortens a text that would drown the page.
func clip(text string, runes int) string {
	if len(text) <= runes {
		return text
	}
	if r := []rune(text); len(r) > runes {
		return string(r[:runes]) + "…"
	}
	return text
}

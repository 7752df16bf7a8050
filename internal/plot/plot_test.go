package plot

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/history"
)

var now = time.Date(2026, 3, 14, 3, 12, 7, 0, time.UTC)

// line has a value every so often, from so long ago on.
func line(name string, ago, step time.Duration, values ...float64) Line {
	l := Line{Name: name}
	for i, v := range values {
		c := history.Cell{From: now.Add(-ago + time.Duration(i)*step), Value: v}
		if now.Sub(c.From) > time.Hour {
			l.Day = append(l.Day, c)
		} else {
			l.Hour = append(l.Hour, c)
		}
	}
	return l
}

func of(lines ...Line) Plot {
	return Plot{Title: "Events a minute", Lines: lines, Now: now, Format: func(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }}
}

// path is the n-th line's.
func path(t *testing.T, p Plot, n int) string {
	t.Helper()
	_, after, _ := strings.Cut(p.SVG(), `<path class="line l`+strconv.Itoa(n)+`" d="M`)
	d, _, found := strings.Cut(after, `"`)
	if !found {
		t.Fatalf("there is no line %d", n)
	}
	return "M" + d
}

// TestOneAxis places times: the day in the left half, the hour in the right.
func TestOneAxis(t *testing.T) {
	p := of()
	for ago, want := range map[time.Duration]int{
		0: right, time.Hour: middle, 30 * time.Minute: (middle + right) / 2, 24 * time.Hour: left,
		12*time.Hour + 30*time.Minute: (left + middle) / 2, 99 * time.Hour: left, -time.Minute: right,
	} {
		if got := p.x(now.Add(-ago)); got != want {
			t.Errorf("%v ago is at %d, want %d", ago, got, want)
		}
	}
}

func TestLine(t *testing.T) {
	nan := math.NaN()
	p := of(line("events", time.Hour, 15*time.Minute, 0, 10, nan, 20, 20))
	if got, want := path(t, p, 1), "M264 146h1l51 -60M421 26h1h52"; got != want {
		t.Errorf("the line is %s, want %s: two parts, for a gap is between them", got, want)
	}
	if flat := path(t, of(line("events", time.Hour, 10*time.Second, make([]float64, 360)...)), 1); strings.ContainsAny(flat, "lL") {
		t.Errorf("a line that stays is drawn as %s", flat)
	}
}

func TestScale(t *testing.T) {
	for _, tt := range []struct {
		high, limit float64
		whole       bool
	}{
		{0, 0, false}, {math.NaN(), 0, false}, {.3, 0, true}, {1, 0, true}, {7, 0, true}, {.0123, 0, false},
		{10, 0, false}, {59, 0, false}, {1e9, 0, false}, {3, 60, false},
	} {
		p := of(line("x", time.Minute, time.Second, tt.high), line("limit", time.Minute, time.Second, tt.limit))
		p.Whole = tt.whole
		most, step := p.scale()
		if ticks := most / step; ticks < 1 || ticks > 4.001 || most < tt.high || most < tt.limit || tt.whole && step != math.Trunc(step) {
			t.Errorf("up to %v the axis ends with %v, by %v", max(tt.high, tt.limit), most, step)
		}
	}
}

// TestWellFormed parses drawings whose words would break XML.
func TestWellFormed(t *testing.T) {
	p := of(line("<b>&\"'", 24*time.Hour, 5*time.Minute, make([]float64, 276)...), Line{Name: "nothing"})
	p.Title, p.Lines[1].Limit = `a <title> & "more"`, true
	p.Marks = []history.Mark{
		{At: now.Add(-20 * time.Hour), Kind: history.Start}, {At: now.Add(-time.Minute), Kind: history.Fenced, Count: 1},
		{At: now.Add(-2 * time.Hour), Until: now.Add(-time.Hour), Kind: history.Outage, Why: `</svg><script>`},
		{At: now.Add(-time.Minute), Kind: history.Outage},
	}
	for _, svg := range []string{p.SVG(), string(p.Document("rect { fill: red }"))} {
		d := xml.NewDecoder(strings.NewReader(svg))
		elements := map[string]int{}
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%v in %s", err, svg)
			}
			if e, ok := token.(xml.StartElement); ok {
				elements[e.Name.Local]++
			}
		}
		if elements["script"] != 0 || elements["svg"] != 1 || elements["title"] != 4 {
			t.Errorf("the elements are %v, want one drawing with the titles of four marks", elements)
		}
	}
}

// TestSummary is what a reader hears who sees nothing.
func TestSummary(t *testing.T) {
	p := of(line("events", time.Hour, 20*time.Minute, 4, 18, 6), Line{Name: "revisions"})
	if want := `aria-label="Events a minute: events 6, at most 18 in the last hour; revisions –, at most – in the last hour"`; !strings.Contains(p.SVG(), want) {
		t.Errorf("the drawing lacks %s", want)
	}
}

func TestSpark(t *testing.T) {
	if got := Spark(nil) + Spark([]float64{0, 0}); got != "" {
		t.Errorf("of nothing: %s", got)
	}
	want := `<svg class="spark" viewBox="0 0 9 14" aria-hidden="true"><path d="M0 14v-7h2V14zM6 14v-14h2V14z"/></svg>`
	if got := Spark([]float64{2, 0, 4}); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestClockScale(t *testing.T) {
	for high, want := range map[float64]float64{.4: .2, 12: 5, 20: 10, 100: 60, 360: 120, 3000: 1200, 80_000: 12 * 3600} {
		p := of(line("x", time.Minute, time.Second, high))
		p.Clock = true
		if most, step := p.scale(); step != want || most < high {
			t.Errorf("up to %v s the ticks are %v s apart, up to %v; want %v", high, step, most, want)
		}
	}
}

// Package plot draws the past as SVG: lines over the last day and the last hour, on one
// axis whose right half is the hour. A drawing needs no script, no style from elsewhere
// and no request; its colours come from classes, so that a page can set them for light
// and dark, and Document adds them to a drawing that stands alone.
package plot

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"airudder-exporter/internal/history"
)

// Line is one series: up to an hour ago, and from there on, each oldest first.
type Line struct {
	Name      string
	Limit     bool // it is what the others should stay below
	Day, Hour []history.Cell
}

// Plot is what is drawn. The first line is filled; at most three have colours of their own.
type Plot struct {
	Title  string
	Lines  []Line
	Marks  []history.Mark
	Format func(float64) string // a value, with its unit
	Whole  bool                 // values are counts: no ticks between them
	Clock  bool                 // values are seconds: ticks at whole minutes and hours
	Now    time.Time
}

// The drawing's measures, in its own units. It may be scaled to any width.
const (
	width, height           = 480, 168
	left, right, top, floor = 54, 474, 26, 146
	middle                  = (left + right) / 2 // where the last hour begins
)

// x is where a time is.
func (p Plot) x(t time.Time) int {
	ago := p.Now.Sub(t)
	if ago <= time.Hour {
		return right - int(math.Round(float64(right-middle)*max(0, ago.Hours())))
	}
	return middle - int(math.Round(float64(middle-left)*min(23, ago.Hours()-1)/23))
}

// SVG is the drawing, to stand inside a page.
func (p Plot) SVG() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="plot" viewBox="0 0 %d %d" role="img" aria-label="%s">`, width, height, html.EscapeString(p.summary()))
	p.draw(&b)
	b.WriteString("</svg>")
	return b.String()
}

// Document is the drawing as a file of its own, with its title and a style.
func (p Plot) Document(style string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" class="plot alone" viewBox="0 -24 %d %d" width="%d" height="%d" role="img" aria-label="%s"><style>%s</style>`,
		width, height+24, 2*width, 2*(height+24), html.EscapeString(p.summary()), style)
	fmt.Fprintf(&b, `<rect class="ground" y="-24" width="%d" height="%d"/><text class="title" x="6" y="-7">%s · %s UTC</text>`,
		width, height+24, html.EscapeString(p.Title), p.Now.UTC().Format("2006-01-02 15:04"))
	p.draw(&b)
	b.WriteString("</svg>")
	return []byte(b.String())
}

// summary says in words what there is to be seen.
func (p Plot) summary() string {
	words := make([]string, 0, len(p.Lines))
	for _, l := range p.Lines {
		words = append(words, l.Name+" "+p.Text(l.now())+", at most "+p.Text(history.Highest(l.Hour))+" in the last hour")
	}
	return p.Title + ": " + strings.Join(words, "; ")
}

// Text is a value with its unit.
func (p Plot) Text(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return p.Format(v)
}

func (p Plot) draw(b *strings.Builder) {
	most, step := p.scale()
	y := func(v float64) int { return floor - int(math.Round((floor-top)*min(v, most)/most)) }
	for _, m := range p.Marks {
		if m.Kind == history.Outage {
			from, until := p.x(m.At), right
			if !m.Until.IsZero() {
				until = p.x(m.Until)
			}
			fmt.Fprintf(b, `<rect class="%s" x="%d" y="%d" width="%d" height="%d"><title>%s</title></rect>`,
				m.Kind, from, top, max(2, until-from), floor-top, html.EscapeString(m.String()))
		}
	}
	for v := 0.0; v <= most*1.001; v += step {
		fmt.Fprintf(b, `<path class="grid" d="M%d %dH%d"/><text class="tick" x="%d" y="%d" text-anchor="end">%s</text>`,
			left, y(v), right, left-5, y(v)+4, html.EscapeString(p.Format(v)))
	}
	p.drawTimes(b)
	for i, l := range p.Lines {
		if i == 0 {
			fmt.Fprintf(b, `<path class="area" d="%s"/>`, p.path(l, y, true))
		}
		fmt.Fprintf(b, `<path class="line %s" d="%s"/>`, l.class(i), p.path(l, y, false))
	}
	for _, m := range p.Marks {
		if m.Kind != history.Outage && m.Kind != history.DeadLetter {
			fmt.Fprintf(b, `<path class="%s" d="M%d %dV%d"><title>%s</title></path>`, m.Kind, p.x(m.At), top-4, floor, html.EscapeString(m.String()))
		}
	}
	p.drawLegend(b)
}

// drawTimes draws the axis: round hours, and round quarters of the last hour.
func (p Plot) drawTimes(b *strings.Builder) {
	tick := func(t time.Time, named bool) {
		fmt.Fprintf(b, `<path class="grid" d="M%d %dv4"/>`, p.x(t), floor)
		if named {
			fmt.Fprintf(b, `<text class="tick" x="%d" y="%d" text-anchor="middle">%s</text>`, p.x(t), floor+16, t.UTC().Format("15:04"))
		}
	}
	now := p.Now.UTC()
	for t := now.Add(-24 * time.Hour).Truncate(6 * time.Hour); t.Before(now.Add(-time.Hour)); t = t.Add(6 * time.Hour) {
		if x := p.x(t); t.After(now.Add(-24 * time.Hour)) {
			tick(t, x > left+14 && x < middle-36)
		}
	}
	for t := now.Add(-time.Hour).Truncate(15 * time.Minute).Add(15 * time.Minute); !t.After(now); t = t.Add(15 * time.Minute) {
		tick(t, p.x(t) < right-16 && p.x(t) > middle+34)
	}
	fmt.Fprintf(b, `<path class="hour" d="M%d %dV%d"/><text class="tick" x="%d" y="%d" text-anchor="middle">−1 h</text>`,
		middle, top, floor+4, middle, floor+16)
}

// drawLegend names the lines, with what they are now.
func (p Plot) drawLegend(b *strings.Builder) {
	x := left
	for i, l := range p.Lines {
		text := l.Name + " " + p.Text(l.now())
		fmt.Fprintf(b, `<path class="line %s" d="M%d 11h12"/><text class="key" x="%d" y="15">%s</text>`, l.class(i), x, x+16, html.EscapeString(text))
		x += 32 + 13*len([]rune(text))/2
	}
}

// path is a line's, with gaps where nothing is known; filled: down to the floor.
func (p Plot) path(l Line, y func(float64) int, filled bool) string {
	var d []byte
	open, atX, atY := false, 0, 0
	end := func() {
		if filled && open {
			d = append(d, 'V')
			d = strconv.AppendInt(d, floor, 10)
			d = append(d, 'z')
		}
		open = false
	}
	for _, cells := range [][]history.Cell{l.Day, l.Hour} {
		for _, c := range cells {
			if math.IsNaN(c.Value) {
				end()
				continue
			}
			x, v := p.x(c.From), y(c.Value)
			switch {
			case !open && filled:
				d = fmt.Appendf(d, "M%d %dV%d", x, floor, v)
			case !open:
				d = fmt.Appendf(d, "M%d %dh1", x, v)
				x++
			case x == atX && v == atY:
				continue
			case v == atY:
				d = fmt.Appendf(d, "h%d", x-atX)
			default:
				d = fmt.Appendf(d, "l%d %d", x-atX, v-atY)
			}
			open, atX, atY = true, x, v
		}
	}
	end()
	return string(d)
}

// scale is the axis' end and the distance of its ticks: 1, 2 or 5 times a power of ten, or
// what divides minutes, hours and days.
func (p Plot) scale() (most, step float64) {
	high := 0.0
	for _, l := range p.Lines {
		for _, cells := range [][]history.Cell{l.Day, l.Hour} {
			if h := history.Highest(cells); h > high {
				high = h
			}
		}
	}
	if high <= 0 {
		return 1, 1
	}
	tens := math.Pow(10, math.Floor(math.Log10(high/2)))
	steps := []float64{tens, 2 * tens, 5 * tens, 10 * tens}
	if p.Clock && high > 15 {
		steps = clockSteps
	}
	for _, step = range steps {
		if step*3 >= high {
			break
		}
	}
	if p.Whole {
		step = max(1, math.Ceil(step))
	}
	return step * math.Ceil(high/step-1e-9), step
}

// clockSteps are distances of ticks, in seconds.
var clockSteps = []float64{5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 2 * 3600, 6 * 3600, 12 * 3600, 24 * 3600, 48 * 3600, 7 * 24 * 3600}

// class is what the style sheet knows the line by.
func (l Line) class(i int) string {
	if l.Limit {
		return "limit"
	}
	return "l" + strconv.Itoa(i+1)
}

// now is a line's last value; the one of the step that has just ended may still be missing.
func (l Line) now() float64 {
	for _, c := range slices.Backward(l.Hour[max(0, len(l.Hour)-2):]) {
		if !math.IsNaN(c.Value) {
			return c.Value
		}
	}
	return math.NaN()
}

package status

import (
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"airudder-exporter/internal/history"
	"airudder-exporter/internal/plot"
)

// chart is one plot of the page, and of /plot/NAME.svg.
type chart struct {
	name, title string
	lines       []line
	format      func(float64) string
	whole       bool
	clock       bool
}

// line is a series under the name that its plot gives it.
type line struct {
	name string
	of   history.Series
}

// limits are the lines that nothing is, but that all should stay below.
var limits = []string{"target", "budget"}

// charts are the page's plots, in their order.
var charts = []chart{
	{"events", "Events a minute", []line{
		{"events", history.Rate(eventsSeries, "airudder_events_total")},
		{"revisions", history.Rate("revisions", "airudder_revisions_total")},
		{"dead letters", history.Rate("dead letters", "airudder_dead_letters_total")},
	}, amount, true, false},
	{"lag", "From a call's end to its event", []line{
		{"p50", history.Quantile("lag p50", "airudder_detection_lag_seconds", .5)},
		{"p99", history.Quantile("lag p99", "airudder_detection_lag_seconds", .99)},
		{"target", history.Gauge("target", "airudder_detection_lag_target_seconds")},
	}, duration, false, true},
	{"backlog", "Backlog", []line{
		{"rows open", history.Gauge("rows open", "airudder_rows_open")},
		{"readings overdue", history.Gauge("overdue", "airudder_readings_overdue")},
	}, amount, true, false},
	{"requests", "Requests a minute", []line{
		{"answered", history.Rate("answered", "airudder_requests_total").Where("outcome", "ok")},
		{"429", history.Rate("429", "airudder_requests_total").Where("outcome", "rate_limited")},
		{"failed", history.Rate("failed", "airudder_requests_total").Except("outcome", "ok", "rate_limited")},
		{"budget", history.Gauge("budget", "airudder_request_budget").Times(60)},
	}, amount, false, false},
	{"commits", "Time of a commit", []line{
		{"p50", history.Quantile("commit p50", "airudder_kafka_transaction_seconds", .5)},
		{"p99", history.Quantile("commit p99", "airudder_kafka_transaction_seconds", .99)},
	}, duration, false, true},
	{"ledger", "Ledger entries", []line{
		{"entries", history.Gauge("entries", "airudder_ledger_entries").Some()}, // 0 while no shard is held,
	}, amount, true, false},
	{"memory", "Memory of the process", []line{
		{"resident", history.Gauge("resident", "process_resident_memory_bytes")},
		{"Go heap", history.Gauge("heap", "go_memstats_heap_inuse_bytes")},
	}, byteSize, false, false},
}

// eventsSeries is the series of events; what was before the process began is known from
// the ledger.
const eventsSeries = "events"

// plot is the chart of the past until now.
func (c chart) plot(past *Past, now time.Time) plot.Plot {
	p := plot.Plot{Title: c.title, Format: c.format, Whole: c.whole, Clock: c.clock, Marks: past.Marks(now), Now: now}
	for _, l := range c.lines {
		drawn := plot.Line{Name: l.name, Limit: slices.Contains(limits, l.name)}
		drawn.Day, drawn.Hour = past.Past(l.of.Name, now)
		p.Lines = append(p.Lines, drawn)
	}
	return p
}

// figure is a chart as the page shows it: drawn, and as a table.
type figure struct {
	Name, Title string
	SVG         template.HTML
	Lines       []string
	Rows        []row
}

// row is a stretch of time, and each line's value in it: what was highest, or for what is
// counted a minute the mean.
type row struct {
	When   string
	Values []string
}

func (c chart) figure(past *Past, now time.Time) figure {
	p := c.plot(past, now)
	f := figure{Name: c.name, Title: c.title, SVG: template.HTML(p.SVG())}
	for _, l := range c.lines {
		f.Lines = append(f.Lines, l.name)
	}
	stretch := func(ago, length time.Duration, of func(plot.Line) []history.Cell) {
		from := now.Add(-ago)
		r := row{When: from.UTC().Format("15:04") + "–" + from.Add(length).UTC().Format("15:04")}
		known := false
		for i, l := range p.Lines {
			v := over(c.lines[i].of, of(l), from, from.Add(length))
			known = known || !math.IsNaN(v)
			r.Values = append(r.Values, p.Text(v))
		}
		if known {
			f.Rows = append(f.Rows, r)
		}
	}
	for ago := 10 * time.Minute; ago <= history.Hour; ago += 10 * time.Minute {
		stretch(ago, 10*time.Minute, func(l plot.Line) []history.Cell { return l.Hour })
	}
	for ago := history.Hour + time.Hour; ago <= history.Day; ago += time.Hour {
		stretch(ago, time.Hour, func(l plot.Line) []history.Cell { return l.Day })
	}
	return f
}

// over is a series' value in a stretch of time; NaN: not known.
func over(s history.Series, cells []history.Cell, from, until time.Time) float64 {
	at := func(t time.Time) int {
		i, _ := slices.BinarySearchFunc(cells, t, func(c history.Cell, t time.Time) int { return c.From.Compare(t) })
		return i
	}
	cells = cells[at(from):at(until)]
	if !s.IsRate() {
		return history.Highest(cells)
	}
	sum, n := 0.0, 0.0
	for _, c := range cells {
		if !math.IsNaN(c.Value) {
			sum, n = sum+c.Value, n+1
		}
	}
	return sum / n // NaN where n is 0
}

func duration(v float64) string { return span(time.Duration(v * float64(time.Second))) }

func byteSize(v float64) string { return strings.Replace(size(int64(v)), ".0 ", " ", 1) }

// amount is a count that need not be whole.
func amount(v float64) string {
	if v < 10 && v != math.Trunc(v) {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return count(int64(math.Round(v)))
}

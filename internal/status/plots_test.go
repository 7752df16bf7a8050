package status

import (
	"encoding/xml"
	"math"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/history"
)

// lived is a recorder that has seen a day of a busy exporter end at a fixture's time: an
// outage, a fence and a restart among it.
var lived = sync.OnceValue(func() *Past {
	registry := prometheus.NewRegistry()
	counters := func(name, label string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name}, []string{label})
		registry.MustRegister(c)
		return c
	}
	plain := func(name string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name})
		registry.MustRegister(c)
		return c
	}
	gauge := func(name string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name})
		registry.MustRegister(g)
		return g
	}
	lag := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "airudder_detection_lag_seconds",
		Buckets: []float64{.5, 1, 2.5, 5, 10, 30, 60, 120}})
	commit := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "airudder_kafka_transaction_seconds",
		Buckets: prometheus.ExponentialBuckets(0.001, 2, 14)})
	registry.MustRegister(lag, commit)
	events, revisions := plain("airudder_events_total"), plain("airudder_revisions_total")
	letters := counters("airudder_dead_letters_total", "reason")
	requests := counters("airudder_requests_total", "outcome")
	producers := counters("airudder_producers_started_total", "reason")
	open, overdue, budget := gauge("airudder_rows_open"), gauge("airudder_readings_overdue"), gauge("airudder_request_budget")
	entries, resident := gauge("airudder_ledger_entries"), gauge("process_resident_memory_bytes")

	dice := rand.New(rand.NewPCG(1, 2))
	before := map[int64]int{}
	began := at.Add(-20 * time.Hour)
	past := NewPast(registry, began, quiet)
	for t := at.Add(-24 * time.Hour); t.Before(began); t = t.Add(time.Minute) {
		before[t.Unix()/60] = 4 + dice.IntN(9)
	}
	budget.Set(1)
	gauge("airudder_detection_lag_target_seconds").Set(90)
	letters.WithLabelValues("broken")
	ready, why := true, ""
	step := time.Minute
	for t := began; !t.After(at); t = t.Add(step) {
		if at.Sub(t) <= time.Hour {
			step = history.HourStep
		}
		busy := step.Seconds() * (1 + math.Sin(t.Sub(began).Hours())) / 6
		out := at.Sub(t) > 5*time.Hour && at.Sub(t) < 6*time.Hour || at.Sub(t) > 20*time.Minute && at.Sub(t) < 24*time.Minute
		if out {
			busy = 0
		}
		if ready = !out; out {
			why = "shard 0 commits nothing: the broker is away"
		}
		for range int(busy) + dice.IntN(2) {
			events.Inc()
			lag.Observe(1.2 * math.Exp(dice.NormFloat64()))
			commit.Observe(.008 * math.Exp(dice.NormFloat64()))
		}
		if dice.IntN(500) == 0 {
			letters.WithLabelValues("broken").Inc()
		}
		if dice.IntN(90) == 0 {
			revisions.Inc()
		}
		if dice.IntN(1200) == 0 {
			producers.WithLabelValues("fenced").Inc()
		}
		requests.WithLabelValues("ok").Add(step.Seconds() * .7)
		if dice.IntN(40) == 0 {
			requests.WithLabelValues("http_5xx").Add(3)
			requests.WithLabelValues("rate_limited").Inc()
		}
		open.Set(3000 + 2000*math.Sin(t.Sub(began).Hours()/3))
		overdue.Set(float64(dice.IntN(4)))
		entries.Set(180_000 + 200*t.Sub(began).Hours())
		resident.Set(58e6 + 4e6*dice.Float64())
		past.Sample(t, ready, why)
	}
	past.EventsBefore(before)
	return past
})

// TestPlots shows each chart on the page, as a drawing and as a table.
func TestPlots(t *testing.T) {
	_, body := get(t, plotting(running(busy())), "/")
	if got := strings.Count(body, "<figure>"); got != len(charts) {
		t.Errorf("the page has %d figures, want %d", got, len(charts))
	}
	text := plain(body)
	for _, want := range []string{
		"Events a minute svg", "as a table UTC events revisions dead letters 03:02–03:12", "end to its event",
		"readings overdue 2", "taken over by another writer, up to", "not ready from 02:48:",
		"this process started at 07:12:07",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if _, bare := get(t, handler(running(busy())), "/"); strings.Contains(bare, "<svg class") || strings.Contains(bare, "The last day") {
		t.Error("a page without a past shows plots")
	}
}

// TestPlotAlone is a file for a ticket: it needs nothing else.
func TestPlotAlone(t *testing.T) {
	h := plotting(running(busy()))
	for _, c := range charts {
		response, body := get(t, h, "/plot/"+c.name+".svg")
		if got := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || got != "image/svg+xml" {
			t.Errorf("%s: %s, %q", c.name, response.Status, got)
		}
		style, _, _ := strings.Cut(after(body, "<style>"), "</style>")
		if policy := response.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "style-src '"+hash(style)+"'") {
			t.Errorf("%s: the policy %q does not allow its own style", c.name, policy)
		}
		if err := xml.NewDecoder(strings.NewReader(body)).Decode(new(struct{})); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if strings.Contains(body, "href") || strings.Contains(body, "url(") || strings.Contains(body, "style=") {
			t.Errorf("%s refers to something else, or has a style in an attribute", c.name)
		}
	}
	if response, _ := get(t, h, "/plot/unknown.svg"); response.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown plot: %s", response.Status)
	}
}

func after(text, mark string) string {
	_, rest, _ := strings.Cut(text, mark)
	return rest
}

// TestTablesTellWhatPlotsShow: the events that were counted in the last ten minutes are
// the mean of its row.
func TestTablesTellWhatPlotsShow(t *testing.T) {
	_, body := get(t, plotting(running(busy())), "/")
	table := after(body, `id="table-requests"`)
	first := regexp.MustCompile(`<tr><td>03:02–03:12<td class="n">42<td class="n">[0-9.]+<td class="n">[0-9.]+<td class="n">60</tr>`)
	if !first.MatchString(table) {
		t.Errorf("the table of requests begins with %.200s", after(table, "<tbody>"))
	}
	rows := strings.Count(table[:strings.Index(table, "</table>")], "<tr><td>")
	if want := 6 + 20; rows < want-1 || rows > want+1 { // of 24 h, the process has lived for 20
		t.Errorf("the table of requests has %d rows, want about %d", rows, want)
	}
}

// TestEachSeriesHasItsName: a series is found by it.
func TestEachSeriesHasItsName(t *testing.T) {
	names := map[string]string{}
	for _, c := range charts {
		for _, l := range c.lines {
			if other, taken := names[l.of.Name]; taken {
				t.Errorf("%s of %s and one of %s have one name", l.of.Name, c.name, other)
			}
			names[l.of.Name] = c.name
		}
	}
}

// TestPageIsNotLarge bounds what a browser has to take each two seconds.
func TestPageIsNotLarge(t *testing.T) {
	response, _ := get(t, plotting(running(huge(10_000))), "/")
	if response.ContentLength > 300_000 {
		t.Errorf("the page takes %d bytes, want 300,000 at most", response.ContentLength)
	}
	t.Logf("%d bytes", response.ContentLength)
}

// TestPace shows how fast a task goes, and when it is done at that.
func TestPace(t *testing.T) {
	snap := busy()
	e := &fixed{}
	var state State
	state.Running(e)
	past := NewPast(prometheus.NewRegistry(), at, quiet)
	for minute := range 30 {
		now := snap
		now.Tasks = slices.Clone(snap.Tasks)
		now.At = at.Add(time.Duration(minute-29) * time.Minute)
		now.Tasks[0].Events = int64(3812 + 12*(minute-29))
		e.set(now)
		past.look(&state)
	}
	_, body := get(t, Handler(&state, prometheus.NewRegistry(), past, info, Operator{}), "/")
	text := plain(body)
	if !strings.Contains(text, "3,812 12 a minute, all by 04:51:07") { // 1,188 rows are open
		t.Errorf("the page lacks the pace: %.3000s", text)
	}
	if got := strings.Count(body, `class="spark"`); got != 1 {
		t.Errorf("the page has %d rows of bars, want that of the one task that had events", got)
	}
}

package history

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

var began = time.Date(2026, 3, 14, 3, 12, 7, 0, time.UTC)

// bench is a recorder with metrics that a test sets.
type bench struct {
	*Recorder
	now    time.Time
	calls  *prometheus.CounterVec
	level  prometheus.Gauge
	took   prometheus.Histogram
	starts *prometheus.CounterVec
}

func newBench(series ...Series) *bench {
	b := &bench{
		now:    began,
		calls:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "calls"}, []string{"outcome"}),
		level:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "level"}),
		took:   prometheus.NewHistogram(prometheus.HistogramOpts{Name: "took", Buckets: []float64{1, 2, 4}}),
		starts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "airudder_producers_started_total"}, []string{"reason"}),
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(b.calls, b.level, b.took, b.starts)
	b.Recorder = New(registry, series, began, slog.New(slog.DiscardHandler))
	b.Sample(b.now, true, "")
	return b
}

// pass lets steps pass, with something done at the beginning of each.
func (b *bench) pass(steps int, do func()) {
	for range steps {
		do()
		b.now = b.now.Add(HourStep)
		b.Sample(b.now, true, "")
	}
}

// last are the last values of the hour, with a dash for what is not known.
func (b *bench) last(name string, n int) string { return words(b.hour(name), n) }

func (b *bench) hour(name string) []Cell {
	_, hour := b.Past(name, b.now)
	return hour
}

func words(cells []Cell, n int) string {
	var all []string
	for _, c := range cells[len(cells)-n:] {
		if math.IsNaN(c.Value) {
			all = append(all, "-")
			continue
		}
		all = append(all, strconv.FormatFloat(c.Value, 'g', -1, 64))
	}
	return strings.Join(all, " ")
}

func TestSeries(t *testing.T) {
	ok := Rate("ok", "calls").Where("outcome", "ok")
	failed := Rate("failed", "calls").Except("outcome", "ok").Times(10)
	b := newBench(ok, failed, Gauge("level", "level"), Quantile("p50", "took", .5), Quantile("p99", "took", .99), Rate("none", "unknown"))
	b.pass(1, func() { b.calls.WithLabelValues("ok").Inc() })
	b.pass(1, func() {
		b.calls.WithLabelValues("bad").Add(2)
		b.calls.WithLabelValues("worse").Inc()
		b.level.Set(3)
		for _, v := range []float64{.5, 1.5, 1.5, 100} {
			b.took.Observe(v)
		}
	})
	b.pass(1, func() { b.level.Set(1) })
	for name, want := range map[string][]float64{
		"ok":     {6, 0, 0},
		"failed": {math.NaN(), 180, 0}, // no metric, and then one
		"p50":    {math.NaN(), 1.5, math.NaN()},
		"p99":    {math.NaN(), 4, math.NaN()}, // the last bound
		"none":   {math.NaN(), math.NaN(), math.NaN()},
	} {
		hour := b.hour(name)
		for i, c := range hour[len(hour)-3:] {
			if !(c.Value == want[i] || math.IsNaN(c.Value) && math.IsNaN(want[i])) {
				t.Errorf("%s: value %d is %v, want %v", name, i, c.Value, want[i])
			}
		}
	}
}

// TestGaugePeaks keeps of a gauge its highest value in each stretch of the day.
func TestGaugePeaks(t *testing.T) {
	b := newBench(Gauge("level", "level"))
	b.pass(360, func() { b.level.Set(2) })
	b.pass(1, func() { b.level.Set(9) })
	b.pass(719, func() { b.level.Set(1) })
	day, hour := b.Past("level", b.now)
	high := 0
	for _, c := range day {
		if c.Value == 9 {
			high++
		}
	}
	if high != 1 || hour[0].Value != 1 {
		t.Errorf("the day has %d stretches with the peak, want 1; the hour begins with %v", high, hour[0].Value)
	}
	if last := day[len(day)-1].From; !last.Before(hour[0].From) || hour[0].From.Sub(last) > DayStep {
		t.Errorf("the day ends with %v, the hour begins with %v", last, hour[0].From)
	}
}

// TestSome knows nothing of a gauge while it is 0.
func TestSome(t *testing.T) {
	b := newBench(Gauge("level", "level").Some())
	b.pass(1, func() { b.level.Set(3) })
	b.pass(2, func() { b.level.Set(0) })
	b.pass(2, func() { b.level.Set(5) })
	if got := b.last("level", 4); got != "3 - - 5" {
		t.Errorf("the hour ends with %s", got)
	}
}

// TestStartsOfOthers stand among the marks in their order, each once, the latest ten.
func TestStartsOfOthers(t *testing.T) {
	b := newBench()
	b.pass(1, func() {})
	for range 2 {
		for i := range 12 {
			b.Started(began.Add(time.Duration(i-6)*time.Hour), "exporter-1 (pid "+strconv.Itoa(i)+")")
		}
	}
	var got []string
	for _, m := range b.Marks(b.now) {
		got = append(got, m.String())
	}
	if len(got) != keptMarks || got[0] != "exporter-1 (pid 3) started at 00:12:07" || got[3] != "this process started at 03:12:07" {
		t.Errorf("the marks are %q", got)
	}
}

// TestADayPasses wraps both rings more than once: what is shown is as old as it says.
func TestADayPasses(t *testing.T) {
	b := newBench(Gauge("level", "level"))
	b.pass(3*8640, func() { b.level.Set(float64(b.now.Unix() / 60 % 100_000)) })
	day, hour := b.Past("level", b.now)
	if n := len(day); n < 275 || n > 277 || len(hour) != 360 {
		t.Fatalf("the day has %d values, the hour %d", n, len(hour))
	}
	for _, c := range append(day, hour...) {
		if diff := c.Value - float64(c.From.Unix()/60%100_000); diff < -1 || diff > 5 {
			t.Fatalf("at %v the value is %v", c.From, c.Value)
		}
	}
}

// TestLateSamples are of a machine that was busy, or asleep, or whose clock was set back.
func TestLateSamples(t *testing.T) {
	b := newBench(Rate("ok", "calls"))
	ok := b.calls.WithLabelValues("x")
	b.pass(1, func() { ok.Add(1) })
	ok.Add(3)
	b.now = b.now.Add(3 * HourStep)
	b.Sample(b.now, true, "")
	if got := b.last("ok", 4); got != "6 6 6 6" {
		t.Errorf("after 30 s without a sample the hour ends with %s", got)
	}
	ok.Add(600)
	b.now = b.now.Add(100 * HourStep)
	b.Sample(b.now, true, "")
	if got := b.last("ok", 5); got != "- - - - -" {
		t.Errorf("after a sleep the hour ends with %s", got)
	}
	b.now = b.now.Add(-50 * HourStep)
	b.Sample(b.now, true, "")
	b.pass(2, func() { ok.Inc() })
	if got := b.last("ok", 2); got != "6 6" {
		t.Errorf("after the clock was set back the hour ends with %s", got)
	}
}

// TestBefore fills in what was before the process began, and nothing else.
func TestBefore(t *testing.T) {
	b := newBench(Rate("ok", "calls"), Rate("other", "calls"))
	b.pass(60, func() { b.calls.WithLabelValues("x").Inc() })
	minute := began.Unix() / 60
	b.Before("ok", map[int64]int{minute - 1: 12, minute - 30: 60, minute - 1400: 5, minute + 5: 999, minute - 9000: 7})
	b.Before("ok", map[int64]int{minute - 1: 3})
	b.Before("unknown", map[int64]int{minute: 1})
	day, hour := b.Past("ok", b.now)
	at := func(cells []Cell, ago time.Duration) float64 {
		for i := range cells {
			if !cells[len(cells)-1-i].From.After(began.Add(-ago)) {
				return cells[len(cells)-1-i].Value
			}
		}
		return math.NaN()
	}
	if got := at(hour, time.Minute); got != 15 {
		t.Errorf("a minute before the start there were %v, want 15", got)
	}
	if got := at(hour, 30*time.Minute); got != 60 {
		t.Errorf("half an hour before the start there were %v, want 60", got)
	}
	if got := at(day, 1400*time.Minute); got != 1 {
		t.Errorf("most of a day before the start there was %v a minute, want 1 (5 in five minutes)", got)
	}
	if got := hour[len(hour)-1].Value; got != 6 {
		t.Errorf("now there are %v, want the 6 that were counted", got)
	}
	if _, other := b.Past("other", b.now); !math.IsNaN(other[10].Value) {
		t.Error("another series has what was before, too")
	}
	if day, hour := b.Past("unknown", b.now); day != nil || hour != nil {
		t.Error("an unknown series has a past")
	}
}

func TestMarks(t *testing.T) {
	b := newBench()
	b.Recorder = New(b.gatherer, nil, began, slog.New(slog.DiscardHandler))
	sample := func(ready bool, why string) {
		b.now = b.now.Add(HourStep)
		b.Sample(b.now, ready, why)
	}
	sample(false, "it starts")
	sample(true, "")
	b.starts.WithLabelValues("fenced").Add(2)
	sample(false, "the broker is away")
	sample(false, "the broker is still away")
	b.starts.WithLabelValues("doubt").Inc()
	sample(true, "")
	sample(false, "again")
	want := "this process started at 03:12:07\n" +
		"not ready from 03:12:37 to 03:12:57: the broker is still away\n" +
		"2 times taken over by another writer, up to 03:12:37\n" +
		"1 producer began again, since a transaction was in doubt, up to 03:12:57\n" +
		"not ready since 03:13:07: again"
	var got []string
	for _, m := range b.Marks(b.now) {
		got = append(got, m.String())
	}
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
	for range 30 {
		sample(true, "")
		b.starts.WithLabelValues("fenced").Inc()
		sample(false, "again")
	}
	if got := len(b.Marks(b.now)); got != 1+10+1+10 {
		t.Errorf("%d marks are kept, want ten of a kind", got)
	}
	if got := b.Marks(b.now.Add(2 * Day)); len(got) != 1 || got[0].Kind != Outage {
		t.Errorf("two days later the marks are %v, want the outage that lasts", got)
	}
}

// TestWhatCannotBeRead keeps the rest of a registry of which one collector fails.
func TestWhatCannotBeRead(t *testing.T) {
	b := newBench()
	sound := b.gatherer
	broken := gatherer(func() ([]*dto.MetricFamily, error) {
		families, err := sound.Gather()
		return families, errors.Join(err, errors.New("a collector fails"))
	})
	b.Recorder = New(broken, []Series{Gauge("level", "level")}, began, slog.New(slog.DiscardHandler))
	b.Sample(b.now, true, "")
	b.pass(2, func() { b.level.Set(7) })
	if got := b.last("level", 1); got != "7" {
		t.Errorf("got %s", got)
	}
}

type gatherer func() ([]*dto.MetricFamily, error)

func (g gatherer) Gather() ([]*dto.MetricFamily, error) { return g() }

// TestRun samples as each step ends, and ends with its context.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.Recorder = New(b.gatherer, []Series{Rate("ok", "calls"), Gauge("level", "level")}, time.Now(), slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		time.Sleep(3700 * time.Millisecond)
		b.level.Set(math.Inf(1))
		go b.Run(ctx, func() (bool, string) { return true, "" })
		b.calls.WithLabelValues("x")
		time.Sleep(30 * time.Second)
		b.calls.WithLabelValues("x").Inc()
		time.Sleep(10 * time.Second)
		b.now = time.Now()
		if got := b.last("ok", 4); got != "0 0 0 6" {
			t.Errorf("the hour ends with %s", got)
		}
		if got := b.last("level", 1); got != "-" {
			t.Errorf("what has no bound is shown as %s", got)
		}
		cancel()
		synctest.Wait()
	})
}

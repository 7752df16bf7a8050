package history

import (
	"context"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// How finely, and for how long, the past is kept.
const (
	Hour, HourStep = time.Hour, 10 * time.Second
	Day, DayStep   = 24 * time.Hour, 5 * time.Minute
)

// Cell is what a series was in a stretch of time. Its value is NaN where nothing is known.
type Cell struct {
	From  time.Time
	Value float64
}

// Highest is the highest value of cells; NaN: none is known.
func Highest(cells []Cell) float64 {
	high := math.NaN()
	for _, c := range cells {
		if !math.IsNaN(c.Value) && !(high >= c.Value) {
			high = c.Value
		}
	}
	return high
}

// Recorder keeps series. Several goroutines may use it at once.
type Recorder struct {
	gatherer prometheus.Gatherer
	log      *slog.Logger

	mu      sync.Mutex
	series  []Series
	fine    ring
	coarse  ring
	marks   []Mark
	failed  bool               // the last gathering did
	began   time.Time          // the process
	ready   bool               // it was once
	counted map[string]float64 // what marks are made of
}

// New returns a Recorder of these series, for a process that began then.
func New(gatherer prometheus.Gatherer, series []Series, began time.Time, log *slog.Logger) *Recorder {
	return &Recorder{
		gatherer: gatherer, log: log, series: series, began: began, marks: []Mark{{At: began, Kind: Start}},
		fine:    newRing(series, HourStep, Hour),
		coarse:  newRing(series, DayStep, Day),
		counted: map[string]float64{},
	}
}

// Run samples until ctx ends, whenever a step ends. look says whether the exporter is
// ready, and else why not.
func (r *Recorder) Run(ctx context.Context, look func() (ready bool, why string)) {
	for {
		ready, why := look()
		r.Sample(time.Now(), ready, why)
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(time.Now().Truncate(HourStep).Add(HourStep))):
		}
	}
}

// Sample gathers once. Of what a collector cannot tell the rest is taken.
func (r *Recorder) Sample(now time.Time, ready bool, why string) {
	byName, err := gather(r.gatherer)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil && !r.failed {
		r.log.Warn("a metric cannot be read; the page's plots lack it", "error", err)
	}
	r.failed = err != nil
	readings := make([]reading, len(r.series))
	for i, s := range r.series {
		readings[i] = s.read(byName[s.family])
	}
	r.fine.sample(now, readings)
	r.coarse.sample(now, readings)
	r.judge(now, ready, why)
	r.watch(now, byName)
}

// gather returns what could be gathered, by name, whatever its error says.
func gather(from prometheus.Gatherer) (map[string]*dto.MetricFamily, error) {
	families, err := from.Gather()
	byName := make(map[string]*dto.MetricFamily, len(families))
	for _, f := range families {
		byName[f.GetName()] = f
	}
	return byName, err
}

// index is where a series stands; below 0: there is none of that name.
func (r *Recorder) index(name string) int {
	return slices.IndexFunc(r.series, func(s Series) bool { return s.Name == name })
}

// Past is a series' last day up to the last hour by DayStep, and its last hour by
// HourStep, oldest first.
func (r *Recorder) Past(name string, now time.Time) (day, hour []Cell) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := r.index(name)
	if i < 0 {
		return nil, nil
	}
	hour = r.fine.cells(i, now, now.Add(-Hour))
	day = r.coarse.cells(i, now, now.Add(-Day))
	return slices.DeleteFunc(day, func(c Cell) bool { return !c.From.Before(hour[0].From) }), hour
}

// Before fills a counter's series with what was counted before this process started: how
// much in each minute, by its Unix time in minutes. Each call adds to the calls before it.
func (r *Recorder) Before(name string, minutes map[int64]int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := r.index(name)
	if i < 0 {
		return
	}
	for minute, n := range minutes {
		from := time.Unix(60*minute, 0)
		if !from.Before(r.began) {
			continue
		}
		for s := time.Duration(0); s < time.Minute; s += HourStep {
			r.fine.add(i, from.Add(s), float64(n), r.began)
		}
		r.coarse.add(i, from, float64(n)*float64(time.Minute)/float64(DayStep), r.began)
	}
}

// nan is what is not known.
var nan = float32(math.NaN())

package exporter

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/ledger"
)

// stamp is a time that several goroutines set and read.
type stamp struct{ nanos atomic.Int64 }

func (s *stamp) set(t time.Time) { s.nanos.Store(t.UnixNano()) }

// time is the time; zero: never.
func (s *stamp) time() time.Time {
	if nanos := s.nanos.Load(); nanos != 0 {
		return time.Unix(0, nanos)
	}
	return time.Time{}
}

// seconds is the time as Prometheus has it; 0: never.
func (s *stamp) seconds() float64 { return float64(s.nanos.Load()) / 1e9 }

// The states of tasks, beside the ledger's phases.
const (
	stateNew     = "new" // to be read for the first time
	stateCalling = "calling"
)

var states = []string{
	stateNew, stateCalling, string(ledger.Open), string(ledger.Ended), string(ledger.Sealed), string(ledger.Closed),
	string(ledger.BeforeExportSince),
}

// gauges are what the exporter is at this moment. A scrape looks once for all of them.
type gauges struct {
	e     *Exporter
	plain []gauge
	tasks *prometheus.Desc

	overdue, delay *prometheus.Desc
}

type gauge struct {
	desc  *prometheus.Desc
	value func(Snapshot, tally) float64
}

// tally counts the tasks of the owned shards.
type tally struct {
	states  map[string]int
	failing int   // the last reading failed
	open    int64 // rows, of the last whole readings

	calling, resting late // readings of tasks that place calls, and of the others
}

// late are readings that are due and have not begun.
type late struct {
	overdue int           // those that were due a minute ago or more
	delay   time.Duration // of the one that is due longest
}

func newGauges(e *Exporter) *gauges {
	g := &gauges{e: e, tasks: prometheus.NewDesc("airudder_tasks",
		"Tasks of the shards owned, by state: new (not read yet), calling, open (not calling now), ended, sealed, closed, before_export_since.",
		[]string{"state"}, nil)}
	g.overdue = prometheus.NewDesc("airudder_readings_overdue",
		"Tasks whose reading was due a minute ago or more and has not begun; of tasks that are calling, and of the others.",
		[]string{"tasks"}, nil)
	g.delay = prometheus.NewDesc("airudder_reading_delay_seconds",
		"How long the reading that is due longest has been due; of tasks that are calling, and of the others. 0: none is.",
		[]string{"tasks"}, nil)
	add := func(name, help string, value func(Snapshot, tally) float64) {
		g.plain = append(g.plain, gauge{prometheus.NewDesc("airudder_"+name, help, nil, nil), value})
	}
	add("ledger_entries", "Live entries in the shards owned.",
		func(s Snapshot, _ tally) float64 { return float64(s.LedgerEntries - s.pastEntries) })
	add("ledger_bytes", "Bytes of keys and values of the live entries in the shards owned.",
		func(s Snapshot, _ tally) float64 { return float64(s.LedgerBytes - s.pastBytes) })
	add("shards", "Shards of the ledger in all, whoever owns them; 0: not known yet.",
		func(s Snapshot, _ tally) float64 { return float64(s.Partitions) })
	add("shards_assigned", "Shards of the ledger that this process was given, restored or not; what two rivals take counts in both.",
		func(s Snapshot, _ tally) float64 { return float64(len(s.Shards)) })
	add("shards_owned", "Shards of the ledger that this process has restored and owns.",
		func(s Snapshot, _ tally) float64 { return float64(s.restored()) })
	add("tasks_failing", "Tasks whose last reading failed.",
		func(_ Snapshot, t tally) float64 { return float64(t.failing) })
	add("rows_open", "Rows that are neither finished nor cancelled, by the last whole readings of this process: calls that may still come.",
		func(_ Snapshot, t tally) float64 { return float64(t.open) })
	add("uncommitted_seconds", "For how long the oldest plan waits to be committed, over the ends of producers; 0: none does.",
		func(s Snapshot, _ tally) float64 { return e.uncommittedFor(s.At).Seconds() })
	add("last_list_timestamp_seconds", "When the task list was last read; 0: never.",
		func(s Snapshot, _ tally) float64 { return seconds(s.List.ReadAt) })
	add("last_reading_timestamp_seconds", "When a task was last read whole; 0: never.",
		func(Snapshot, tally) float64 { return e.lastRead.seconds() })
	add("last_commit_timestamp_seconds", "When a transaction was last committed; 0: never.",
		func(Snapshot, tally) float64 { return e.lastCommit.seconds() })
	add("detection_lag_target_seconds",
		"The detection lag that is good by the configuration: AIRUDDER_POLL_MAX_INTERVAL and a minute.",
		func(Snapshot, tally) float64 { return e.cfg.LagTarget().Seconds() })
	return g
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(to chan<- *prometheus.Desc) {
	to <- g.tasks
	to <- g.overdue
	to <- g.delay
	for _, one := range g.plain {
		to <- one.desc
	}
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(to chan<- prometheus.Metric) {
	snap := g.e.Totals()
	tasks := g.e.tally(snap.At)
	for _, one := range g.plain {
		to <- prometheus.MustNewConstMetric(one.desc, prometheus.GaugeValue, one.value(snap, tasks))
	}
	for _, state := range states {
		to <- prometheus.MustNewConstMetric(g.tasks, prometheus.GaugeValue, float64(tasks.states[state]), state)
	}
	for name, of := range map[string]late{stateCalling: tasks.calling, "others": tasks.resting} {
		to <- prometheus.MustNewConstMetric(g.overdue, prometheus.GaugeValue, float64(of.overdue), name)
		to <- prometheus.MustNewConstMetric(g.delay, prometheus.GaugeValue, of.delay.Seconds(), name)
	}
}

func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixNano()) / 1e9
}

// tally looks at every task of the owned shards.
func (e *Exporter) tally(now time.Time) tally {
	all := tally{states: map[string]int{}}
	for _, r := range e.running() {
		for state, n := range r.ledger.Tally(stateOf) {
			all.states[state] += n
		}
		all.states[stateNew] += len(r.schedule.taskIDs(func(taskID string) bool {
			return r.ledger.Standing(taskID).Phase != ledger.Unknown
		}))
		r.schedule.tally(now, &all)
	}
	return all
}

func stateOf(s ledger.Standing) string {
	switch {
	case s.Phase == ledger.Unknown:
		return stateNew
	case s.Phase == ledger.Open && TaskStatus{Status: s.State.Status}.Calling():
		return stateCalling
	}
	return string(s.Phase)
}

// uncommittedFor is for how long the oldest plan waits to be committed, or for a topic
// that does not take it.
func (e *Exporter) uncommittedFor(now time.Time) time.Duration {
	oldest := e.uncommitted.oldest(nil)
	if held := e.holds.oldest(); !held.IsZero() && (oldest.IsZero() || held.Before(oldest)) {
		oldest = held
	}
	if oldest.IsZero() {
		return 0
	}
	return now.Sub(oldest)
}

// LagTarget is the time from a call's end to its commit that is good by these settings:
// where nothing else happens in its task, a call is seen after up to PollMax.
func (c Config) LagTarget() time.Duration { return c.PollMax + time.Minute }

package exporter

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/call"
)

// metrics are the loop's own. No label holds a task's or a call's id.
type metrics struct {
	polls         *prometheus.CounterVec
	lists         *prometheus.CounterVec
	events        prometheus.Counter
	deadLetters   *prometheus.CounterVec
	resolved      prometheus.Counter
	beyond        prometheus.Counter
	statusChanges prometheus.Counter
	seals         prometheus.Counter
	unsealed      prometheus.Counter
	lag           prometheus.Histogram
	catchUp       prometheus.Histogram
	publishing    prometheus.Histogram
	lateChanges   prometheus.Counter
	revisions     prometheus.Counter
	adopted       prometheus.Counter
	unrevised     prometheus.Counter
	repeats       prometheus.Counter
	producers     *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer, e *Exporter) *metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "airudder", Name: name, Help: help})
		reg.MustRegister(c)
		return c
	}
	// Each value that is known begins at 0, so that the first of its kind is an increase.
	counters := func(name, label, help string, values ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "airudder", Name: name, Help: help}, []string{label})
		for _, value := range values {
			c.WithLabelValues(value)
		}
		reg.MustRegister(c)
		return c
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "airudder", Name: name, Help: help, Buckets: buckets})
		reg.MustRegister(h)
		return h
	}
	reg.MustRegister(newGauges(e))
	outcomes := append([]string{"ok", "not_found", "other"}, e.source.Kinds()...)
	return &metrics{
		polls:  counters("polls_total", "outcome", "Detail readings of tasks, by outcome.", outcomes...),
		lists:  counters("lists_total", "outcome", "Readings of the task list, by outcome.", outcomes...),
		events: counter("events_total", "CallCompleted events committed."),
		deadLetters: counters("dead_letters_total", "reason", "Dead letters committed.",
			string(call.NoCallID), string(call.BrokenJSON), string(call.InvalidUTF8), string(call.TooLarge)),
		resolved: counter("dead_letters_resolved_total", "Dead letters whose rows were sound later, committed."),
		beyond: counter("dead_letters_left_out_total",
			"Rows without an id that cannot become events, in a task with 100 such dead letters: each reading counts them again."),
		statusChanges: counter("status_changes_total", "Task transitions committed."),
		seals:         counter("seals_total", "Seals committed."),
		unsealed: counter("tasks_closed_without_seal_total",
			"Tasks closed since AIRudder has shown nothing of them for LEDGER_RETENTION: nothing says that all was published."),
		lag: histogram("detection_lag_seconds",
			"From a call's end to the commit of its event, in a task that this process had read before the call ended.",
			lagBuckets(e.cfg.LagTarget())),
		catchUp: histogram("catch_up_lag_seconds",
			"The same of calls that ended before this process had read their task for the first time: those of a backfill, of a task that is new, and of the time in which the exporter was down.",
			[]float64{1, 10, 60, 300, 900, 3600, 6 * 3600, 86400, 7 * 86400, 30 * 86400}),
		publishing: histogram("publishing_seconds",
			"From the beginning of the response that first showed a finished call to the commit of its event.",
			[]float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900}),
		lateChanges: counter("late_changes_total",
			"Rows that changed after their event was published. The event stays the first; what is published of the change is a CallRevised, where these are on."),
		revisions: counter("revisions_total", "CallRevised committed."),
		adopted: counter("revisions_begun_total",
			"Published calls whose rows are compared from now on: what was published of them was not known."),
		unrevised: counter("revisions_left_out_total",
			"Changes that are no CallRevised, since the call has 20, or the topic does not take it."),
		repeats: counter("repeated_call_ids_total",
			"Rows that showed a CallID which an earlier row of the same response had shown."),
		producers: counters("producers_started_total", "reason",
			"Producers started, and why the one before ended: start (there was none), doubt, fenced.",
			"start", "doubt", "fenced"),
	}
}

// lagBuckets has a boundary at the target, so that what is above it can be counted.
func lagBuckets(target time.Duration) []float64 {
	buckets := []float64{1, 2.5, 5, 10, 20, 30, 45, 60, 90, 120, 180, 240, 300, 420, 600, 900, 1800, 3600, 6 * 3600, 86400}
	if at, found := slices.BinarySearch(buckets, target.Seconds()); !found {
		buckets = slices.Insert(buckets, at, target.Seconds())
	}
	return buckets
}

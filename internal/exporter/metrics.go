package exporter

import "github.com/prometheus/client_golang/prometheus"

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
	lag           *prometheus.HistogramVec
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
	counters := func(name, label, help string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "airudder", Name: name, Help: help}, []string{label})
		reg.MustRegister(c)
		return c
	}
	gauge := func(name, help string, value func(Snapshot) float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "airudder", Name: name, Help: help},
			func() float64 { return value(e.Totals()) }))
	}
	gauge("ledger_entries", "Live entries in the shards owned.",
		func(s Snapshot) float64 { return float64(s.LedgerEntries - s.pastEntries) })
	gauge("ledger_bytes", "Bytes of keys and values of the live entries in the shards owned.",
		func(s Snapshot) float64 { return float64(s.LedgerBytes - s.pastBytes) })
	gauge("shards_owned", "Shards of the ledger that this process has restored and owns.",
		func(s Snapshot) float64 { return float64(s.restored()) })

	lag := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "airudder", Name: "detection_lag_seconds",
		Help:    "From the call's end, or from the beginning of the response that first showed it, to its commit.",
		Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600, 21600, 86400},
	}, []string{"from"})
	reg.MustRegister(lag)
	return &metrics{
		polls:       counters("polls_total", "outcome", "Detail readings of tasks, by outcome."),
		lists:       counters("lists_total", "outcome", "Readings of the task list, by outcome."),
		events:      counter("events_total", "CallCompleted events committed."),
		deadLetters: counters("dead_letters_total", "reason", "Dead letters committed."),
		resolved:    counter("dead_letters_resolved_total", "Dead letters whose rows were sound later, committed."),
		beyond: counter("dead_letters_left_out_total",
			"Rows without an id that cannot become events, in a task with 100 such dead letters: each reading counts them again."),
		statusChanges: counter("status_changes_total", "Task transitions committed."),
		seals:         counter("seals_total", "Seals committed."),
		unsealed: counter("tasks_closed_without_seal_total",
			"Tasks closed since AIRudder has shown nothing of them for LEDGER_RETENTION: nothing says that all was published."),
		lag: lag,
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
			"Producers started, and why the one before ended: start, doubt, fenced."),
	}
}

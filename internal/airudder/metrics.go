package airudder

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the client's own. Labels are from closed sets: no id is one.
type metrics struct {
	requests      *prometheus.CounterVec
	duration      *prometheus.HistogramVec
	bytes         prometheus.Counter
	rowsRead      prometheus.Counter
	rowsSkipped   prometheus.Counter
	mismatch      *prometheus.CounterVec
	oddStatus     prometheus.Counter
	oddEnded      prometheus.Counter
	noStatus      prometheus.Counter
	redialAfter   prometheus.Counter
	listWithoutID prometheus.Counter
}

// newMetrics registers them. Each label value that is known begins at 0, so that the
// first of its kind is an increase.
func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "airudder", Name: name, Help: help})
		reg.MustRegister(c)
		return c
	}
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "airudder", Name: "requests_total",
			Help: "Requests to the AIRudder API, by endpoint (auth, list, detail) and outcome (ok, or the error's kind).",
		}, []string{"endpoint", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "airudder", Name: "request_duration_seconds",
			Help:    "Time from sending a request to the end of its answer; it includes the receiver's time for the rows.",
			Buckets: []float64{.01, .03, .1, .3, 1, 3, 10, 30, 100, 300, 1000},
		}, []string{"endpoint"}),
		mismatch: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "airudder", Name: "field_mismatch_total",
			Help: "Fields of an unexpected JSON type, by the API's name; what cannot be taken without a loss is null in the event, " +
				"and its raw JSON is kept in additional_fields; 'data' are fields of a task that were too large for that.",
		}, []string{"field"}),
		bytes:       counter("response_bytes_total", "Bytes of answers' bodies, as they came over the wire."),
		rowsRead:    counter("rows_read_total", "Rows seen in task details, those stepped over included."),
		rowsSkipped: counter("rows_skipped_total", "Rows stepped over because their call is in the ledger."),
		oddStatus: counter("rows_of_unknown_status_total",
			"Rows whose status is a word that the exporter does not know: they count as open, and nothing of them is published."),
		oddEnded: counter("rows_of_unknown_status_ended_total",
			"Of these rows, those with a CallID and an end: they may be calls that are not published."),
		noStatus: counter("rows_without_status_total",
			"Rows without a Status that is a word or a number: they count as open, and nothing of them is published. "+
				"The vendor may have renamed or dropped the field."),
		redialAfter: counter("redial_after_row_total",
			"Redials that start after their row: the zone in the settings may be wrong."),
		listWithoutID: counter("list_entries_without_task_id_total",
			"List entries, and lines of the file of task ids, without a usable TaskID."),
	}
	for _, endpoint := range []string{authEndpoint, listEndpoint, detailEndpoint} {
		m.duration.WithLabelValues(endpoint)
		for _, outcome := range append([]string{"ok", stopped}, allKinds...) {
			m.requests.WithLabelValues(endpoint, outcome)
		}
	}
	m.mismatch.WithLabelValues("detail")
	m.mismatch.WithLabelValues("data")
	begin(m, taskFields)
	begin(m, rowFields)
	begin(m, turnFields)
	begin(m, redialFields)
	reg.MustRegister(m.requests, m.duration, m.mismatch)
	return m
}

// begin has the mismatches of some fields begin at 0.
func begin[T any](m *metrics, of fields[T]) {
	for _, f := range of {
		m.mismatch.WithLabelValues(f.name)
	}
}

// watch shows what the client is doing now.
func (c *Client) watch(reg prometheus.Registerer) {
	gauge := func(name, help string, value func() float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "airudder", Name: name, Help: help}, value))
	}
	gauge("request_budget",
		"Requests a second that this process may make now: its share of the deployment's, less while AIRudder answers 429.",
		c.budget.rate)
	gauge("requests_in_flight",
		"Requests that wait for AIRudder's answer, or for more of it.",
		func() float64 { return float64(len(c.Flight().Waiting)) })
	gauge("token_expiry_timestamp_seconds",
		"When AIRudder's token ends, 24 h after it was given; it is renewed an hour before. 0: there is none.",
		c.tokens.expiry)
}

func (m *metrics) request(endpoint, outcome string, took time.Duration) {
	m.requests.WithLabelValues(endpoint, outcome).Inc()
	m.duration.WithLabelValues(endpoint).Observe(took.Seconds())
}

// mismatched counts a field that is not of its type, by a name of ours.
func (m *metrics) mismatched(field string) { m.mismatch.WithLabelValues(field).Inc() }

package status

import (
	"fmt"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/notice"
)

// Health is what the log is to tell.
func (s *State) Health() notice.Health { return s.totals().Health() }

// Summary returns what the log tells of an exporter in good health: at each call, what
// has happened since the call before. It reads the program's own metrics.
func Summary(s *State, metrics prometheus.Gatherer) func() []any {
	before := measure(metrics)
	return func() []any {
		p, now := take(s), measure(metrics)
		attrs := now.since(before)
		before = now
		return append(attrs, "events_in_all", p.totals.Events,
			"tasks_open", p.tallying[open]+p.tallying[calling]+p.tallying[failing], "tasks_calling", p.tallying[calling])
	}
}

// measured are the metrics that a summary is made of.
type measured struct {
	at               time.Time
	events           float64
	requests, failed float64
	budget           float64 // requests a second
	calls            uint64  // of which the lag is known
	lags             []lag   // ascending
}

// lag is how many calls' events were committed so long after their end, or sooner.
type lag struct {
	bound float64 // seconds
	calls uint64
}

// measure reads the metrics. What cannot be gathered counts as 0.
func measure(metrics prometheus.Gatherer) measured {
	m := measured{at: time.Now()}
	families, _ := metrics.Gather() // it returns what could be gathered
	for _, f := range families {
		for _, one := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range one.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			switch f.GetName() {
			case "airudder_events_total":
				m.events += one.GetCounter().GetValue()
			case "airudder_requests_total":
				m.requests += one.GetCounter().GetValue()
				if labels["outcome"] != "ok" {
					m.failed += one.GetCounter().GetValue()
				}
			case "airudder_request_budget":
				m.budget = one.GetGauge().GetValue()
			case "airudder_detection_lag_seconds":
				m.calls = one.GetHistogram().GetSampleCount()
				for _, b := range one.GetHistogram().GetBucket() {
					m.lags = append(m.lags, lag{b.GetUpperBound(), b.GetCumulativeCount()})
				}
			}
		}
	}
	return m
}

// since are the attributes of what has happened since an earlier measurement.
func (m measured) since(before measured) []any {
	took := m.at.Sub(before.at)
	attrs := []any{"in", took.Round(time.Second), "events", m.events - before.events}
	if p99 := m.p99(before); p99 != "" {
		attrs = append(attrs, "detection_lag_p99", p99)
	}
	attrs = append(attrs, "requests", m.requests-before.requests, "requests_failed", m.failed-before.failed)
	if allowed := m.budget * took.Seconds(); allowed > 0 {
		attrs = append(attrs, "request_budget_used", fmt.Sprintf("%.0f%%", (m.requests-before.requests)/allowed*100))
	}
	return attrs
}

// p99 is within which time 99 of 100 calls' events were committed; empty: there were
// none.
func (m measured) p99(before measured) string {
	calls := m.calls - before.calls
	if calls == 0 {
		return ""
	}
	enough, longest := uint64(math.Ceil(.99*float64(calls))), 0.
	for i, l := range m.lags {
		n := l.calls
		if i < len(before.lags) {
			n -= before.lags[i].calls
		}
		if longest = l.bound; n >= enough {
			return "at most " + seconds(longest).String()
		}
	}
	return "more than " + seconds(longest).String()
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

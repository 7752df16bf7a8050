package status

import (
	"fmt"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/history"
	"airudder-exporter/internal/notice"
)

// Health is what the log is to tell.
func (s *State) Health() notice.Health { return s.totals().Health() }

// Summary returns what the log tells of an exporter in good health: at each call, what
// has happened since the call before. It reads the program's own metrics.
func Summary(s *State, metrics prometheus.Gatherer) func() []any {
	const requestsTotal = "airudder_requests_total"
	meter := history.NewMeter(metrics,
		history.Rate("events", "airudder_events_total"),
		history.Rate("requests", requestsTotal),
		history.Rate("failed", requestsTotal).Except("outcome", "ok"),
		history.Gauge("budget", "airudder_request_budget").Times(60),
		history.Quantile("p99", "airudder_detection_lag_seconds", .99),
	)
	return func() []any {
		took, of := meter.Next()
		events, requests, failed, budget, p99 := of[0], of[1], of[2], of[3], of[4]
		in := func(perMinute float64) int64 {
			if math.IsNaN(perMinute) { // no such metric yet
				return 0
			}
			return int64(math.Round(perMinute * took.Minutes()))
		}
		attrs := []any{"in", took.Round(time.Second), "events", in(events)}
		if !math.IsNaN(p99) {
			attrs = append(attrs, "detection_lag_p99", time.Duration(p99*float64(time.Second)).Round(10*time.Millisecond))
		}
		attrs = append(attrs, "requests", in(requests), "requests_failed", in(failed))
		if budget > 0 {
			attrs = append(attrs, "request_budget_used", fmt.Sprintf("%.0f%%", 100*requests/budget))
		}
		p := take(s)
		return append(attrs, "events_in_all", p.totals.Events,
			"tasks_open", p.tallying[open]+p.tallying[calling]+p.tallying[failing], "tasks_calling", p.tallying[calling])
	}
}

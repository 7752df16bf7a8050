package status

import (
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/airudder"
	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/ledger"
)

// A summary tells of the time since the one before.
func TestSummary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		events := prometheus.NewCounter(prometheus.CounterOpts{Name: "airudder_events_total"})
		requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "airudder_requests_total"}, []string{"endpoint", "outcome"})
		budget := prometheus.NewGauge(prometheus.GaugeOpts{Name: "airudder_request_budget"})
		lag := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "airudder_detection_lag_seconds", Buckets: []float64{1, 5, 60}})
		reg.MustRegister(events, requests, budget, lag)
		budget.Set(.5)
		did := func(calls int, took time.Duration, failed int) {
			for range calls {
				events.Inc()
				lag.Observe(took.Seconds())
			}
			requests.WithLabelValues("detail", "ok").Add(float64(calls))
			requests.WithLabelValues("detail", "auth").Add(float64(failed))
		}
		did(1000, time.Hour, 40)
		summary := Summary(running(busy()), reg)
		says := func(when, want string) {
			t.Helper()
			time.Sleep(15 * time.Minute)
			if got := fmt.Sprint(summary()...); got != want {
				t.Errorf("%s:\ngot  %s\nwant %s", when, got, want)
			}
		}
		did(99, time.Second, 36)
		did(1, time.Minute, 0)
		const rest = "events_in_all26755tasks_open5tasks_calling2"
		says("of a good quarter", "in15m0sevents100detection_lag_p991srequests136requests_failed36request_budget_used30%"+rest)
		did(1, 2*time.Minute, 0)
		says("of a slow call", "in15m0sevents1detection_lag_p991m0srequests1requests_failed0request_budget_used0%"+rest)
		says("of nothing", "in15m0sevents0requests0requests_failed0request_budget_used0%"+rest)
	})
}

type noSource struct{ exporter.Source }

func (noSource) Kinds() []string { return nil }

// The metrics that a summary is made of are those of the program.
func TestSummaryFindsItsMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	exporter.New(exporter.Config{}, noSource{}, nil, ledger.Writer{}, quiet, reg)
	if _, err := airudder.New(airudder.Config{
		BaseURL: "http://localhost", AppKey: "k", AppSecret: "s", RequestsPerSecond: 1, Concurrency: 1,
		Timeout: time.Second, ResponseTimeout: time.Second,
	}, slog.New(slog.DiscardHandler), reg); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"airudder_events_total", "airudder_requests_total", "airudder_request_budget", "airudder_detection_lag_seconds"} {
		if err := reg.Register(prometheus.NewGauge(prometheus.GaugeOpts{Name: name})); err == nil {
			t.Errorf("the program has no metric %s", name)
		}
	}
}

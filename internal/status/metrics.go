package status

import (
	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/exporter"
)

// readiness as metrics: what /readyz says, looked at once a scrape.
type readinessMetrics struct{ of *State }

var (
	readyDesc = prometheus.NewDesc("airudder_ready",
		"1 where /readyz says ready, with notices or without; else 0.", nil, nil)
	componentDesc = prometheus.NewDesc("airudder_component_ready",
		"0 where this keeps the exporter from being ready, else 1: "+
			"start (topics, schemas, ledger and group at the beginning), ledger (restored), commits, group, list, upstream.",
		[]string{"component"}, nil)
)

// Metrics are the readiness of what a State shows.
func (s *State) Metrics() prometheus.Collector { return readinessMetrics{s} }

// Describe implements prometheus.Collector.
func (readinessMetrics) Describe(to chan<- *prometheus.Desc) {
	to <- readyDesc
	to <- componentDesc
}

// Collect implements prometheus.Collector.
func (m readinessMetrics) Collect(to chan<- prometheus.Metric) {
	snap := m.of.totals()
	bad := map[string]bool{}
	for _, down := range snap.Down {
		bad[down.Component] = true
	}
	to <- prometheus.MustNewConstMetric(readyDesc, prometheus.GaugeValue, truth(snap.Ready))
	for _, component := range exporter.Components() {
		to <- prometheus.MustNewConstMetric(componentDesc, prometheus.GaugeValue, truth(!bad[component]), component)
	}
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

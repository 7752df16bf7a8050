package status

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/exporter"
)

func TestReadyMetrics(t *testing.T) {
	var s State
	reg := prometheus.NewRegistry()
	reg.MustRegister(s.Metrics())
	want := func(when string, ready float64, down ...string) {
		t.Helper()
		expect := map[string]float64{"": ready}
		for _, c := range exporter.Components() {
			expect[c] = 1
		}
		for _, c := range down {
			expect[c] = 0
		}
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				component := ""
				for _, l := range m.GetLabel() {
					component = l.GetValue()
				}
				if got := m.GetGauge().GetValue(); got != expect[component] {
					t.Errorf("%s: %s of %q is %g, want %g", when, f.GetName(), component, got, expect[component])
				}
				delete(expect, component)
			}
		}
		if len(expect) > 0 {
			t.Errorf("%s: not there: %v", when, expect)
		}
	}
	want("at the start", 0, "start")
	s.Running(&fixed{snap: exporter.Snapshot{Ready: true}})
	want("once it runs", 1)
	s.Running(&fixed{snap: exporter.Snapshot{Down: []exporter.Down{{Component: "list"}, {Component: "upstream"}}}})
	want("without AIRudder", 0, "list", "upstream")
	s.Running(&fixed{snap: exporter.Snapshot{Ready: true}})
	s.Stopping()
	want("while it stops", 0)
}

package test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// TestDashboardIsGrafanas decodes the dashboard into Grafana's own types, strictly: each field of it, of
// its panels and of their queries has to be known, and none that Grafana always writes may
// be missing.
func TestDashboardIsGrafanas(t *testing.T) {
	known := cog.NewRuntime()
	known.RegisterPanelcfgVariant(stat.VariantConfig())
	known.RegisterPanelcfgVariant(timeseries.VariantConfig())
	known.RegisterDataqueryVariant(prometheus.VariantConfig())

	text, err := os.ReadFile("../airudder-exporter/files/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	if wrong := decodeDashboard(string(text)); len(wrong) > 0 {
		t.Errorf("the dashboard: %v", wrong)
	}
	for from, to := range map[string]string{
		`"legendFormat"`: `"legend_format"`, `"showPoints"`: `"points"`, `"gridPos"`: `"grid"`, `"calcs": []`: `"calcs": {}`,
	} {
		bad := strings.Replace(string(text), from, to, 1)
		if bad == string(text) || len(decodeDashboard(bad)) == 0 {
			t.Errorf("%s in place of %s is not noticed", to, from)
		}
	}
}

func decodeDashboard(text string) cog.BuildErrors {
	var d dashboard.Dashboard
	err := d.UnmarshalJSONStrict([]byte(text))
	if wrong, is := errors.AsType[cog.BuildErrors](err); is {
		return wrong
	}
	if err != nil {
		return cog.BuildErrors{&cog.BuildError{Path: "the whole", Message: err.Error()}}
	}
	return nil
}

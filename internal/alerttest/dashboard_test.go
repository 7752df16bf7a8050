package alerttest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each query of the dashboard, as a rule for promtool to parse.
func TestDashboardQueries(t *testing.T) {
	if *out == "" {
		t.Skip("promtool judges what this writes: .ci/prometheus.sh")
	}
	text, err := os.ReadFile("../../deploy/grafana/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	rules := "groups:\n  - name: dashboard\n    rules:\n"
	n := 0
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			n++
			rules += fmt.Sprintf("      - {record: 'query:%d', expr: '%s'}\n", n, strings.ReplaceAll(target.Expr, "$__rate_interval", "1m"))
		}
	}
	if n == 0 {
		t.Error("the dashboard has no queries")
	}
	if err := os.WriteFile(filepath.Join(*out, "dashboard.rules"), []byte(rules), 0o644); err != nil {
		t.Fatal(err)
	}
}

package internal_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// neither are the metrics that no alert and no plot of the dashboard shows: they answer
// a question that somebody asks by hand.
var neither = []string{
	"airudder_dead_letters_left_out_total", "airudder_dead_letters_resolved_total", "airudder_kafka_replayed_records_total", "airudder_kafka_token_expiry_timestamp_seconds",
	"airudder_list_entries_without_task_id_total", "airudder_redial_after_row_total", "airudder_repeated_call_ids_total",
	"airudder_revisions_begun_total", "airudder_revisions_left_out_total", "airudder_rows_of_unknown_status_ended_total",
	"airudder_status_changes_total",
}

// Each metric that a document, an alert or the dashboard names exists, and each that
// exists is in OPERATING.md's table, and alerted or plotted unless it is in neither.
func TestMetricsAreNamed(t *testing.T) {
	exist := metricsOf(t)
	shown := map[string]bool{}
	for _, path := range files(t, "../README.md", "../deploy/*.md", "../deploy/prometheus/*.yaml", "../deploy/grafana/*.json") {
		for _, name := range matches(t, path, `\b(airudder_[a-z_]+)`) {
			name = bare(name, exist)
			if !slices.Contains(exist, name) && !slices.Contains(headers, name) {
				t.Errorf("%s names the metric %s, which the code does not have", path, name)
			}
			if !strings.HasSuffix(path, ".md") && !strings.HasSuffix(path, "_test.yaml") {
				shown[name] = true
			}
		}
	}
	_, table, _ := strings.Cut(text(t, "../deploy/OPERATING.md"), "\n## Metrics to watch\n")
	table, _, _ = strings.Cut(table, "\n## ")
	for _, name := range exist {
		if !regexp.MustCompile("`" + name + "[`{]").MatchString(table) {
			t.Errorf("OPERATING.md's table of metrics has no %s", name)
		}
		if both := slices.Contains(neither, name); shown[name] == both {
			t.Errorf("%s: in an alert or the dashboard: %v; in neither's list: %v", name, shown[name], both)
		}
	}
}

// headers are names of Kafka headers, which look like metrics.
var headers = []string{"airudder_account", "airudder_ledger_id", "airudder_privacy", "airudder_replay", "airudder_origin"}

// bare is a series' metric: a histogram has three kinds of them.
func bare(name string, exist []string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if of, cut := strings.CutSuffix(name, suffix); cut && slices.Contains(exist, of) {
			return of
		}
	}
	return name
}

// metricsOf are the names of the program's own metrics, as its code registers them.
func metricsOf(t *testing.T) (names []string) {
	t.Helper()
	code := ""
	for _, path := range files(t, "*/*.go", "../cmd/*/*.go") {
		if of := text(t, path); !strings.HasSuffix(path, "_test.go") && strings.Contains(of, `"github.com/prometheus/client_golang/prometheus"`) {
			code += of
		}
	}
	for _, pattern := range []string{
		`Namespace: "airudder", Name: "([a-z_]+)"`,
		`Name: +"airudder_([a-z_]+)"`,
		`NewDesc\("airudder_([a-z_]+)"`,
		`\b(?:counter|counters|histogram|gauge|add)\("([a-z_]+)",\s+"`,
	} {
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(code, -1) {
			names = append(names, "airudder_"+match[1])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Each alert has a section in OPERATING.md, which its runbook leads to, and says what
// STYLE asks of it.
func TestAlertsHaveRunbooks(t *testing.T) {
	rules := text(t, "../deploy/prometheus/alerts.yaml")
	operating := text(t, "../deploy/OPERATING.md")
	alerts := regexp.MustCompile(`(?m)^      - alert: (\w+)$`).FindAllStringSubmatch(rules, -1)
	if len(alerts) == 0 || len(alerts) > 12 {
		t.Errorf("there are %d alerts, want 1 to 12", len(alerts))
	}
	pages := 0
	for i, rule := range strings.Split(rules, "      - alert: ")[1:] {
		name := alerts[i][1]
		for _, want := range []string{
			"        for: ", "          severity: ", "          summary: ", "          description: ",
			"          runbook: deploy/OPERATING.md#" + strings.ToLower(name) + "\n",
		} {
			if !strings.Contains(rule, want) {
				t.Errorf("%s has no %q", name, strings.TrimSpace(want))
			}
		}
		if strings.Contains(rule, "severity: page\n") {
			pages++
		}
		_, section, found := strings.Cut(operating, "\n### "+name+"\n")
		section, _, _ = strings.Cut(section, "\n##")
		for _, want := range []string{"\nPage: ", "- **Impact**: ", "- **Diagnosis**: ", "- **Cure**: "} {
			if want == "\nPage: " && strings.Contains(rule, "severity: ticket\n") {
				want = "\nTicket: "
			}
			if !found || !strings.Contains(section, want) {
				t.Errorf("OPERATING.md's section %s has no %q", name, strings.TrimSpace(want))
			}
		}
	}
	if pages != 4 {
		t.Errorf("%d alerts page, want 4", pages)
	}
}

// The dashboard is what Grafana loads: JSON, with panels that have a place, a unit and
// queries of the variables' datasource.
func TestDashboard(t *testing.T) {
	var board struct {
		UID, Title    string
		SchemaVersion int
		Templating    struct{ List []struct{ Name, Type string } }
		Panels        []struct {
			ID          int
			Type, Title string
			GridPos     struct{ H, W, X, Y int }
			Datasource  struct{ Type, UID string }
			FieldConfig struct{ Defaults struct{ Unit string } }
			Targets     []struct{ Expr, RefID string }
		}
	}
	if err := json.Unmarshal([]byte(text(t, "../deploy/grafana/dashboard.json")), &board); err != nil {
		t.Fatal(err)
	}
	if board.UID == "" || board.Title == "" || board.SchemaVersion < 36 {
		t.Errorf("uid %q, title %q, schema %d", board.UID, board.Title, board.SchemaVersion)
	}
	var variables, rows []string
	for _, v := range board.Templating.List {
		variables = append(variables, v.Name)
	}
	if want := []string{"datasource", "job", "instance"}; !slices.Equal(variables, want) {
		t.Errorf("the variables are %v, want %v", variables, want)
	}
	ids := map[int]bool{}
	for _, p := range board.Panels {
		if ids[p.ID] || p.GridPos.W == 0 || p.GridPos.H == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %q: id %d, place %+v", p.Title, p.ID, p.GridPos)
		}
		ids[p.ID] = true
		if p.Type == "row" {
			rows = append(rows, p.Title)
			continue
		}
		if len(p.Targets) == 0 || p.FieldConfig.Defaults.Unit == "" || p.Datasource.UID != "${datasource}" {
			t.Errorf("panel %q: %d queries, unit %q, datasource %q", p.Title, len(p.Targets), p.FieldConfig.Defaults.Unit, p.Datasource.UID)
		}
		for _, target := range p.Targets {
			if !strings.Contains(target.Expr, `job=~"$job"`) || target.RefID == "" {
				t.Errorf("panel %q: query %q of %q is not of the job", p.Title, target.RefID, target.Expr)
			}
		}
	}
	if want := []string{"Health", "Events and lag", "AIRudder", "Kafka", "Tasks", "Process"}; !slices.Equal(rows, want) {
		t.Errorf("the rows are %v, want %v", rows, want)
	}
}

package alerttest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	rulesFile = "../../deploy/prometheus/alerts.yaml"
	every     = 30 * time.Second // a scrape
)

// recording is what Prometheus scraped, of the metrics that the rules ask for.
type recording struct {
	wanted map[string]bool
	began  time.Time // Prometheus's time 0
	steps  int
	series map[string][]string // values by series; those that end sooner are stale
}

func newRecording(t *testing.T) *recording {
	t.Helper()
	rules, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	r := &recording{wanted: map[string]bool{}, began: time.Now(), series: map[string][]string{}}
	for _, name := range regexp.MustCompile(`\bairudder_[a-z_]+`).FindAllString(string(rules), -1) {
		r.wanted[strings.TrimSuffix(name, "_bucket")] = true
	}
	return r
}

// scrape adds a step, with what each instance says.
func (r *recording) scrape(t *testing.T, instances map[string]prometheus.Gatherer) {
	t.Helper()
	for instance, of := range instances {
		families, err := of.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if !r.wanted[f.GetName()] {
				continue
			}
			for _, m := range f.GetMetric() {
				labels := fmt.Sprintf(`job="exporter",instance=%q`, instance)
				for _, l := range m.GetLabel() {
					labels += fmt.Sprintf(`,%s=%q`, l.GetName(), l.GetValue())
				}
				if h := m.GetHistogram(); h != nil {
					for _, b := range h.GetBucket() {
						r.put(fmt.Sprintf(`%s_bucket{%s,le="%g"}`, f.GetName(), labels, b.GetUpperBound()), float64(b.GetCumulativeCount()))
					}
					r.put(fmt.Sprintf(`%s_bucket{%s,le="+Inf"}`, f.GetName(), labels), float64(h.GetSampleCount()))
					continue
				}
				value := m.GetCounter().GetValue() + m.GetGauge().GetValue()
				if strings.HasSuffix(f.GetName(), "_timestamp_seconds") && value > 0 {
					value -= float64(r.began.Unix())
				}
				r.put(fmt.Sprintf("%s{%s}", f.GetName(), labels), value)
			}
		}
	}
	r.steps++
}

func (r *recording) put(series string, value float64) {
	r.fill(series)
	r.series[series] = append(r.series[series], strconv.FormatFloat(value, 'f', -1, 64))
}

// fill has a series be absent, from where it ended up to now.
func (r *recording) fill(series string) {
	for len(r.series[series]) < r.steps {
		absent := "_"
		if n := len(r.series[series]); n > 0 && r.series[series][n-1] != "_" && r.series[series][n-1] != "stale" {
			absent = "stale"
		}
		r.series[series] = append(r.series[series], absent)
	}
}

// write makes promtool's file of a scenario: alerts are all that ever fired.
func (r *recording) write(t *testing.T, dir, name string, alerts []string) {
	t.Helper()
	rules, err := filepath.Abs(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "rule_files: [%q]\nevaluation_interval: %s\ntests:\n  - name: %q\n    interval: %s\n    input_series:\n", rules, every, name, every)
	for _, series := range slices.Sorted(maps.Keys(r.series)) {
		r.fill(series)
		fmt.Fprintf(&b, "      - {series: '%s', values: '%s'}\n", series, strings.Join(short(r.series[series]), " "))
	}
	fmt.Fprintf(&b, "    promql_expr_test:\n      - expr: group by (alertname) (max_over_time(ALERTS{alertstate=\"firing\"}[7d]))\n        eval_time: %s\n", time.Duration(r.steps-1)*every)
	if len(alerts) > 0 {
		b.WriteString("        exp_samples:\n")
	}
	for _, alert := range alerts {
		fmt.Fprintf(&b, "          - {labels: '{alertname=%q}', value: 1}\n", alert)
	}
	if err := os.WriteFile(filepath.Join(dir, regexp.MustCompile(`\W+`).ReplaceAllString(name, "-")+".yaml"), []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// short writes values that come again and again as promtool does: 1x5 is six ones.
func short(values []string) (all []string) {
	for i := 0; i < len(values); {
		n := 1
		for i+n < len(values) && values[i+n] == values[i] {
			n++
		}
		switch v := values[i]; {
		case n == 1 || v == "stale":
			all = append(all, v)
			n = 1
		case v == "_":
			all = append(all, fmt.Sprintf("_x%d", n))
		default:
			all = append(all, fmt.Sprintf("%sx%d", v, n-1))
		}
		i += n
	}
	return all
}

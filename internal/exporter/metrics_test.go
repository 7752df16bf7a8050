package exporter

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/exporter/fakekafka"
)

// gathered are all metrics, a line each: a counter's or a gauge's value, a
// histogram's count and sum.
func (w *world) gathered() string {
	w.t.Helper()
	families, err := w.metrics.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range families {
		for _, m := range f.GetMetric() {
			b.WriteString(f.GetName())
			for _, l := range m.GetLabel() {
				fmt.Fprintf(&b, " %s=%s", l.GetName(), l.GetValue())
			}
			if h := m.GetHistogram(); h != nil {
				fmt.Fprintf(&b, " %d %g\n", h.GetSampleCount(), h.GetSampleSum())
				continue
			}
			fmt.Fprintf(&b, " %g\n", m.GetCounter().GetValue()+m.GetGauge().GetValue())
		}
	}
	return b.String()
}

func (w *world) wantMetrics(want ...string) {
	w.t.Helper()
	got := w.gathered()
	for _, line := range want {
		if !strings.Contains("\n"+got, "\nairudder_"+line+"\n") {
			w.t.Errorf("no metric says %q; there are\n%s", line, got)
		}
	}
}

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Calling, 4, 4)
		source.tasks["a"].rejects = []call.Reject{{Reason: call.BrokenJSON, RowID: call.Some(int64(9)), Hash: 7}}
		source.tasks["a"].rows[0].CallEnd = time.Now().Add(-10 * time.Second)
		source.tasks["a"].rows[2].CallID = source.tasks["a"].rows[1].CallID // shown twice
		kafka.fault = func(commit int) (bool, error) {
			switch commit {
			case 4:
				return false, errors.New("lost")
			case 5:
				return false, fakekafka.ErrFenced
			}
			return true, nil
		}
		w := start(t, testConfig(), source, kafka)
		time.Sleep(11 * time.Second) // a fenced producer looks for its rival for two of them; a dead letter takes two readings
		w.wantMetrics(
			"events_total 3", "dead_letters_total reason=broken_json 1", "status_changes_total 1", "seals_total 0",
			"detection_lag_seconds 0 0", "catch_up_lag_seconds 1 10.025", "publishing_seconds 3 0.09",
			"producers_started_total reason=start 1", "producers_started_total reason=doubt 1", "producers_started_total reason=fenced 1",
			"lists_total outcome=ok 1", "repeated_call_ids_total 1",
			"ledger_entries 7", "shards_owned 1",
		)
		source.change(func() { source.tasks["a"].rows[3].Hash = 32 }) // it changed since
		source.set("b", call.Finished, 1, 0)
		source.change(func() { source.listErr = fakeUpstreamError{kind: "html"} })
		time.Sleep(3 * time.Hour)
		w.wantMetrics("late_changes_total 1", "status_changes_total 1")
		source.change(func() { source.listErr = nil })
		time.Sleep(3 * time.Hour)
		w.wantMetrics("events_total 4", "status_changes_total 2", "seals_total 1")
		if got := w.gathered(); strings.Contains(got, "airudder_lists_total outcome=html 0") {
			t.Errorf("the list's failures are not counted:\n%s", got)
		}
		w.stop()
	})
}

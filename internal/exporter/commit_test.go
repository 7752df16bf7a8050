package exporter

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/record"
)

// A busy shard groups the plans of several tasks; an idle one commits one plan
// at once.
func TestTransactionsTakeWhatIsWaiting(t *testing.T) {
	for _, tt := range []struct {
		name     string
		maxUnits int
		markers  int
		most     int // commits; 40 plans are to be written
	}{
		{"room for all", 1000, 0, 21},
		{"a busy coordinator", 1000, 2, 11},
		{"room for two units", 2, 2, 21},
		{"room for one unit", 1, 2, 40},
	} {
		synctest.Test(t, func(t *testing.T) {
			source, kafka := newFakeSource(t), newFakeKafka()
			kafka.maxUnits, kafka.markers, kafka.committed = tt.maxUnits, tt.markers, 50*time.Millisecond
			for i := range 4 {
				source.set(fmt.Sprint(i), call.Calling, 9, 0) // each row is a plan, and so is the transition
			}
			w := start(t, testConfig(), source, kafka)
			time.Sleep(4 * time.Second)
			w.stop()
			once(t, kafka, 4*9, "call/")
			if got := kafka.tried(); got > tt.most {
				t.Errorf("%s: %d commits, want %d at most", tt.name, got, tt.most)
			}
			for i, c := range kafka.commits {
				if c.units > len(c.tasks) {
					t.Errorf("%s: commit %d holds %d plans of %d tasks", tt.name, i, c.units, len(c.tasks))
				}
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Calling, 1, 1)
		w := start(t, testConfig(), source, kafka)
		time.Sleep(source.took + kafka.committed + time.Millisecond)
		once(t, kafka, 1, "call/") // nothing else was waited for
		w.stop()
	})
}

// A transaction holds at most 1,000 calls, however many there is room for.
func TestTransactionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kafka := newFakeKafka()
		kafka.maxUnits = 1 << 30
		p := &pending{applied: make(chan struct{})}
		for i := range 2500 {
			u := ledger.Unit{Entries: []ledger.Entry{{Kind: ledger.KindCall, TaskID: "a", ID: fmt.Sprint(i)}}}
			p.rest = append(p.rest, record.Encoded{Unit: u, Records: records(call.Task{ID: "a"}, u)})
		}
		source := newFakeSource(t)
		w := start(t, testConfig(), source, kafka)
		time.Sleep(time.Second)
		if err := w.running()[0].submit(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		<-p.applied
		var units []int
		for _, c := range kafka.commits {
			units = append(units, c.units)
		}
		if want := []int{1000, 1000, 500}; !slices.Equal(units, want) {
			t.Errorf("transactions of %d units, want %d", units, want)
		}
		w.stop()
	})
}

// An event that cannot fit becomes a dead letter, and its entry says so.
func TestTooLargeBecomesADeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Calling, 3, 0)
		source.tasks["a"].rows[1].CallID = "huge"
		w := start(t, testConfig(), source, kafka)
		time.Sleep(time.Minute)
		if got := w.task("a"); got.Events != 2 || got.DeadLetters != 1 {
			t.Errorf("%d events and %d dead letters, want 2 and 1", got.Events, got.DeadLetters)
		}
		if got := testutil.ToFloat64(w.Exporter.metrics.deadLetters.WithLabelValues("too_large")); got != 1 {
			t.Errorf("%v dead letters are counted as too large", got)
		}
		w.stop()
		once(t, kafka, 2, "call/a/")
		once(t, kafka, 1, "dead/a/")
	})
}

package exporter

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// What was known when the broker went stays on the page, as of then, until the shard is
// restored; nothing of it looks current.
func TestLastKnownWhileTheBrokerIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Calling, 6, 3)
		source.set("b", call.Pending, 0, 5)
		gone := false
		kafka.openFault = func(int) error {
			if gone {
				return errors.New("no broker")
			}
			return nil
		}
		kafka.fault = func(int) (bool, error) {
			if gone {
				return false, errors.New("no broker")
			}
			return true, nil
		}
		w := start(t, testConfig(), source, kafka)
		time.Sleep(time.Minute)
		before := w.Snapshot()
		if !before.AsOf.IsZero() || !before.Shards[0].AsOf.IsZero() {
			t.Fatalf("with a broker the snapshot is as of %s", before.AsOf)
		}
		kafka.change(func() { gone = true })
		source.set("a", call.Calling, 7, 2)
		time.Sleep(10 * time.Minute)
		got := w.Snapshot()
		if got.AsOf.IsZero() || time.Since(got.AsOf) < 9*time.Minute || !got.Shards[0].AsOf.Equal(got.AsOf) {
			t.Fatalf("without a broker the snapshot is as of %s at %s", got.AsOf, time.Now())
		}
		if got.LedgerEntries != before.LedgerEntries || got.LedgerBytes != before.LedgerBytes || len(got.Tasks) != 2 {
			t.Errorf("the snapshot is %+v, want the last known %+v", got, before)
		}
		for i, task := range got.Tasks {
			want := before.Tasks[i]
			if task.AsOf != got.AsOf || !task.NextRead.IsZero() || task.ReadAt.Before(want.ReadAt) {
				t.Errorf("the task is %+v", task)
			}
			if task.Name != want.Name || task.Events != want.Events || task.Phase != want.Phase {
				t.Errorf("got  %+v\nwant %+v", task, want)
			}
		}
		if metrics := w.gathered(); !strings.Contains(metrics, "airudder_ledger_entries 0") {
			t.Errorf("the metrics tell of a ledger that is not restored:\n%s", metrics)
		}
		kafka.change(func() { gone = false })
		source.change(func() { source.took = time.Hour }) // the names come from before, not from a reading
		time.Sleep(30 * time.Second)
		after := w.Snapshot()
		if !after.AsOf.IsZero() || !after.Shards[0].AsOf.IsZero() || len(after.Tasks) != 2 {
			t.Fatalf("once it is restored the snapshot is %+v", after)
		}
		for i, task := range after.Tasks {
			if !task.AsOf.IsZero() || task.Name != before.Tasks[i].Name {
				t.Errorf("once it is restored the task is %+v", task)
			}
		}
		if len(w.pasts) != 0 {
			t.Error("what was known before is kept for longer than it is shown")
		}
		w.stop()
		if s := w.Snapshot(); len(s.Tasks) > 0 || !s.AsOf.IsZero() {
			t.Errorf("a shard that was given up is still shown: %+v", s)
		}
	})
}

// A task of which the ledger alone speaks is shown as it stands there.
func TestPastOfAClosedTask(t *testing.T) {
	r, e := manyTasks(t, 3)
	if err := r.ledger.Replay([]byte("task/shut"), []byte(`{"status":"finished","sequence":4,"seal":1,"events":9,"closed_at":"2026-01-01T00:00:00Z"}`)); err != nil {
		t.Fatal(err)
	}
	e.keep(r)
	e.leave(r)
	got, known := e.Task("shut")
	want := TaskStatus{TaskID: "shut", Status: "finished", Phase: ledger.Closed, Events: 9, Seal: 1, AsOf: e.pasts[0].at}
	if !known || got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if _, known := e.Task("nobody's"); known || len(e.TaskIDs()) != 4 {
		t.Errorf("the tasks are %q", e.TaskIDs())
	}
	text, err := json.Marshal(got)
	if err != nil || !strings.Contains(string(text), `"as_of":"`) || strings.Contains(string(text), "next_read") {
		t.Errorf("JSON: %s, %v", text, err)
	}
}

// manyTasks is a shard with so many open tasks.
func manyTasks(tb testing.TB, n int) (*run, *Exporter) {
	e := &Exporter{cfg: testConfig(), runs: map[int]*run{}, pasts: map[int]*past{}}
	r := &run{Exporter: e, shard: newFakeKafka().shard(), ledger: ledger.New(), schedule: newSchedule(e.cfg, &e.prints)}
	e.runs[0] = r
	for i := range n {
		id := fmt.Sprintf("%032x", i*7919)
		if err := r.ledger.Replay([]byte("task/"+id), []byte(`{"status":"calling","sequence":1}`)); err != nil {
			tb.Fatal(err)
		}
	}
	r.resume()
	return r, e
}

// BenchmarkPast is what the end of a producer costs for the page to keep what was
// known, in time and in bytes.
func BenchmarkPast(b *testing.B) {
	for _, n := range []int{10_000, 200_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r, _ := manyTasks(b, n)
			b.ReportAllocs()
			for b.Loop() {
				if p := r.past(time.Now()); len(p.tasks) != n {
					b.Fatal(len(p.tasks))
				}
			}
		})
	}
}

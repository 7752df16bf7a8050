package prooftest

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// TestClosing seals and closes every task: their entries go, from the topic and
// from memory, and nothing of them comes back, whatever is changed afterwards.
func TestClosing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, campaigns(61, 4, 30, 8), nil)
	settings := hasty
	if !w.Real {
		settings = []string{compacted} // the in-process broker's cleaner is not a broker's
	}
	w.Create(w.Topics.Ledger, 1, settings...)
	tasks := w.tasks()
	one := w.exporter("one", "AIRUDDER_POLL_AFTER_END=1s", "LEDGER_RETENTION=1h")
	one.Start()
	w.play(40)
	w.awaitEnds(time.Minute)
	w.stop()
	w.awaitEvents()
	all := len(w.Sim.Truth().Tasks)
	rig.Eventually(t, "the seal of each task", rig.Patience, func() bool { return tasks.are("sealed_at") == all })
	full := ledgerEntries(one)
	one.Terminate()
	if want := int64(w.seen.count()); full < want {
		t.Errorf("sealed, and not closed: got %d entries in memory, want those of %d events", full, want)
	}

	two := w.exporter("two", "AIRUDDER_POLL_AFTER_END=1s", "LEDGER_RETENTION=1s")
	two.Start()
	rig.Eventually(t, "a closed task", rig.Patience, func() bool { return tasks.are("closed_at") > 0 })
	two.Kill() // between the closed mark and the last tombstone, or near it
	two.Start()
	left := int64(all + 2) // task entries stay, and meta and producer
	rig.Eventually(t, "all tasks closed, and their entries gone from memory", rig.Patience, func() bool {
		return tasks.are("closed_at") == all && ledgerEntries(two) == left
	})
	if _, text := two.Page("/metrics"); !strings.Contains(text, fmt.Sprintf("\nairudder_ledger_entries %d\n", left)) {
		t.Errorf("airudder_ledger_entries is not %d", left)
	}
	two.Terminate()
	t.Logf("%d entries before closing, %d after", full, left)

	w.tempt(left)
	if w.Real {
		w.awaitShrunk()
		w.tempt(left)
	}
	w.checkOnce()
}

// tempt restarts exporters with everything changed that could bring a closed
// task back. None of them reads one, or holds more in memory.
func (w *world) tempt(left int64) {
	w.T.Helper()
	var ids []string
	for _, task := range w.Sim.Truth().Tasks {
		ids = append(ids, task.TaskID)
	}
	years := 20 * 365 * 24 * time.Hour
	for i, change := range []struct {
		name     string
		before   func()
		settings []string
	}{
		{"a longer retention", nil, []string{"LEDGER_RETENTION=87600h"}},
		{"a shorter retention", nil, []string{"LEDGER_RETENTION=1ms", "AIRUDDER_POLL_AFTER_END=1ms"}},
		{"an earlier start of the export", nil, []string{"AIRUDDER_EXPORT_SINCE=2001-01-01T00:00:00Z"}},
		{"a later start of the export", nil, []string{"AIRUDDER_EXPORT_SINCE=" + time.Now().Add(years).Format(time.RFC3339)}},
		{"tasks named by hand", nil, []string{"AIRUDDER_TASK_IDS=" + strings.Join(ids, ",")}},
		{"tasks that call again", func() { w.reopen(ids) }, nil},
		{"AIRudder's clock far ahead", func() { w.Sim.SetNow(w.Sim.Now().Add(years)) }, nil},
		{"a consumer group", nil, []string{"KAFKA_ASSIGNMENT=group"}},
	} {
		if change.before != nil {
			change.before()
		}
		c := w.exporter(fmt.Sprintf("%d %s", i, change.name), change.settings...)
		read := w.Sim.Requests()[airuddersim.Detail]
		c.Start()
		rig.Eventually(w.T, "an exporter with "+change.name, rig.Patience, func() bool { return ledgerEntries(c) >= 0 })
		listed := w.Sim.Requests()[airuddersim.List]
		rig.Eventually(w.T, "lists that show the closed tasks", rig.Patience, func() bool { return w.Sim.Requests()[airuddersim.List] >= listed+3 })
		if n := w.Sim.Requests()[airuddersim.Detail] - read; n > 0 {
			w.T.Errorf("with %s: %d details of closed tasks were read", change.name, n)
		}
		if got := ledgerEntries(c); got != left {
			w.T.Errorf("with %s: got %d entries in memory, want %d", change.name, got, left)
		}
		c.Terminate()
	}
}

// reopen lets ended tasks call again, as far as the list and the detail show.
func (w *world) reopen(ids []string) {
	w.T.Helper()
	for _, id := range ids {
		if err := w.Sim.SetStatus(id, airuddersim.Calling); err != nil {
			w.T.Fatal(err)
		}
	}
}

// awaitShrunk waits until the cleaner has taken the entries of closed tasks, and
// then their tombstones, out of the topic.
func (w *world) awaitShrunk() {
	w.T.Helper()
	records := 0
	defer func() { w.T.Logf("the cleaner left %d records in the topic", records) }()
	rig.Eventually(w.T, "a topic without the entries of closed tasks", rig.Patience, func() bool {
		// A segment ends when something is written behind its time, as it is at
		// each restart.
		w.MustWrite(w.entryOf(0, "nothing of ours", "x"))
		calls := 0
		found := w.ReadAs(w.Topics.Ledger, w.StableEnds(w.Topics.Ledger), kgo.ReadCommitted())
		for _, r := range found {
			if strings.HasPrefix(string(r.Key), "call/") || strings.HasPrefix(string(r.Key), "row/") {
				calls++
			}
		}
		records = len(found)
		return calls == 0
	})
}

// checkOnce holds the events against the truth, and no more: the ledger of
// closed tasks has nothing to hold them against.
func (w *world) checkOnce() {
	w.T.Helper()
	proof := w.Sim.Truth().Check(w.Published())
	w.T.Log(rig.Sum(proof))
	if said := audit(w.auditor(), 0); said.Counts["ok"] != int64(proof.Events) {
		w.T.Errorf("an audit counts %v, and there are %d events", said.Counts, proof.Events)
	}
	if !proof.Holds() || proof.Events == 0 {
		w.T.Errorf("got %+v, want each call once", proof)
	}
}

// states are the task entries as the ledger showed them last.
type states struct {
	mu     sync.Mutex
	fields map[string]map[string]any // by key
}

// tasks begins to follow the task entries.
func (w *world) tasks() *states {
	s := &states{fields: map[string]map[string]any{}}
	w.Follow(w.Topics.Ledger, func(r *kgo.Record) {
		var fields map[string]any
		if strings.HasPrefix(string(r.Key), "task/") && json.Unmarshal(r.Value, &fields) == nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.fields[string(r.Key)] = fields
		}
	})
	return s
}

// are counts the tasks whose entry has a field.
func (s *states) are(field string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, fields := range s.fields {
		if fields[field] != nil {
			n++
		}
	}
	return n
}

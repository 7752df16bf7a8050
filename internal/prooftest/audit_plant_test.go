package prooftest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// planted is a task of which one thing is spoilt.
type planted struct {
	*world
	id     string
	events []*kgo.Record // by number
	seal   *kgo.Record
}

// entry is a record of the task's shard; an empty value is a tombstone.
func (p planted) entry(key, value string) *kgo.Record {
	return p.entryOf(rig.ShardOf(p.id, p.Shards), key+p.id+"/", value)
}

func (p planted) call(callID, value string) *kgo.Record {
	r := p.entry("call/", value)
	r.Key = append(r.Key, callID...)
	return r
}

// event is a copy of a task's event, as another call's or with another number.
func (p planted) event(n int, callID string, number int) *kgo.Record {
	from := p.events[n-1]
	r := &kgo.Record{Topic: from.Topic, Partition: from.Partition, Key: from.Key, Value: from.Value}
	for _, h := range from.Headers {
		switch {
		case h.Key == "ce_id" && callID != "":
			h.Value = []byte(p.id + "/" + callID + "/0")
		case h.Key == "ce_subject" && callID != "":
			h.Value = []byte(callID)
		case h.Key == "ce_sequence":
			h.Value = fmt.Append(nil, number)
		}
		r.Headers = append(r.Headers, h)
	}
	return r
}

func (p planted) callID(n int) string { return rig.Header(p.events[n-1], "ce_subject") }

// value is that of an entry, of the reading of the task's last event.
func (p planted) value(n int) string {
	at := rig.Header(p.events[len(p.events)-1], "ce_recordedtime")
	return fmt.Sprintf(`{"at":%q,"as":"event","n":%d,"row":"0000000000000000"}`, at, n)
}

const plantedRows = 10 // finished ones of each task

// plants are the faults, one of each class at least, by what is said of them.
var plants = []struct {
	class string
	call  func(p planted) string // empty: none is named
	plant func(p planted) []*kgo.Record
}{
	{"missing_event", func(planted) string { return "lost" }, func(p planted) []*kgo.Record {
		return []*kgo.Record{p.call("lost", p.value(11))}
	}},
	{"doubled_event", func(p planted) string { return p.callID(4) }, func(p planted) []*kgo.Record {
		return []*kgo.Record{p.event(4, "", 4)}
	}},
	{"event_without_entry", func(planted) string { return "strange" }, func(p planted) []*kgo.Record {
		return []*kgo.Record{p.event(4, "strange", 11)}
	}},
	{"event_without_entry", func(p planted) string { return p.callID(6) }, func(p planted) []*kgo.Record {
		return []*kgo.Record{p.call(p.callID(6), "")}
	}},
	{"number_missing", nil, func(p planted) []*kgo.Record {
		return []*kgo.Record{p.call("far", p.value(12)), p.event(10, "far", 12)}
	}},
	{"number_doubled", nil, func(p planted) []*kgo.Record {
		return []*kgo.Record{p.call("again", p.value(4)), p.event(4, "again", 4)}
	}},
	{"number_differs", func(planted) string { return "other" }, func(p planted) []*kgo.Record {
		return []*kgo.Record{p.call("other", p.value(11)), p.event(10, "other", 12)}
	}},
	{"seal_mismatch", nil, func(p planted) []*kgo.Record { return []*kgo.Record{p.seal} }},
	{"seal_mismatch", nil, func(p planted) []*kgo.Record {
		mark := p.entry("task/", "{}")
		mark.Key = mark.Key[:len(mark.Key)-1]
		return []*kgo.Record{mark}
	}},
	{"", nil, func(planted) []*kgo.Record { return nil }},
}

// TestAuditNamesWhatIsPlanted has tasks exported and sealed, and then a hand-written
// producer spoil each of them in another way: an audit names all of that, and no more, of
// all tasks and of each alone.
func TestAuditNamesWhatIsPlanted(t *testing.T) {
	t.Parallel()
	for _, variant := range []string{"plain", "revisions, privacy and several shards"} {
		t.Run(variant, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, airuddersim.Config{Seed: 95}, nil)
			var settings []string
			if variant != "plain" {
				w.Topics.Changes()
				settings = append(w.lender(), "KAFKA_LEDGER_PARTITIONS=3")
			}
			tasks := w.exportTasks(settings)
			auditor := w.auditor(settings...)
			if said := audit(auditor, 0); said.Counts["ok"] != int64(plantedRows*len(tasks)) || said.Seals != int64(len(tasks)) || said.found() != "" {
				t.Errorf("before anything is planted: %+v", said)
			}
			want := map[string]string{}
			for i, p := range tasks {
				w.MustWrite(plants[i].plant(p)...)
				if plants[i].class == "" {
					continue
				}
				want[p.id] = plants[i].class
				if plants[i].call != nil {
					want[p.id] += " " + plants[i].call(p)
				}
			}
			check := func(said audited, want map[string]string) {
				t.Helper()
				got := map[string]string{}
				for _, f := range said.Findings {
					got[f.TaskID] += strings.TrimSpace(f.Class + " " + f.CallID)
					for _, at := range f.Events {
						if id := rig.Header(w.at(at.Partition, at.Offset), "ce_subject"); id != f.CallID && !slices.Contains(f.Calls, id) {
							t.Errorf("%+v: there is %s", f, id)
						}
					}
					if f.Class == "doubled_event" && len(f.Events) != 2 {
						t.Errorf("%+v: want both places", f)
					}
				}
				if !maps.Equal(got, want) {
					t.Errorf("got %v\nwant %v\n%+v", got, want, said.Findings)
				}
			}
			check(audit(auditor, 1), want)
			for _, p := range tasks {
				of, code := map[string]string{}, 0
				if class, spoilt := want[p.id]; spoilt {
					of[p.id], code = class, 1
				}
				check(audit(auditor, code, "--task", p.id), of)
			}
			w.expire(auditor, settings)
		})
	}
}

// exportTasks has an exporter publish and seal a task for each fault.
func (w *world) exportTasks(settings []string) (tasks []planted) {
	w.T.Helper()
	for range plants {
		id := w.Sim.AddTask(airuddersim.TaskSpec{Status: airuddersim.Finished, Rows: airuddersim.FinishedRows(plantedRows)})
		tasks = append(tasks, planted{world: w, id: id})
	}
	w.exporter("one", settings...).Start()
	w.awaitEvents()
	w.settle()
	w.seal("sealing", settings...)
	for _, r := range w.Read(w.Topics.Events).Committed {
		i := slices.IndexFunc(tasks, func(p planted) bool { return strings.HasPrefix(rig.Header(r, "ce_id"), p.id+"/") })
		tasks[i].events = append(tasks[i].events, r)
	}
	for i := range tasks {
		slices.SortFunc(tasks[i].events, func(a, b *kgo.Record) int { return number(a) - number(b) })
	}
	for _, r := range w.Read(w.Topics.Status).Committed { // a seal is a task's last record
		i := slices.IndexFunc(tasks, func(p planted) bool { return string(r.Key) == p.id })
		tasks[i].seal = &kgo.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: r.Headers}
	}
	return tasks
}

func number(r *kgo.Record) (n int) {
	_, _ = fmt.Sscan(rig.Header(r, "ce_sequence"), &n)
	return n
}

// at is the event at a place.
func (w *world) at(partition int32, offset int64) *kgo.Record {
	w.T.Helper()
	all := w.Read(w.Topics.Events).Committed
	i := slices.IndexFunc(all, func(r *kgo.Record) bool { return r.Partition == partition && r.Offset == offset })
	if i < 0 {
		w.T.Fatalf("nothing is at %d@%d", partition, offset)
	}
	return all[i]
}

// expire deletes all events: none is missing any more, and what is published from now on
// would be.
func (w *world) expire(auditor *rig.Exporter, settings []string) {
	w.T.Helper()
	w.Truncate(w.Topics.Events, -1)
	said := audit(auditor, 1) // of what is left, the numbers and the seals
	for _, f := range said.Findings {
		if slices.Contains([]string{"missing_event", "doubled_event", "event_without_entry"}, f.Class) {
			w.T.Errorf("without any event: %+v", f)
		}
	}
	if said.Counts["ok"] != 0 || said.Counts["expired"] == 0 {
		w.T.Errorf("without any event: %v", said.Counts)
	}
	before := w.seen.count()
	w.exporter("after", settings...).Start()
	id := w.Sim.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling, Rows: append(airuddersim.FinishedRows(60), airuddersim.PendingRows(1)...)})
	rig.Eventually(w.T, "events after the deletion", rig.Patience, func() bool { return w.seen.count() >= before+60 })
	if _, err := w.Sim.FinishNext(id, 1); err != nil { // seen by a reading after the first event's
		w.T.Fatal(err)
	}
	rig.Eventually(w.T, "one more", rig.Patience, func() bool { return w.seen.count() > before+60 })
	p := planted{world: w, id: id, events: w.Read(w.Topics.Events).Committed}
	slices.SortFunc(p.events, func(a, b *kgo.Record) int { return number(a) - number(b) })
	w.MustWrite(p.call("late", p.value(62)))
	if said = audit(auditor, 1, "--task", id); len(said.Findings) != 1 || said.Findings[0].CallID != "late" || said.Counts["ok"] != 61 {
		text, _ := json.Marshal(said)
		w.T.Errorf("after the deletion: %s", text)
	}
}

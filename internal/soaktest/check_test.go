package soaktest

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/rig"
	"airudder-exporter/schemas"
)

// check holds all that was ever committed against the truth, and the order of
// it, which only a broker in memory knows.
func check(w *world, log []batch.Record) *rig.Evidence {
	e := &rig.Evidence{
		Truth:  w.Truth(),
		Topics: rig.Topics{Events: eventTopic, Status: statusTopic, Dead: deadTopic, Ledger: ledgerTopic},
		Shards: 1, Source: baseURL, PollMax: pollMax, ByTopic: map[string]rig.History{},
		Hidden: func(taskID string) bool { return w.everHidden[taskID] }, Settled: true, Ordered: true, Jumps: w.broker.jumps,
	}
	for i, r := range log {
		h := e.ByTopic[r.Topic]
		kept := &kgo.Record{Topic: r.Topic, Key: r.Key, Value: r.Value, Offset: int64(i)}
		for _, header := range r.Headers {
			kept.Headers = append(kept.Headers, kgo.RecordHeader(header))
		}
		e.ByTopic[r.Topic] = rig.History{Committed: append(h.Committed, kept), Parts: 1}
	}
	known := map[string]*avro.Schema{
		eventTopic:  avro.MustParse(schemas.CallCompleted()),
		statusTopic: avro.MustParse(schemas.TaskStatusChanged()),
		deadTopic:   avro.MustParse(schemas.DeadLetter()),
	}
	e.Decode(func(r *kgo.Record) (map[string]any, error) { return rig.Unframe(known[r.Topic], r.Value) })
	e.Judge()
	return e
}

// saw counts what there was to be seen.
func saw(e *rig.Evidence) map[string]int {
	did := map[string]int{"event": len(e.Calls)}
	twins, status := map[string]map[string]bool{}, map[string]string{}
	for _, call := range e.Calls {
		id := call.Text("call_id")
		if twins[id] == nil {
			twins[id] = map[string]bool{}
		}
		if twins[id][call.Text("task_id")] = true; len(twins[id]) == 2 {
			did["one CallID in two tasks"]++
		}
	}
	for _, letter := range e.Letters {
		if letter.Resolved() {
			did["dead letter resolved"]++
			continue
		}
		did["dead letter "+letter.Text("reason")]++
	}
	for _, change := range e.Changes {
		task, now := change.Text("task_id"), change.Text("status")
		switch seal, is := change.Seal(); {
		case !is:
			did["transition"]++
			if status[task] == airuddersim.Finished && now == airuddersim.Calling {
				did["finished task seen calling again"]++
			}
			status[task] = now
		case seal.Number("seal_number") > 1:
			did["seal once more"]++
			fallthrough
		default:
			did["seal"]++
		}
	}
	closed := map[string]bool{}
	for _, entry := range e.Entries {
		switch {
		case entry.Value == nil:
			did["tombstone"]++
		case entry.Kind == "task" && !entry.Time("closed_at").IsZero() && !closed[entry.TaskID]:
			closed[entry.TaskID] = true
			did["task closed"]++
		}
	}
	return did
}

// What is published in another order than it has to be is noticed, too.
func TestCheckerNotices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := soak(t, *seed, time.Hour)
		log := w.broker.Log()
		if problems := check(w, log).Problems; len(problems) > 0 {
			t.Fatalf("wrong before anything was spoilt: %s", problems[0].Text)
		}
		first := func(topic, holds string) int {
			return slices.IndexFunc(log, func(r batch.Record) bool {
				return r.Topic == topic && (bytes.Contains(r.Key, []byte(holds)) || bytes.Contains(r.Value, []byte(holds)))
			})
		}
		event, entry, state := first(eventTopic, ""), first(ledgerTopic, "call/"), first(ledgerTopic, `"sequence"`)
		change, closing := first(statusTopic, ""), first(ledgerTopic, `"closed_at"`)
		moved := func(from, to int) []batch.Record {
			return slices.Insert(slices.Delete(slices.Clone(log), from, from+1), to, log[from])
		}
		for name, spoilt := range map[string][]batch.Record{
			"an event less":                    slices.Delete(slices.Clone(log), event, event+1),
			"an event and its entry less":      slices.Delete(slices.Clone(log), event, event+2),
			"an event twice":                   slices.Insert(slices.Clone(log), event, log[event]),
			"an entry before its event":        moved(entry, event),
			"a task's entry before its status": moved(state, change),
			"an early tombstone":               slices.Insert(slices.Clone(log), entry+1, batch.Record{Topic: ledgerTopic, Key: log[entry].Key}),
			"a tombstone before the closing":   moved(closing, len(log)-1),
			"a call and its entry at the end":  slices.Concat(slices.Delete(slices.Clone(log), event, event+2), log[event:event+2]),
			"a status record after all others": moved(change, len(log)-1),
		} {
			if len(check(w, spoilt).Problems) == 0 {
				t.Errorf("%s: the checker finds nothing wrong", name)
			}
		}
	})
}

package rig

import (
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/airuddersim"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// TestCheckerNotices changes one thing after the other in what a good run left
// behind: the checker must find fault with each.
func TestCheckerNotices(t *testing.T) {
	t.Parallel()
	good := goodRun(t)
	if t.Failed() || len(good.Letters) != 1 || len(good.Changes) != 3 {
		t.Fatalf("the good run: got %d dead letters and %d status records, want 1 and 3", len(good.Letters), len(good.Changes))
	}
	for name, spoil := range mishaps() {
		bad := *good
		bad.Calls, bad.Changes, bad.Letters = copied(good.Calls), copied(good.Changes), copied(good.Letters)
		bad.Entries = slices.Clone(good.Entries)
		spoil(&bad)
		if bad.Judge(); len(bad.Problems) == 0 {
			t.Errorf("%s: the checker finds nothing wrong", name)
		}
	}
}

// goodRun is what an exporter leaves of a task that is sealed, with a dead
// letter and a call after its end among its rows.
func goodRun(t *testing.T) *Evidence {
	captured := NewCapture()
	w := NewWorld(OpenKafka(t), airuddersim.Config{Seed: 5}, captured.Wrap)
	id := w.Sim.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling, Rows: append(airuddersim.FinishedRows(5), airuddersim.PendingRows(3)...)})
	if err := w.Sim.SpoilRow(id, 1, airuddersim.NoCallID); err != nil {
		t.Fatal(err)
	}
	await := func(topic string, n int) {
		t.Helper()
		w.Consume(topic, func(*kgo.Record) bool { n--; return n > 0 })
	}
	one := NewExporter(t, "one", w.Environment())
	one.Start()
	await(w.Topics.Events, 4)
	if _, err := w.Sim.FinishNext(id, 1); err != nil {
		t.Fatal(err)
	}
	if err := w.Sim.SetStatus(id, airuddersim.Finished); err != nil {
		t.Fatal(err)
	}
	await(w.Topics.Events, 5)
	one.Terminate()
	sealing := NewExporter(t, "sealing", w.Environment("AIRUDDER_POLL_AFTER_END=10ms"))
	sealing.Start()
	await(w.Topics.Status, 3)
	sealing.Terminate()
	return w.Check(captured, nil)
}

// copied are records whose fields, headers and places can be changed.
func copied(records []Record) []Record {
	records = slices.Clone(records)
	for i, r := range records {
		own := *r.Record
		own.Headers = slices.Clone(own.Headers)
		records[i] = Record{&own, maps.Clone(r.Fields)}
	}
	return records
}

// mishaps are what the checker is there to notice.
func mishaps() map[string]func(*Evidence) {
	firstCall := func(e *Evidence) *Entry {
		i := slices.IndexFunc(e.Entries, func(c Entry) bool { return c.Kind == "call" && c.Text("as") == "event" })
		e.Entries[i].Value = maps.Clone(e.Entries[i].Value)
		return &e.Entries[i]
	}
	set := func(name string, value any) func(*Evidence) {
		return func(e *Evidence) { e.Calls[2].Fields[name] = value }
	}
	all := map[string]func(*Evidence){
		"an event is lost": func(e *Evidence) { e.Calls = e.Calls[1:] },
		"an event and its entry are lost": func(e *Evidence) {
			lost := e.Calls[0].Call()
			e.Calls = e.Calls[1:]
			e.Entries = slices.DeleteFunc(e.Entries, func(c Entry) bool { return c.call() == lost })
		},
		"an event comes twice": func(e *Evidence) { e.Calls = append(e.Calls, e.Calls[0]) },
		"an event of no call":  set("call_id", "0123456789abcdef0123456789abcdef"),
		"an entry is lost": func(e *Evidence) {
			e.Entries = slices.DeleteFunc(e.Entries, func(c Entry) bool { return c.Kind == "call" })
		},
		"an entry is taken back":     func(e *Evidence) { c := *firstCall(e); c.Value = nil; e.Entries = append(e.Entries, c) },
		"an entry comes twice":       func(e *Evidence) { e.Entries = append(e.Entries, *firstCall(e)) },
		"an entry of another time":   func(e *Evidence) { firstCall(e).Value["at"] = "2020-01-01T00:00:00.000Z" },
		"an entry says dead letter":  func(e *Evidence) { firstCall(e).Value["as"] = "dead_letter" },
		"an entry in another shard":  func(e *Evidence) { c := firstCall(e); r := *c.Record; r.Partition = 7; c.Record = &r },
		"an entry of another number": func(e *Evidence) { firstCall(e).Value["n"] = float64(2) },
		"a meta entry is lost": func(e *Evidence) {
			e.Entries = slices.DeleteFunc(e.Entries, func(c Entry) bool { return c.Kind == "meta" })
		},
		"a dead letter is lost":   func(e *Evidence) { e.Letters = nil },
		"a dead letter is cut":    func(e *Evidence) { e.Letters[0].Fields["raw"] = []byte("{") },
		"a dead letter's digest":  func(e *Evidence) { e.Letters[0].Fields["raw_sha256"] = "00" },
		"a dead letter's key":     func(e *Evidence) { e.Letters[0].Fields["key"] = "7" },
		"a dead letter too early": func(e *Evidence) { e.PollMax = time.Hour },
		"a dead letter before the end": func(e *Evidence) {
			e.Letters[0].Fields["observed_at"] = e.Changes[0].Time("observed_at").Add(time.Millisecond)
		},
		"a dead letter is resolved": func(e *Evidence) {
			l := Record{e.Letters[0].Record, maps.Clone(e.Letters[0].Fields)}
			l.Fields["resolved"], l.Fields["call_id"] = true, e.Calls[0].Text("call_id")
			e.Letters = append(e.Letters, l)
		},
		"a dead letter of an event": func(e *Evidence) {
			id := e.Calls[0].Text("call_id")
			e.Letters[0].Fields["call_id"], e.Letters[0].Fields["key"] = id, id
		},
		"a transition is lost":     func(e *Evidence) { e.Changes = e.Changes[1:] },
		"a transition comes twice": func(e *Evidence) { e.Changes = append(e.Changes, e.Changes[0]) },
		"a state that never was": func(e *Evidence) {
			e.Changes[1].Fields["status"], e.Changes[2].Fields["status"], e.Changes[2].Fields["previous_status"] = "paused", "paused", "paused"
		},
		"another previous status": func(e *Evidence) { e.Changes[1].Fields["previous_status"] = "created" },
		"a gap in the sequence":   func(e *Evidence) { e.Changes[2].Fields["sequence"] = int64(4) },
		"other counts":            func(e *Evidence) { e.Changes[1].Fields["rows"], e.Changes[1].Fields["rows_open"] = int64(9), int64(3) },
		"another name":            set("callee_name", "Nobody"),
		"a text in place of null": set("multi_intention", ""),
		"a number off by one":     set("ring_time", int64(-1)),
		"a time off by a millisecond": func(e *Evidence) {
			e.Calls[2].Fields["call_end_time"] = e.Calls[2].Time("call_end_time").Add(time.Millisecond)
		},
		"another time of the event": set("occurred_at", time.Unix(0, 0)),
		"another number":            set("task_sequence", int64(9)),
		"a number twice":            func(e *Evidence) { e.Calls[2].Fields["task_sequence"] = e.Calls[1].Fields["task_sequence"] },
		"a transition's count":      func(e *Evidence) { e.Changes[0].Fields["exported"] = int64(9) },
		"a transition's rest":       func(e *Evidence) { e.Changes[0].Fields["unexported"] = int64(-1) },
		"an account":                set("account", "another"),
		"a turn less":               set("asr_result", nil),
		"a duration":                set("duration_ms", nil),
		"a field that is not known": set("surprise", nil),
		"a field too many":          set("additional_fields", map[string]any{"x": "1"}),
		"another key":               func(e *Evidence) { e.Calls[0].Key = []byte("k") },
		"another partition":         func(e *Evidence) { e.Calls[0].Partition++ },
		"a header is lost":          func(e *Evidence) { e.Calls[0].Headers = e.Calls[0].Headers[1:] },
		"another ce_id": func(e *Evidence) {
			e.Calls[0].Headers[3] = kgo.RecordHeader{Key: "ce_id", Value: []byte("another")}
		},
	}
	maps.Copy(all, sealMishaps())
	return all
}

// sealMishaps are those of seals.
func sealMishaps() map[string]func(*Evidence) {
	seal := func(name string, value any) func(*Evidence) {
		return func(e *Evidence) {
			last := e.Changes[len(e.Changes)-1]
			of := maps.Clone(last.Fields["seal"].(map[string]any))
			of[name] = value
			last.Fields["seal"] = of
		}
	}
	return map[string]func(*Evidence){
		"a seal's number":  seal("seal_number", int64(2)),
		"a seal's count":   func(e *Evidence) { e.Changes[len(e.Changes)-1].Fields["exported"] = int64(4) },
		"a seal's digest":  seal("digest", digestOf(nil)),
		"a seal's topic":   seal("event_topic", "another"),
		"a seal's offsets": seal("event_offsets", []any{}),
		"a seal's low offsets": func(e *Evidence) {
			none := make([]any, e.ByTopic[e.Topics.Events].Parts)
			for i := range none {
				none[i] = int64(0)
			}
			seal("event_offsets", none)(e)
		},
	}
}

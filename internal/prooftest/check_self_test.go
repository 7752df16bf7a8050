package prooftest

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/airuddersim"
)

// TestCheckerNotices changes one thing after the other in what a good run left
// behind: the checker must find fault with each.
func TestCheckerNotices(t *testing.T) {
	t.Parallel()
	captured := newCapture()
	w := newWorld(t, airuddersim.Config{Seed: 5}, captured.wrap)
	id := w.sim.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling, Rows: append(airuddersim.FinishedRows(5), airuddersim.PendingRows(3)...)})
	if err := w.sim.SpoilRow(id, 1, airuddersim.NoCallID); err != nil {
		t.Fatal(err)
	}
	one := w.exporter("one")
	seen := w.watch(t)
	one.start()
	eventually(t, "four events", time.Minute, func() bool { return seen.count() == 4 })
	if _, err := w.sim.FinishNext(id, 1); err != nil {
		t.Fatal(err)
	}
	if err := w.sim.SetStatus(id, airuddersim.Finished); err != nil {
		t.Fatal(err)
	}
	eventually(t, "five events", time.Minute, func() bool { return seen.count() == 5 })
	one.terminate(grace)
	w.seal("sealing")
	good := w.check(captured)
	if t.Failed() || len(good.letters) != 1 || len(good.changes) != 3 {
		t.Fatalf("the good run: got %d dead letters and %d records of the status topic, want 1 and 3", len(good.letters), len(good.changes))
	}
	for name, spoil := range mishaps(w) {
		bad := &checker{w: w, truth: good.truth, byTopic: good.byTopic, captured: captured,
			calls: copied(good.calls), changes: copied(good.changes), letters: copied(good.letters), entries: slices.Clone(good.entries)}
		spoil(bad)
		if bad.judge(); len(bad.problems) == 0 {
			t.Errorf("%s: the checker finds nothing wrong", name)
		}
	}
}

// copied are records whose fields, headers and places can be changed.
func copied(records []record) []record {
	records = slices.Clone(records)
	for i, r := range records {
		own := *r.Record
		own.Headers = slices.Clone(own.Headers)
		records[i] = record{&own, maps.Clone(r.fields)}
	}
	return records
}

// mishaps are what the checker is there to notice.
func mishaps(w *world) map[string]func(*checker) {
	firstCall := func(c *checker) *entry {
		i := slices.IndexFunc(c.entries, func(e entry) bool { return e.kind == "call" && e.text("as") == "event" })
		c.entries[i].value = maps.Clone(c.entries[i].value)
		return &c.entries[i]
	}
	set := func(name string, value any) func(*checker) {
		return func(c *checker) { c.calls[2].fields[name] = value }
	}
	all := map[string]func(*checker){
		"an event is lost":     func(c *checker) { c.calls = c.calls[1:] },
		"an event comes twice": func(c *checker) { c.calls = append(c.calls, c.calls[0]) },
		"an event of no call":  set("call_id", "0123456789abcdef0123456789abcdef"),
		"an entry is lost": func(c *checker) {
			c.entries = slices.DeleteFunc(c.entries, func(e entry) bool { return e.kind == "call" })
		},
		"an entry comes twice":      func(c *checker) { c.entries = append(c.entries, *firstCall(c)) },
		"an entry of another time":  func(c *checker) { firstCall(c).value["at"] = "2020-01-01T00:00:00.000Z" },
		"an entry says dead letter": func(c *checker) { firstCall(c).value["as"] = "dead_letter" },
		"an entry in another shard": func(c *checker) { e := firstCall(c); r := *e.Record; r.Partition = 7; e.Record = &r },
		"an entry says late":        func(c *checker) { firstCall(c).value["late"] = true },
		"a meta entry is lost": func(c *checker) {
			c.entries = slices.DeleteFunc(c.entries, func(e entry) bool { return e.kind == "meta" })
		},
		"a dead letter is lost":    func(c *checker) { c.letters = nil },
		"a dead letter is cut":     func(c *checker) { c.letters[0].fields["raw"] = []byte("{") },
		"a dead letter's digest":   func(c *checker) { c.letters[0].fields["raw_sha256"] = "00" },
		"a transition is lost":     func(c *checker) { c.changes = c.changes[1:] },
		"a transition comes twice": func(c *checker) { c.changes = append(c.changes, c.changes[0]) },
		"a state that never was": func(c *checker) {
			c.changes[1].fields["status"], c.changes[2].fields["status"], c.changes[2].fields["previous_status"] = "paused", "paused", "paused"
		},
		"another previous status": func(c *checker) { c.changes[1].fields["previous_status"] = "created" },
		"a gap in the sequence":   func(c *checker) { c.changes[2].fields["sequence"] = int64(4) },
		"other counts":            func(c *checker) { c.changes[1].fields["rows"], c.changes[1].fields["rows_open"] = int64(9), int64(3) },
		"another name":            set("callee_name", "Nobody"),
		"a text in place of null": set("multi_intention", ""),
		"a number off by one":     set("ring_time", int64(-1)),
		"a time off by a millisecond": func(c *checker) {
			c.calls[2].fields["call_end_time"] = c.calls[2].time("call_end_time").Add(time.Millisecond)
		},
		"a turn less":               set("asr_result", nil),
		"a duration":                set("duration_ms", nil),
		"a field that is not known": set("surprise", nil),
		"a field too many":          set("additional_fields", map[string]any{"x": "1"}),
		"another key":               func(c *checker) { c.calls[0].Key = []byte("k") },
		"another partition":         func(c *checker) { c.calls[0].Partition++ },
		"a header is lost":          func(c *checker) { c.calls[0].Headers = c.calls[0].Headers[1:] },
		"another ce_id": func(c *checker) {
			c.calls[0].Headers[3] = kgo.RecordHeader{Key: "ce_id", Value: []byte(w.topics.events)}
		},
	}
	maps.Copy(all, sealMishaps())
	return all
}

// sealMishaps are those of seals.
func sealMishaps() map[string]func(*checker) {
	seal := func(name string, value any) func(*checker) {
		return func(c *checker) {
			last := c.changes[len(c.changes)-1]
			of := maps.Clone(last.fields["seal"].(map[string]any))
			of[name] = value
			last.fields["seal"] = of
		}
	}
	return map[string]func(*checker){
		"a seal's number":       seal("seal_number", int64(2)),
		"a seal's count":        seal("exported", int64(4)),
		"a seal's dead letters": seal("dead_lettered", int64(0)),
		"a seal's late calls":   seal("late", int64(3)),
		"a seal's digest":       seal("digest", digestOf(nil)),
		"a seal's rows":         seal("never_dialled", int64(7)),
	}
}

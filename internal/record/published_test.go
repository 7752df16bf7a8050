package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"slices"
	"strings"
	"testing"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/schemas"
)

func TestStatusChanged(t *testing.T) {
	task := sampleTask()
	seal := &ledger.Seal{Number: 2, Digest: strings.Repeat("ab", 32), Ends: []int64{311, 0}}
	p := ledger.Plan{Task: task, ObservedAt: observedAt(), Units: []ledger.Unit{{
		Changes: []ledger.StatusChange{
			{Sequence: 1, Status: "calling", Counts: call.Counts{Rows: 323, Finished: 300, Cancelled: 7}},
			{Sequence: 2, Previous: call.Some("calling"), Status: "finished",
				Counts:   call.Counts{Rows: 323, Finished: 311, Cancelled: 7},
				Exported: 310, Unexported: 1, Seal: seal},
			{Sequence: 3, Previous: call.Some(""), Status: ""},
		},
		Entries: []ledger.Entry{{Kind: ledger.KindTask, TaskID: task.ID,
			State: ledger.State{Status: "finished", Sequence: 3}}},
	}}}
	records, unit := only(t, newTestEncoder(t, EncoderConfig{}), p)
	if !reflect.DeepEqual(unit, p.Units[0]) {
		t.Errorf("unit %+v, want the plan's", unit)
	}
	if len(records) != 4 || records[3].Topic != "ledger" {
		t.Fatalf("%d records, want 3 changes and then an entry", len(records))
	}
	want := func(sequence int64, previous any, status string, rows, finished, cancelled, open, exported, unexported int64,
		seal any) map[string]any {
		return map[string]any{
			"account": nil, "exported": exported, "unexported": unexported,
			"task_id": task.ID, "task_name": task.Name.Value, "sequence": sequence, "previous_status": previous,
			"status":              status,
			"schedule_start_time": wantTime(task.ScheduleStart), "schedule_end_time": wantTime(task.ScheduleEnd),
			"rows": rows, "rows_finished": finished, "rows_cancelled": cancelled, "rows_open": open,
			"observed_at": wantTime(p.ObservedAt), "seal": seal,
		}
	}
	for i, want := range []map[string]any{
		want(1, nil, "calling", 323, 300, 7, 16, 0, 0, nil),
		want(2, "calling", "finished", 323, 311, 7, 5, 310, 1, map[string]any{
			"seal_number": int64(2), "digest": seal.Digest, "event_topic": "events", "event_offsets": []any{int64(311), int64(0)},
		}),
		want(3, "", "", 0, 0, 0, 0, 0, 0, nil),
	} {
		r := records[i]
		if r.Topic != "status" || string(r.Key) != task.ID {
			t.Errorf("change %d goes to %s under %q", i, r.Topic, r.Key)
		}
		same(t, decodeBy(t, schemas.TaskStatusChanged(), 2, r.Value), want)
	}
}

// topicLimits are topics' limits; the others have none.
type topicLimits map[string]int

func (l topicLimits) Limit(topic string) int    { return l[topic] }
func (l topicLimits) Fits([]batch.Record) error { return nil }

func limits(topic string, limit int) Limits { return topicLimits{topic: limit} }

// waits holds a unit to be as it was planned, without records, since its topic does
// not take it.
func waits(t *testing.T, got Encoded, planned ledger.Unit, topic string, limit int) {
	t.Helper()
	if len(got.Records) != 0 || !reflect.DeepEqual(got.Unit, planned) {
		t.Errorf("got %d records of %+v, want the planned unit to wait", len(got.Records), got.Unit)
	}
	if why := got.TooLarge; why == nil || why.Topic != topic || why.Limit != limit || why.Size <= limit {
		t.Errorf("it waits for %v, want the limit %d of %s", why, limit, topic)
	}
}

func TestStatusChangedTooLarge(t *testing.T) {
	task := sampleTask()
	task.Name = call.Some(strings.Repeat("n", 4000))
	p := ledger.Plan{Task: task, ObservedAt: observedAt(),
		Units: []ledger.Unit{{Changes: []ledger.StatusChange{{Sequence: 1, Status: "calling"}}}}}
	records, _ := only(t, newTestEncoder(t, EncoderConfig{Limits: limits("status", 2000)}), p)
	if size := batch.Needs(records[0].Size()); size > 2000 {
		t.Errorf("%d bytes, the topic takes 2000", size)
	}
	if got := decodeBy(t, schemas.TaskStatusChanged(), 2, records[0].Value)["task_name"]; got != nil {
		t.Errorf("task_name is %v, want null", got)
	}
	units, err := newTestEncoder(t, EncoderConfig{Limits: limits("status", 100)}).Plan(p)
	if err != nil {
		t.Fatal(err)
	}
	waits(t, units[0], p.Units[0], "status", 100)
}

// deadPlan is a plan of one dead letter.
func deadPlan(d ledger.Dead) ledger.Plan {
	task := sampleTask()
	e := ledger.Entry{Kind: ledger.KindCall, TaskID: task.ID, ID: d.CallID,
		Published: ledger.Published{At: observedAt(), As: ledger.DeadLetter}}
	if d.CallID == "" {
		e.Kind, e.ID = ledger.KindRow, d.RowKey
	}
	return ledger.Plan{Task: task, ObservedAt: observedAt(), Units: []ledger.Unit{{Dead: &d, Entries: []ledger.Entry{e}}}}
}

func TestDeadLetter(t *testing.T) {
	raw := []byte("{\"CallID\":\"\xff\x00")
	hash := sha256.Sum256(raw)
	reject := call.NewReject(call.InvalidUTF8, raw)
	reject.Detail, reject.CallID, reject.RowID = "not UTF-8", "c1", call.Some[int64](7)
	bare := call.NewReject(call.NoCallID, []byte{})
	bare.Raw = nil
	for _, c := range []struct {
		name string
		dead ledger.Dead
		want map[string]any
	}{
		{"whole", ledger.Dead{Reject: reject}, map[string]any{
			"key": "c1", "call_id": "c1", "row_id": int64(7), "reason": "invalid_utf8", "detail": "not UTF-8",
			"raw": raw, "raw_size": int64(len(raw)), "raw_sha256": hex.EncodeToString(hash[:]),
		}},
		{"bare", ledger.Dead{Reject: bare, RowKey: "sha256:0123456789abcdef"}, map[string]any{
			"key": "sha256:0123456789abcdef", "call_id": nil, "row_id": nil, "reason": "no_call_id", "detail": nil,
			"raw": nil, "raw_size": int64(0), "raw_sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := deadPlan(c.dead)
			records, unit := only(t, newTestEncoder(t, EncoderConfig{}), p)
			if !reflect.DeepEqual(unit, p.Units[0]) {
				t.Errorf("unit %+v, want the plan's", unit)
			}
			c.want["account"], c.want["resolved"] = nil, false
			c.want["task_id"], c.want["observed_at"] = p.Task.ID, wantTime(p.ObservedAt)
			same(t, decodeBy(t, schemas.DeadLetter(), 3, records[0].Value), c.want)
			if string(records[0].Key) != p.Task.ID || records[0].Topic != "dead" {
				t.Errorf("goes to %s under %q", records[0].Topic, records[0].Key)
			}
		})
	}
}

// TestDeadLetterCut: the raw row gives way until the record fits, its size and
// checksum stay those of the whole row.
func TestDeadLetterCut(t *testing.T) {
	raw := bytes.Repeat([]byte("0123456789abcdef"), 10000)
	reject := call.NewReject(call.BrokenJSON, raw)
	sum := sha256.Sum256(raw)
	p := deadPlan(ledger.Dead{Reject: reject, RowKey: "12"})
	for _, limit := range []int{0, 1 << 20, 66000, 65000, 8300, 8192, 1000, 700} {
		records, unit := only(t, newTestEncoder(t, EncoderConfig{Limits: limits("dead", limit)}), p)
		size := batch.Needs(records[0].Size())
		if limit > 0 && size > limit {
			t.Errorf("limit %d: the record has %d bytes", limit, size)
		}
		got := decodeBy(t, schemas.DeadLetter(), 3, records[0].Value)
		kept := got["raw"].([]byte)
		if !bytes.HasPrefix(raw, kept) || len(kept) > call.MaxRaw {
			t.Errorf("limit %d: raw is not the row's beginning", limit)
		}
		if full := len(kept) == call.MaxRaw; !full && limit-size > 8 {
			t.Errorf("limit %d: cut to %d bytes, %d more would fit", limit, size, limit-size)
		}
		if got["raw_size"] != int64(len(raw)) || got["raw_sha256"] != hex.EncodeToString(sum[:]) {
			t.Errorf("limit %d: raw_size %v, raw_sha256 %v", limit, got["raw_size"], got["raw_sha256"])
		}
		if len(unit.Dead.Raw) != call.MaxRaw {
			t.Errorf("limit %d: the plan's reject was cut", limit)
		}
	}
	units, err := newTestEncoder(t, EncoderConfig{Limits: limits("dead", 300)}).Plan(p)
	if err != nil {
		t.Fatal(err)
	}
	waits(t, units[0], p.Units[0], "dead", 300)
}

// TestTooLarge: a call whose event above EventSize its topic does not take is
// published as a dead letter of the same identity, and its unit says so.
func TestTooLarge(t *testing.T) {
	big, small := sampleRow(), sampleRow()
	big.Raw = bytes.Repeat([]byte("x"), 2_000_000)
	big.AsrResult = []call.Turn{{Text: call.Some(strings.Repeat("t", EventSize+1))}}
	small.CallID = "small"
	p := ledger.Plan{Task: sampleTask(), ObservedAt: observedAt()}
	bigUnit := callUnit(p, &big)
	p.Units = []ledger.Unit{callUnit(p, &small), bigUnit, callUnit(p, &small)}
	before := slices.Clone(p.Units)
	given := topicLimits{"events": batch.MaxMessageBytes - 40_000, "dead": 2000}
	units, err := newTestEncoder(t, EncoderConfig{Limits: given}).Plan(p)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(p.Units, before) {
		t.Error("the plan was changed")
	}
	for n, i := range []int{0, 2} { // what does not fit takes no number
		if u := units[i]; !reflect.DeepEqual(u.Unit, p.Units[i].Number(int64(n+1))) || u.TooLarge != nil || u.Records[0].Topic != "events" {
			t.Errorf("unit %d, which fits, was changed: %+v", i, u.Unit)
		}
	}
	u := units[1]
	if u.Call != nil || u.Dead == nil || u.Dead.Reason != call.TooLarge || len(u.Entries) != 1 || u.TooLarge == nil {
		t.Fatalf("unit %+v, want a dead letter", u)
	}
	if e := u.Entries[0]; e.ID != big.CallID || e.Kind != ledger.KindCall || e.Published.As != ledger.DeadLetter ||
		e.Published.N != 0 || e.Published.Limit == 0 {
		t.Errorf("entry %+v", e)
	}
	records := u.Records
	if len(records) != 2 || records[0].Topic != "dead" || records[1].Topic != "ledger" || records[0].Size() > 2000 {
		t.Fatalf("records %v", records)
	}
	if !bytes.Contains(records[1].Value, []byte(`"as":"dead_letter"`)) {
		t.Errorf("ledger value %s", records[1].Value)
	}
	got := decodeBy(t, schemas.DeadLetter(), 3, records[0].Value)
	if got["call_id"] != big.CallID || got["row_id"] != big.ID.Value || got["reason"] != "too_large" ||
		got["raw_size"] != int64(2_000_000) {
		t.Errorf("dead letter %v", got)
	}
	if id := header(records[0], "ce_id"); id != p.Task.ID+"/dead/"+big.CallID {
		t.Errorf("ce_id %q", id)
	}
	if records, _ := only(t, newTestEncoder(t, EncoderConfig{Limits: limits("events", 2*batch.MaxMessageBytes)}),
		ledger.Plan{Task: p.Task, ObservedAt: p.ObservedAt, Units: []ledger.Unit{bigUnit}}); records[0].Topic != "events" {
		t.Error("an event above EventSize that its topic takes is given up")
	}
}

// TestSmallEventWaits: an event of up to EventSize is never given up, however little
// its topic takes, and fits into one that is set as it should be.
func TestSmallEventWaits(t *testing.T) {
	row := sampleRow()
	row.Raw = []byte("raw")
	p := planOf(sampleTask(), &row)
	sized := func(n int) {
		row.CallNotes = call.Some("")
		records, _ := only(t, newTestEncoder(t, EncoderConfig{}), p)
		row.CallNotes = call.Some(strings.Repeat("n", n-records[0].Size()))
		for {
			records, _ = only(t, newTestEncoder(t, EncoderConfig{}), p)
			over := records[0].Size() - n
			if over == 0 {
				return
			}
			row.CallNotes.Value = row.CallNotes.Value[:len(row.CallNotes.Value)-over]
		}
	}
	for _, size := range []int{5000, 31_402, EventSize} {
		sized(size)
		for _, limit := range []int{1, 1000, batch.Needs(size) - 1} {
			units, err := newTestEncoder(t, EncoderConfig{Limits: limits("events", limit)}).Plan(p)
			if err != nil {
				t.Fatal(err)
			}
			waits(t, units[0], p.Units[0], "events", limit)
		}
		for _, limit := range []int{batch.Needs(size), 1 << 20, batch.MaxMessageBytes} {
			records, _ := only(t, newTestEncoder(t, EncoderConfig{Limits: limits("events", limit)}), p)
			if records[0].Topic != "events" {
				t.Errorf("an event of %d bytes is not published where %d are taken", size, limit)
			}
		}
	}
	sized(EventSize + 1)
	records, unit := only(t, newTestEncoder(t, EncoderConfig{Limits: limits("events", 1000)}), p)
	if records[0].Topic != "dead" || unit.Dead == nil {
		t.Error("an event above EventSize that its topic does not take is no dead letter")
	}
}

func TestEmptyPlan(t *testing.T) {
	units, err := newTestEncoder(t, EncoderConfig{}).Plan(ledger.Plan{Task: call.Task{ID: "t"}})
	if len(units) != 0 || err != nil {
		t.Errorf("%v, %v; want nothing", units, err)
	}
}

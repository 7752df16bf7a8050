package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"slices"
	"strings"
	"testing"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/schemas"
)

func TestStatusChanged(t *testing.T) {
	task := sampleTask()
	seal := &ledger.Seal{Number: 2, Exported: 310, Cancelled: 7, NeverDialled: 5, DeadLettered: 1, Late: 3,
		Digest: strings.Repeat("ab", 32)}
	p := ledger.Plan{Task: task, ObservedAt: observedAt(), Units: []ledger.Unit{{
		Changes: []ledger.StatusChange{
			{Sequence: 1, Status: "calling", Counts: call.Counts{Rows: 323, Finished: 300, Cancelled: 7}},
			{Sequence: 2, Previous: call.Some("calling"), Status: "finished",
				Counts: call.Counts{Rows: 323, Finished: 311, Cancelled: 7}, Seal: seal},
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
	want := func(sequence int64, previous any, status string, rows, finished, cancelled, open int64,
		seal any) map[string]any {
		return map[string]any{
			"task_id": task.ID, "task_name": task.Name.Value, "sequence": sequence, "previous_status": previous,
			"status":              status,
			"schedule_start_time": wantTime(task.ScheduleStart), "schedule_end_time": wantTime(task.ScheduleEnd),
			"rows": rows, "rows_finished": finished, "rows_cancelled": cancelled, "rows_open": open,
			"observed_at": wantTime(p.ObservedAt), "seal": seal,
		}
	}
	for i, want := range []map[string]any{
		want(1, nil, "calling", 323, 300, 7, 16, nil),
		want(2, "calling", "finished", 323, 311, 7, 5, map[string]any{
			"seal_number": int64(2), "exported": int64(310), "cancelled": int64(7), "never_dialled": int64(5),
			"dead_lettered": int64(1), "late": int64(3), "digest": seal.Digest,
		}),
		want(3, "", "", 0, 0, 0, 0, nil),
	} {
		r := records[i]
		if r.Topic != "status" || string(r.Key) != task.ID {
			t.Errorf("change %d goes to %s under %q", i, r.Topic, r.Key)
		}
		same(t, decodeBy(t, schemas.TaskStatusChanged(), 2, r.Value), want)
	}
}

func TestStatusChangedTooLarge(t *testing.T) {
	task := sampleTask()
	task.Name = call.Some(strings.Repeat("n", 4000))
	p := ledger.Plan{Task: task, ObservedAt: observedAt(),
		Units: []ledger.Unit{{Changes: []ledger.StatusChange{{Sequence: 1, Status: "calling"}}}}}
	records, _ := only(t, newTestEncoder(t, EncoderConfig{Limits: Limits{TaskStatus: 2000}}), p)
	if size := records[0].Size(); size > 2000 {
		t.Errorf("%d bytes, the topic takes 2000", size)
	}
	if got := decodeBy(t, schemas.TaskStatusChanged(), 2, records[0].Value)["task_name"]; got != nil {
		t.Errorf("task_name is %v, want null", got)
	}
	if _, err := newTestEncoder(t, EncoderConfig{Limits: Limits{TaskStatus: 100}}).Plan(p); err == nil {
		t.Error("no error where even the bare transition does not fit")
	}
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
			"call_id": "c1", "row_id": int64(7), "reason": "invalid_utf8", "detail": "not UTF-8",
			"raw": raw, "raw_size": int64(len(raw)), "raw_sha256": hex.EncodeToString(hash[:]),
		}},
		{"bare", ledger.Dead{Reject: bare, RowKey: "sha256:0123456789abcdef"}, map[string]any{
			"call_id": nil, "row_id": nil, "reason": "no_call_id", "detail": nil,
			"raw": nil, "raw_size": int64(0), "raw_sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := deadPlan(c.dead)
			records, unit := only(t, newTestEncoder(t, EncoderConfig{}), p)
			if !reflect.DeepEqual(unit, p.Units[0]) {
				t.Errorf("unit %+v, want the plan's", unit)
			}
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
		records, unit := only(t, newTestEncoder(t, EncoderConfig{Limits: Limits{DeadLetter: limit}}), p)
		size := records[0].Size()
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
	if _, err := newTestEncoder(t, EncoderConfig{Limits: Limits{DeadLetter: 300}}).Plan(p); err == nil {
		t.Error("no error where not even an empty row fits")
	}
}

// TestTooLarge: a call whose event does not fit is published as a dead letter
// of the same identity, and its unit says so.
func TestTooLarge(t *testing.T) {
	big, small := sampleRow(), sampleRow()
	big.Raw = bytes.Repeat([]byte("x"), 100000)
	big.AsrResult = []call.Turn{{Text: call.Some(strings.Repeat("t", 5000))}}
	small.CallID = "small"
	p := ledger.Plan{Task: sampleTask(), ObservedAt: observedAt()}
	bigUnit := callUnit(p, &big)
	bigUnit.Entries[0].Published.Late = true
	p.Units = []ledger.Unit{callUnit(p, &small), bigUnit, callUnit(p, &small)}
	before := slices.Clone(p.Units)

	units, err := newTestEncoder(t, EncoderConfig{Limits: Limits{CallCompleted: 4000, DeadLetter: 2000}}).Plan(p)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(p.Units, before) {
		t.Error("the plan was changed")
	}
	if !reflect.DeepEqual(units[0].Unit, p.Units[0]) || !reflect.DeepEqual(units[2].Unit, p.Units[2]) {
		t.Error("units that fit were changed")
	}
	u := units[1]
	if u.Call != nil || u.Dead == nil || u.Dead.Reason != call.TooLarge || len(u.Entries) != 1 {
		t.Fatalf("unit %+v, want a dead letter", u)
	}
	if e := u.Entries[0]; e.ID != big.CallID || e.Kind != ledger.KindCall || e.Published.As != ledger.DeadLetter ||
		e.Published.Late {
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
		got["raw_size"] != int64(100000) {
		t.Errorf("dead letter %v", got)
	}
	if id := header(records[0], "ce_id"); id != p.Task.ID+"/"+big.CallID {
		t.Errorf("ce_id %q", id)
	}
	for _, i := range []int{0, 2} {
		if first := units[i].Records[0]; first.Topic != "events" || first.Size() > 4000 {
			t.Errorf("unit %d: %v", i, units[i].Records)
		}
	}
}

// TestPlanErrors: an error names the task, never a value.
func TestPlanErrors(t *testing.T) {
	d := ledger.Dead{Reject: call.NewReject(call.BrokenJSON, []byte("SECRET"))}
	d.Detail, d.CallID = strings.Repeat("d", 1000), "c1"
	_, err := newTestEncoder(t, EncoderConfig{Limits: Limits{DeadLetter: 500}}).Plan(deadPlan(d))
	if err == nil || !strings.Contains(err.Error(), sampleTask().ID) || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("error %v", err)
	}
}

func TestEmptyPlan(t *testing.T) {
	units, err := newTestEncoder(t, EncoderConfig{}).Plan(ledger.Plan{Task: call.Task{ID: "t"}})
	if len(units) != 0 || err != nil {
		t.Errorf("%v, %v; want nothing", units, err)
	}
}

package record

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/schemas"
)

// TestGolden holds the event of the API's documented sample against files: its
// fields as JSON, and its bytes, which may not change for the same row.
func TestGolden(t *testing.T) {
	row := sampleRow()
	p := planOf(sampleTask(), &row)
	records, _ := only(t, newTestEncoder(t, EncoderConfig{}), p)
	value := records[0].Value

	got := decodeBy(t, schemas.CallCompleted(), 1, value)
	same(t, got, wantCall(p.Task, row, p.ObservedAt))
	readable, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/sample_call_completed.json", append(readable, '\n'))
	golden(t, "testdata/sample_call_completed.hex", hexLines(value))
}

// TestBranches encodes every optional field null and set, in one Encoder, so
// that nothing of one record is left in the next.
func TestBranches(t *testing.T) {
	e := newTestEncoder(t, EncoderConfig{})
	full := sampleRow()
	full.MultiIntention = call.Some(`[{"a":1}]`)
	full.Additional = map[string]string{"NewField": `{"x":[1,2]}`, "another": "null"}
	empty := call.Row{CallID: "c0ffee", Status: call.Finished}
	blank := empty
	blank.AsrResult, blank.Redials = []call.Turn{}, []call.Redial{}
	blank.EventLabel, blank.NerSlots, blank.Additional = map[string]string{}, map[string]string{}, map[string]string{}
	blank.Comments, blank.RingTime = call.Some(""), call.Some[int64](0)
	hollow := blank
	hollow.AsrResult, hollow.Redials = make([]call.Turn, 3), make([]call.Redial, 2)
	backwards := full
	backwards.CallStart, backwards.CallEnd = full.CallEnd, full.CallStart
	unended := full
	unended.CallEnd = time.Time{}
	ancient := full
	ancient.CallStart = time.Date(1969, 12, 31, 23, 59, 59, 1000000, time.UTC)

	for _, task := range []call.Task{sampleTask(), {ID: "bare"}} {
		for _, row := range []call.Row{full, empty, full, blank, hollow, empty, backwards, unended, ancient, full, full} {
			p := planOf(task, &row)
			records, _ := only(t, e, p)
			same(t, decodeBy(t, schemas.CallCompleted(), 1, records[0].Value), wantCall(task, row, p.ObservedAt))
		}
	}
}

// TestAdditional: the row's names stand as they are, the task's step aside.
func TestAdditional(t *testing.T) {
	for _, c := range []struct{ task, row, want map[string]string }{
		{nil, nil, nil},
		{map[string]string{}, nil, map[string]string{}},
		{nil, map[string]string{}, map[string]string{}},
		{map[string]string{"A": "1"}, nil, map[string]string{"A": "1"}},
		{nil, map[string]string{"A": "2"}, map[string]string{"A": "2"}},
		{map[string]string{"A": "1", "B": "2"}, map[string]string{"A": "3", "C": "4"},
			map[string]string{"A": "3", "B": "2", "C": "4", "data.A": "1"}},
		{map[string]string{"A": "1", "data.A": "2"}, map[string]string{"A": "3"},
			map[string]string{"A": "3", "data.A": "1", "data.data.A": "2"}},
		{map[string]string{"A": "1"}, map[string]string{"A": "2", "data.A": "3"},
			map[string]string{"A": "2", "data.A": "3", "data.data.A": "1"}},
	} {
		task, row := sampleTask(), sampleRow()
		task.Additional, row.Additional = c.task, c.row
		records, _ := only(t, newTestEncoder(t, EncoderConfig{}), planOf(task, &row))
		got := decodeBy(t, schemas.CallCompleted(), 1, records[0].Value)["additional_fields"]
		if want := wantMap(c.want); !reflect.DeepEqual(got, want) {
			t.Errorf("task %v and row %v give %v, want %v", c.task, c.row, got, want)
		}
	}
}

// TestSameBytes: the same row gives the same bytes, and what was handed out
// stays as it was.
func TestSameBytes(t *testing.T) {
	e := newTestEncoder(t, EncoderConfig{})
	p := benchPlan(300)
	first, err := e.Plan(p)
	if err != nil {
		t.Fatal(err)
	}
	copied := clone(first)
	second, err := e.Plan(p)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(first, copied) {
		t.Error("records changed after a second plan was encoded")
	}
	if !reflect.DeepEqual(first, second) {
		t.Error("the same plan gives other bytes the second time")
	}
}

func clone(units []Encoded) (all []Encoded) {
	for _, u := range units {
		own := Encoded{Unit: u.Unit}
		for _, r := range u.Records {
			c := batch.Record{Topic: r.Topic, Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value)}
			for _, h := range r.Headers {
				c.Headers = append(c.Headers, batch.Header{Key: h.Key, Value: bytes.Clone(h.Value)})
			}
			own.Records = append(own.Records, c)
		}
		all = append(all, own)
	}
	return all
}

// What became of an event is encoded as the event is, behind the revision's number.
func TestRevised(t *testing.T) {
	topics := testTopics()
	topics.CallRevised, topics.CallPrivate = "revised", "private"
	e := newTestEncoder(t, EncoderConfig{
		Topics: topics, IDs: IDs{CallCompleted: 1, TaskStatus: 2, DeadLetter: 3, CallPrivate: 4, CallRevised: 5},
		Privacy: chosen(t, "lender"),
	})
	row := sampleRow()
	event, err := e.Plan(planOf(sampleTask(), &row))
	if err != nil {
		t.Fatal(err)
	}
	changed := planOf(sampleTask(), &row)
	changed.Units[0].Call, changed.Units[0].Revised = nil, &ledger.Revised{Row: &row, Revision: 3, N: 1}
	again, err := e.Plan(changed)
	if err != nil {
		t.Fatal(err)
	}
	first, revised := event[0].Records, again[0].Records
	if len(revised) != 3 || revised[0].Topic != "revised" || revised[1].Topic != "private" || revised[2].Topic != "ledger" {
		t.Fatalf("records %v", revised)
	}
	got := decodeBy(t, schemas.CallRevised(), 5, revised[0].Value)
	if got["revision"] != int64(3) || !reflect.DeepEqual(got["call"], decodeBy(t, schemas.CallCompleted(), 1, first[0].Value)) {
		t.Errorf("got %v", got)
	}
	if got := decodeBy(t, schemas.CallPrivate(), 4, revised[1].Value); got["revision"] != int64(3) {
		t.Errorf("what is apart is of revision %v", got["revision"])
	}
	for i, r := range revised[:2] {
		if !bytes.Equal(r.Key, first[i].Key) {
			t.Errorf("%s: key %q, want %q", r.Topic, r.Key, first[i].Key)
		}
	}
	id := sampleTask().ID + "/" + row.CallID + "/3"
	for i, want := range []map[string]string{
		{"ce_id": id, "ce_type": "airudder.call.revised", "ce_sequence": "1"},
		{"ce_id": id + "/private", "ce_type": "airudder.call.private", "ce_sequence": "1"},
	} {
		for name, value := range want {
			if got := header(revised[i], name); got != value {
				t.Errorf("%s: %s is %q, want %q", revised[i].Topic, name, got, value)
			}
		}
	}
}

// A revision that its topic does not take leaves its unit without records.
func TestRevisedTooLarge(t *testing.T) {
	topics := testTopics()
	topics.CallRevised = "revised"
	e := newTestEncoder(t, EncoderConfig{Topics: topics, Limits: topicLimits{"revised": 500}})
	row := sampleRow()
	plan := planOf(sampleTask(), &row)
	plan.Units[0].Call, plan.Units[0].Revised = nil, &ledger.Revised{Row: &row, Revision: 1, N: 1}
	units, err := e.Plan(plan)
	if err != nil || len(units[0].Records) > 0 || units[0].TooLarge == nil || units[0].TooLarge.Topic != "revised" {
		t.Errorf("got %+v, %v", units, err)
	}
}

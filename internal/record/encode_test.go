package record

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
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

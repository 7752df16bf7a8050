package record

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

func header(r batch.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return "<none>"
}

// TestHeaders holds each kind's headers against CloudEvents' binary mode.
func TestHeaders(t *testing.T) {
	e := newTestEncoder(t, EncoderConfig{BaseURL: "https://user:secret@api.example.com/x/?q=1", LedgerID: "id-1"})
	row := sampleRow()
	p := planOf(sampleTask(), &row)
	task := p.Task.ID
	p.Units = append(p.Units,
		ledger.Unit{Changes: []ledger.StatusChange{{Sequence: 12, Status: "paused"}}},
		deadPlan(ledger.Dead{Reject: call.Reject{CallID: "c9"}}).Units[0],
		deadPlan(ledger.Dead{RowKey: "4711"}).Units[0],
		ledger.Unit{Entries: []ledger.Entry{{Kind: ledger.KindCall, TaskID: task, ID: "gone", Tombstone: true}}},
	)
	units, err := e.Plan(p)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct{ kind, id, subject string }{
		{"airudder.call.completed", task + "/" + row.CallID + "/0", row.CallID},
		{"airudder.task.status-changed", task + "/12", task},
		{"airudder.call.dead-letter", task + "/c9", "c9"},
		{"airudder.call.dead-letter", task + "/4711", task},
	} {
		got := units[i].Records[0].Headers
		want := []batch.Header{
			{Key: "ce_specversion", Value: []byte("1.0")},
			{Key: "ce_type", Value: []byte(want.kind)},
			{Key: "ce_source", Value: []byte("https://api.example.com/x/tasks/" + task)},
			{Key: "ce_id", Value: []byte(want.id)},
			{Key: "ce_subject", Value: []byte(want.subject)},
			{Key: "ce_time", Value: []byte("2023-10-18T23:20:21.123Z")},
			{Key: "content-type", Value: []byte("application/avro")},
			{Key: "airudder_ledger_id", Value: []byte("id-1")},
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("unit %d has the headers\n%s, want\n%s", i, got, want)
		}
	}
	tombstone := units[4].Records[0]
	if tombstone.Value != nil || string(tombstone.Key) != "call/"+task+"/gone" || tombstone.Topic != "ledger" ||
		tombstone.Headers != nil {
		t.Errorf("tombstone %+v", tombstone)
	}
	if entry := units[0].Records[1]; entry.Headers != nil || string(entry.Key) != "call/"+task+"/"+row.CallID ||
		!json.Valid(entry.Value) {
		t.Errorf("ledger entry %s = %s", entry.Key, entry.Value)
	}
}

func TestEventKey(t *testing.T) {
	set, bare := sampleRow(), call.Row{CallID: "bare", Status: call.Finished}
	blank := sampleRow()
	blank.CallID, blank.CalleeNumber, blank.Comments = "blank", call.Some(""), call.Some("")
	for _, c := range []struct {
		key  string
		row  call.Row
		want string
	}{
		{"", set, set.CallID},
		{"call_id", set, set.CallID},
		{"task_id", set, sampleTask().ID},
		{"callee_number", set, "+6212345678"},
		{"callee_number", blank, "blank"},
		{"callee_number", bare, "bare"},
		{"comments", set, "C12345567"},
		{"comments", blank, "blank"},
		{"comments", bare, "bare"},
	} {
		records, _ := only(t, newTestEncoder(t, EncoderConfig{EventKey: EventKey(c.key)}), planOf(sampleTask(), &c.row))
		if got := string(records[0].Key); got != c.want {
			t.Errorf("%s of %s: key %q, want %q", c.key, c.row.CallID, got, c.want)
		}
	}
	if _, err := NewEncoder(EncoderConfig{EventKey: "phone"}); err == nil ||
		!strings.Contains(err.Error(), "callee_number") {
		t.Errorf("event key phone: error %v, want one that says what there is", err)
	}
}

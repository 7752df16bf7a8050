package record

import (
	"encoding/json"
	"reflect"
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
		ledger.Unit{Resolved: []ledger.Resolution{{Key: "4711", CallID: "c8"}}},
		ledger.Unit{Entries: []ledger.Entry{{Kind: ledger.KindCall, TaskID: task, ID: "gone", Tombstone: true}}},
	)
	units, err := e.Plan(p)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct{ kind, id, subject string }{
		{"airudder.call.completed", task + "/" + row.CallID + "/0", row.CallID},
		{"airudder.task.status-changed", task + "/status/12", task},
		{"airudder.call.dead-letter", task + "/dead/c9", "c9"},
		{"airudder.call.dead-letter", task + "/dead/4711", task},
		{"airudder.call.dead-letter", task + "/dead/4711/resolved", "c8"},
	} {
		got := units[i].Records[0].Headers
		want := []batch.Header{
			{Key: "ce_specversion", Value: []byte("1.0")},
			{Key: "ce_type", Value: []byte(want.kind)},
			{Key: "ce_source", Value: []byte("https://api.example.com/x/tasks/" + task)},
			{Key: "ce_id", Value: []byte(want.id)},
			{Key: "ce_subject", Value: []byte(want.subject)},
			{Key: "ce_time", Value: []byte("2023-10-18T23:20:21.123Z")},
			{Key: "ce_recordedtime", Value: []byte("2023-10-18T23:20:21.123Z")},
			{Key: "content-type", Value: []byte("application/avro")},
			{Key: "airudder_ledger_id", Value: []byte("id-1")},
		}
		if i == 0 {
			want[5].Value = []byte(row.CallEnd.UTC().Format(timeLayout))
			want = append(want, batch.Header{Key: "ce_sequence", Value: []byte("1")})
			want = append(want, batch.Header{Key: "airudder_privacy", Value: []byte("open/e3b0c44298fc1c14")})
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("unit %d has the headers\n%s, want\n%s", i, got, want)
		}
	}
	tombstone := units[5].Records[0]
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
	task := sampleTask().ID
	for _, c := range []struct {
		key  string
		row  call.Row
		want string
	}{
		{"", set, task + "/15744007"},
		{"row", set, task + "/15744007"},
		{"row", bare, task + "/bare"},
		{"call", set, task + "/" + set.CallID},
		{"task_id", set, task},
		{"callee_number", set, "+6212345678"},
		{"callee_number", blank, task + "/blank"},
		{"callee_number", bare, task + "/bare"},
		{"comments", set, "C12345567"},
		{"comments", blank, task + "/blank"},
		{"comments", bare, task + "/bare"},
	} {
		records, _ := only(t, newTestEncoder(t, EncoderConfig{EventKey: EventKey(c.key)}), planOf(sampleTask(), &c.row))
		if got := string(records[0].Key); got != c.want {
			t.Errorf("%s of %s: key %q, want %q", c.key, c.row.CallID, got, c.want)
		}
	}
	for key, want := range map[EventKey]string{
		"phone":   `EventKey: "phone" is not an event key: give row, call, task_id, callee_number or comments`,
		"call_id": `EventKey: "call_id" is no longer an event key: give call, whose keys are <TaskID>/<CallID>, since two tasks may show one CallID`,
	} {
		if _, err := NewEncoder(EncoderConfig{EventKey: key}); err == nil || err.Error() != want {
			t.Errorf("event key %s: got %v, want %s", key, err, want)
		}
	}
}

// A slash in a TaskID is escaped where something follows it.
func TestEventKeyEscapes(t *testing.T) {
	odd := sampleTask()
	odd.ID = "50%/a"
	row := sampleRow()
	for key, want := range map[EventKey]string{
		KeyRow: "50%25%2Fa/15744007", KeyCall: "50%25%2Fa/" + row.CallID, KeyTaskID: "50%/a",
	} {
		records, _ := only(t, newTestEncoder(t, EncoderConfig{EventKey: key}), planOf(odd, &row))
		if got := string(records[0].Key); got != want {
			t.Errorf("%s: key %q, want %q", key, got, want)
		}
	}
}

// An account has a header, and a part in ce_source.
func TestAccount(t *testing.T) {
	row := sampleRow()
	records, _ := only(t, newTestEncoder(t, EncoderConfig{BaseURL: "https://api.example.com", Account: "id-1"}), planOf(sampleTask(), &row))
	for name, want := range map[string]string{
		"airudder_account": "id-1", "ce_source": "https://api.example.com/accounts/id-1/tasks/" + sampleTask().ID,
	} {
		if got := header(records[0], name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

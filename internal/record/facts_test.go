package record

import (
	"crypto/sha256"
	"encoding/binary"
	"reflect"
	"testing"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// TestFact holds what is read of published records against what the plan was
// that published them.
func TestFact(t *testing.T) {
	d, _ := newTestDecoder(t)
	e := newTestEncoder(t, EncoderConfig{})
	row := sampleRow()
	seal := ledger.StatusChange{Sequence: 4, Previous: call.Some("finished"), Status: "finished",
		Counts:   call.Counts{Rows: 3, Finished: 1, Cancelled: 1},
		Exported: 5, Unexported: 2, Seal: &ledger.Seal{Number: 2, Digest: "ab", Ends: []int64{3}}}
	first := ledger.StatusChange{Sequence: 1, Status: "calling", Counts: call.Counts{Rows: 3}}
	letter := func(callID string, id call.Opt[int64]) *ledger.Dead {
		reject := call.NewReject(call.BrokenJSON, []byte("{"))
		reject.CallID, reject.RowID = callID, id
		return &ledger.Dead{Reject: reject, RowKey: ledger.RowKey(id, reject.RawSHA256)}
	}
	ended := func(key, callID string) ledger.Unit {
		return ledger.Unit{Resolved: []ledger.Resolution{{Key: key, CallID: callID, Reason: call.TooLarge}}}
	}
	at := observedAt().UTC().Truncate(time.Millisecond)
	for _, tt := range []struct {
		name string
		unit ledger.Unit
		want ledger.Fact
	}{
		{"event", ledger.Unit{Call: &row, Entries: []ledger.Entry{{}}}, ledger.Fact{As: ledger.Event, CallID: row.CallID, N: 1}},
		{"dead letter with a CallID", ledger.Unit{Dead: letter("c1", call.Some(int64(7)))},
			ledger.Fact{As: ledger.DeadLetter, CallID: "c1", Reason: call.BrokenJSON}},
		{"dead letter with a row's id", ledger.Unit{Dead: letter("", call.Some(int64(7)))},
			ledger.Fact{As: ledger.DeadLetter, RowKey: "7", Reason: call.BrokenJSON}},
		{"the end of a dead letter with a CallID", ended("c1", "c1"),
			ledger.Fact{As: ledger.Resolved, CallID: "c1", Reason: call.TooLarge}},
		{"the end of one with a row's id", ended("7", "c1"),
			ledger.Fact{As: ledger.Resolved, RowKey: "7", CallID: "c1", Reason: call.TooLarge}},
		{"dead letter with neither", ledger.Unit{Dead: letter("", call.Opt[int64]{})},
			ledger.Fact{As: ledger.DeadLetter, RowKey: ledger.RowKey(call.Opt[int64]{}, sha256.Sum256([]byte("{"))), Reason: call.BrokenJSON}},
		{"first sight", ledger.Unit{Changes: []ledger.StatusChange{first}}, ledger.Fact{Change: first}},
		{"seal", ledger.Unit{Changes: []ledger.StatusChange{seal}}, ledger.Fact{Change: seal}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.TaskID, tt.want.ObservedAt = "t1", at
			records, _ := only(t, e, ledger.Plan{Task: call.Task{ID: "t1"}, ObservedAt: observedAt(),
				Units: []ledger.Unit{tt.unit}})
			got, err := d.Fact(t.Context(), records[0])
			if err != nil {
				t.Fatal(err)
			}
			got.ObservedAt = got.ObservedAt.UTC()
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got\n%+v, want\n%+v", got, tt.want)
			}
		})
	}
}

func TestFactOfOthers(t *testing.T) {
	d, _ := newTestDecoder(t, `{"type":"record","name":"Else","fields":[]}`,
		`{"type":"record","name":"CallCompleted","namespace":"airudder.events","fields":[{"name":"call_id","type":"string"}]}`)
	for _, tt := range []struct {
		name  string
		value []byte
		want  string
	}{
		{"tombstone", nil, "decode a record of t: its value does not begin with a schema id"},
		{"another schema", binary.BigEndian.AppendUint32([]byte{0}, 4),
			"a record of t is of the type Else, which no exporter publishes"},
		{"no task", append(binary.BigEndian.AppendUint32([]byte{0}, 5), 2, 'c'),
			"a record of t, of the type airudder.events.CallCompleted, does not say what it is about"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := d.Fact(t.Context(), batch.Record{Topic: "t", Value: tt.value}); err == nil || err.Error() != tt.want {
				t.Errorf("got error %v, want %s", err, tt.want)
			}
		})
	}
}

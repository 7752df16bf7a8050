package airudder

import (
	"reflect"
	"strings"
	"testing"

	"airudder-exporter/internal/call"
)

func TestReadRejects(t *testing.T) {
	deep := `{"CallID":"d","Status":"finished","x":` + strings.Repeat("[", 1001) + strings.Repeat("]", 1001) + `}`
	tests := []struct { // a row that is not known to be finished never takes its CallID along: the call's event is still to come
		name, row string
		reason    call.Reason
		detail    string
		callID    string
		rowID     call.Opt[int64]
	}{
		{"no CallID", `{"id":4,"Status":"finished"}`, call.NoCallID, "finished, but CallID is absent", "", call.Some[int64](4)},
		{"null CallID", `{"Status":"finished","CallID":null}`, call.NoCallID, "finished, but CallID is null", "", call.Opt[int64]{}},
		{"empty CallID", `{"Status":"finished","CallID":"","id":"x"}`, call.NoCallID, "finished, but CallID is empty", "", call.Opt[int64]{}},
		{"CallID of another type", `{"Status":"finished","CallID":{"a":1}}`, call.NoCallID, "finished, but CallID is neither a string nor a number", "", call.Opt[int64]{}},
		{"long CallID", `{"Status":"finished","CallID":"` + strings.Repeat("a", 1025) + `"}`, call.NoCallID, "finished, but CallID is longer than 1024 bytes", "", call.Opt[int64]{}},
		{"broken", `{"id":5,"CallID":"b","Status":"finished","Comments":NaN}`, call.BrokenJSON, "the row is not valid JSON", "b", call.Some[int64](5)},
		{"broken status", `{"id":5,"CallID":"b","Status":"fini\q"}`, call.BrokenJSON, "the row and its status are no valid JSON", "", call.Some[int64](5)},
		{"too deep", deep, call.BrokenJSON, "the row nests too deeply", "d", call.Opt[int64]{}},
		{"not UTF-8", `{"CallID":"u","Status":"finished","CalleeName":"` + "\xff" + `"}`, call.InvalidUTF8, "the row is not valid UTF-8", "u", call.Opt[int64]{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := detailBody(finished("before"), tt.row, finished("after"))
			got := readBytes(testMetrics(), strings.NewReader(text), none)
			if got.err != nil || len(rowsOf(got.parts)) != 2 || len(got.reading.Rejects) != 1 {
				t.Fatalf("got %v, %d rows, %d rejects; want no error, 2, 1", got.err, len(rowsOf(got.parts)), len(got.reading.Rejects))
			}
			j := got.reading.Rejects[0]
			if j.Reason != tt.reason || j.Detail != tt.detail || j.CallID != tt.callID || j.RowID != tt.rowID {
				t.Errorf("got %q %q %q %v, want %q %q %q %v", j.Reason, j.Detail, j.CallID, j.RowID, tt.reason, tt.detail, tt.callID, tt.rowID)
			}
			if j.RawSize != int64(len(tt.row)) || string(j.Raw) != tt.row || j.Hash == 0 || j.RawSHA256 == [32]byte{} {
				t.Errorf("got %d raw bytes of %d, hash %x, want the row's %d", len(j.Raw), j.RawSize, j.Hash, len(tt.row))
			}
			got = readBytes(testMetrics(), strings.NewReader(text), knows(func(id []byte, hash uint64) bool {
				return string(id) == tt.callID && hash == j.Hash
			}))
			if len(got.reading.Rejects) != 0 {
				t.Error("a known row is rejected again")
			}
		})
	}
}

// An unfinished row's JSON is nobody's business yet.
func TestReadLeavesOpenRowsAlone(t *testing.T) {
	got := readBytes(testMetrics(), strings.NewReader(detailBody(`{"Status":"calling","a":NaN}`, `{"a":1}`)), none)
	if want := (call.Counts{Rows: 2, NoStatus: 1}); got.err != nil || len(got.reading.Rejects) != 0 || got.reading.Counts != want {
		t.Errorf("got %v, %d rejects, %+v; want none and %+v", got.err, len(got.reading.Rejects), got.reading.Counts, want)
	}
}

func TestReadLargeRows(t *testing.T) {
	note := strings.Repeat("n", 1<<20)
	parts := readBytes(testMetrics(), strings.NewReader(detailBody(`{"CallID":"mb","Status":"finished","call_notes":"`+note+`"}`)), none)
	if rows := rowsOf(parts.parts); parts.err != nil || len(rows) != 1 || rows[0].CallNotes.Value != note {
		t.Fatalf("a row of 1 MB: got %v and %d rows", parts.err, len(rows))
	}
	huge := strings.Repeat(`{"x":"}"},`, 500<<10)
	large := `{"id":8,"a":[` + huge + `0],"CallID":"big","Status":"finished"}`
	open := `{"id":9,"a":[` + huge + `0],"CallID":"big2","Status":"calling"}`
	text := detailBody(finished("a"), large, open, finished("b"))
	got := readBytes(testMetrics(), strings.NewReader(text), none)
	if want := []string{"a", "b"}; got.err != nil || !reflect.DeepEqual(ids(rowsOf(got.parts)), want) {
		t.Fatalf("got %v and %q, want %q", got.err, ids(rowsOf(got.parts)), want)
	}
	if len(got.reading.Rejects) != 1 {
		t.Fatalf("got %d rejects, want 1", len(got.reading.Rejects))
	}
	j := got.reading.Rejects[0]
	if j.Reason != call.TooLarge || j.CallID != "big" || j.RowID != call.Some[int64](8) || j.RawSize != int64(len(large)) ||
		string(j.Raw) != large[:call.MaxRaw] {
		t.Errorf("got %s %q %v, %d of %d bytes", j.Reason, j.CallID, j.RowID, len(j.Raw), j.RawSize)
	}
	if want := (call.Counts{Rows: 4, Finished: 3}); got.reading.Counts != want {
		t.Errorf("counts: got %+v, want %+v", got.reading.Counts, want)
	}
	got = readBytes(testMetrics(), strings.NewReader(text), knows(func(id []byte, _ uint64) bool { return string(id) == "big" }))
	if len(got.reading.Rejects) != 0 {
		t.Error("a known large row is rejected again")
	}
}

func TestReadHoldsSomeRejects(t *testing.T) {
	row := `{"Status":"finished","x":"` + strings.Repeat("x", call.MaxRaw) + `"}`
	rows := make([]string, 200)
	for i := range rows {
		rows[i] = row
	}
	got := readBytes(testMetrics(), strings.NewReader(detailBody(rows...)), none)
	if got.err != nil || len(got.reading.Rejects) != maxRejects/(call.MaxRaw+rejectSize) || !got.reading.MoreRejects {
		t.Errorf("got %v, %d rejects, more %v; want %d and more", got.err, len(got.reading.Rejects), got.reading.MoreRejects, maxRejects/(call.MaxRaw+rejectSize))
	}
}

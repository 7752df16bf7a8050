package airudder

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/jsonrows"
)

// shown is what one response gave.
type shown struct {
	parts   []call.Part
	reading call.Reading
	err     error
	again   bool // the rows came before too large a wait for the header
}

// testDetail is a detail of t1 as Read makes it, without HTTP.
func testDetail(m *metrics, judge call.Judge, yield func(call.Part) error) *detail {
	return &detail{asked: "t1", judge: judge, yield: yield, metrics: m, largeRow: semaphore.NewWeighted(1),
		totals:   newTotals([]string{"total", "totalCount", "totalNum", "recordCount"}),
		words:    rowWords([]string{"answered:finished", "blacklisted:cancelled", "3:finished"}),
		decoding: decoding{zone: defaultZone(), mismatched: m.mismatched}}
}

// readBytes reads a body as the client would, without HTTP.
func readBytes(m *metrics, body io.Reader, judge call.Judge) shown {
	return readDetail(testDetail(m, judge, nil), body)
}

func readDetail(d *detail, body io.Reader) (got shown) {
	d.yield = func(p call.Part) error { got.parts = append(got.parts, p); return nil }
	a := &answer{detail: d}
	got.err = a.read(context.Background(), body)
	got.reading, got.again = a.reading(), a.passOver
	return got
}

func testMetrics() *metrics { return newMetrics(prometheus.NewRegistry()) }

// expectation is what encoding/json finds in a body.
type expectation struct {
	bad    bool // not the detail of t1
	counts call.Counts
	rows   []json.RawMessage // finished, with a CallID
	ids    []string
}

func expect(body []byte) (e expectation) {
	var envelope, task map[string]json.RawMessage
	var code any
	if json.Unmarshal(body, &envelope) != nil || json.Unmarshal(envelope["data"], &task) != nil || len(task) == 0 {
		return expectation{bad: true}
	}
	if raw := envelope["code"]; len(raw) > 0 && json.Unmarshal(raw, &code) != nil {
		return expectation{bad: true}
	}
	if code != nil && code != float64(200) && code != "200" {
		return expectation{bad: true}
	}
	var rows []json.RawMessage
	if jsonrows.IsNull(task["detail"]) || json.Unmarshal(task["detail"], &rows) != nil {
		return expectation{bad: true}
	}
	if id, _ := identity(task["TaskID"]); id != "" && id != "t1" {
		return expectation{bad: true}
	}
	for _, raw := range rows {
		e.row(raw)
	}
	return e
}

func (e *expectation) row(raw json.RawMessage) {
	e.counts.Rows++
	var row map[string]json.RawMessage
	if raw[0] != '{' || json.Unmarshal(raw, &row) != nil {
		if string(raw) != "null" {
			e.counts.NoStatus++
		}
		return
	}
	status := ""
	if jsonrows.IsNumber(row["Status"]) {
		status = string(row["Status"])
	} else {
		_ = json.Unmarshal(row["Status"], &status)
	}
	switch call.Fold(status) {
	case "":
		e.counts.NoStatus++
	case call.Canceled, "blacklisted":
		e.counts.Cancelled++
	case call.Created, call.Pending, call.Calling, call.Paused, "queued", "waiting", "scheduled", "dialing", "dialling", "ringing":
	case call.Finished, "answered", "3":
		e.counts.Finished++
		if id, ok := usableID(row["CallID"]); ok {
			e.rows, e.ids = append(e.rows, raw), append(e.ids, id)
		}
	default:
		e.unknown(row)
	}
}

// usableID is a CallID that can be one.
func usableID(raw json.RawMessage) (id string, ok bool) {
	if jsonrows.IsNumber(raw) {
		id = string(raw)
	} else {
		_ = json.Unmarshal(raw, &id)
	}
	none := func(r rune) bool { return r <= ' ' || r == '0' || r == '-' }
	return id, strings.TrimFunc(id, none) != "" && len(id) <= maxCallID && !strings.Contains(id, "\uFFFD")
}

// unknown counts a row of a status that nobody knows.
func (e *expectation) unknown(row map[string]json.RawMessage) {
	e.counts.Unknown++
	var end string
	_ = json.Unmarshal(row["CallEndTime"], &end)
	at, _ := parseInstant(end, defaultZone())
	if _, ok := usableID(row["CallID"]); ok && !at.IsZero() {
		e.counts.UnknownEnded++
	}
}

// Against encoding/json: what is valid is framed and read alike; what is not is
// accepted only as far as rows are concerned that were not decoded.
func FuzzDetail(f *testing.F) {
	sample, err := os.ReadFile("testdata/detail_sample.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.ReplaceAll(sample, []byte(sampleTask), []byte("t1")))
	for _, s := range []string{
		detailBody(`{"CallID":"a","Status":" FinisHed\u0009"}`, `{"CallID":"b","Status":"Answered"}`, `{"CallID":"c","Status":3}`, `{"CallID":"d","Status":"BlackListed"}`),
		detailBody(`{"CallID":"0-0","Status":"finished"}`, `{"CallID":" -- ","Status":"finished"}`, `{"CallID":"a\ud800","Status":"finished"}`, `{"CallID":-0,"Status":"finished"}`),
		detailBody(`{"CallID":"a","Status":"huh","CallEndTime":"2023-10-19 06:13:17"}`, `{"Status":"  "}`, `{"Status":4,"CallID":"x"}`, `{"Status":"ſ"}`),
		detailBody(), detailBody(`{"CallID":"a","Status":"finished"}`), detailBody(`1`, `null`, `"x"`, `[{}]`, `{}`),
		detailBody(`{"callid":"a","\u0053tatus":"finish\u0065d","x":{"CallID":"b","Status":"calling"}}`),
		detailBody(`{"CallID":"a","CallID":"b","Status":"pending","ſtatus":"finished"}`, `{"CallID":7,"Status":"finished"}`),
		`{"code":"200","data":{"detail":[{"CallID":"a","Status":"finished"}],"TaskID":"t1"}}`,
		`{"code":404,"data":null}`, `{"data":{"detail":[{"a":]}]}}`, `{"data":{"detail":[{"a" "b":"}","Status":"finished"}]}}`,
		`{"data":{"detail":[{"CallID":"\\\"","Status":"finished","b":"\\\\"}]} } x`, `<html>`, ``, `[]`, `{"data":{"detail":[1 2]}}`,
	} {
		f.Add([]byte(s))
	}
	m := testMetrics()
	f.Fuzz(func(t *testing.T, body []byte) {
		got := readBytes(m, bytes.NewReader(body), none)
		if slow := readBytes(m, iotest.OneByteReader(bytes.NewReader(body)), none); !reflect.DeepEqual(slow, got) {
			t.Fatalf("byte by byte: got %+v, want %+v", slow, got)
		}
		for _, row := range rowsOf(got.parts) {
			if !json.Valid(row.Raw) || !row.Complete() {
				t.Fatalf("yielded a row that is not whole: %q", row.Raw)
			}
		}
		if json.Valid(body) && utf8.Valid(body) && !twice(got.err) && !got.again {
			checkRead(t, body, got)
		}
	})
}

// twice reports the one case in which valid JSON means something else to us.
func twice(err error) bool {
	var bad *jsonrows.SyntaxError
	return errors.As(err, &bad) && strings.Contains(bad.What, "twice")
}

func checkRead(t *testing.T, body []byte, got shown) {
	t.Helper()
	want := expect(body)
	if want.bad {
		if got.err == nil {
			t.Fatalf("accepted %q", body)
		}
		return
	}
	if got.err != nil {
		t.Fatalf("refused %q: %v", body, got.err)
	}
	if got.reading.Counts != want.counts {
		t.Fatalf("counts of %q: got %+v, want %+v", body, got.reading.Counts, want.counts)
	}
	rows := rowsOf(got.parts)
	if len(rows) != len(want.rows) {
		t.Fatalf("rows of %q: got %d, want %d", body, len(rows), len(want.rows))
	}
	for i, row := range rows {
		if !bytes.Equal(row.Raw, want.rows[i]) || row.CallID != want.ids[i] {
			t.Fatalf("row %d: got %q %q, want %q %q", i, row.CallID, row.Raw, want.ids[i], want.rows[i])
		}
	}
}

// A row of any bytes: what is valid is decoded as its probe and encoding/json
// read it.
func FuzzRow(f *testing.F) {
	for _, s := range []string{`{}`, `{"CallID":"a","Status":"b","id":1}`, `{"CallID":"a","Status":"b","id":"9223372036854775808","RingTime":"-7","CallTimes":2.0,"TalkRound":-0.00,"RobotID":1e5}`, `{"a":{"CallID":[1,"}"]},"callID":null}`,
		`{"\u0069d":-2,"Status":{"a":"\""}, "CallID" : 1.5e3 }`, `{"Comments":12345678901234567890,"comments":"\ud83d\ude00\ud800"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		raw = bytes.TrimSpace(raw)
		if len(raw) == 0 || raw[0] != '{' || !json.Valid(raw) || !utf8.Valid(raw) {
			return
		}
		s := jsonrows.NewScanner(io.MultiReader(strings.NewReader("["), bytes.NewReader(raw), strings.NewReader("]")), rowProbe, nil)
		if err := s.Array(); err != nil {
			t.Fatal(err)
		}
		p, ok, err := s.Row(t.Context())
		if err != nil || !ok {
			t.Fatalf("%q is no row: %v", raw, err)
		}
		var row call.Row
		d := &decoding{zone: time.UTC, mismatched: func(string) {}}
		before := `{"id":3,"RobotID":"r","CalleeName":"x","RingTime":3,"CallTimes":4,"Intention":"A","AsrResult":[{"text":"t"}],"RedailCall":[{"RingTime":1}]}`
		rowFields.decode(d, new(call.Row), jsonrows.Keep([]byte(before)))
		if err := decodeRow(d, &row, p); err != nil {
			if _, isText := jsonrows.Text(p.Value(probedStatus)); isText && len(callIDOf(p)) > 0 {
				t.Fatalf("decode %q: %v", raw, err)
			}
			return
		}
		sameTexts(t, raw, row)
		sameLongs(t, raw, row)
	})
}

func sameTexts(t *testing.T, raw []byte, row call.Row) {
	t.Helper()
	var want map[string]json.RawMessage
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]call.Opt[string]{
		"RobotID": row.RobotID, "CalleeName": row.CalleeName, "CalleeNumber": row.CalleeNumber, "Intention": row.Intention,
		"RingType": row.RingType, "HangupType": row.HangupType, "call_notes": row.CallNotes, "Multi_intention": row.MultiIntention,
	} {
		var s *string
		if raw := string(want[name]); raw == "true" || raw == "false" || jsonrows.IsNumber(want[name]) { // as it is written
			s = &raw
		}
		if s == nil && len(want[name]) > 0 && json.Unmarshal(want[name], &s) != nil { // of another type: kept raw
			if got.Set || row.Additional[name] != string(want[name]) {
				t.Fatalf("%s of %q: got %+v and %q", name, raw, got, row.Additional[name])
			}
		} else if got.Set != (s != nil) || s != nil && got.Value != *s {
			t.Fatalf("%s of %q: got %+v, want %s", name, raw, got, want[name])
		}
	}
}

// sameLongs holds the integers against what encoding/json and big numbers make of them.
func sameLongs(t *testing.T, raw []byte, row call.Row) {
	t.Helper()
	var want map[string]any
	in := json.NewDecoder(bytes.NewReader(raw))
	in.UseNumber()
	if err := in.Decode(&want); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]call.Opt[int64]{"id": row.ID, "CallTimes": row.CallTimes, "RingTime": row.RingTime, "TalkRound": row.TalkRound} {
		var n *big.Int
		switch v := want[name].(type) {
		case json.Number:
			if f, ok := new(big.Rat).SetString(v.String()); ok && f.IsInt() && !strings.ContainsAny(v.String(), "eE") {
				n = f.Num()
			}
		case string:
			if i, ok := new(big.Int).SetString(v, 10); ok && i.String() == v {
				n = i
			}
		}
		if fits := n != nil && n.IsInt64(); got.Set && (!fits || got.Value != n.Int64()) || !got.Set && fits {
			t.Fatalf("%s of %q: got %+v, want %v", name, raw, got, want[name])
		}
		if _, kept := row.Additional[name]; kept == (got.Set || want[name] == nil) {
			t.Fatalf("%s of %q: got %+v, kept raw: %t", name, raw, got, kept)
		}
	}
}

package airudder

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/call"
)

// shown is what one response gave.
type shown struct {
	parts   []call.Part
	reading call.Reading
	err     error
	again   bool // the rows came before too large a wait for the header
}

// readBytes reads a body as the client would, without HTTP.
func readBytes(m *metrics, body io.Reader, window int, judge call.Judge) (got shown) {
	r := &reading{asked: "t1", q: request{op: "read task t1", endpoint: detailEndpoint}, verdict: judge,
		metrics: m, zone: defaultRedialZone()}
	r.yield = func(p call.Part) error { got.parts = append(got.parts, p); return nil }
	r.begin(time.Time{})
	s := newScanner(body)
	s.buf = make([]byte, window)
	if got.err = r.read(s); got.err != nil {
		got.err = r.salvage(got.err)
	}
	got.reading, got.again = r.result(), r.passOver
	return got
}

func testMetrics() *metrics { return newMetrics(prometheus.NewRegistry()) }

// span is where a row stands in a body.
type span struct{ from, to int64 }

// walk frames a body's rows with the scanner alone.
func walk(body []byte) (rows []span, err error) {
	s := newScanner(bytes.NewReader(body))
	skip := func() error { _, err := s.value(); return err }
	err = s.object(func(key string) error {
		if c, err := s.next(); err != nil || !strings.EqualFold(key, "data") || c != '{' {
			return errors.Join(err, skip())
		}
		return s.object(func(key string) error {
			if c, err := s.next(); err != nil || !strings.EqualFold(key, "detail") || c != '[' {
				return errors.Join(err, skip())
			}
			return s.rows(func(raw []byte, _ probe) error {
				to := s.base + int64(s.pos)
				rows = append(rows, span{to - int64(len(raw)), to})
				return nil
			}, func(*largeRow) error { return nil })
		})
	})
	return rows, errors.Join(err, s.finish())
}

// expectation is what encoding/json finds in a body.
type expectation struct {
	bad    bool // not the detail of t1
	counts call.Counts
	rows   []json.RawMessage // finished, with a CallID
	ids    []string
}

func expect(body []byte) (e expectation) {
	var envelope struct{ Data, Code json.RawMessage }
	var task struct{ TaskID, Status, Detail json.RawMessage }
	var code any
	if json.Unmarshal(body, &envelope) != nil || json.Unmarshal(envelope.Data, &task) != nil || isNull(envelope.Data) {
		return expectation{bad: true}
	}
	if len(envelope.Code) > 0 && json.Unmarshal(envelope.Code, &code) != nil {
		return expectation{bad: true}
	}
	if code != nil && code != float64(200) && code != "200" {
		return expectation{bad: true}
	}
	var rows []json.RawMessage
	if isNull(task.Detail) || json.Unmarshal(task.Detail, &rows) != nil {
		return expectation{bad: true}
	}
	if id, _ := identity(task.TaskID); id != "" && id != "t1" {
		return expectation{bad: true}
	}
	for _, raw := range rows {
		e.row(raw)
	}
	return e
}

func (e *expectation) row(raw json.RawMessage) {
	e.counts.Rows++
	var row struct{ CallID, Status json.RawMessage }
	if raw[0] != '{' || json.Unmarshal(raw, &row) != nil {
		return
	}
	status := ""
	_ = json.Unmarshal(row.Status, &status)
	switch {
	case call.IsCancelled(status):
		e.counts.Cancelled++
	case status == call.Finished:
		e.counts.Finished++
		id := ""
		if isNumber(row.CallID) {
			id = string(row.CallID)
		} else {
			_ = json.Unmarshal(row.CallID, &id)
		}
		if id != "" {
			e.rows, e.ids = append(e.rows, raw), append(e.ids, id)
		}
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
		got := readBytes(m, bytes.NewReader(body), 64, none)
		if slow := readBytes(m, iotest.OneByteReader(bytes.NewReader(body)), 16, none); !reflect.DeepEqual(slow, got) {
			t.Fatalf("byte by byte: got %+v, want %+v", slow, got)
		}
		spans, walkErr := walk(body)
		for _, row := range rowsOf(got.parts) {
			if !json.Valid(row.Raw) || !row.Complete() {
				t.Fatalf("yielded a row that is not whole: %q", row.Raw)
			}
		}
		if walkErr == nil {
			checkFramed(t, body, spans)
		} else if got.err == nil {
			t.Fatalf("the scanner says %v, the reading accepts", walkErr)
		}
		if json.Valid(body) && utf8.Valid(body) && !twice(got.err) && !got.again && !twoSpellings(body) {
			checkRead(t, body, got)
		}
	})
}

// twoSpellings reports whether an object of a valid body has a name twice, spelt
// differently: for encoding/json the last counts, for us the API's spelling.
func twoSpellings(body []byte) bool {
	type frame struct {
		object bool
		keys   []string
		key    bool // one comes next
	}
	var open []frame
	for d := json.NewDecoder(bytes.NewReader(body)); ; {
		token, err := d.Token()
		if err != nil {
			return false
		}
		if n := len(open); n > 0 && open[n-1].object && token != json.Delim('}') {
			top := &open[n-1]
			if top.key {
				name, _ := token.(string)
				if slices.ContainsFunc(top.keys, func(k string) bool { return k != name && strings.EqualFold(k, name) }) {
					return true
				}
				top.keys = append(top.keys, name)
			}
			top.key = !top.key
		}
		switch token {
		case json.Delim('{'):
			open = append(open, frame{object: true, key: true})
		case json.Delim('['):
			open = append(open, frame{})
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
	}
}

// twice reports the one case in which valid JSON means something else to us.
func twice(err error) bool {
	var bad *syntaxError
	return errors.As(err, &bad) && strings.Contains(bad.what, "twice")
}

// checkFramed replaces the framed rows by zeros: the rest must be JSON.
func checkFramed(t *testing.T, body []byte, spans []span) {
	t.Helper()
	var skeleton []byte
	at := int64(0)
	for _, s := range spans {
		skeleton = append(append(skeleton, body[at:s.from]...), '0')
		at = s.to
	}
	if skeleton = append(skeleton, body[at:]...); !json.Valid(skeleton) {
		t.Fatalf("accepted around its rows: %q", skeleton)
	}
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

// A row of any bytes: the frame of a valid one is the whole of it, the streaming
// reader of large rows agrees with the fast one, and decoding agrees with
// encoding/json on every text field.
func FuzzRow(f *testing.F) {
	for _, s := range []string{`[0,-0.5e+3,1E9,01,1.,-,"\u00g0","\x","` + "\x01" + `"]`, `{"a":tru}`, `{"a":[false,null,{}],}`, `{}`, `{"CallID":"a","Status":"b","id":1}`, `{"a":{"CallID":[1,"}"]},"callID":null}`, `[{"a":1}]`,
		`{"\u0069d":-2,"Status":{"a":"\""}, "CallID" : 1.5e3 }`, `{"Comments":12345678901234567890,"comments":"\ud83d\ude00\ud800"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, end := frameRow(raw); end > len(raw) {
			t.Fatalf("framed %d of %d bytes", end, len(raw))
		}
		raw = bytes.TrimSpace(raw)
		if len(raw) <= maxDepth && validRow(raw) != json.Valid(raw) {
			t.Fatalf("valid: got %v for %q", validRow(raw), raw)
		}
		if len(raw) == 0 || raw[0] != '{' || !json.Valid(raw) || !utf8.Valid(raw) {
			return
		}
		p, end := frameRow(raw)
		if end != len(raw) {
			t.Fatalf("framed %d of %d bytes of %q", end, len(raw), raw)
		}
		l := newLargeRow()
		if n, done := l.feed(raw); n != len(raw) || !done {
			t.Fatalf("large row: %d of %d bytes, done %v", n, len(raw), done)
		}
		sameProbe(t, l.probe, p)
		var row call.Row
		if err := decodeRow(&decoding{time.UTC, func(string) {}}, &row, raw, p); err != nil {
			if _, isText := textOf(p.status); isText && len(callIDOf(p)) > 0 {
				t.Fatalf("decode %q: %v", raw, err)
			}
			return
		}
		if !twoSpellings(raw) {
			sameTexts(t, raw, row)
		}
	})
}

func sameProbe(t *testing.T, got, want probe) {
	t.Helper()
	for _, v := range [][2][]byte{{got.callID, want.callID}, {got.status, want.status}, {got.id, want.id}} {
		nested := len(v[1]) > 0 && (v[1][0] == '{' || v[1][0] == '[')
		if !bytes.Equal(v[0], v[1]) && !(nested && len(v[0]) > 0 && v[0][0] == v[1][0]) && len(v[1]) < maxToken {
			t.Fatalf("probe: got %q, want %q", v[0], v[1])
		}
	}
	if got.object != want.object || got.deep != want.deep {
		t.Fatalf("probe: got object %v, deep %v, want %v, %v", got.object, got.deep, want.object, want.deep)
	}
}

func sameTexts(t *testing.T, raw []byte, row call.Row) {
	t.Helper()
	var want struct {
		RobotID, CalleeName, CalleeNumber, Intention, RingType, HangupType json.RawMessage
		CallNotes                                                          json.RawMessage `json:"call_notes"`
		MultiIntention                                                     json.RawMessage `json:"Multi_intention"`
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]struct {
		got  call.Opt[string]
		want json.RawMessage
	}{
		"RobotID": {row.RobotID, want.RobotID}, "CalleeName": {row.CalleeName, want.CalleeName},
		"CalleeNumber": {row.CalleeNumber, want.CalleeNumber}, "Intention": {row.Intention, want.Intention},
		"RingType": {row.RingType, want.RingType}, "HangupType": {row.HangupType, want.HangupType},
		"call_notes": {row.CallNotes, want.CallNotes}, "Multi_intention": {row.MultiIntention, want.MultiIntention},
	} {
		var s *string
		if len(v.want) > 0 && json.Unmarshal(v.want, &s) != nil { // of another type: kept raw
			if v.got.Set || row.Additional[name] != string(v.want) {
				t.Fatalf("%s of %q: got %+v and %q", name, raw, v.got, row.Additional[name])
			}
		} else if v.got.Set != (s != nil) || s != nil && v.got.Value != *s {
			t.Fatalf("%s of %q: got %+v, want %s", name, raw, v.got, v.want)
		}
	}
}

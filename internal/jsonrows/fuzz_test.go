package jsonrows

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"golang.org/x/sync/semaphore"
)

var testProbe = NewProbe("CallID", "Status", "id")

// span is where a row stands in a body.
type span struct{ from, to int64 }

// walked is what a scanner found in a body.
type walked struct {
	rows []span
	keys []string
	err  string
}

// walk enters the object of a body, objects in it named data, and arrays of rows
// in those named detail.
func walk(t *testing.T, r io.Reader, window int) (w walked) {
	t.Helper()
	s := NewScanner(r, testProbe, semaphore.NewWeighted(1))
	s.buf = make([]byte, window)
	defer s.Close()
	err := w.object(t, s)
	if err == nil {
		err = s.End()
	}
	w.err = fmt.Sprint(err)
	return w
}

func (w *walked) object(t *testing.T, s *Scanner) error {
	if err := s.Object(); err != nil {
		return err
	}
	for {
		key, ok, err := s.Key()
		if err != nil || !ok {
			return err
		}
		w.keys = append(w.keys, key)
		c, err := s.Peek()
		switch {
		case err != nil:
		case key == "data" && c == '{':
			err = w.object(t, s)
		case key == "detail" && c == '[':
			err = w.array(t, s)
		case key == "optional":
			_, err = s.Optional(t.Context())
		default:
			_, err = s.Value()
		}
		if err != nil {
			return err
		}
	}
}

func (w *walked) array(t *testing.T, s *Scanner) error {
	if err := s.Array(); err != nil {
		return err
	}
	for {
		row, ok, err := s.Row(t.Context())
		if err != nil || !ok {
			return err
		}
		to := s.base + int64(s.pos)
		w.rows = append(w.rows, span{to - int64(len(row.Raw)), to})
	}
}

// A body of any bytes is read alike through any window, and what is accepted of
// it, its rows aside, is JSON. A valid one is accepted.
func FuzzScanner(f *testing.F) {
	for _, s := range []string{
		`{"data":{"TaskID":"t1","detail":[{"CallID":"a","Status":"finished"},1,null,"x",[{}],{}]},"code":200}`, `{}`, `[]`, ``,
		`{"data":{"detail":[{"a":]}]}}`, `{"data":{"detail":[{"a" "b":"}","Status":"finished"}]}}`, `{"data":{"detail":[1 2]}}`,
		`{"data":{"detail":[{"CallID":"\\\"","b":"\\\\"}]} } x`, `<html>`, `{"d\u0061ta":{"detail":[ ]},"optional":[{"a":1}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got := walk(t, bytes.NewReader(body), windowSize)
		if slow := walk(t, iotest.OneByteReader(bytes.NewReader(body)), 1); !reflect.DeepEqual(slow, got) {
			t.Fatalf("byte by byte: got %+v, want %+v", slow, got)
		}
		if object := bytes.TrimLeft(body, " \t\r\n"); got.err != "<nil>" {
			if json.Valid(body) && object[0] == '{' {
				t.Fatalf("refused %q: %s", body, got.err)
			}
			return
		}
		var skeleton []byte
		at := int64(0)
		for _, s := range got.rows {
			skeleton = append(append(skeleton, body[at:s.from]...), '0')
			at = s.to
		}
		if skeleton = append(skeleton, body[at:]...); !json.Valid(skeleton) {
			t.Fatalf("accepted around its rows: %q", skeleton)
		}
	})
}

// A row of any bytes: the frame of a valid one is the whole of it, and what is
// probed of it is what encoding/json reads.
func FuzzRow(f *testing.F) {
	for _, s := range []string{
		`[0,-0.5e+3,1E9,01,1.,-,"\u00g0","\x","` + "\x01" + `"]`, `{"a":tru}`, `{"a":[false,null,{}],}`, `{}`,
		`{"CallID":"a","Status":"b","id":1}`, `{"a":{"CallID":[1,"}"]},"callID":null}`, `[{"a":1}]`,
		`{"\u0069d":-2,"Status":{"a":"\""}, "CallID" : 1.5e3 }`, `{"CallID":"a","CallID":"b","ſtatus":"finished"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		row := testProbe.row()
		if raw = bytes.TrimSpace(raw); len(raw) == 0 {
			return
		}
		end := testProbe.frame(raw, &row)
		if end > len(raw) {
			t.Fatalf("framed %d of %d bytes", end, len(raw))
		}
		if len(raw) <= MaxDepth && Valid(raw) != json.Valid(raw) {
			t.Fatalf("valid: got %v for %q", Valid(raw), raw)
		}
		if raw[0] != '{' || !json.Valid(raw) || !utf8.Valid(raw) {
			return
		}
		if end != len(raw) || !row.Object {
			t.Fatalf("framed %d of %d bytes of %q, an object: %v", end, len(raw), raw, row.Object)
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		for i, name := range testProbe.names {
			if got := row.Value(i); !bytes.Equal(got, want[name]) {
				t.Fatalf("%s of %q: got %q, want %q", name, raw, got, want[name])
			}
		}
	})
}

// Members and elements of any valid value are those that encoding/json finds, and
// so is the text of each.
func FuzzValues(f *testing.F) {
	for _, s := range []string{`{"a":[1,"x",{"b":null}],"\u0061":"\ud83d\ude00\ud800"}`, `[ [ ] , { } ]`, `"\n"`, `-1.5e3`, `{"":{"":""}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if raw = bytes.TrimSpace(raw); json.Valid(raw) && utf8.Valid(raw) {
			sameValue(t, Keep(raw))
		}
	})
}

func sameValue(t *testing.T, v Value) {
	t.Helper()
	switch {
	case v.IsObject():
		var want map[string]json.RawMessage
		if err := json.Unmarshal(v.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		got := map[string]json.RawMessage{}
		for it := MembersOf(v); it.Next(); {
			got[it.Key] = it.Value.Bytes()
			sameValue(t, it.Value)
		}
		if !maps.EqualFunc(got, want, func(a, b json.RawMessage) bool { return bytes.Equal(a, b) }) {
			t.Fatalf("members of %s: got %s, want %s", v, got, want)
		}
	case v.IsArray():
		var want, got []json.RawMessage
		if err := json.Unmarshal(v.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		for it := ElementsOf(v); it.Next(); {
			got = append(got, it.Value.Bytes())
			sameValue(t, it.Value)
		}
		if !slices.EqualFunc(got, want, func(a, b json.RawMessage) bool { return bytes.Equal(a, b) }) {
			t.Fatalf("elements of %s: got %s, want %s", v, got, want)
		}
	default:
		sameText(t, v)
	}
}

func sameText(t *testing.T, v Value) {
	t.Helper()
	var want string
	isText := json.Unmarshal(v.Bytes(), &want) == nil && v.Bytes()[0] == '"'
	if got, ok := v.Text(); ok != isText || got != want {
		t.Fatalf("text of %s: got %q, %v, want %q, %v", v, got, ok, want, isText)
	}
	if got, ok := Text(v.Bytes()); ok != isText || string(got) != want {
		t.Fatalf("raw text of %s: got %q, %v, want %q, %v", v, got, ok, want, isText)
	}
	if number := json.Unmarshal(v.Bytes(), new(json.Number)) == nil && !isText && !IsNull(v.Bytes()); number != IsNumber(v.Bytes()) {
		t.Fatalf("%s is a number: got %v", v, !number)
	}
}

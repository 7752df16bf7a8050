package ledger

import (
	"bytes"
	"testing"
)

// FuzzParseEntry: what is read is written back to the same entry, by hand and
// through encoding/json alike; a replay and Apply agree; nothing panics.
func FuzzParseEntry(f *testing.F) {
	for _, e := range examples() {
		f.Add(e.AppendKey(nil), e.AppendValue(nil), e.Tombstone)
	}
	f.Add([]byte("call/t/c"), []byte(`{ "row": "AB", "as": "dead_letter", "at": "2026-03-01T20:00:00+08:00" }`), false)
	f.Add([]byte("call/t/c"), []byte(`{"at":"2026-02-29T24:00:60.000Z","as":"event","row":"0000000000000000"}`), false)
	f.Add([]byte("call//c"), []byte(`{}`), false)
	f.Add([]byte("task/%2F%25"), []byte(`{"status":"calling","sequence":-1,"sealed_at":"0000-01-01T00:00:00+23:59"}`), false)
	f.Add([]byte("meta"), []byte(`null`), false)

	f.Fuzz(func(t *testing.T, key, text []byte, tombstone bool) {
		if tombstone {
			text = nil
		} else if text == nil {
			text = []byte{}
		}
		e, err := ParseEntry(key, text)
		replayed := New()
		if replayErr := replayed.Replay(key, text); (err == nil) != (replayErr == nil) {
			t.Fatalf("parsing gives error %v, a replay %v", err, replayErr)
		}
		if err != nil {
			if len(replayed.tasks) != 0 {
				t.Fatal("an entry that cannot be read left something behind")
			}
			return
		}
		if got := e.AppendKey(nil); !bytes.Equal(got, key) {
			t.Fatalf("key: got %q, want %q", got, key)
		}
		checkExact(t, e, text)
		again, err := ParseEntry(key, value(e))
		if err != nil {
			t.Fatalf("%q is not read again: %v", value(e), err)
		}
		if got, want := value(again), value(e); !bytes.Equal(got, want) {
			t.Fatalf("value: got %q, want %q", got, want)
		}
		applied := New()
		applied.Apply(e)
		if got, want := dump(applied), dump(replayed); got != want {
			t.Fatalf("applied\n%s\nreplayed\n%s", got, want)
		}
	})
}

// checkExact holds the reading by hand against encoding/json.
func checkExact(t *testing.T, e Entry, text []byte) {
	t.Helper()
	byHand, ok := parseExact(text, "")
	if !ok || e.Kind != KindCall && e.Kind != KindRow {
		return
	}
	if got := throughJSON(t, text); got != byHand {
		t.Fatalf("%q: by hand %+v, through JSON %+v", text, byHand, got)
	}
	if got := e.AppendValue(nil); !bytes.Equal(got, text) {
		t.Fatalf("%q in the exact form is written %q", text, got)
	}
}

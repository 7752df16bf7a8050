package ledger

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/call"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	taskA = "0123456789abcdef0123456789abcdef"
	taskB = "fedcba9876543210fedcba9876543210"
	callA = "a0000000000000000000000000000001"
	callB = "b0000000000000000000000000000002"
)

var (
	noon = time.Date(2026, 3, 1, 12, 0, 0, 123e6, time.UTC)
	meta = Meta{
		Format: Format, LedgerID: "6f1c9a52-6d0e-4c3b-9a55-0a4f0f6c1b7e", Partitions: 1, EventTopic: "airudder.call-completed",
		Pins:        Pins{EventKey: "row", Account: "id-1", Source: "https://api.airudder.com", DetailPath: "/service/cloud/detail"},
		ExportSince: noon.Add(-168 * time.Hour), Created: noon,
	}
)

// examples are entries of every kind, as a reader of the topic may meet them.
func examples() []Entry {
	return []Entry{
		{Kind: KindMeta, Meta: meta},
		{Kind: KindProducer, Writer: Writer{Host: "exporter-0", PID: 7, Epoch: 3, Started: noon, Instance: "9c1d", Producer: 42, Role: Tool, Beat: 10_000, Done: true}},
		{Kind: KindProducer, Writer: Writer{Host: "exporter-0", PID: 7, Started: noon, Instance: "9c1d"}},
		{Kind: KindCall, TaskID: taskA, ID: callA, Published: Published{At: noon, As: Event, N: 1, Row: 0xfedcba9876543210}},
		{Kind: KindCall, TaskID: taskA, ID: callB, Published: Published{At: noon, As: Event, N: 50_000, Row: 1}},
		{Kind: KindCall, TaskID: taskA, ID: "C/3 ✓", Published: Published{At: noon, As: DeadLetter,
			Letter: Letter{Reason: call.TooLarge, Limit: 1_048_588}}},
		{Kind: KindCall, TaskID: "50%/a", ID: callA, Published: Published{At: noon, As: Event}},
		{Kind: KindCall, TaskID: taskA, ID: callA, Tombstone: true},
		{Kind: KindRow, TaskID: taskA, ID: "1181", Published: Published{At: noon, As: DeadLetter, Row: 1 << 63, Letter: Letter{Reason: call.NoCallID}}},
		{Kind: KindRow, TaskID: taskA, ID: "sha256:00112233aabbccdd", Published: Published{At: noon, As: DeadLetter, Row: 2}},
		{Kind: KindRow, TaskID: taskA, ID: "1182", Published: Published{At: noon, As: Resolved, Row: 3,
			Letter: Letter{Reason: call.NoCallID, CallID: "C/3 \"✓"}}},
		{Kind: KindRow, TaskID: taskA, ID: "1181", Tombstone: true},
		{Kind: KindTask, TaskID: taskA, State: State{Status: "calling", Sequence: 2}},
		{Kind: KindTask, TaskID: taskA, State: State{
			Status: "finished", Sequence: 4, Events: 5000, TerminalSince: noon.Add(time.Hour),
			Seal: 1, SealedAt: noon.Add(25 * time.Hour), SealedEvents: 5000, ClosedAt: noon.Add(745 * time.Hour),
		}},
		{Kind: KindTask, TaskID: taskB, State: State{BeforeExportSince: true, ScheduleEnd: noon.Add(-1000 * time.Hour)}},
		{Kind: KindTask, TaskID: taskB, Tombstone: true},
	}
}

// TestGolden holds the bytes of the entries: they are an interface.
func TestGolden(t *testing.T) {
	var got bytes.Buffer
	for _, e := range examples() {
		got.Write(e.AppendKey(nil))
		got.WriteByte('\t')
		if got.Write(e.AppendValue(nil)); e.Tombstone {
			got.WriteString("(tombstone)")
		}
		got.WriteByte('\n')
	}
	file := filepath.Join("testdata", "entries.golden")
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

// value returns what Kafka would hold: nil for a tombstone.
func value(e Entry) []byte {
	if e.Tombstone {
		return nil
	}
	return e.AppendValue([]byte{})
}

func TestRoundTrip(t *testing.T) {
	for _, want := range examples() {
		got, err := ParseEntry(want.AppendKey(nil), value(want))
		if err != nil {
			t.Errorf("%s: %v", want.AppendKey(nil), err)
			continue
		}
		if got != want {
			t.Errorf("%s: got %+v, want %+v", want.AppendKey(nil), got, want)
		}
	}
}

// TestReplayIsApply: both ways into the ledger leave the same, and it weighs
// what the topic holds.
func TestReplayIsApply(t *testing.T) {
	s := newShard(meta)
	for _, e := range examples() {
		s.write(e)
		s.checkReplay(t)
		parsed := New()
		for _, r := range s.log {
			e, err := ParseEntry(r.key, r.value)
			if err != nil {
				t.Fatal(err)
			}
			parsed.Apply(e)
		}
		if got, want := dump(parsed), dump(s.Ledger); got != want {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	}
}

// TestAppendKeepsWhatIsThere: both append, neither overwrites.
func TestAppendKeepsWhatIsThere(t *testing.T) {
	for _, e := range examples() {
		if got, want := string(e.AppendKey([]byte("k:"))), "k:"+string(e.AppendKey(nil)); got != want {
			t.Errorf("key: got %s, want %s", got, want)
		}
		if got, want := string(e.AppendValue([]byte("v:"))), "v:"+string(e.AppendValue(nil)); got != want {
			t.Errorf("value: got %s, want %s", got, want)
		}
	}
}

// TestExactByHand: the events that we write ourselves take the quick way, and it reads
// the same there as through encoding/json.
func TestExactByHand(t *testing.T) {
	for _, e := range examples() {
		if e.Tombstone || e.Published.As != Event {
			continue
		}
		byHand, ok := parseExact(value(e), "")
		if !ok {
			t.Errorf("%s was not read by hand", value(e))
		}
		if json := throughJSON(t, value(e)); byHand != e.Published || json != e.Published {
			t.Errorf("got %+v by hand, %+v through JSON; want %+v", byHand, json, e.Published)
		}
	}
}

// throughJSON reads a value with a space before it, which the quick way refuses.
func throughJSON(t *testing.T, v []byte) Published {
	t.Helper()
	spaced := append([]byte{' '}, v...)
	if _, ok := parseExact(spaced, ""); ok {
		t.Fatal("the quick way took a value that is not in the exact form")
	}
	p, err := parsePublished(spaced)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPublishedInOtherForms(t *testing.T) {
	event := Published{At: noon, As: Event, Row: 0xab}
	numbered := event
	numbered.N = 12
	for _, tt := range []struct {
		name, value string
		want        Published
	}{
		{"spacing", `{ "at": "2026-03-01T12:00:00.123Z", "as": "event", "row": "00000000000000ab" }` + "\n", event},
		{"order", `{"row":"00000000000000ab","n":12,"as":"event","at":"2026-03-01T12:00:00.123Z"}`, numbered},
		{"number spelled out", `{"at":"2026-03-01T12:00:00.123Z","as":"event","n":0,"row":"00000000000000ab"}`, event},
		{"unknown fields", `{"at":"2026-03-01T12:00:00.123Z","as":"event","version":2,"row":"00000000000000ab"}`, event},
		{"short hash", `{"at":"2026-03-01T12:00:00.123Z","as":"event","row":"ab"}`, event},
		{"upper-case hash", `{"at":"2026-03-01T12:00:00.123Z","as":"event","row":"00000000000000AB"}`, event},
		{"a zone", `{"at":"2026-03-01T20:00:00.123+08:00","as":"event","row":"ab"}`, event},
		{"microseconds", `{"at":"2026-03-01T12:00:00.123456Z","as":"event","row":"ab"}`, event},
		{"no hash", `{"at":"2026-03-01T12:00:00.123Z","as":"event"}`, Published{At: noon, As: Event}},
		{"no time", `{"as":"dead_letter","row":"1"}`, Published{As: DeadLetter, Row: 1}},
	} {
		e, err := ParseEntry([]byte("call/"+taskA+"/"+callA), []byte(tt.value))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if e.Published != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.name, e.Published, tt.want)
		}
	}
}

func TestUnreadableValue(t *testing.T) {
	const secret = "0812-secret"
	for _, tt := range []struct{ key, value string }{
		{"call/t/c", ``},
		{"call/t/c", `{`},
		{"call/t/c", `null`},
		{"call/t/c", `[]`},
		{"call/t/c", `{}`},
		{"call/t/c", `"0812-secret"`},
		{"call/t/c", `{"as":"0812-secret"}`},
		{"call/t/c", `{"at":"0812-secret","as":"event"}`},
		{"call/t/c", `{"at":"2026-03-01T12:00:60.000Z","as":"event","row":"0000000000000000"}`},
		{"call/t/c", `{"at":"2026-02-30T12:00:00.000Z","as":"event","row":"0000000000000000"}`},
		{"call/t/c", `{"at":"9999-12-31T23:59:59-01:00","as":"event","row":"0000000000000000"}`},
		{"call/t/c", `{"at":"2026-03-01T12:00:00.123Z","as":"event","row":"0812-secret"}`},
		{"call/t/c", `{"at":"2026-03-01T12:00:00.123Z","as":"event","row":"00000000000000ab"}0812-secret`},
		{"row/t/1", `{"as":"nothing"}`},
		{"task/t", `0812-secret`},
		{"task/t", `{"sequence":"0812-secret"}`},
		{"task/t", `{"sealed_at":"0812-secret"}`},
		{"meta", `{"partitions":"0812-secret"}`},
		{"meta", `{}`},
		{"meta", `{"format":2,"ledger_id":"0812-secret","partitions":0}`},
		{"meta", `{"format":2,"ledger_id":"0812-secret","partitions":-1}`},
		{"meta", `{"partitions":1}`},
		{"producer", `{"pid":"0812-secret"}`},
	} {
		kind, _, _ := strings.Cut(tt.key, "/")
		e, err := ParseEntry([]byte(tt.key), []byte(tt.value))
		if want := "value of a " + kind + " entry cannot be read"; err == nil || err.Error() != want {
			t.Errorf("%s %s: got %+v, error %v; want error %q", tt.key, tt.value, e, err, want)
		}
		l := New()
		if err := l.Replay([]byte(tt.key), []byte(tt.value)); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s %s: a replay gave error %v", tt.key, tt.value, err)
		}
		if n, size := l.Size(); n != 0 || size != 0 || len(l.Standings()) != 0 {
			t.Errorf("%s %s: a replay left %s", tt.key, tt.value, l)
		}
	}
}

func TestUnreadableKey(t *testing.T) {
	for _, key := range []string{
		"", "/", "call", "call/", "call//", "call/t", "call/t/", "call//c", "row/t", "row//1", "task", "task/",
		"task/a/b", "meta/", "meta/x", "producer/1", "Call/t/c", "calls/t/c", "0812", " call/t/c",
		"call/100%/c", "task/%2f", "task/a%20b",
	} {
		want := errKey
		switch kind, _, _ := strings.Cut(key, "/"); kind {
		case "", "Call", "calls", "0812", " call":
			want = ErrForeign
		}
		if _, err := ParseEntry([]byte(key), []byte(`{}`)); err != want {
			t.Errorf("%q: got error %v, want %v", key, err, want)
		}
		if _, err := ParseEntry([]byte(key), nil); err == nil {
			t.Errorf("%q: its tombstone was read", key)
		}
	}
	if _, err := ParseEntry(nil, nil); err == nil {
		t.Error("a record without a key was read")
	}
}

func TestKeysOfOddIDs(t *testing.T) {
	for _, id := range []string{"/", "%", "%2F", "%25", "a/b/c", "100%/", "é✓", " ", "task"} {
		for _, kind := range []Kind{KindCall, KindRow, KindTask} {
			want := Entry{Kind: kind, TaskID: id, Tombstone: true}
			if kind != KindTask {
				want.ID = "x" + id
			}
			if got, err := ParseEntry(want.AppendKey(nil), nil); err != nil || got != want {
				t.Errorf("%s: got %+v, error %v; want %+v", want.AppendKey(nil), got, err, want)
			}
		}
	}
}

func TestKeyOf(t *testing.T) {
	seen := map[CallKey]string{}
	for _, tt := range []struct {
		id    string
		exact bool
	}{
		{callA, true},
		{callB, true},
		{strings.Repeat("0", 32), true},
		{strings.Repeat("f", 32), true},
		{strings.ToUpper(callA), false},
		{callA[:31] + "A", false},
		{callA[:31], false},
		{callA + "0", false},
		{callA[:31] + "g", false},
		{callA[:31] + " ", false},
		{callA[:15] + "/" + callA[16:], false},
		{strings.Repeat("é", 16), false}, // 32 bytes
		{"c", false},
		{"", false},
	} {
		k, exact := KeyOf(tt.id)
		if exact != tt.exact {
			t.Errorf("%q: exact is %v, want %v", tt.id, exact, tt.exact)
		}
		if exact && Texts(nil).CallID(k) != tt.id {
			t.Errorf("%q: its key says %s", tt.id, Texts(nil).CallID(k))
		}
		if other, again := seen[k]; again {
			t.Errorf("%q and %q have one key", tt.id, other)
		}
		seen[k] = tt.id
		if fromBytes, is := KeyOf([]byte(tt.id)); fromBytes != k || is != exact {
			t.Errorf("%q: as bytes it has another key", tt.id)
		}
	}
}

// TestStateTimes: the JSON of a state must bring back the very state, or each
// reading would seem to have changed it.
func TestStateTimes(t *testing.T) {
	s := State{Status: "finished", TerminalSince: milliseconds(time.Now()), SealedAt: milliseconds(time.Time{})}
	j, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var got State
	if err := json.Unmarshal(j, &got); err != nil || got != s {
		t.Errorf("got %+v, error %v; want %+v", got, err, s)
	}
	if !s.SealedAt.IsZero() {
		t.Error("no time has become a time")
	}
}

package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/record"
)

// output is what was written so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func TestMasked(t *testing.T) {
	for _, tt := range []struct{ number, want string }{
		{"+6281234567890", "+62812••••••90"},
		{"12345678", "12345678"[:6] + "78"},
		{"123456789", "123456•89"},
		{"1234567", "•••••••"},
		{"1", "•"},
		{"", ""},
	} {
		if got := masked(tt.number); got != tt.want {
			t.Errorf("masked(%q): got %q, want %q", tt.number, got, tt.want)
		}
	}
}

func TestMiddle(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""}, {"1234567", "1234567"}, {"12345678", "1234…78"}, {"éééééééé", "éééé…éé"},
	} {
		if got := middle(tt.text, 7); got != tt.want {
			t.Errorf("middle(%q): got %q, want %q", tt.text, got, tt.want)
		}
	}
}

// printed shows one event to a watch and returns what it writes.
func printed(terminal bool, e record.Event) string {
	var out output
	w := newWatch(&out)
	w.terminal = terminal
	at := time.Date(2026, 3, 1, 12, 0, 0, 5e6, time.Local)
	w.add(kafka.Message{Record: batch.Record{Topic: "calls"}, Partition: 3, Offset: 42, Time: at}, e)
	return out.String()
}

// anEvent is one whose texts try to look like a second call_id.
func anEvent() record.Event {
	return record.Event{
		TaskID: "t", TaskName: `name with "call_id"`, CallID: "c1", Comments: "loan-7", CalleeNumber: "+6281234567890",
		Intention: "A", Duration: call.Some(42 * time.Second),
	}
}

func TestLinePiped(t *testing.T) {
	line := printed(false, anEvent())
	if n := strings.Count(line, `"call_id"`); n != 1 || strings.Count(line, "\n") != 1 {
		t.Errorf("the line has %d call_ids: %s", n, line)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"time":      time.Date(2026, 3, 1, 12, 0, 0, 5e6, time.Local).UTC().Format(time.RFC3339Nano),
		"task_name": `name with "call_id"`, "customer_reference": "loan-7", "callee_number": "+62812••••••90",
		"intention": "A", "duration_ms": 42000.0, "call_id": "c1", "topic": "calls", "partition": 3.0, "offset": 42.0,
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if line := printed(false, record.Event{CallID: "c1"}); !strings.Contains(line, `"duration_ms":null`) {
		t.Errorf("a call without a duration: %s", line)
	}
}

// On a terminal the columns have names, and even the longest line fits.
func TestLineOnATerminal(t *testing.T) {
	want := "TIME      TASK           REFERENCE   CALLEE          INTENT LENGTH  PART@OFFSET\n" +
		"12:00:00  name wit…_id\"  loan-7      +62812••••••90  A         42s  3@42\n"
	if got := printed(true, anEvent()); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	long := strings.Repeat("x", 100)
	e := record.Event{TaskName: long, Comments: long, CalleeNumber: long, Intention: long, Duration: call.Some(59*time.Minute + 59*time.Second)}
	for line := range strings.Lines(printed(true, e)) {
		if n := utf8.RuneCountInString(line); n > 80 {
			t.Errorf("a line of %d characters: %s", n, line)
		}
	}
	if got := printed(true, record.Event{CallID: "c1"}); !strings.Contains(got, "–  3@42") {
		t.Errorf("a call without a duration: %q", got)
	}
}

func TestWatchCountsEachCallOnce(t *testing.T) {
	w := newWatch(&output{})
	for _, e := range []record.Event{{TaskID: "a", CallID: "1"}, {TaskID: "b", CallID: "1"}, {TaskID: "a", CallID: "1"}} {
		w.add(kafka.Message{}, e)
	}
	if got := w.distinct(); got != 2 {
		t.Errorf("%d calls, want 2", got)
	}
	if !w.await(t.Context(), 2) {
		t.Error("two calls are waited for although they are there")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if w.await(ctx, 3) {
		t.Error("a third call was seen")
	}
}

// What there is to tell is told before the first event that it is about.
func TestWatchAnnounces(t *testing.T) {
	var out output
	w := newWatch(&out)
	w.before(func(c shownCall) bool {
		if c.CallID != "2" {
			return false
		}
		out.Write([]byte("told\n"))
		return true
	})
	for _, id := range []string{"1", "2", "2"} {
		w.add(kafka.Message{}, record.Event{CallID: id})
	}
	if lines := strings.Split(out.String(), "\n"); len(lines) != 5 || lines[1] != "told" {
		t.Errorf("got\n%s\nwant it told once, before the second event", &out)
	}
}

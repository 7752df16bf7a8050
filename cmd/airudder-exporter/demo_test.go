package main

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/record"
	"airudder-exporter/internal/rig"
)

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

func TestCut(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""}, {"1234", "1234"}, {"12345", "123…"}, {"ééééé", "ééé…"},
	} {
		if got := cut(tt.text, 4); got != tt.want {
			t.Errorf("cut(%q): got %q, want %q", tt.text, got, tt.want)
		}
	}
}

// shown shows one event to a watch and returns the line.
func shown(t *testing.T, terminal bool, e record.Event) string {
	t.Helper()
	var out output
	w := newWatch(&out)
	w.terminal, w.since = terminal, time.Time{}
	at := time.Date(2026, 3, 1, 12, 0, 0, 5e6, time.Local)
	w.add(kafka.Message{Record: batch.Record{Topic: "calls"}, Partition: 3, Offset: 42, Time: at}, e)
	lines := out.lines()
	if len(lines) != 1 {
		t.Fatalf("%d lines for one call", len(lines))
	}
	return lines[0]
}

// anEvent is one whose texts try to look like a second call_id.
func anEvent() record.Event {
	return record.Event{
		TaskID: "t", TaskName: `name with "call_id"`, CallID: "c1", Comments: "loan-7", CalleeNumber: "+6281234567890",
		Intention: "A", Duration: call.Some(42 * time.Second),
	}
}

func TestDemoLinePiped(t *testing.T) {
	line := shown(t, false, anEvent())
	if n := strings.Count(line, `"call_id"`); n != 1 {
		t.Errorf("the line has %d call_ids: %s", n, line)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"time": "12:00:00.005", "task_name": `name with "call_id"`, "customer_reference": "loan-7", "callee_number": "+62812••••••90",
		"intention": "A", "duration_ms": 42000.0, "call_id": "c1", "topic": "calls", "partition": 3.0, "offset": 42.0,
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if line := shown(t, false, record.Event{CallID: "c1"}); !strings.Contains(line, `"duration_ms":null`) {
		t.Errorf("a call without a duration: %s", line)
	}
}

func TestDemoLineOnATerminal(t *testing.T) {
	line := shown(t, true, anEvent())
	want := regexp.MustCompile(`^12:00:00\.005  name with "call_id" +loan-7 +\+62812••••••90 +A +42s  → calls\[3\]@42\n$`)
	if !want.MatchString(line) {
		t.Errorf("the line is %q", line)
	}
	if line := shown(t, true, record.Event{CallID: "c1"}); !strings.Contains(line, "–  → calls") {
		t.Errorf("a call without a duration: %q", line)
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

func TestProof(t *testing.T) {
	keys := func(n int) []airuddersim.CallKey { return make([]airuddersim.CallKey, n) }
	for _, tt := range []struct {
		proof airuddersim.Proof
		line  string
		holds bool
	}{
		{airuddersim.Proof{Finished: 312, Events: 312}, "finished 312 · events 312 · duplicates 0 · missing 0", true},
		{airuddersim.Proof{Finished: 3, Events: 4, Duplicates: keys(1)}, "finished 3 · events 4 · duplicates 1 · missing 0", false},
		{airuddersim.Proof{Finished: 3, Events: 1, Missing: keys(2)}, "finished 3 · events 1 · duplicates 0 · missing 2", false},
		{airuddersim.Proof{Finished: 3, Events: 4, Unknown: keys(1)}, "finished 3 · events 4 · duplicates 0 · missing 0 · never finished 1", false},
	} {
		if p := (proof{tt.proof}); p.String() != tt.line || p.holds() != tt.holds {
			t.Errorf("got %q, %v; want %q, %v", p, p.holds(), tt.line, tt.holds)
		}
	}
}

// The whole demo: the exporter as a child process, killed inside a transaction,
// and the proof. The second run, on the same data, repeats nothing.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	dir := t.TempDir()
	first := demo(t, demoOptions{tasks: 3, rate: 40, kill: true, killAfter: 500 * time.Millisecond, dataDir: dir}, "✓ recovered in ")
	for _, want := range []string{"status page  http://127.0.0.1:", "broker       127.0.0.1:", "registry     http://127.0.0.1:", "killed with SIGKILL inside an open transaction"} {
		if !strings.Contains(first.notices, want) {
			t.Errorf("the notices lack %q:\n%s", want, first.notices)
		}
	}
	second := demo(t, demoOptions{tasks: 3, rate: 40, dataDir: dir}, "going on from an earlier run; ")
	for id := range second.calls {
		if first.calls[id] {
			t.Errorf("call %s was published again", id)
		}
	}
}

// played is what a demo came to.
type played struct {
	notices string
	calls   map[string]bool // by call_id
}

// demo runs the demo until it has printed twenty calls and a notice.
func demo(t *testing.T, o demoOptions, notice string) played {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stdout, stderr output
	ended := make(chan error, 1)
	o.catchUp = rig.Patience // it ends once the exporter has caught up
	go func() { ended <- runDemo(ctx, o, &stdout, &stderr) }()
	deadline := time.After(rig.Patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for len(stdout.lines()) < 20 || !strings.Contains(stderr.String(), notice) {
		select {
		case <-tick.C:
		case err := <-ended:
			t.Fatalf("the demo ended: %v\n%s", err, &stderr)
		case <-deadline:
			t.Errorf("the demo hangs with %d calls:\n%s", len(stdout.lines()), &stderr)
			cancel()
			<-ended
			t.FailNow()
		}
	}
	cancel()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Fatalf("the demo ended: %v\n%s", err, &stderr)
	}
	lines := slices.Collect(strings.Lines(stderr.String()))
	last := regexp.MustCompile(`^finished (\d+) · events (\d+) · duplicates 0 · missing 0\n$`)
	if m := last.FindStringSubmatch(lines[len(lines)-1]); m == nil || m[1] == "0" {
		t.Errorf("the last line is no proof:\n%s", &stderr)
	}
	p := played{notices: stderr.String(), calls: map[string]bool{}}
	for _, line := range stdout.lines() {
		var c shownCall
		if err := json.Unmarshal([]byte(line), &c); err != nil || strings.Count(line, `"call_id"`) != 1 || p.calls[c.CallID] {
			t.Errorf("a bad line, or one printed twice: %v: %s", err, line)
		}
		p.calls[c.CallID] = true
	}
	return p
}

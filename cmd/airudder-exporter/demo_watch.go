package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/record"
)

// watch prints each event that a read_committed reader sees, and counts them.
type watch struct {
	out      io.Writer
	terminal bool
	since    time.Time // what was published before, by an earlier run, is counted and not printed

	mu      sync.Mutex
	calls   map[string]bool // by task and call
	changed chan struct{}   // closed and replaced with each new call
}

func newWatch(out io.Writer) *watch {
	return &watch{out: out, terminal: isTerminal(out), since: time.Now().Truncate(time.Millisecond), calls: map[string]bool{}, changed: make(chan struct{})}
}

// shownCall is one line of the demo.
type shownCall struct {
	Time       string `json:"time"` // when it was published, local
	TaskName   string `json:"task_name"`
	Reference  string `json:"customer_reference"`
	Number     string `json:"callee_number"` // masked
	Intention  string `json:"intention"`
	DurationMS *int64 `json:"duration_ms"`
	CallID     string `json:"call_id"`
	Topic      string `json:"topic"`
	Partition  int    `json:"partition"`
	Offset     int64  `json:"offset"`
}

func (w *watch) add(m kafka.Message, e record.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if id := e.TaskID + "/" + e.CallID; !w.calls[id] {
		w.calls[id] = true
		close(w.changed)
		w.changed = make(chan struct{})
	}
	c := shownCall{
		Time: m.Time.Local().Format("15:04:05.000"), TaskName: e.TaskName, Reference: e.Comments,
		Number: masked(e.CalleeNumber), Intention: e.Intention, DurationMS: milliseconds(e.Duration),
		CallID: e.CallID, Topic: m.Topic, Partition: m.Partition, Offset: m.Offset,
	}
	if !m.Time.Before(w.since) {
		w.print(c)
	}
}

func (w *watch) print(c shownCall) {
	if w.terminal {
		fmt.Fprintf(w.out, "%s  %-34s %-14s %-16s %-3s %7s  → %s[%d]@%d\n",
			c.Time, cut(c.TaskName, 34), cut(c.Reference, 14), c.Number, cut(c.Intention, 3), length(c.DurationMS), c.Topic, c.Partition, c.Offset)
		return
	}
	line, err := json.Marshal(c)
	if err == nil {
		fmt.Fprintf(w.out, "%s\n", line)
	}
}

// distinct is how many calls were seen.
func (w *watch) distinct() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.calls)
}

// await waits until n calls were seen; false when ctx ends first.
func (w *watch) await(ctx context.Context, n int) bool {
	for {
		w.mu.Lock()
		have, changed := len(w.calls), w.changed
		w.mu.Unlock()
		if have >= n {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// masked shows as much of a number as tells two apart.
func masked(number string) string {
	if len(number) < 8 {
		return strings.Repeat("•", len(number))
	}
	return number[:6] + strings.Repeat("•", len(number)-8) + number[len(number)-2:]
}

func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

func milliseconds(d call.Opt[time.Duration]) *int64 {
	if !d.Set {
		return nil
	}
	ms := d.Value.Milliseconds()
	return &ms
}

func length(ms *int64) string {
	if ms == nil {
		return "–"
	}
	return (time.Duration(*ms) * time.Millisecond).String()
}

package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/record"
)

// watch prints each event that a read_committed reader sees, and counts them.
type watch struct {
	out      io.Writer
	terminal bool

	mu       sync.Mutex
	calls    map[string]bool             // by task and call
	changed  chan struct{}               // closed and replaced with each new call
	announce func(shownCall) (told bool) // called with each event before it is printed, until told; nil: nothing to tell
}

func newWatch(out io.Writer) *watch {
	return &watch{out: out, calls: map[string]bool{}, changed: make(chan struct{})}
}

func (w *watch) add(m kafka.Message, e record.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := shown(m, e)
	announced := w.announce != nil && w.announce(c)
	if announced {
		w.announce = nil
	}
	if w.terminal && (announced || len(w.calls) == 0) {
		fmt.Fprintln(w.out, header())
	}
	w.print(c)
	if id := e.TaskID + "/" + e.CallID; !w.calls[id] {
		w.calls[id] = true
		close(w.changed)
		w.changed = make(chan struct{})
	}
}

// print writes one line: for people, or as JSON where people do not look.
func (w *watch) print(v any) {
	if w.terminal {
		fmt.Fprintln(w.out, v)
		return
	}
	_ = json.NewEncoder(w.out).Encode(v) // without a reader there is nobody to tell
}

// before has fn called with each event before it is printed, until fn has told
// what it had to.
func (w *watch) before(fn func(shownCall) (told bool)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.announce = fn
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

package exporter

import (
	"fmt"
	"sync"
	"time"

	"airudder-exporter/internal/batch"
)

// holds are the tasks of which something waits, since its topic takes no record of
// its size. That is the topic's misconfiguration: nothing of it is given up, and it
// is published by the first reading after the topic is set right. They outlive the
// producers.
type holds struct {
	mu    sync.Mutex
	tasks map[string]hold
}

// hold is what waits of one task.
type hold struct {
	since time.Time
	units int // of the last reading
	why   *batch.TooLargeError
}

func (h hold) String() string {
	return fmt.Sprintf("%d records wait since %s: %v; set max.message.bytes to %d or more",
		h.units, h.since.UTC().Format(time.RFC3339), h.why, max(batch.MaxMessageBytes, h.why.Size))
}

// note takes what a reading of a task had to hold back; none, from a whole
// one, ends it.
func (h *holds) note(taskID string, units int, why *batch.TooLargeError) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if units == 0 {
		delete(h.tasks, taskID)
		return
	}
	is, waits := h.tasks[taskID]
	if !waits {
		is.since = time.Now()
	}
	is.units, is.why = units, why
	h.tasks[taskID] = is
}

// forget drops the tasks that match.
func (h *holds) forget(match func(taskID string) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for taskID := range h.tasks {
		if match(taskID) {
			delete(h.tasks, taskID)
		}
	}
}

// of is what waits of a task.
func (h *holds) of(taskID string) (hold, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	is, waits := h.tasks[taskID]
	return is, waits
}

// oldest is since when the task waits that waits longest; zero: none does.
func (h *holds) oldest() (oldest time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, is := range h.tasks {
		if oldest.IsZero() || is.since.Before(oldest) {
			oldest = is.since
		}
	}
	return oldest
}

// whyNotReady names the task that waits longest; empty: none does.
func (h *holds) whyNotReady() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	first := ""
	for taskID, is := range h.tasks {
		if was := h.tasks[first]; first == "" || is.since.Before(was.since) || is.since.Equal(was.since) && taskID < first {
			first = taskID
		}
	}
	switch others := len(h.tasks) - 1; {
	case others < 0:
		return ""
	case others == 0:
		return fmt.Sprintf("task %s: %s", first, h.tasks[first])
	default:
		return fmt.Sprintf("task %s (and %d more): %s", first, others, h.tasks[first])
	}
}

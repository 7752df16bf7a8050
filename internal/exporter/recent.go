package exporter

import (
	"sync"
	"time"
)

// Published is an event that was committed.
type Published struct {
	CallID    string    `json:"call_id"`
	TaskID    string    `json:"task_id"`
	Ended     time.Time `json:"call_end_time,omitzero"` // zero: AIRudder does not say
	Observed  time.Time `json:"observed_at"`
	Committed time.Time `json:"committed_at"`
	Bytes     int       `json:"bytes"` // of the transaction's records for it
}

// Recent returns the last events that were committed, newest first.
func (e *Exporter) Recent() []Published { return e.recent.newestFirst() }

// recent keeps the last events for the page.
type recent struct {
	mu   sync.Mutex
	ring [50]Published
	n    int // added so far
}

func (r *recent) add(p Published) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ring[r.n%len(r.ring)] = p
	r.n++
}

func (r *recent) newestFirst() []Published {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := []Published{}
	for i := r.n - 1; i >= max(0, r.n-len(r.ring)); i-- {
		all = append(all, r.ring[i%len(r.ring)])
	}
	return all
}

package exporter

import "sync"

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

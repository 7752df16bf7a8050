package airudder

import (
	"sync"
	"time"

	"airudder-exporter/internal/call"
)

// flight is what the client waits for. What waits for the budget, and a response
// whose rows are being taken, wait for nothing of the upstream's.
type flight struct {
	mu       sync.Mutex
	answered time.Time
	waiting  map[*response]time.Time
}

// Flight returns what the client waits for now.
func (c *Client) Flight() call.Flight {
	c.flight.mu.Lock()
	defer c.flight.mu.Unlock()
	f := call.Flight{Answered: c.flight.answered, Held: c.held()}
	for r, since := range c.flight.waiting {
		f.Waiting = append(f.Waiting, call.Waiting{TaskID: r.request.taskID, Since: since})
	}
	return f
}

// ever reports whether the upstream has ever sent anything.
func (f *flight) ever() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.answered.IsZero()
}

// held is until when no request goes.
func (c *Client) held() time.Time {
	paused, refused := c.budget.pausedUntil(), c.tokens.refusedUntil()
	if refused.After(paused) {
		return refused
	}
	return paused
}

// waits notes that a response waits for the upstream's next bytes.
func (f *flight) waits(r *response) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiting == nil {
		f.waiting = map[*response]time.Time{}
	}
	f.waiting[r] = time.Now()
}

// came notes the end of a wait, and whether it brought anything.
func (f *flight) came(r *response, anything bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.waiting, r)
	if anything {
		f.answered = time.Now()
	}
}

package kafka

import (
	"fmt"
	"sync"
	"time"
)

// waits are the requests that the cluster has not answered as it should for a
// while, and that are asked again. The zero value has none.
type waits struct {
	mu  sync.Mutex
	all map[*wait]struct{}
}

// wait is one of them.
type wait struct {
	api   string
	since time.Time
	err   error // the last answer
}

// put adds a request, or renews its answer.
func (w *waits) put(one *wait, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = make(map[*wait]struct{})
	}
	one.err = err
	w.all[one] = struct{}{}
}

// remove takes out a request that was answered, or given up.
func (w *waits) remove(one *wait) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.all, one)
}

// oldest has been asked for longest; zero: there is none.
func (w *waits) oldest() (oldest wait) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range w.all {
		if oldest.since.IsZero() || one.since.Before(oldest.since) {
			oldest = *one
		}
	}
	return oldest
}

// Waiting says what the client asks the cluster for in vain, since when and why;
// empty: nothing that has taken more than two seconds.
func (c *Client) Waiting() string {
	w := c.waits.oldest()
	if w.since.IsZero() {
		return ""
	}
	return fmt.Sprintf("waiting for Kafka since %s (%s): %s", w.since.UTC().Format(time.RFC3339), w.api, c.explain(w.err))
}

func (c *Client) explain(err error) string { return c.security().Explain(err, c.cfg.LedgerTopic) }

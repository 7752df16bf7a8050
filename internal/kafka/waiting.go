package kafka

import (
	"fmt"
	"sync"
	"time"
)

// waits are the requests that have not succeeded for a while and are repeated. The
// zero value has none.
type waits struct {
	mu   sync.Mutex
	all  map[*wait]struct{}
	told time.Time // when the log last told of them; zero: it has not
}

// wait is one of them.
type wait struct {
	api   string
	shard int // whose request it is; everyShard: none's alone
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

// remove takes out a request that was answered, or given up, and reports whether that
// was the last one and the log has told of them.
func (w *waits) remove(one *wait) (over bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.all, one)
	if over = len(w.all) == 0 && !w.told.IsZero(); over {
		w.told = time.Time{}
	}
	return over
}

// due reports whether the log is to tell of the requests now, all of which are one
// trouble: every five minutes.
func (w *waits) due(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.told.IsZero() && now.Sub(w.told) < 5*time.Minute {
		return false
	}
	w.told = now
	return true
}

// everyShard stands for a shard where a request is not one shard's alone.
const everyShard = -1

// oldest is what a shard has waited for longest; zero: there is nothing.
func (w *waits) oldest(shard int) (oldest wait) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range w.all {
		if one.shard != shard && one.shard != everyShard {
			continue
		}
		if oldest.since.IsZero() || one.since.Before(oldest.since) {
			oldest = *one
		}
	}
	return oldest
}

// Waiting says which request on a shard's behalf does not succeed, since when and
// why; empty: none that has taken more than two seconds.
func (c *Client) Waiting(shard int) string {
	w := c.waits.oldest(shard)
	if w.since.IsZero() {
		return ""
	}
	return fmt.Sprintf("waiting for Kafka since %s: %s; the request is %s",
		w.since.UTC().Format(time.RFC3339), c.Explain(w.err), w.api)
}

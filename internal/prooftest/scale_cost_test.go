//go:build unix

package prooftest

import "sync"

// handover counts what the exporters that stay need to take over the shards of
// one that ends in good order. How long that takes is the machine's business.
// That it costs less than two polls, of which a task has one in five seconds at
// most, follows from what is asked: the one that ends says so, each of the
// others hears it with its next heartbeat, of which there is one a second, and
// joins once, and what then moves is fenced, and so restored, once.
type handover struct {
	mu     sync.Mutex
	left   bool           // the one that ends has left the group
	beats  map[*child]int // heartbeats that told one of the others nothing of that, before it joined
	joins  map[*child]int
	fences map[string]int // by transactional id
}

// count begins to count what it takes to do without an exporter.
func (c *crowd) count(leaver *child) *handover {
	h := &handover{beats: map[*child]int{}, joins: map[*child]int{}, fences: map[string]int{}}
	for _, one := range c.children {
		one.net.arm(func(r *request) fate {
			return fate{after: func() { h.answered(one, r, leaver) }}
		})
	}
	return h
}

func (h *handover) answered(one *child, r *request, leaver *child) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case r.code != 0:
	case one == leaver:
		h.left = h.left || r.step == stepLeave
	case r.step == stepHeartbeat && h.left && h.joins[one] == 0:
		h.beats[one]++
	case r.step == stepJoin:
		h.joins[one]++
	case r.step == stepFence:
		h.fences[r.txn]++
	}
}

// handoverCost is how often each of it may happen: once, and once more since a heartbeat
// may have been on its way when the group was left, and since one whom the machine
// stalls for its session has to join again.
const handoverCost = 2

// check ends the count, and holds it against what a hand-over may cost.
func (h *handover) check(c *crowd) {
	c.T.Helper()
	for _, one := range c.children {
		one.net.arm(nil)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.left {
		c.T.Error("a shard's owner ended in good order and did not leave the group")
	}
	if len(h.joins) == 0 || len(h.fences) == 0 {
		c.T.Errorf("of a hand-over %d joins and %d fences were seen", len(h.joins), len(h.fences))
	}
	for one, n := range h.beats {
		if n > handoverCost {
			c.T.Errorf("%s heard of a hand-over behind %d heartbeats", one.Name, n)
		}
	}
	for one, n := range h.joins {
		if n > handoverCost {
			c.T.Errorf("%s joined %d times for one hand-over", one.Name, n)
		}
	}
	for id, n := range h.fences {
		if n > handoverCost {
			c.T.Errorf("%s was fenced %d times for one hand-over", id, n)
		}
	}
}

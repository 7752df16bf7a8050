package exporter

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"airudder-exporter/internal/ledger"
)

// rivalWait is how long a fenced producer waits for the entry of whoever
// fenced it, which is written a few milliseconds after the fence.
const rivalWait = 2 * time.Second

// takenOver is why a fenced producer ended, in words for the operator: who writes
// the shard now, and who no longer does. self is the fenced producer, with an epoch
// below 0 where it did not get one.
func (e *Exporter) takenOver(ctx context.Context, s Shard, self ledger.Writer, cause error) error {
	by, found := e.rival(ctx, s, self)
	switch {
	case !found:
		return fmt.Errorf("nobody else has written to the shard since: its transactional id had expired, "+
			"or the coordinator ended a transaction of its own accord: %w", cause)
	case by.Role != "":
		return fmt.Errorf("taken over by a %s (%s) from this exporter (%s), which waits until that is done and then continues: %w",
			by.Role, name(by), name(self), cause)
	}
	e.contested(s.Number(), by)
	return fmt.Errorf("taken over by another exporter (%s) from this one (%s); where both have %s=group "+
		"they share the shards by themselves, else stop one: %w", name(by), name(self), e.cfg.Setting("Assignment"), cause)
}

// rival is the first writer of the shard after a producer of ours that was
// fenced; false: none came.
func (e *Exporter) rival(ctx context.Context, s Shard, self ledger.Writer) (by ledger.Writer, found bool) {
	if self.Epoch < 0 {
		return by, false
	}
	ctx, cancel := context.WithTimeout(ctx, rivalWait)
	defer cancel()
	key := ledger.Entry{Kind: ledger.KindProducer}.AppendKey(nil)
	err := s.Later(ctx, func(k, value []byte) bool {
		if !bytes.Equal(k, key) {
			return false
		}
		entry, err := ledger.ParseEntry(k, value)
		if err == nil && entry.Writer.Instance != self.Instance && entry.Writer.After(self.Producer, self.Epoch) {
			by, found = entry.Writer, true
		}
		return found
	})
	if err != nil && ctx.Err() == nil {
		e.log.Warn("who took the shard over cannot be read", "shard", s.Number(), "error", err)
	}
	return by, found
}

// name tells one exporter from another.
func name(w ledger.Writer) string {
	return fmt.Sprintf("host %s, pid %d, instance %s", w.Host, w.PID, w.Instance)
}

// Two exporters of which each takes every shard take them from each other in turn, and
// each looks sound for as long as it has them. One take-over is a restart or a standby;
// two in contestedIn are a contest. A fixed owner waits for up to 5 min after a fence, so
// that one of two is fenced every 10 min at least: what is quiet for longer is over.
const (
	contestedIn = 5 * time.Minute
	uncontested = 15 * time.Minute
)

// contests are the take-overs of this process's shards by other exporters.
type contests struct {
	mu sync.Mutex
	of map[int]*contest // by shard
}

// contest is what became of one shard since it was last left alone.
type contest struct {
	times       int
	first, last time.Time
	by          ledger.Writer // the last one
	holds       bool          // twice in contestedIn
}

// contested notes that another exporter took a shard over.
func (e *Exporter) contested(shard int, by ledger.Writer) {
	now := time.Now()
	e.contests.mu.Lock()
	defer e.contests.mu.Unlock()
	if e.contests.of == nil {
		e.contests.of = map[int]*contest{}
	}
	c := e.contests.of[shard]
	switch {
	case c == nil || now.Sub(c.last) > uncontested:
		c = &contest{first: now}
		e.contests.of[shard] = c
	case c.by.Instance == by.Instance && c.by.Producer == by.Producer && c.by.Epoch == by.Epoch: // noticed before
		return
	case now.Sub(c.last) <= contestedIn:
		c.holds = true
	}
	c.times++
	c.last, c.by = now, by
	if c.holds {
		e.notices.Observe(contestSubject(shard), e.cfg.shardContested(c.times, now.Sub(c.first), name(by)))
	}
}

// calm ends the contest for a shard that nobody has taken over for long.
func (e *Exporter) calm(shard int, now time.Time) {
	e.contests.mu.Lock()
	defer e.contests.mu.Unlock()
	if c := e.contests.of[shard]; c != nil && now.Sub(c.last) > uncontested {
		delete(e.contests.of, shard)
		e.notices.Observe(contestSubject(shard))
	}
}

func (c *contests) forget(shard int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.of, shard)
}

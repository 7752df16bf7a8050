package exporter

import (
	"bytes"
	"context"
	"fmt"
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

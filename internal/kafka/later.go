package kafka

import (
	"context"
	"fmt"

	"airudder-exporter/internal/batch"
)

// Later shows the records of a shard's ledger partition that stand after those
// which this process knows to be committed: whatever becomes of their
// transactions, and as they come, until visit has seen enough or ctx ends. So a
// producer that was fenced finds by whom: its successor's barrier is there, or
// is about to be. Neither slice outlives its call; a nil value is a tombstone.
func (c *Client) Later(ctx context.Context, shard int, visit func(key, value []byte) (enough bool)) error {
	at := batch.Place{Topic: c.cfg.LedgerTopic, Partition: shard}
	c.mu.Lock()
	from := c.ends[shard]
	c.mu.Unlock()
	var records batch.Reader
	err := c.stream(ctx, reading{Place: at, from: from}, func(got *chunk) error {
		for i := range got.batches {
			b := &got.batches[i]
			if b.Control() || b.Count == 0 {
				continue
			}
			err := records.Each(b, func(r *batch.Stored) error {
				if r.Offset >= from && visit(r.Key, r.Value) {
					return errEnough
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("look after offset %d of %s: %w", from, at, err)
	}
	return nil
}

package kafka

import (
	"context"
	"fmt"
)

// Later shows the records of a shard's ledger partition that stand behind those
// which this process knows to be committed: whatever becomes of their
// transactions, and as they come, until visit has seen enough or ctx ends. So a
// producer that was fenced finds by whom: its successor's barrier is there, or
// is about to be. Neither slice outlives its call; a nil value is a tombstone.
func (c *Client) Later(ctx context.Context, shard int, visit func(key, value []byte) (enough bool)) error {
	at := place{c.cfg.LedgerTopic, shard}
	c.mu.Lock()
	from := c.ends[shard]
	c.mu.Unlock()
	var buf []byte
	err := c.stream(ctx, reading{place: at, from: from}, func(got *chunk) error {
		for i := range got.batches {
			b := &got.batches[i]
			if b.attributes.Control() || b.count == 0 {
				continue
			}
			records, grown, err := b.decompress(buf)
			if err != nil {
				return err
			}
			buf = grown
			err = b.each(records, func(r *rawRecord) error {
				if r.offset >= from && visit(r.key, r.value) {
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
		return fmt.Errorf("look behind offset %d of %s: %w", from, at, err)
	}
	return nil
}

package kafka

import (
	"airudder-exporter/internal/batch"
	"context"
	"fmt"
	"time"
)

// Placed is a record for one partition of its topic, whatever its key.
type Placed struct {
	batch.Record
	Partition int
}

// WriteOnce writes what look returns in one transaction under an id that
// belongs to no shard. It fences that id first and calls look behind the
// fence, so of several that begin at once each sees what those before it
// wrote. Where look returns nothing, nothing is written. After an error the
// records may be there all the same: wait a moment, of random length since
// those who begin at once fence each other, and begin again; look tells.
func (c *Client) WriteOnce(ctx context.Context, transactionalID string, look func(ctx context.Context) ([]Placed, error)) error {
	if err := c.writeOnce(ctx, transactionalID, look); err != nil {
		return fmt.Errorf("write once as %s: %w", transactionalID, err)
	}
	return nil
}

func (c *Client) writeOnce(ctx context.Context, transactionalID string, look func(ctx context.Context) ([]Placed, error)) error {
	session, err := c.fence(ctx, transactionalID, everyShard)
	if err != nil {
		return err
	}
	records, err := look(ctx)
	if err != nil || len(records) == 0 {
		return err
	}
	batches, err := encodePlaced(records)
	if err != nil {
		return err
	}
	start := time.Now()
	_, err = session.write(ctx, batches, func(map[place]int64) error { return nil })
	c.metrics.outcome(err, time.Since(start))
	return err
}

// encodePlaced makes one batch of each partition's records, uncompressed, in
// the order in which the partitions first appear.
func encodePlaced(records []Placed) ([]outgoing, error) {
	parts := make(map[place][]batch.Record)
	var order []place
	for _, r := range records {
		at := place{r.Topic, r.Partition}
		if parts[at] == nil {
			order = append(order, at)
		}
		parts[at] = append(parts[at], r.Record)
	}
	batches := make([]outgoing, 0, len(order))
	for _, at := range order {
		b, err := encodeFor(at, parts[at], batch.Uncompressed)
		if err != nil {
			return nil, err
		}
		batches = append(batches, b)
	}
	return batches, nil
}

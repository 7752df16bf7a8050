package kafka

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"airudder-exporter/internal/batch"
)

// WriteOnce writes what decide returns, one record for each partition, in one
// transaction under an id that belongs to no shard. It fences that id first and
// calls decide after the fence, so of several that begin at once each sees what
// those before it wrote. Where decide returns nothing, nothing is written. After
// an error the records may be there all the same: wait a moment, of random
// length since those who begin at once fence each other, and begin again; decide
// tells.
func (c *Client) WriteOnce(
	ctx context.Context, transactionalID string, decide func(context.Context) (map[int]batch.Record, error),
) error {
	if err := c.writeOnce(ctx, transactionalID, decide); err != nil {
		return fmt.Errorf("write once as %s: %w", transactionalID, err)
	}
	return nil
}

func (c *Client) writeOnce(
	ctx context.Context, transactionalID string, decide func(context.Context) (map[int]batch.Record, error),
) error {
	session, err := c.fence(ctx, transactionalID, everyShard)
	if err != nil {
		return err
	}
	records, err := decide(ctx)
	if err != nil || len(records) == 0 {
		return err
	}
	batches := make([]batch.Placed, 0, len(records))
	for _, partition := range slices.Sorted(maps.Keys(records)) {
		r := records[partition]
		b, err := batch.EncodeAt(batch.Place{Topic: r.Topic, Partition: partition}, []batch.Record{r}, batch.Uncompressed)
		if err != nil {
			return err
		}
		batches = append(batches, b)
	}
	start := time.Now()
	_, err = session.write(ctx, batches, func(map[batch.Place]int64) error { return nil })
	c.metrics.outcome(err, time.Since(start))
	return err
}

package kafka

import (
	"bytes"
	"context"
	"fmt"

	kafkago "github.com/segmentio/kafka-go"

	"airudder-exporter/internal/batch"
)

// Newest is the last record of a shard's ledger partition whose key counts, whatever
// becomes of its transaction, and where the partition ends: an end that stays says that
// nobody writes. Without such a record, and without the topic, the key is nil. It fences
// nobody.
func (c *Client) Newest(
	ctx context.Context, shard int, counts func(key []byte) bool,
) (key, value []byte, end int64, err error) {
	at := batch.Place{Topic: c.cfg.LedgerTopic, Partition: shard}
	ranges, err := c.Ends(ctx, at.Topic)
	switch {
	case code(err) == kafkago.UnknownTopicOrPartition, err == nil && shard >= len(ranges): // whoever opens it says so
		return nil, nil, 0, nil
	case err != nil:
		return nil, nil, 0, fmt.Errorf("look who wrote %s last: %w", at, err)
	}
	r := ranges[shard]
	_, err = lastIn(r, func(from int64, found func(offset int64)) error {
		return c.each(ctx, r, from, func(r *batch.Stored) {
			if counts(r.Key) {
				key, value = bytes.Clone(r.Key), bytes.Clone(r.Value)
				found(r.Offset)
			}
		})
	})
	if err != nil {
		return nil, nil, 0, fmt.Errorf("look who wrote %s last: %w", at, err)
	}
	return key, value, r.End, nil
}

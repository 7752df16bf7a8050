package kafka

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"airudder-exporter/internal/batch"
)

// farthest is how many offsets before a partition's end Latest looks for a record: some
// 100 MB of a ledger at the most.
const farthest = 1 << 20

// Latest shows, for each of the ledger's partitions that since names, the last record
// whose key counts, whatever becomes of its transaction, with its time, and where the
// partition ends; a nil key: there is none. since is the end that Latest told before,
// and no more is read than what came after it; below 0, it reads backwards from the end,
// but not for ever. It fences nobody, and asks for all the partitions' ends at once.
func (c *Client) Latest(
	ctx context.Context, since map[int]int64, counts func(key []byte) bool,
	show func(shard int, key, value []byte, at time.Time, end int64),
) error {
	ranges, err := c.Ends(ctx, c.cfg.LedgerTopic)
	if err != nil {
		return fmt.Errorf("look who writes %s: %w", c.cfg.LedgerTopic, err)
	}
	for _, r := range ranges {
		from, wanted := since[r.Partition]
		if !wanted {
			continue
		}
		var key, value []byte
		var written time.Time
		look := func(from int64, found func(offset int64)) error {
			return c.each(ctx, r, from, func(s *batch.Stored) {
				if counts(s.Key) {
					key, value, written = bytes.Clone(s.Key), bytes.Clone(s.Value), time.UnixMilli(s.Timestamp)
					found(s.Offset)
				}
			})
		}
		if from >= r.Start && from <= r.End {
			err = look(from, func(int64) {})
		} else { // the first time, or the ledger is another one
			r.Start = max(r.Start, r.End-farthest)
			_, err = lastIn(r, look)
		}
		if err != nil {
			return fmt.Errorf("look who writes %s[%d]: %w", c.cfg.LedgerTopic, r.Partition, err)
		}
		show(r.Partition, key, value, written, r.End)
	}
	return nil
}

// each shows the records of one of the ledger's partitions from an offset up to the
// range's end, whatever becomes of their transactions.
func (c *Client) each(ctx context.Context, r Range, from int64, visit func(*batch.Stored)) error {
	if from >= r.End {
		return nil
	}
	at := batch.Place{Topic: c.cfg.LedgerTopic, Partition: r.Partition}
	s := &scan{Place: at, from: from, to: r.End, all: true, visit: func(r *batch.Stored) error { visit(r); return nil }}
	return c.stream(ctx, reading{Place: at, from: from}, s.take)
}

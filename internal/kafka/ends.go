package kafka

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"airudder-exporter/internal/batch"
)

// Ends is, for each partition of the event topic, the offset after the last
// committed record: whoever has read so far has every event that was committed
// under this producer's transactional id, be it by position, by stored offset + 1 or
// by group offset. So neither markers count, which only a position passes, nor what
// is not committed. 0: the partition holds no committed record, perhaps since all
// of them expired, and there is nothing to wait for.
//
// The first question reads each partition's tail. What earlier producers of the id
// wrote is decided by then, since InitProducerId was answered; what others commit
// makes the answer a little late, never early. From then on it is the higher of that
// and of this producer's own commits, and nobody is asked. Partitions that are added
// later are left out: a producer writes to those that it counted at its start.
//
// An error does not end the producer. The tails are asked for again in place as long
// as a commit may take, and by the next question.
func (p *Producer) Ends(ctx context.Context) ([]int64, error) {
	if all := p.ends.all(nil); all != nil {
		return all, nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.client.cfg.TransactionTimeout)
	defer cancel()
	topic := p.client.cfg.EventTopic
	tails, err := p.client.tails(ctx, topic)
	if n := p.layout.Partitions[topic]; err == nil && len(tails) < n {
		err = fmt.Errorf("it has %d partitions, and had %d", len(tails), n)
	}
	if err != nil {
		return nil, fmt.Errorf("look where %s ends: %w", topic, err)
	}
	return p.ends.all(tails), nil
}

// ends are where the event topic's partitions end, as far as a producer knows.
type ends struct {
	mu    sync.Mutex
	tails []int64       // as read by the first question; nil: not yet
	own   map[int]int64 // by partition, from this producer's commits
}

// all takes over tails, where there are any, and returns the ends; nil: no tails yet.
func (e *ends) all(tails []int64) []int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	if tails != nil {
		e.tails = tails
	}
	all := slices.Clone(e.tails)
	for partition := range all {
		all[partition] = max(all[partition], e.own[partition])
	}
	return all
}

// committed remembers where a committed transaction's events went. One that went
// below an earlier one shows that the topic was deleted and created again, or was
// cut: then nothing that was known before holds.
func (e *ends) committed(topic string, batches []batch.Placed, offsets map[batch.Place]int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	moved := func(b batch.Placed) bool { return b.Topic == topic && offsets[b.Place] < e.own[b.Partition] }
	if slices.ContainsFunc(batches, moved) {
		e.tails, e.own = nil, nil
	}
	if e.own == nil {
		e.own = make(map[int]int64)
	}
	for _, b := range batches {
		if b.Topic == topic {
			e.own[b.Partition] = offsets[b.Place] + int64(b.Records)
		}
	}
}

// tails is the offset after the last committed record of each partition.
func (c *Client) tails(ctx context.Context, topic string) ([]int64, error) {
	ranges, err := c.Ends(ctx, topic)
	if err != nil {
		return nil, err
	}
	tails := make([]int64, len(ranges))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i, r := range ranges {
		group.Go(func() (err error) {
			tails[i], err = lastIn(r, func(from int64, found func(offset int64)) error {
				return c.Scan(ctx, topic, r.Partition, from, r.End, func(m Message) error {
					found(m.Offset)
					return nil
				})
			})
			return err
		})
	}
	return tails, group.Wait()
}

// firstStep is how many offsets of a tail are looked at first: a fetch brings the
// whole batches that hold them.
const firstStep = 16

// lastIn is the offset after the last record of a range that scan finds; 0: there is
// none. It scans from further and further before the end, always up to it, since the
// markers that decide stand after the records.
func lastIn(r Range, scan func(from int64, found func(offset int64)) error) (last int64, err error) {
	for step := int64(firstStep); ; step *= 8 {
		from := max(r.Start, r.End-step)
		err = scan(from, func(offset int64) { last = offset + 1 })
		if err != nil || last > 0 || from == r.Start {
			return last, err
		}
	}
}

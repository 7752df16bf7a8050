package kafka

import (
	"airudder-exporter/internal/batch"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Producer writes one shard's transactions: one transactional id at one epoch.
// It ends at the first failure. Prepare may run while a commit does; commits
// run one at a time, in the order of their Prepare.
type Producer struct {
	shard      int
	ledger     string
	client     *Client
	partitions map[string]int // topic → its partitions, as counted at the start
	limits     map[string]int // topic → bytes of one batch
	busy       atomic.Int64   // 51s of the last commit

	prepared atomic.Int64 // transactions handed out
	commits  sync.Mutex   // held through a commit; guards what follows
	session  *session
	last     int64 // the transaction that was committed last

	mu  sync.Mutex
	err error // why the producer is finished; nil: it is not
}

// maxTransactionBytes bounds what one transaction sends in all, however many
// partitions there are: a broker refuses requests above 100 MiB.
const maxTransactionBytes = 32 << 20

// Limit is how many bytes one record of a topic may have, by Record.Size. 0: the
// producer does not know the topic.
func (p *Producer) Limit(topic string) int { return max(0, p.limits[topic]-batch.Overhead) }

// Concurrent is how often the last commit was told that the coordinator still
// writes the markers of the one before (51). When it is above 0, fewer and
// larger transactions get more done.
func (p *Producer) Concurrent() int { return int(p.busy.Load()) }

// Prepare encodes as many leading units as one transaction holds, at least
// one, and returns how many, and the function that commits them. A unit's
// records stay together. Ledger records go to the shard's partition, all
// others to PartitionFor their key.
//
// A *TooLargeError says that the first unit cannot fit into any transaction.
// Any other error, and any of commit, says that the producer is finished;
// whether the transaction is there, the next producer's replay tells.
func (p *Producer) Prepare(units [][]batch.Record) (n int, commit func(context.Context) error, err error) {
	if err := p.finished(); err != nil {
		return 0, nil, err
	}
	if len(units) == 0 {
		return 0, nil, errors.New("prepare: no units")
	}
	n, parts, err := p.fit(units)
	if err != nil {
		return 0, nil, fmt.Errorf("prepare: %w", err)
	}
	batches := make([]outgoing, 0, len(parts))
	for _, at := range slices.SortedFunc(maps.Keys(parts), comparePlaces) {
		b, err := encodeFor(at, parts[at], p.client.compression(at.topic))
		if err != nil {
			return 0, nil, p.finish(fmt.Errorf("prepare: %w", err))
		}
		batches = append(batches, b)
	}
	number := p.prepared.Add(1)
	return n, func(ctx context.Context) error { return p.commit(ctx, number, batches) }, nil
}

// fit sorts the records of as many leading units as fit by partition.
func (p *Producer) fit(units [][]batch.Record) (int, map[place][]batch.Record, error) {
	parts := make(map[place][]batch.Record)
	sizes := make(map[place]int)
	total := 0
	var at []place // of a unit's records
	for n, unit := range units {
		at = at[:0]
		add := make(map[place]int)
		for _, r := range unit {
			to, err := p.place(r)
			if err != nil {
				return 0, nil, p.finish(err)
			}
			at = append(at, to)
			add[to] += r.Size()
			total += r.Size()
		}
		for to, size := range add {
			if limit := p.Limit(to.topic); sizes[to]+size > limit {
				if n > 0 {
					return n, parts, nil
				}
				return 0, nil, &TooLargeError{Topic: to.topic, Size: size, Limit: limit}
			}
		}
		if n > 0 && total > maxTransactionBytes {
			return n, parts, nil
		}
		for i, r := range unit {
			parts[at[i]] = append(parts[at[i]], r)
			sizes[at[i]] += r.Size()
		}
	}
	return len(units), parts, nil
}

// place is the partition that a record belongs to.
func (p *Producer) place(r batch.Record) (place, error) {
	if r.Topic == p.ledger {
		return place{r.Topic, p.shard}, nil
	}
	n := p.partitions[r.Topic]
	if n == 0 {
		return place{}, fmt.Errorf("topic %q is none of the producer's", r.Topic)
	}
	return place{r.Topic, batch.PartitionFor(r.Key, n)}, nil
}

// outgoing is a batch with the partition that it is for.
type outgoing struct {
	place
	batch.Encoded
}

func encodeFor(at place, records []batch.Record, codec batch.Codec) (outgoing, error) {
	encoded, err := batch.Encode(records, codec)
	if err != nil {
		return outgoing{}, fmt.Errorf("encode a batch of %s: %w", at, err)
	}
	return outgoing{at, encoded}, nil
}

// commit writes prepared batches in one transaction.
func (p *Producer) commit(ctx context.Context, number int64, batches []outgoing) error {
	p.commits.Lock()
	defer p.commits.Unlock()
	if err := p.finished(); err != nil {
		return err
	}
	if number <= p.last {
		return p.finish(fmt.Errorf("commit: transaction %d comes after %d", number, p.last))
	}
	p.last = number
	if err := ctx.Err(); err != nil {
		return p.finish(fmt.Errorf("commit: %w", err))
	}
	if len(batches) == 0 {
		return nil
	}
	start := time.Now()
	offsets, err := p.session.write(ctx, batches, p.unmoved)
	p.busy.Store(int64(p.session.concurrent))
	p.client.metrics.outcome(err, time.Since(start))
	if err != nil {
		return p.finish(fmt.Errorf("commit: %w", err))
	}
	p.client.raiseEnds(p.ledger, batches, offsets)
	return nil
}

// unmoved checks that the ledger's batch went where the ledger ends.
func (p *Producer) unmoved(offsets map[place]int64) error {
	offset, ok := offsets[place{p.ledger, p.shard}]
	if !ok {
		return nil // nothing for the ledger in this transaction
	}
	return p.client.checkEnd(p.shard, offset)
}

// finished is why the producer is finished, nil while it is not.
func (p *Producer) finished() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// finish ends the producer with its first error and returns that.
func (p *Producer) finish(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = err
	}
	return p.err
}

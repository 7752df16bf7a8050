package kafka

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"airudder-exporter/internal/batch"
)

// Producer writes one shard's transactions: one transactional id at one epoch.
// It ends at the first failure. Prepare may run while a commit does; commits
// run one at a time, in the order of their Prepare.
type Producer struct {
	client *Client
	layout batch.Layout                   // as counted at the start, without its limits
	limits atomic.Pointer[map[string]int] // of the layout, as asked last
	busy   atomic.Int64                   // 51s of the last commit
	ends   ends                           // of the event topic

	prepared atomic.Int64 // transactions handed out
	commits  sync.Mutex   // held through a commit; guards what follows
	session  *session
	last     int64 // the transaction that was committed last

	mu  sync.Mutex
	err error // why the producer is finished; nil: it is not
}

// Limit is a topic's max.message.bytes, as asked last. 0: the producer does not
// know the topic.
func (p *Producer) Limit(topic string) int { return (*p.limits.Load())[topic] }

// Partitions is how many partitions a topic had when the producer began, which are those
// that it writes to. 0: the producer does not know the topic.
func (p *Producer) Partitions(topic string) int { return p.layout.Partitions[topic] }

// Renew asks for the topics' max.message.bytes again. After an error those asked
// before stay; it does not end the producer.
func (p *Producer) Renew(ctx context.Context) error {
	limits, err := p.client.limits(ctx, slices.Sorted(maps.Keys(p.layout.Partitions)))
	if err == nil {
		p.limits.Store(&limits)
	}
	return err
}

// present is the layout with what limits it now.
func (p *Producer) present() *batch.Layout {
	layout := p.layout
	layout.Limits = *p.limits.Load()
	layout.Room = p.client.throttle.Room()
	return &layout
}

// Throttled is for how long a producer quota asked this client to write nothing, and
// until when. A commit before that makes the next one longer.
func (p *Producer) Throttled() (asked time.Duration, until time.Time) {
	return p.client.throttle.Last()
}

// Fits reports whether a unit's records fit into one transaction; a
// *batch.TooLargeError says that they do not. It does not end the producer.
func (p *Producer) Fits(unit []batch.Record) error { return p.present().Fits(unit) }

// Concurrent is how often the last commit was told that the coordinator still
// writes the markers of the one before (51). When it is above 0, fewer and
// larger transactions get more done.
func (p *Producer) Concurrent() int { return int(p.busy.Load()) }

// Prepare encodes as many leading units as one transaction holds, at least
// one. A unit's records stay together. Ledger records go to the shard's
// partition, all others to batch.PartitionFor their key.
//
// A *batch.TooLargeError says that the first unit fits into no transaction.
// Any other error, and any of Commit, says that the producer is finished;
// whether the transaction is there, the next producer's replay tells.
func (p *Producer) Prepare(units iter.Seq[[]batch.Record]) (*batch.Txn, error) {
	if err := p.finished(); err != nil {
		return nil, err
	}
	txn, err := p.present().Fill(units)
	if err != nil {
		err = fmt.Errorf("prepare: %w", err)
		if _, large := errors.AsType[*batch.TooLargeError](err); large {
			return nil, err
		}
		return nil, p.finish(err)
	}
	txn.Number = p.prepared.Add(1)
	return txn, nil
}

// Commit writes a prepared transaction. nil: it is durable, all of it.
func (p *Producer) Commit(ctx context.Context, txn *batch.Txn) error {
	p.commits.Lock()
	defer p.commits.Unlock()
	if err := p.finished(); err != nil {
		return err
	}
	if txn.Number <= p.last {
		return p.finish(fmt.Errorf("commit: transaction %d comes after %d", txn.Number, p.last))
	}
	p.last = txn.Number
	if err := ctx.Err(); err != nil {
		return p.finish(fmt.Errorf("commit: %w", err))
	}
	if len(txn.Batches) == 0 {
		return nil
	}
	start := time.Now()
	offsets, err := p.session.write(ctx, txn.Batches, p.unmoved)
	p.busy.Store(int64(p.session.concurrent))
	p.client.metrics.outcome(err, time.Since(start))
	p.client.throttle.Ended(err, txn.Bytes)
	if err != nil {
		return p.finish(fmt.Errorf("commit: %w", err))
	}
	p.client.raiseEnds(p.layout.Ledger, txn.Batches, offsets)
	p.ends.committed(p.client.cfg.EventTopic, txn.Batches, offsets)
	return nil
}

// unmoved checks that the ledger's batch went where the ledger ends.
func (p *Producer) unmoved(offsets map[batch.Place]int64) error {
	offset, ok := offsets[p.at()]
	if !ok {
		return nil // nothing for the ledger in this transaction
	}
	return p.client.checkEnd(p.layout.Shard, offset)
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

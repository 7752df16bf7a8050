package kafka

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"airudder-exporter/internal/batch"
)

// Writer writes one topic that nobody else writes, under a transactional id that belongs
// to no shard. It ends at the first failure, as a Producer does, and sends no abort
// either. It is for one goroutine.
type Writer struct {
	session *session
	topic   string
	next    []int64 // the offset of each partition that the next record gets
	err     error   // why it is finished; nil: it is not
}

// ErrMoved: a topic does not end where its one writer knows it to end. What was read of it
// was not all, somebody else writes there, or it was deleted and created again.
var ErrMoved = errors.New("the topic's end moved")

// Writer fences a transactional id: whoever wrote under it before commits nothing more,
// and what that one left open is aborted. It asks until ctx ends where the cluster cannot
// be reached.
func (c *Client) Writer(ctx context.Context, transactionalID, topic string) (*Writer, error) {
	s, err := c.fence(ctx, transactionalID, everyShard)
	if err != nil {
		return nil, err
	}
	return &Writer{session: s, topic: topic}, nil
}

// Begins says where each partition of the topic ends now, as it was read after the fence.
// A broker that led once may have told an old end. So the first record that is written
// after that must get this very offset, or nothing is committed.
func (w *Writer) Begins(ends []int64) { w.next = slices.Clone(ends) }

// Ends is where each partition ends by what was committed.
func (w *Writer) Ends() []int64 { return w.next }

// Room is how many bytes a transaction may have by what the brokers' quota leaves us; 0:
// as many as wanted.
func (w *Writer) Room() int { return w.session.client.throttle.Room() }

// Commit writes rounds of batches, of which each has one at most of a partition, in one
// transaction. nil: all of them are durable; where there are none, nothing is written. ctx
// is heard until the first record leaves: from then on it is the rounds that end. An error
// of theirs ends the writer.
func (w *Writer) Commit(ctx context.Context, rounds iter.Seq2[[]batch.Placed, error]) error {
	if w.err != nil {
		return w.err
	}
	t := transaction{Writer: w, began: time.Now(), added: map[batch.Place]bool{}}
	err := t.run(ctx, rounds)
	if len(t.added) > 0 {
		w.session.client.metrics.outcome(err, time.Since(t.began))
		w.session.client.throttle.Ended(err, t.bytes)
	}
	if err != nil {
		w.err = fmt.Errorf("commit: %w", err)
	}
	return w.err
}

// transaction is one that a Writer has open.
type transaction struct {
	*Writer
	began time.Time
	added map[batch.Place]bool
	bytes int // compressed
}

func (t *transaction) run(ctx context.Context, rounds iter.Seq2[[]batch.Placed, error]) error {
	limit := t.began.Add(t.session.client.cfg.TransactionTimeout)
	on, cancel := context.WithDeadline(context.WithoutCancel(ctx), limit)
	defer cancel()
	heard, cancel := context.WithDeadline(ctx, limit)
	defer cancel()
	t.session.concurrent = 0
	for batches, err := range rounds {
		if err == nil {
			err = t.add(heard, batches)
		}
		if err == nil {
			err = heard.Err()
		}
		if err == nil {
			err = t.produce(on, batches)
		}
		if err != nil {
			return err
		}
		heard = on
	}
	if len(t.added) == 0 {
		return nil
	}
	if err := t.session.commit(on); err != nil {
		return err
	}
	for at := range t.added {
		t.next[at.Partition]++ // the marker
	}
	return nil
}

// add has the partitions of a round's batches be part of the transaction.
func (t *transaction) add(ctx context.Context, batches []batch.Placed) error {
	var fresh []batch.Placed
	for _, b := range batches {
		if !t.added[b.Place] {
			fresh = append(fresh, b)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	if err := t.session.add(ctx, fresh); err != nil {
		return err
	}
	for _, b := range fresh {
		t.added[b.Place] = true
	}
	return nil
}

func (t *transaction) produce(ctx context.Context, batches []batch.Placed) error {
	for _, b := range batches {
		t.bytes += len(b.Data)
	}
	offsets, err := t.session.produce(ctx, batches)
	if err != nil {
		return fmt.Errorf("produce: %w", err)
	}
	return t.unmoved(batches, offsets)
}

// unmoved checks that each batch went where its partition ended.
func (w *Writer) unmoved(batches []batch.Placed, offsets map[batch.Place]int64) error {
	for _, b := range batches {
		if at := offsets[b.Place]; at != w.next[b.Partition] {
			return fmt.Errorf("%w: a batch for %s went to offset %d, and not to %d. Nothing of this transaction was committed",
				ErrMoved, b.Place, at, w.next[b.Partition])
		}
		w.next[b.Partition] += int64(b.Records)
	}
	return nil
}

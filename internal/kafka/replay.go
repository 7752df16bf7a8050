package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"airudder-exporter/internal/batch"
)

// replay reads one ledger partition from its beginning until it has passed our
// own barrier and the barrier's commit marker, and shows the records committed
// by then, in offset order. Nothing but the barrier says where the end is: an
// end that a broker tells may be an old leader's, or be held down by someone
// else's open transaction.
type replay struct {
	batch.Place
	producerID int64
	epoch      int16
	barrier    int64  // the offset that the broker gave our barrier
	key        []byte // of the barrier
	visit      func(offset int64, key, value []byte) error

	decider batch.Decider
	seen    bool  // our barrier stands where it was put
	end     int64 // the offset after its marker; 0: not there yet
	records int   // shown so far
	reader  batch.Reader
}

// replayUntil runs r.
func (c *Client) replayUntil(ctx context.Context, r *replay) error {
	moved := time.Now()
	err := c.stream(ctx, reading{Place: r.Place}, func(got *chunk) error {
		switch stood := time.Since(moved); {
		case len(got.batches) > 0:
			moved = time.Now()
		case stood > c.cfg.unmarkedFor() && r.unmarked(got):
			return errUnmarked
		case stood > c.cfg.TransactionTimeout:
			// The topic may have been deleted and created again since we wrote:
			// the next producer's own barrier tells.
			return fmt.Errorf("%s shows nothing new for %s, and our barrier at offset %d, or its commit marker, is still to come",
				r.Place, stood.Round(time.Second), r.barrier)
		default:
			// Our barrier is there, so we are asking a broker that led once.
			c.forget(ctx, kafkago.NotLeaderForPartition)
		}
		return r.take(got)
	})
	return r.moved(err)
}

// moved tells a ledger that lost its beginning from other errors of the reading:
// it has no offset 0. That there is no later one proves nothing, since a broker
// that led once may not reach so far.
func (r *replay) moved(err error) error {
	failed, ok := errors.AsType[*fetchError](err)
	if ok && failed.from == 0 && errors.Is(err, kafkago.OffsetOutOfRange) {
		return fmt.Errorf("%w: %s does not begin at offset 0 any more: records were deleted; "+
			"a ledger must be compacted, never shortened by retention or by DeleteRecords: %w", ErrLedgerMoved, r.Place, err)
	}
	return err
}

// take looks at what one fetch brought.
func (r *replay) take(c *chunk) error {
	if c.LogStart > 0 {
		return fmt.Errorf("%w: the log of %s starts at offset %d: its beginning was deleted; "+
			"set cleanup.policy to exactly compact and restore the ledger before exporting on",
			ErrLedgerMoved, r.Place, c.LogStart)
	}
	for i := range c.batches {
		if err := r.batch(&c.batches[i]); err != nil {
			return err
		}
	}
	if r.end > 0 {
		return errEnough
	}
	r.decider.Keep()
	return nil
}

func (r *replay) batch(b *batch.Batch) error {
	ours := b.ProducerID == r.producerID && b.Epoch == r.epoch
	if b.LastOffset >= r.barrier && !r.seen {
		if !ours || b.BaseOffset != r.barrier || b.Count == 0 {
			return fmt.Errorf("%w: our barrier is not at offset %d of %s any more: another producer's took its place "+
				"and the cleaner came while we slept, or the topic was deleted and created again; the next start tells",
				ErrFenced, r.barrier, r.Place)
		}
		r.seen = true
	}
	if b.BaseOffset > r.barrier && !ours {
		if err := r.superseded(b); err != nil {
			return err
		}
	}
	if r.end > 0 {
		return nil // only looking for a successor
	}
	if err := r.decider.Add(*b, r.show); err != nil {
		return err
	}
	if !r.seen || !ours || !b.Control() {
		return nil
	}
	if commit, ok := b.Marker(); !ok || !commit {
		return fmt.Errorf("the barrier at offset %d of %s was answered as committed, and its marker says otherwise",
			r.barrier, r.Place)
	}
	r.end = b.LastOffset + 1
	return r.decider.Finish(r.show)
}

// superseded looks for another producer's barrier in a batch after ours,
// committed or not: there will be one, or there was, that fences us.
func (r *replay) superseded(b *batch.Batch) error {
	if b.Control() || b.Count == 0 {
		return nil
	}
	return r.reader.Each(b, func(rec *batch.Stored) error {
		if bytes.Equal(rec.Key, r.key) {
			return fmt.Errorf("%w: another producer began on %s at offset %d, after ours at %d",
				ErrFenced, r.Place, rec.Offset, r.barrier)
		}
		return nil
	})
}

// show passes a committed batch's records on.
func (r *replay) show(b *batch.Batch) error {
	r.records += b.Count
	return r.reader.Each(b, func(rec *batch.Stored) error { return r.visit(rec.Offset, rec.Key, rec.Value) })
}

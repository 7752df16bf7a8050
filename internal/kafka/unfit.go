package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// UnfitError says that these brokers lack what the promise rests on. It lasts until the
// operator takes another Kafka. Its text is the whole sentence.
type UnfitError struct{ text string }

func (e *UnfitError) Error() string { return e.text }

// howToTell is how the operator learns what else these brokers lack.
const howToTell = "use Apache Kafka 2.3 or later, or a service that `airudder-exporter check --compatibility` finds fit"

// withoutTransactions puts the answer of a broker that has no transactions into words. No
// Apache Kafka answers so: it offers the request since 0.11, and a connection speaks only
// versions that it was offered.
func withoutTransactions(err error) error {
	if code(err) != kafkago.UnsupportedVersion {
		return err
	}
	return &UnfitError{"this Kafka has no transactions, without which calls would be published twice or lost: " + howToTell +
		fmt.Sprintf(" (its answer: %v)", err)}
}

// errUnmarked ends a replay that would otherwise wait for our barrier's marker: see
// replay.unmarked.
var errUnmarked = errors.New("our barrier's transaction is said to be decided, and has no marker in the log")

// unmarked reports whether the broker contradicts itself in the one answer got: our
// barrier's transaction is decided, and no marker of it is in the log.
//
// A Kafka that writes markers and serves them can never say so, whatever happened:
//
//   - LastStable is before the first record of every transaction that is undecided, or
//     whose marker is above the high watermark. Until our marker is replicated it is our
//     barrier's offset, on the leader and on a broker that led once alike, also after our
//     marker was lost in an unclean election. That is not the case here.
//   - Once it is replicated, the marker has taken the first offset after our barrier, or a
//     later one. The high watermark counts offsets and never records, so it is beyond the
//     marker even where the cleaner has removed that long ago. Here it is just after the
//     barrier: no marker has taken an offset at all;
//   - or it is one later, so that the log ends with our marker, and the broker sends
//     nothing from there. The cleaner takes nothing out of the segment that is being
//     written, and a log rolls to another one only with a record, which would have raised
//     the high watermark once more.
//
// Others may be less exact about LastStable. So it must have been so for seconds, and be so
// again after a fence, which is answered only once all markers are in place: see confirm.
func (r *replay) unmarked(got *chunk) bool {
	after := r.barrier + 1
	return r.seen && r.end == 0 && len(got.batches) == 0 && len(got.Records) == 0 && got.next == after &&
		got.LastStable == got.HighWatermark && (got.HighWatermark == after || got.HighWatermark == after+1)
}

// unmarkedFor is how long that must have been so.
func (c Config) unmarkedFor() time.Duration { return min(5*time.Second, c.TransactionTimeout) }

// confirm looks again, after another fence of the same id, at what ended a replay with
// errUnmarked: whether our barrier is still there, so that the topic is the one that we
// wrote to, and then what follows it. An answer may end with the barrier although the
// marker is there, in the log's next segment: so that is asked for by itself. The producer
// is finished either way.
func (p *Producer) confirm(ctx context.Context, r *replay) error {
	if err := p.client.again(ctx, "InitProducerId", p.layout.Shard, coordinatorAgain, p.session.initProducerID); err != nil {
		return fmt.Errorf("%w; another fence did not tell more: %w", errUnmarked, err)
	}
	var barrier, after chunk
	err := p.client.fetchWhole(ctx, &reading{Place: r.Place, from: r.barrier}, &barrier)
	if err == nil {
		err = p.client.fetchWhole(ctx, &reading{Place: r.Place, from: r.barrier + 1}, &after)
	}
	if err != nil {
		return fmt.Errorf("%w; another look did not tell more: %w", errUnmarked, err)
	}
	ours := len(barrier.batches) > 0 && barrier.batches[0].BaseOffset == r.barrier &&
		barrier.batches[0].ProducerID == r.producerID && barrier.batches[0].Epoch == r.epoch
	if !ours || !r.unmarked(&after) {
		return fmt.Errorf("%w; it came after %s, or another record did", errUnmarked, p.client.cfg.unmarkedFor())
	}
	where := "has written none"
	if after.HighWatermark > r.barrier+1 {
		where = "does not send it to consumers"
	}
	return &UnfitError{fmt.Sprintf("this Kafka keeps no control records, by which the exporter tells what is committed from what is not: "+
		"it says that the transaction at offset %d of %s is decided, and %s; %s", r.barrier, r.Place, where, howToTell)}
}

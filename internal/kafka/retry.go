package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"
	kafkago "github.com/segmentio/kafka-go"
)

// unsentError marks a failure before the request left us: repeating it cannot
// do anything twice.
type unsentError struct{ error }

func (e unsentError) Unwrap() error { return e.error }

// unsent marks err if it came from opening the connection.
func unsent(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" || errors.Is(err, kafkago.BrokerNotAvailable) {
		return unsentError{err}
	}
	return err
}

// coordinatorAgain reports whether a request to a transaction coordinator may
// simply be asked again: the coordinator is loading (14), absent (15), another
// broker (16), or still writing the last transaction's markers (51), or the
// request never left.
func coordinatorAgain(err error) bool {
	var notSent unsentError
	if errors.As(err, &notSent) {
		return true
	}
	switch code(err) {
	case kafkago.ConcurrentTransactions, // and Kafka's COORDINATOR_LOAD_IN_PROGRESS, …_NOT_AVAILABLE, NOT_COORDINATOR:
		kafkago.GroupLoadInProgress, kafkago.GroupCoordinatorNotAvailable, kafkago.NotCoordinatorForGroup:
		return true
	}
	return false
}

// leaderAgain reports whether a read from a partition's leader may be asked
// again: the leader is moving or restarting, or the network failed. Reads
// change nothing, so everything that can pass by itself is asked again.
func leaderAgain(err error) bool {
	switch code(err) {
	case kafkago.UnknownTopicOrPartition, kafkago.LeaderNotAvailable, kafkago.NotLeaderForPartition,
		kafkago.RequestTimedOut, kafkago.BrokerNotAvailable, kafkago.ReplicaNotAvailable,
		kafkago.NetworkException, kafkago.KafkaStorageError, kafkago.FencedLeaderEpoch,
		kafkago.UnknownLeaderEpoch, kafkago.OffsetNotAvailable: // the protocol guide calls all of them retriable
		return true
	}
	return unreachable(err)
}

// unreachable reports whether err is the network's: nobody there, cut off, no
// answer in time. A broker's error code is not, though kafka-go's type for
// them implements net.Error.
func unreachable(err error) bool {
	var notSent unsentError
	if errors.As(err, &notSent) {
		return true
	}
	var netErr net.Error
	return code(err) == 0 && (errors.As(err, &netErr) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) ||
		errors.Is(err, context.DeadlineExceeded))
}

// code is the Kafka error code in err; 0: there is none.
func code(err error) kafkago.Error {
	c, _ := errors.AsType[kafkago.Error](err)
	return c
}

// quiet is how long a request is asked again before Waiting tells of it, and patience
// before the log does: coordinators and leaders move in less.
const (
	quiet    = 2 * time.Second
	patience = 5 * time.Second
)

// again runs attempt until it succeeds, fails with something that retry
// refuses, or ctx ends; it is asked for a shard, or for everyShard. Between
// attempts it forgets what it knew of the cluster. Once the trouble lasts it says
// so: in Waiting, and, where nobody looks at that, in the log.
func (c *Client) again(
	ctx context.Context, api string, shard int, retry func(error) bool, attempt func(context.Context) error,
) error {
	slow := pacing(20*time.Millisecond, time.Second)
	quick := pacing(time.Millisecond, 20*time.Millisecond) // for markers, which take 5 to 50 ms
	this := &wait{api: api, shard: shard, since: time.Now()}
	defer c.waits.remove(this)
	for {
		err := attempt(ctx)
		if err == nil && c.waits.remove(this) {
			c.log.Info("Kafka answers again", "after", time.Since(this.since).Round(time.Second))
		}
		if err == nil || ctx.Err() != nil || !retry(err) {
			return err
		}
		c.metrics.retries.WithLabelValues(api, label(err)).Inc()
		pause := quick.NextBackOff()
		if code(err) != kafkago.ConcurrentTransactions {
			c.forget(ctx, err)
			pause = slow.NextBackOff()
		}
		lasted := time.Since(this.since)
		if lasted > quiet {
			c.waits.put(this, err)
		}
		if lasted > patience && !c.cfg.Watched && c.waits.due(time.Now()) {
			c.log.Warn("a request to Kafka does not succeed; it is repeated: "+c.Explain(err),
				"api", api, "for", lasted.Round(time.Second))
		}
		if !sleep(ctx, pause) {
			return fmt.Errorf("%w (given up: %w)", err, ctx.Err())
		}
	}
}

// pacing is a jittered backoff without an end of its own.
func pacing(first, longest time.Duration) *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(first),
		backoff.WithMaxInterval(longest),
		backoff.WithMaxElapsedTime(0),
	)
}

// noAnswer is an error's name in a metric where it is the network's.
const noAnswer = "network"

// label is an error's name in a metric: that of its code.
func label(err error) string {
	n := code(err)
	switch title := n.Title(); {
	case n == 0:
		return noAnswer
	case title == "":
		return "code_" + strconv.Itoa(int(n))
	default:
		return strings.ReplaceAll(strings.ToLower(title), " ", "_")
	}
}

// sleep waits for d; false: ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

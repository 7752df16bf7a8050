package shards

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// fencePace says how fast fences that follow each other may be answered.
type fencePace struct {
	first, longest time.Duration
	healthy        time.Duration // without a fence for so long: start at first again
}

var (
	// fixedOwner: another process wants the same shard, and nobody decides.
	// Whichever backs off longer leaves the other alone.
	fixedOwner = fencePace{first: 5 * time.Second, longest: 5 * time.Minute, healthy: 10 * time.Minute}

	// groupMember: the group decides, so the wait only keeps an endless exchange
	// of fences with a process outside the group from being a hot loop.
	groupMember = fencePace{first: 100 * time.Millisecond, longest: 10 * time.Second, healthy: time.Minute}
)

// fenceBackoff is the wait after each fence of one shard.
type fenceBackoff struct {
	pace  fencePace
	next  *backoff.ExponentialBackOff
	ended time.Time // when the last wait ended
}

func newFenceBackoff(pace fencePace) *fenceBackoff {
	return &fenceBackoff{pace: pace, next: backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(pace.first),
		backoff.WithMaxInterval(pace.longest),
		backoff.WithMultiplier(2),
		backoff.WithRandomizationFactor(0.2),
		backoff.WithMaxElapsedTime(0),
	)}
}

// wait waits for its next interval, or until early is closed if that is before.
// Its error is ctx's.
func (b *fenceBackoff) wait(ctx context.Context, early <-chan struct{}) error {
	if time.Since(b.ended) > b.pace.healthy {
		b.next.Reset()
	}
	timer := time.NewTimer(b.next.NextBackOff())
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-early:
	case <-timer.C:
	}
	b.ended = time.Now()
	return ctx.Err()
}

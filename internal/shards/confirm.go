package shards

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v4"
	kafkago "github.com/segmentio/kafka-go"
)

func (g *group) shard(partition int) *Shard {
	b := newFenceBackoff(groupMember)
	confirm := func(ctx context.Context) error { return g.confirm(ctx, b) }
	return &Shard{Partition: partition, afterFence: confirm, afterDoubt: func(ctx context.Context) error {
		if g.mayHaveLost(ctx) {
			return confirm(ctx)
		}
		return ctx.Err()
	}}
}

// mayHaveLost reports whether the coordinator says that another generation has
// begun, or begins: this member's session is over, or a rebalance is under way.
// It asks for no longer than a session.
func (g *group) mayHaveLost(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, g.session)
	defer cancel()
	pace := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(20*time.Millisecond), backoff.WithMaxInterval(time.Second))
	lost := false
	_ = backoff.Retry(func() error { // a coordinator that stays silent says nothing
		present, _ := g.now()
		err := g.heartbeat(ctx, present)
		if lost = outdated(err); lost {
			return nil
		}
		return err
	}, backoff.WithContext(pace, ctx))
	return lost
}

// outdated reports whether the coordinator answered that a membership no longer
// holds, or will not for long.
func outdated(err error) bool {
	return errors.Is(err, kafkago.IllegalGeneration) || errors.Is(err, kafkago.UnknownMemberId) ||
		errors.Is(err, kafkago.RebalanceInProgress)
}

// confirm waits until the group has confirmed, after the call, that this
// member's shards are still its own.
func (g *group) confirm(ctx context.Context, b *fenceBackoff) error {
	then, next := g.now()
	for {
		if err := b.wait(ctx, next); err != nil {
			return err
		}
		var present membership
		if present, next = g.now(); present != then {
			return ctx.Err() // a new generation; one that took the shard away has ended ctx before
		}
		if g.heartbeat(ctx, present) == nil {
			return ctx.Err()
		}
	}
}

// heartbeat asks the coordinator whether the membership still holds. An answer
// without an error means that no later generation has begun. We ask by ourselves
// because kafka-go's loop tells nobody when it last heard what.
func (g *group) heartbeat(ctx context.Context, m membership) error {
	ctx, cancel := context.WithTimeout(ctx, g.request)
	defer cancel()
	return g.client.Heartbeat(ctx, g.id, m.generation, m.member)
}

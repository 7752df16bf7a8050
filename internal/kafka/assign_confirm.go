package kafka

import (
	"context"
	"io"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/heartbeat"
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
	ctx, cancel := context.WithTimeout(ctx, g.timing.session)
	defer cancel()
	pace := pacing(20*time.Millisecond, time.Second)
	for {
		present, _ := g.now()
		err := g.heartbeat(ctx, present)
		switch code(err) {
		case kafkago.IllegalGeneration, kafkago.UnknownMemberId, kafkago.RebalanceInProgress:
			return true
		}
		if err == nil || !sleep(ctx, pace.NextBackOff()) {
			return false
		}
	}
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

// heartbeat asks the coordinator whether the membership still holds. It is one
// of our own because the library's loop tells nobody when it last heard what.
// An answer means that no later generation has begun; a rebalance under way is
// an error (27), and so is an eviction (25, 22).
func (g *group) heartbeat(ctx context.Context, m membership) error {
	ctx, cancel := context.WithTimeout(ctx, g.timing.request)
	defer cancel()
	res, err := ask[*heartbeat.Response](ctx, g.client, &groupHeartbeat{heartbeat.Request{
		GroupID:      g.id,
		GenerationID: m.generation,
		MemberID:     m.member,
	}})
	if err != nil {
		return err
	}
	return codeError(res.ErrorCode)
}

// groupHeartbeat is a heartbeat that the Transport sends to the group's
// coordinator. The library's own request lacks the method by which it would
// be routed there, and goes to any broker.
type groupHeartbeat struct{ heartbeat.Request }

// heartbeatVersion is the one without a throttle time, which the library reads
// in the wrong place: it would take the code for 0 in every other version. The
// library's group speaks it too. Source: the protocol guide's Heartbeat API,
// versions 0 to 4 in Kafka 4.
const heartbeatVersion = 0

// Group routes the request.
func (h *groupHeartbeat) Group() string { return h.GroupID }

// Required makes the Transport call RawExchange.
func (h *groupHeartbeat) Required(map[protocol.ApiKey]int16) bool { return true }

// RawExchange sends the plain request; the library encodes by the exact type.
func (h *groupHeartbeat) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if err := protocol.WriteRequest(rw, heartbeatVersion, 0, "", &h.Request); err != nil {
		return nil, err
	}
	_, res, err := protocol.ReadResponse(rw, protocol.Heartbeat, heartbeatVersion)
	return res, err
}

package kafka

import (
	"context"
	"io"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/heartbeat"
)

// Heartbeat (API 12), version 0 of 0 to 4, sent to the group's coordinator.
//
// Behaviour: no error means that the member's generation is the present one.
// Errors: 25 UNKNOWN_MEMBER_ID (evicted), 22 ILLEGAL_GENERATION, 27
// REBALANCE_IN_PROGRESS (the next generation is being formed), 15 and 16 while
// the coordinator moves.
// Notes: kafka-go reads the throttle time of later versions in the wrong place
// and would take the code for 0; its own group speaks version 0 too. Its
// Client.Heartbeat never reports an error, and its request goes to any broker.

// Heartbeat asks a group's coordinator whether a member is in the group's present
// generation. Sending it also keeps the member's session alive.
func (c *Client) Heartbeat(ctx context.Context, group string, generation int32, member string) error {
	res, err := ask[*heartbeat.Response](ctx, c, &groupHeartbeat{heartbeat.Request{
		GroupID:      group,
		GenerationID: generation,
		MemberID:     member,
	}})
	if err != nil {
		return err
	}
	return codeError(res.ErrorCode)
}

const heartbeatVersion = 0

// groupHeartbeat has the method by which the Transport routes a request to the
// group's coordinator, which the library's own request lacks.
type groupHeartbeat struct{ heartbeat.Request }

// Group implements protocol.GroupMessage.
func (h *groupHeartbeat) Group() string { return h.GroupID }

// Required implements protocol.RawExchanger: always.
func (h *groupHeartbeat) Required(map[protocol.ApiKey]int16) bool { return true }

// RawExchange implements protocol.RawExchanger. It sends the plain request, since
// the library encodes by the exact type.
func (h *groupHeartbeat) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if err := protocol.WriteRequest(rw, heartbeatVersion, 0, "", &h.Request); err != nil {
		return nil, err
	}
	_, res, err := protocol.ReadResponse(rw, protocol.Heartbeat, heartbeatVersion)
	return res, err
}

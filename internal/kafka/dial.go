package kafka

import (
	"context"
	"net"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Dialer makes connections as the Client's own are, for kafka-go's consumer
// group. None of its requests waits longer than limit.
func (c *Client) Dialer(clientID string, limit time.Duration) *kafkago.Dialer {
	return &kafkago.Dialer{
		ClientID:      clientID,
		Timeout:       limit,
		TLS:           c.tls,
		SASLMechanism: c.sasl,
		DialFunc:      boundedDial(c.cfg.Dial, limit),
	}
}

// boundedDial makes connections on which nothing waits without an end. The library
// sets a deadline for each request but none while it authenticates: a broker
// that hangs there would hold a group's membership, and its Close, for good, and
// each of the Transport's attempts would leave a connection behind.
func boundedDial(dial dialFunc, limit time.Duration) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return boundedConn{conn, limit}, nil
	}
}

// boundedConn takes "no deadline" for "limit from now".
type boundedConn struct {
	net.Conn
	limit time.Duration
}

func (c boundedConn) bound(t time.Time) time.Time {
	if t.IsZero() {
		return time.Now().Add(c.limit)
	}
	return t
}

func (c boundedConn) SetDeadline(t time.Time) error      { return c.Conn.SetDeadline(c.bound(t)) }
func (c boundedConn) SetReadDeadline(t time.Time) error  { return c.Conn.SetReadDeadline(c.bound(t)) }
func (c boundedConn) SetWriteDeadline(t time.Time) error { return c.Conn.SetWriteDeadline(c.bound(t)) }

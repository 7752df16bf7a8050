package kafka

import (
	"context"
	"net"
	"time"
)

// boundedDial makes connections on which nothing waits for ever. The library sets
// a deadline for each request but none while it authenticates: a broker that
// hangs there would hold a group's membership, and its Close, for good, and each
// of the Transport's tries would leave a connection behind.
func boundedDial(dial func(ctx context.Context, network, address string) (net.Conn, error), limit time.Duration) func(context.Context, string, string) (net.Conn, error) {
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

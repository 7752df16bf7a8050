package conn

import (
	"net"
	"time"
)

// bounded is a connection on which nothing waits without an end. It takes "no deadline"
// for "limit from now". The library sets a deadline for each request but none between
// them: a broker that hangs would hold a group's membership, and its Close, for good.
type bounded struct {
	net.Conn
	limit time.Duration
}

func (c bounded) bound(t time.Time) time.Time {
	if t.IsZero() {
		return time.Now().Add(c.limit)
	}
	return t
}

func (c bounded) SetDeadline(t time.Time) error      { return c.Conn.SetDeadline(c.bound(t)) }
func (c bounded) SetReadDeadline(t time.Time) error  { return c.Conn.SetReadDeadline(c.bound(t)) }
func (c bounded) SetWriteDeadline(t time.Time) error { return c.Conn.SetWriteDeadline(c.bound(t)) }

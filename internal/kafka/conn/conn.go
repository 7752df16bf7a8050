// Package conn opens connections to brokers: encrypted, logged in, and logged in again
// before the session ends that the broker gave them (KIP-368). kafka-go can encrypt and
// log in by itself, but never logs in again: its connections would be cut in the middle
// of a request when a token or connections.max.reauth.ms ends.
package conn

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/segmentio/kafka-go/sasl"
)

// Opener says how connections are opened.
type Opener struct {
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)
	TLS      *tls.Config    // nil: plain text
	SASL     sasl.Mechanism // nil: no authentication
	ClientID string
	Limit    time.Duration // no request waits longer
}

// Open opens a connection on which requests can be sent at once.
func (o Opener) Open(ctx context.Context, network, address string) (net.Conn, error) {
	dialed, err := o.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	opened, err := o.secure(ctx, bounded{dialed, o.Limit}, address)
	if err != nil {
		dialed.Close() // without TLS's farewell, which a broker that hangs would have us wait for
		return nil, err
	}
	return opened, nil
}

func (o Opener) secure(ctx context.Context, c net.Conn, address string) (net.Conn, error) {
	if o.TLS == nil && o.SASL == nil {
		return c, nil
	}
	deadline, _ := ctx.Deadline()
	c.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if o.TLS != nil {
		var err error
		if c, err = o.encrypt(ctx, c, address); err != nil {
			return nil, err
		}
	}
	if o.SASL == nil {
		return c, c.SetDeadline(time.Time{})
	}
	s := newSession(c, o.ClientID, o.SASL)
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	return s, c.SetDeadline(time.Time{})
}

func (o Opener) encrypt(ctx context.Context, c net.Conn, address string) (net.Conn, error) {
	config := o.TLS
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		config = config.Clone()
		config.ServerName = host
	}
	encrypted := tls.Client(c, config)
	return encrypted, encrypted.HandshakeContext(ctx)
}

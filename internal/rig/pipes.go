package rig

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
)

// Pipes is an HTTP server on a network of pipes. A test in virtual time needs one:
// what waits for a real socket waits outside its bubble.
type Pipes struct {
	conns  chan net.Conn
	done   chan struct{}
	server *http.Server
	served chan error
}

// ServePipes serves h until Close. In a bubble, it is called there.
func ServePipes(h http.Handler) *Pipes {
	p := &Pipes{
		conns: make(chan net.Conn), done: make(chan struct{}), served: make(chan error, 1),
		server: &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)},
	}
	go func() { p.served <- p.server.Serve(listener{p}) }()
	return p
}

// Dial connects to the server, whatever the address.
func (p *Pipes) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Close ends the server and all of its connections, and waits for it.
func (p *Pipes) Close() {
	p.server.Close()
	<-p.served
}

type listener struct{ *Pipes }

func (l listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l listener) Close() error   { close(l.done); return nil }
func (l listener) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

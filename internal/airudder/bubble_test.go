package airudder

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// inBubble runs a test in virtual time against a server on a network of pipes,
// at one request a second.
func inBubble(t *testing.T, handle http.HandlerFunc, run func(t *testing.T, c *Client)) {
	t.Helper()
	inBubbleAuth(t, body(`{"data":{"token":"tok"},"code":200}`), handle, run)
}

func inBubbleAuth(t *testing.T, auth, handle http.HandlerFunc, run func(t *testing.T, c *Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig("http://upstream.test")
		cfg.RequestsPerSecond, cfg.Timeout, cfg.ResponseTimeout = 1, 30*time.Second, 10*time.Minute
		l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		cfg.Dial = l.dial
		c := newClient(t, cfg)
		mux := http.NewServeMux()
		mux.HandleFunc(authPath, auth)
		mux.HandleFunc("/", handle)
		server := &http.Server{Handler: mux}
		served := make(chan error, 1)
		go func() { served <- server.Serve(l) }()
		run(t, c)
		c.CloseIdleConnections()
		server.Close()
		<-served
	})
}

// pipes is a listener on a network of pipes.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

// pack returns text as gzip.
func pack(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

package status

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// grace is how long answers under way may take once the server is to end.
const grace = 3 * time.Second

// Server is an HTTP server at work.
type Server struct {
	addr string
	stop context.CancelFunc
	done chan struct{}
	err  error // why it ended by itself; to be read once done is closed
}

// Serve listens on addr (host:port; port 0: any that is free) and answers with h
// until ctx ends or Close is called. Whoever calls it also calls Close, which
// waits for the end.
func Serve(ctx context.Context, addr string, h http.Handler, log *slog.Logger) (*Server, error) {
	l, err := listen(ctx, addr)
	if err != nil {
		return nil, err
	}
	if isLoopback(hostOf(l.Addr().String())) {
		h = localOnly(h, addr)
	}
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      time.Minute, // a long task list over a thin line
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	ctx, stop := context.WithCancel(ctx)
	s := &Server{addr: l.Addr().String(), stop: stop, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		if s.err = serve(ctx, server, l); s.err != nil {
			log.Error("status page ended", "error", s.err)
		}
	}()
	return s, nil
}

// Addr is the address listened on, with the port that was found for port 0.
func (s *Server) Addr() string { return s.addr }

// Close stops listening, gives answers under way three seconds, and returns
// once all has ended: nil, or why the server had ended by itself. It may be
// called more than once.
func (s *Server) Close() error {
	s.stop()
	<-s.done
	return s.err
}

func serve(ctx context.Context, server *http.Server, l net.Listener) error {
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve status page: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if server.Shutdown(last) != nil {
		server.Close() // what is still being written is cut off
	}
	<-served
	return nil
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("HTTP_ADDR: %s is taken by another program; name another port, or port 0 for any that is free: %w", addr, err)
	case err != nil:
		return nil, fmt.Errorf("HTTP_ADDR: %q cannot be listened on; it has to be host:port, such as 127.0.0.1:8080: %w", addr, err)
	}
	return l, nil
}

// localOnly refuses requests that were sent to another name than loopback's, or
// than the one in addr.
func localOnly(next http.Handler, addr string) http.Handler {
	own, _, _ := net.SplitHostPort(addr) // listened on, so it can be split
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostOf(r.Host)
		if !isLoopback(host) && !strings.EqualFold(host, own) {
			http.Error(w, "this server listens on loopback and answers only to loopback names; HTTP_ADDR decides",
				http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostOf is a Host header without its port and an IPv6 address's brackets.
func hostOf(header string) string {
	if host, _, err := net.SplitHostPort(header); err == nil {
		return host
	}
	return strings.Trim(header, "[]")
}

func isLoopback(host string) bool {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

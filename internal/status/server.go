package status

import (
	"context"
	"errors"
	"fmt"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	"airudder-exporter/internal/setting"
	"airudder-exporter/internal/webconfig"
)

// grace is how long answers under way may still take when the server is closed.
const grace = 3 * time.Second

// writeTimeout is how long a reader may take: what it holds is held for so long.
const writeTimeout = 10 * time.Second

// Config says where the server listens, and how.
type Config struct {
	Addr          string // host:port; port 0: any that is free
	WebConfigFile string // TLS and authentication; empty: neither

	// Who Healthcheck is, where authentication wants to know it.
	HealthcheckUsername string
	HealthcheckPassword string

	// SettingName is what the operator calls a setting. Where a message names one
	// it passes the field's name; nil: that name.
	SettingName func(field string) string
}

// setting is how messages name a setting.
func (c Config) setting(field string) string {
	return setting.Name(c.SettingName, field)
}

// Check says what is wrong with the settings by themselves.
func (c Config) Check() []*setting.Error {
	host, port, err := net.SplitHostPort(c.Addr)
	var rules setting.Check
	if _, errPort := strconv.ParseUint(port, 10, 16); err != nil || errPort != nil || strings.ContainsAny(host, "/@ \t\r\n") {
		rules.Bad(c.setting("Addr"), c.Addr, "is not host:port: give one such as 127.0.0.1:8080 or :8080")
	}
	rules.Together(c.setting("HealthcheckUsername"), c.HealthcheckUsername, c.setting("HealthcheckPassword"), c.HealthcheckPassword)
	return rules.Problems
}

// Web is what the file says, which is no part of Check.
func (c Config) Web() webconfig.Config {
	return webconfig.Config{WebConfigFile: c.WebConfigFile, SettingName: c.SettingName}
}

// Unencrypted reports whether passwords reach the server unencrypted, from other machines.
func (c Config) Unencrypted() bool {
	says := c.Web().Says()
	return says.Users > 0 && !says.TLS && !isLoopback(hostOf(c.Addr))
}

// Server is an HTTP server that listens.
type Server struct {
	addr string
	stop context.CancelFunc
	done chan struct{}
	err  error // why it ended by itself; valid once done is closed
}

// Serve listens and answers with h until ctx ends or Close is called. The caller
// must call Close, which waits for the end.
func Serve(ctx context.Context, cfg Config, h http.Handler, log *slog.Logger) (*Server, error) {
	if problems := cfg.Web().Check(); len(problems) > 0 {
		return nil, problems[0]
	}
	l, err := cfg.listen(ctx)
	if err != nil {
		return nil, err
	}
	if isLoopback(hostOf(l.Addr().String())) {
		h = cfg.localOnly(h)
	}
	server := newServer(h, log)
	ctx, stop := context.WithCancel(ctx)
	s := &Server{addr: l.Addr().String(), stop: stop, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		if s.err = serve(ctx, server, func() error { return cfg.Web().Serve(l, server, log) }); s.err != nil {
			log.Error("the status page, health and metrics ended; restart the exporter to have them back", "error", s.err)
		}
	}()
	return s, nil
}

func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          stdlog.New(serverLog{log}, "", 0),
	}
}

// serverLog is what net/http has to tell. What a client alone can cause is no warning.
type serverLog struct{ log *slog.Logger }

func (s serverLog) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	switch {
	case strings.HasPrefix(text, "http: TLS handshake error from "):
		// The cause can be the web configuration and quote it, which is told elsewhere.
		from, _, _ := strings.Cut(strings.TrimPrefix(text, "http: TLS handshake error from "), ": ")
		s.log.Debug("a client's TLS handshake did not succeed", "from", from)
	case strings.HasPrefix(text, "http2: server"):
		s.log.Debug(text)
	default:
		s.log.Warn(text)
	}
	return len(line), nil
}

// Addr is the address that the server listens on, with its actual port.
func (s *Server) Addr() string { return s.addr }

// Close stops listening, gives answers under way three seconds, and returns when
// all have ended: nil, or why the server had ended by itself. It may be called
// more than once.
func (s *Server) Close() error {
	s.stop()
	<-s.done
	return s.err
}

func serve(ctx context.Context, server *http.Server, run func() error) error {
	served := make(chan error, 1)
	go func() { served <- run() }()
	select {
	case err := <-served:
		return fmt.Errorf("serve status page: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if server.Shutdown(last) != nil {
		server.Close() // cuts off what is still being written
	}
	<-served
	return nil
}

func (c Config) listen(ctx context.Context) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", c.Addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: %q is taken by another program: give another port, or port 0 for any that is free: %w",
			c.setting("Addr"), c.Addr, err)
	case err != nil:
		return nil, fmt.Errorf("%s: cannot listen on %q: give a host:port of this machine, such as 127.0.0.1:8080: %w",
			c.setting("Addr"), c.Addr, err)
	}
	return l, nil
}

// localOnly refuses requests that were sent to a name other than loopback's and
// the one in Addr.
func (c Config) localOnly(next http.Handler) http.Handler {
	own, _, _ := net.SplitHostPort(c.Addr) // listened on, so it can be split
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostOf(r.Host)
		if !isLoopback(host) && !strings.EqualFold(host, own) {
			http.Error(w, "this server listens on loopback and answers only requests to a loopback name; to change that, set "+
				c.setting("Addr"), http.StatusMisdirectedRequest)
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

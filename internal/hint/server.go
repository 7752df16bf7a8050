package hint

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/netutil"

	"airudder-exporter/internal/setting"
)

// What a sender may cost.
const (
	maxConnections = 32
	maxHeader      = 8 << 10
	patience       = 5 * time.Second // for a whole request, and for its answer
)

// The ends of a hint that never reaches a Taker.
const (
	refused    = "refused"    // another secret, another network, or no POST
	unreadable = "unreadable" // too large, too slow, or without a TaskID
)

// Taker takes a TaskID, and says what becomes of it: one of the outcomes that New was given.
type Taker func(taskID string) (outcome string)

// Server listens for hints.
type Server struct {
	config   Config
	networks []netip.Prefix
	take     Taker
	hints    *prometheus.CounterVec
}

// New returns a Server that does not listen yet. outcomes are all that a Taker may say.
func New(c Config, take Taker, outcomes []string, reg prometheus.Registerer) *Server {
	s := &Server{
		config: c, networks: c.networks(), take: take,
		hints: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "airudder", Name: "hints_total",
			Help: "Hints by outcome: refused (another secret, network or method), unreadable (too large, too slow, or no TaskID), or what became of a TaskID.",
		}, []string{"outcome"}),
	}
	for _, outcome := range append([]string{refused, unreadable}, outcomes...) {
		s.hints.WithLabelValues(outcome)
	}
	reg.MustRegister(s.hints)
	return s
}

// Listen takes the address. Serve is to follow.
func (s *Server) Listen(ctx context.Context) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", s.config.Addr)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot listen on %q: give a host:port of this machine that is free, such as :8090: %w",
			setting.Name(s.config.SettingName, "Addr"), s.config.Addr, err)
	}
	return l, nil
}

// Serve takes hints until ctx ends. They are no more than hints: where they end by
// themselves, the log says so, and the exporter continues without.
func (s *Server) Serve(ctx context.Context, l net.Listener, log *slog.Logger) {
	log.Info("listening for hints", "addr", l.Addr().String())
	server := &http.Server{
		Handler: s, ReadTimeout: patience, WriteTimeout: patience, IdleTimeout: patience, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo), // strangers write what they like
	}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := s.config.Web().Serve(netutil.LimitListener(l, maxConnections), server, log); ctx.Err() == nil {
		log.Error("hints are no longer listened for; restart the exporter to have them back", "error", err)
	}
}

// ServeHTTP takes a hint. It answers 200, whatever it is.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "0")
	if !s.known(r) {
		s.hints.WithLabelValues(refused).Inc()
		w.Header().Set("Connection", "close") // its body is not read
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	ids := taskIDs(body)
	if err != nil || len(ids) == 0 {
		s.hints.WithLabelValues(unreadable).Inc()
		return
	}
	for _, id := range ids {
		s.hints.WithLabelValues(s.take(id)).Inc()
	}
}

// known reports whether a request comes from whom it should.
func (s *Server) known(r *http.Request) bool {
	last, isHint := strings.CutPrefix(r.URL.Path, "/hint/")
	given, secret := sha256.Sum256([]byte(last)), sha256.Sum256([]byte(s.config.secret())) // of one length, so that the time says nothing
	return subtle.ConstantTimeCompare(given[:], secret[:]) == 1 && isHint && last != "" && r.Method == http.MethodPost && s.from(r.RemoteAddr)
}

// from reports whether a sender's address is in one of the networks.
func (s *Server) from(remote string) bool {
	if len(s.networks) == 0 {
		return true
	}
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	for _, n := range s.networks {
		if n.Contains(at.Addr().Unmap()) {
			return true
		}
	}
	return false
}

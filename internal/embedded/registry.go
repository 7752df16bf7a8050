package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/sr/srfake"
)

// RegistryConfig says how a Registry starts. The zero value is a registry on a
// free port.
type RegistryConfig struct {
	// Port on 127.0.0.1; 0, or one that is taken, means a free one.
	Port int

	// Logger gets what goes wrong while serving; nil means slog's default.
	Logger *slog.Logger
}

// Registry is a schema registry in memory with Confluent's REST API. Avro schemas are
// checked as Confluent's is: an invalid one is refused with 422 (42201), one
// that breaks its subject's compatibility level (BACKWARD unless set) with 409.
// Schemas of other types, and those under /contexts/, are taken unchecked.
type Registry struct {
	fake   *srfake.Registry
	log    *slog.Logger
	url    string
	server *http.Server
	served chan struct{} // closed when the server has ended

	// mu makes reading a subject, deciding and registering one step.
	mu sync.Mutex
}

// StartRegistry starts a registry. It serves until Close.
func StartRegistry(cfg RegistryConfig) (*Registry, error) {
	r := &Registry{fake: srfake.NewRegistry(), log: cfg.Logger, served: make(chan struct{})}
	if r.log == nil {
		r.log = slog.Default()
	}
	l, err := listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(cfg.Port)))
	if err != nil {
		return nil, fmt.Errorf("start registry: %w", err)
	}
	r.url = "http://" + l.Addr().String()
	r.server = &http.Server{Handler: r.handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(r.served)
		if err := r.server.Serve(l); err != http.ErrServerClosed {
			r.log.Error("schema registry ended", "error", err)
		}
	}()
	return r, nil
}

// URL is the registry's base URL, without a slash at its end.
func (r *Registry) URL() string { return r.url }

// Close stops the registry: requests under way get a second to finish. A second
// call does nothing.
func (r *Registry) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if r.server.Shutdown(ctx) != nil {
		r.server.Close()
	}
	<-r.served
}

package topics

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"airudder-exporter/internal/embedded"
	"airudder-exporter/internal/kafka"
)

// site is a broker to test on.
type site struct{ brokers []string }

// onSites runs a test on the in-process broker and, where TEST_KAFKA_BROKERS
// names one, on a real cluster.
func onSites(t *testing.T, test func(t *testing.T, s site)) {
	t.Run("in-process", func(t *testing.T) {
		_, s := embeddedBroker(t)
		test(t, s)
	})
	t.Run("real", func(t *testing.T) {
		list := os.Getenv("TEST_KAFKA_BROKERS")
		if list == "" {
			t.Skip("TEST_KAFKA_BROKERS is not set")
		}
		verifyGoroutines(t)
		test(t, site{strings.Split(list, ",")})
	})
}

func embeddedBroker(t *testing.T) (*embedded.Broker, site) {
	t.Helper()
	verifyGoroutines(t)
	broker, err := embedded.StartBroker(embedded.BrokerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	return broker, site{brokers: []string{broker.Addr()}}
}

// verifyGoroutines checks, after all other cleanups, that nothing of the test
// is left running.
func verifyGoroutines(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

func (s site) client(t *testing.T, cfg kafka.Config) *kafka.Client {
	t.Helper()
	cfg.Brokers = s.brokers
	c, err := kafka.Dial(cfg, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// cutNetwork is one on which no connection can be opened until it is mended.
type cutNetwork struct {
	mu     sync.Mutex
	mended bool
}

func (n *cutNetwork) dial(ctx context.Context, network, address string) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.mended {
		return nil, errors.New("the test cut the network")
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

func (n *cutNetwork) mend() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mended = true
}

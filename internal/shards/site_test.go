package shards

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"airudder-exporter/internal/embedded"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/topics"
)

// site is a broker to test on, and how patient group members are there.
type site struct {
	brokers []string
	timing  timing
}

// onSites runs a test on the in-process broker and, where TEST_KAFKA_BROKERS
// names one, on a real cluster.
func onSites(t *testing.T, test func(t *testing.T, s site)) {
	t.Run("in-process", func(t *testing.T) {
		verifyGoroutines(t)
		broker, err := embedded.StartBroker(embedded.BrokerConfig{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(broker.Close)
		test(t, site{[]string{broker.Addr()}, timing{
			session: time.Second, rebalance: time.Second, beat: 100 * time.Millisecond,
			request: 500 * time.Millisecond, rejoin: 100 * time.Millisecond,
		}})
	})
	t.Run("real", func(t *testing.T) {
		list := os.Getenv("TEST_KAFKA_BROKERS")
		if list == "" {
			t.Skip("TEST_KAFKA_BROKERS is not set")
		}
		verifyGoroutines(t)
		test(t, site{strings.Split(list, ","), timing{}})
	})
}

// verifyGoroutines checks, after all other cleanups, that nothing of the test
// is left running.
func verifyGoroutines(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// ledger makes a ledger topic that no other test has.
func (s site) ledger(t *testing.T, shards int) string {
	t.Helper()
	return s.ledgerAs(t, kafka.Config{}, shards)
}

// ledgerAs makes it as a user.
func (s site) ledgerAs(t *testing.T, cfg kafka.Config, shards int) string {
	t.Helper()
	name := fmt.Sprintf("shards-%x", rand.Uint64())
	cfg.LedgerTopic = name
	c := s.client(t, cfg)
	specs := topics.Specs(cfg, topics.Layout{LedgerPartitions: shards, ReplicationFactor: -1})
	if _, err := topics.Ensure(t.Context(), c, specs, true); err != nil {
		t.Fatal(err)
	}
	return name
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

// config is for the shards of a ledger.
func (s site) config(mode, ledger string, shards int) Config {
	return Config{Mode: mode, Brokers: s.brokers, ClientID: "test", Ledger: ledger, Shards: shards}
}

// lifeline is a network that can be cut.
type lifeline struct {
	mu      sync.Mutex
	cut     bool
	conns   []net.Conn
	refused chan struct{} // unless nil: gets a token when a connection is refused
}

func (l *lifeline) dial(ctx context.Context, network, address string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		select {
		case l.refused <- struct{}{}:
		default:
		}
		return nil, errors.New("the test cut the network")
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	l.conns = append(l.conns, conn)
	return conn, err
}

func (l *lifeline) set(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut = cut; cut {
		for _, conn := range l.conns {
			if conn != nil {
				conn.Close()
			}
		}
		l.conns = nil
	}
}

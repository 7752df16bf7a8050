package kafka

import (
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"

	"airudder-exporter/internal/kafka/access"
)

// site is a broker to test on.
type site struct{ brokers []string }

// verifyGoroutines checks, after all other cleanups, that nothing of the test
// is left running.
func verifyGoroutines(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

func (s site) client(t *testing.T, cfg Config) *Client {
	t.Helper()
	cfg.Brokers = s.brokers
	c, err := Dial(cfg, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// guardedCluster knows the user exporter by the mechanisms that are given, or by PLAIN.
func guardedCluster(t *testing.T, mechanisms ...string) *kfake.Cluster {
	t.Helper()
	verifyGoroutines(t)
	options := []kfake.Opt{kfake.NumBrokers(1), kfake.EnableSASL()}
	for _, mechanism := range append(mechanisms, access.Plain) {
		options = append(options, kfake.Superuser(mechanism, "exporter", password))
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}

package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"

	"airudder-exporter/internal/kafka/access"
	"airudder-exporter/internal/rig"
)

// cluster is the broker of one test: kfake in this process or, where
// TEST_KAFKA_BROKERS is set, that one, with topics of the test's own.
type cluster struct {
	*rig.Kafka
	fake   *kfake.Cluster // nil on a real broker
	suffix string
}

func newCluster(t testing.TB) *cluster {
	t.Helper()
	suffix := fmt.Sprintf("-%08x", rand.Uint32())
	if os.Getenv("TEST_KAFKA_BROKERS") != "" {
		return &cluster{Kafka: rig.RealKafka(t), suffix: suffix}
	}
	fake, err := kfake.NewCluster(kfake.NumBrokers(3))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	return &cluster{rig.DialKafka(t, false, fake.ListenAddrs()...), fake, suffix}
}

// topic creates a topic and returns its name, which no other test has.
func (c *cluster) topic(name string, partitions int, settings ...string) string {
	c.T.Helper()
	c.Create(name+c.suffix, partitions, settings...)
	return name + c.suffix
}

// shop is the usual set of topics and a client for them.
type shop struct {
	*cluster
	config Config
}

func newShop(t testing.TB, ledgerPartitions, eventPartitions int) *shop {
	t.Helper()
	return shopOn(newCluster(t), ledgerPartitions, eventPartitions)
}

func shopOn(c *cluster, ledgerPartitions, eventPartitions int) *shop {
	return &shop{cluster: c, config: Config{
		Config:             access.Config{Brokers: c.Brokers},
		ClientID:           "test",
		TransactionTimeout: 10 * time.Second,
		Compression:        "lz4",
		LedgerTopic:        c.topic("ledger", ledgerPartitions, "cleanup.policy=compact"),
		EventTopic:         c.topic("events", eventPartitions),
		StatusTopic:        c.topic("status", 1),
	}}
}

// dial is a Client as a new process would have it.
func (s *shop) dial(t testing.TB) *Client {
	t.Helper()
	return dialWith(t, s.config)
}

func dialWith(t testing.TB, config Config) *Client {
	t.Helper()
	logs := io.Discard
	if testing.Verbose() {
		logs = t.Output()
	}
	c, err := Dial(config, slog.New(slog.NewTextHandler(logs, nil)), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// soon is a context that ends before the test's patience does.
func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// shortly is a context for what is to give up.
func shortly(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// waited reports whether an error is the end of a context's time. A connection has the
// context's deadline, too, and may be the first to notice.
func waited(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

// checkLeaks fails a test that leaves goroutines behind. It is called first,
// so that it looks last. A fetch that nobody waits for any more may take the
// broker's half second to end.
func checkLeaks(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		rig.Eventually(t, "goroutines to end", rig.Patience, func() bool { return goleak.Find(before) == nil })
	})
}

package embedded

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"
)

const topic = "events"

func startBroker(t *testing.T, cfg BrokerConfig) *Broker {
	t.Helper()
	b, err := StartBroker(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func client(t *testing.T, b *Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	opts = append([]kgo.Opt{
		kgo.SeedBrokers(b.Addr()),
		kgo.RetryTimeout(5 * time.Second),
		kgo.MaxVersions(kversion.V3_0_0()), // with one epoch for all transactions, as the exporter's
	}, opts...)
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// transact writes values in one transaction and commits it.
func transact(ctx context.Context, cl *kgo.Client, values ...string) error {
	if err := write(ctx, cl, values...); err != nil {
		return err
	}
	return cl.EndTransaction(ctx, kgo.TryCommit)
}

// write leaves its transaction open.
func write(ctx context.Context, cl *kgo.Client, values ...string) error {
	if err := cl.BeginTransaction(); err != nil {
		return err
	}
	for _, v := range values {
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte(v)}).FirstErr(); err != nil {
			return err
		}
	}
	return nil
}

// committedIn reads a partition of the topic to its end, as a read_committed
// consumer does.
func committedIn(t *testing.T, b *Broker, partition int32) []string {
	t.Helper()
	ctx := testContext(t)
	start := map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().AtStart()}}
	cl := client(t, b, kgo.ConsumePartitions(start), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxWait(20*time.Millisecond), kgo.KeepControlRecords())
	defer cl.Close()
	end := b.Cluster().PartitionInfo(topic, partition).LastStableOffset
	values := []string{}
	for next := int64(0); next < end; {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			next = r.Offset + 1
			if !r.Attrs.IsControl() {
				values = append(values, string(r.Value))
			}
		})
	}
	return values
}

func wantValues(t *testing.T, b *Broker, want ...string) {
	t.Helper()
	if got := committedIn(t, b, 0); !slices.Equal(got, want) {
		t.Errorf("committed values: got %q, want %q", got, want)
	}
}

func TestBrokerPortTaken(t *testing.T) {
	first := startBroker(t, BrokerConfig{})
	_, port, _ := net.SplitHostPort(first.Addr())
	n, _ := strconv.Atoi(port)

	second := startBroker(t, BrokerConfig{Port: n})
	if first.Addr() == second.Addr() {
		t.Errorf("both brokers listen on %s", first.Addr())
	}

	first.Close()
	third := startBroker(t, BrokerConfig{Port: n})
	if got, want := third.Addr(), first.Addr(); got != want {
		t.Errorf("a free port asked for: got %s, want %s", got, want)
	}
}

func TestBrokerSettings(t *testing.T) {
	b := startBroker(t, BrokerConfig{Partitions: 4, Topics: []string{topic}, Settings: map[string]string{"message.max.bytes": "1000"}})
	if got, want := len(b.Cluster().PartitionInfos(topic)), 4; got != want {
		t.Errorf("partitions: got %d, want %d", got, want)
	}
	plain := client(t, b, kgo.ProducerBatchCompression(kgo.NoCompression()))
	err := plain.ProduceSync(testContext(t), &kgo.Record{Topic: topic, Value: make([]byte, 2000)}).FirstErr()
	if !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("a record above message.max.bytes: got %v, want %v", err, kerr.MessageTooLarge)
	}
}

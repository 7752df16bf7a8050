package kafka

import (
	"airudder-exporter/internal/kafka/access"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"
)

// cluster is the broker of one test: kfake in this process or, where
// TEST_KAFKA_BROKERS is set, that one, with topics of the test's own.
type cluster struct {
	brokers []string
	fake    *kfake.Cluster // nil on a real broker
	suffix  string
	admin   *kgo.Client
}

func newCluster(t testing.TB) *cluster {
	t.Helper()
	c := &cluster{suffix: fmt.Sprintf("-%08x", rand.Uint32())}
	if real := os.Getenv("TEST_KAFKA_BROKERS"); real != "" {
		c.brokers = strings.Split(real, ",")
	} else {
		fake, err := kfake.NewCluster(kfake.NumBrokers(3))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(fake.Close)
		c.fake, c.brokers = fake, fake.ListenAddrs()
	}
	admin, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(admin.Close)
	c.admin = admin
	return c
}

// topic creates a topic and returns its name, which no other test has.
func (c *cluster) topic(t testing.TB, name string, partitions int32, configs ...string) string {
	t.Helper()
	name += c.suffix
	req := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, partitions, -1
	for i := 0; i < len(configs); i += 2 {
		entry := kmsg.NewCreateTopicsRequestTopicConfig()
		entry.Name, entry.Value = configs[i], &configs[i+1]
		topic.Configs = append(topic.Configs, entry)
	}
	req.Topics = append(req.Topics, topic)
	req.TimeoutMillis = 10_000
	res, err := req.RequestWith(t.Context(), c.admin)
	if err != nil {
		t.Fatal(err)
	}
	if err := kerr.ErrorForCode(res.Topics[0].ErrorCode); err != nil {
		t.Fatalf("create %s: %v", name, err)
	}
	c.await(t, name, partitions)
	return name
}

// await waits until the leader of every partition of a topic is at work, which
// comes a little after the metadata name it.
func (c *cluster) await(t testing.TB, name string, partitions int32) {
	t.Helper()
	eventually(t, "leaders of "+name, func() bool {
		ends, err := c.ends(t.Context(), name, 0)
		return err == nil && len(ends) == int(partitions)
	})
}

// eventually waits for a condition that another process or goroutine brings
// about.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// shop is the usual set of topics and a client for them.
type shop struct {
	*cluster
	config Config
}

func newShop(t testing.TB, ledgerPartitions, eventPartitions int32) *shop {
	t.Helper()
	c := newCluster(t)
	return &shop{cluster: c, config: Config{
		Config:             access.Config{Brokers: c.brokers},
		ClientID:           "test",
		TransactionTimeout: 10 * time.Second,
		Compression:        "lz4",
		LedgerTopic:        c.topic(t, "ledger", ledgerPartitions, "cleanup.policy", "compact"),
		EventTopic:         c.topic(t, "events", eventPartitions),
		StatusTopic:        c.topic(t, "status", 1),
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

// committedRecords reads a topic with another client, read_committed, up to
// its last stable offset, which it waits for to reach the end.
func (c *cluster) committedRecords(t testing.TB, topic string) []*kgo.Record {
	t.Helper()
	ends := c.stableEnds(t, topic)
	reader, err := kgo.NewClient(
		kgo.SeedBrokers(c.brokers...),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxWait(50*time.Millisecond),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.KeepControlRecords(),
	)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	maps.DeleteFunc(ends, func(_ int32, end int64) bool { return end == 0 })
	var found []*kgo.Record
	for ctx := soon(t); len(ends) > 0; {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("read %s: %v", topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				found = append(found, r)
			}
			if r.Offset+1 >= ends[r.Partition] {
				delete(ends, r.Partition)
			}
		})
	}
	return found
}

// stableEnds waits until no transaction is open on a topic, and returns the
// end of each partition.
func (c *cluster) stableEnds(t testing.TB, topic string) map[int32]int64 {
	t.Helper()
	var ends map[int32]int64
	eventually(t, "no open transaction on "+topic, func() bool {
		all, err := c.ends(t.Context(), topic, 0)
		if err != nil {
			return false
		}
		stable, err := c.ends(t.Context(), topic, 1)
		ends = all
		return err == nil && maps.Equal(all, stable)
	})
	return ends
}

// ends is the end of each partition, uncommitted records included (isolation
// 0) or not (1).
func (c *cluster) ends(ctx context.Context, topic string, isolation int8) (map[int32]int64, error) {
	meta := kmsg.NewPtrMetadataRequest()
	mt := kmsg.NewMetadataRequestTopic()
	mt.Topic = &topic
	meta.Topics = append(meta.Topics, mt)
	m, err := meta.RequestWith(ctx, c.admin)
	if err != nil {
		return nil, err
	}
	if err := kerr.ErrorForCode(m.Topics[0].ErrorCode); err != nil {
		return nil, err
	}
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID, req.IsolationLevel = -1, isolation
	rt := kmsg.NewListOffsetsRequestTopic()
	rt.Topic = topic
	for i := range m.Topics[0].Partitions {
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = int32(i), -1
		rt.Partitions = append(rt.Partitions, p)
	}
	req.Topics = append(req.Topics, rt)
	ends := make(map[int32]int64)
	for _, shard := range c.admin.RequestSharded(ctx, req) {
		if shard.Err != nil {
			return nil, shard.Err
		}
		for _, p := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics[0].Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return nil, err
			}
			ends[p.Partition] = p.Offset
		}
	}
	return ends, nil
}

// shortly is a context for what is to give up.
func shortly(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// checkLeaks fails a test that leaves goroutines behind. It is called first,
// so that it looks last. A fetch that nobody waits for any more may take the
// broker's half second to end.
func checkLeaks(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		eventually(t, "goroutines to end", func() bool { return goleak.Find(before) == nil })
	})
}

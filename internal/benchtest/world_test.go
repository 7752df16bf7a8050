package benchtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"airudder-exporter/internal/embedded"
)

// world is the Kafka of one benchmark, with topics of its own.
type world struct {
	tb       testing.TB
	brokers  []string
	registry string
	client   *kgo.Client
	suffix   string
}

const (
	eventPartitions = 6
	ledgerName      = "ledger"
	eventName       = "events"
	obviousName     = "obvious"
)

// realBrokers are those of TEST_KAFKA_BROKERS; without them the benchmark is
// skipped.
func realBrokers(tb testing.TB) []string {
	tb.Helper()
	list := os.Getenv("TEST_KAFKA_BROKERS")
	if list == "" {
		tb.Skip("needs a real broker: set TEST_KAFKA_BROKERS, as .ci/kafka.sh start prints it")
	}
	return strings.Split(list, ",")
}

// embeddedBrokers is an in-process broker's address.
func embeddedBrokers(tb testing.TB) []string {
	tb.Helper()
	broker, err := embedded.StartBroker(embedded.BrokerConfig{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(broker.Close)
	return []string{broker.Addr()}
}

func newWorld(tb testing.TB, brokers []string) *world {
	tb.Helper()
	w := &world{tb: tb, brokers: brokers, suffix: fmt.Sprintf("-%08x", rand.Uint32())}
	if w.registry = os.Getenv("TEST_SCHEMA_REGISTRY_URL"); w.registry == "" || os.Getenv("TEST_KAFKA_BROKERS") == "" {
		registry, err := embedded.StartRegistry(embedded.RegistryConfig{})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(registry.Close)
		w.registry = registry.URL()
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(client.Close)
	w.client = client
	w.create(eventName, eventPartitions)
	w.create(obviousName, eventPartitions)
	w.create("status", 1)
	w.create("dead", 1)
	w.create(ledgerName, 1, "cleanup.policy", "compact")
	return w
}

func (w *world) topic(name string) string { return "bench-" + name + w.suffix }

// create creates a topic and waits until it can be written.
func (w *world) create(name string, partitions int32, settings ...string) {
	w.tb.Helper()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = w.topic(name), partitions, -1
	for i := 0; i < len(settings); i += 2 {
		setting := kmsg.NewCreateTopicsRequestTopicConfig()
		setting.Name, setting.Value = settings[i], &settings[i+1]
		topic.Configs = append(topic.Configs, setting)
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis, req.Topics = 10_000, append(req.Topics, topic)
	res, err := req.RequestWith(context.Background(), w.client)
	if err == nil {
		err = kerr.ErrorForCode(res.Topics[0].ErrorCode)
	}
	if err != nil {
		w.tb.Fatalf("create %s: %v", topic.Topic, err)
	}
	eventually(w.tb, "the leaders of "+topic.Topic, func() bool { return len(w.ends(name)) == int(partitions) })
}

// ends is each partition's end for a read_committed consumer; nil while there
// is none.
func (w *world) ends(name string) map[int32]int64 {
	topic := w.topic(name)
	ask := kmsg.NewPtrMetadataRequest()
	of := kmsg.NewMetadataRequestTopic()
	of.Topic = &topic
	ask.Topics = append(ask.Topics, of)
	answer, err := ask.RequestWith(context.Background(), w.client)
	if err != nil || answer.Topics[0].ErrorCode != 0 {
		return nil
	}
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID, req.IsolationLevel = -1, 1
	rt := kmsg.NewListOffsetsRequestTopic()
	rt.Topic = topic
	for i := range answer.Topics[0].Partitions {
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = int32(i), -1
		rt.Partitions = append(rt.Partitions, p)
	}
	req.Topics = append(req.Topics, rt)
	res, err := req.RequestWith(context.Background(), w.client)
	if err != nil {
		return nil
	}
	ends := map[int32]int64{}
	for _, p := range res.Topics[0].Partitions {
		if p.ErrorCode != 0 {
			return nil
		}
		ends[p.Partition] = p.Offset
	}
	return ends
}

// consume shows each committed record of a topic to visit as soon as it can be
// read, until visit has had enough.
func (w *world) consume(name string, visit func(*kgo.Record) (more bool)) {
	w.tb.Helper()
	reader, err := kgo.NewClient(kgo.SeedBrokers(w.brokers...), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeTopics(w.topic(name)), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		w.tb.Fatal(err)
	}
	defer reader.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for more := true; more; {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			w.tb.Fatalf("read %s: %v", w.topic(name), err)
		}
		for it := fetches.RecordIter(); more && !it.Done(); {
			more = visit(it.Next())
		}
	}
}

// awaitCalls returns once so many calls, each once, can be read.
func (w *world) awaitCalls(name string, calls int) {
	w.tb.Helper()
	seen := make(map[string]bool, calls)
	w.consume(name, func(r *kgo.Record) bool {
		if seen[string(r.Key)] {
			w.tb.Fatalf("call %s is published twice", r.Key)
		}
		seen[string(r.Key)] = true
		return len(seen) < calls
	})
}

// exporter starts the exporter on one task. settings are environment variables
// beside the usual ones, or instead of them.
func (w *world) exporter(url string, settings ...string) *child {
	w.tb.Helper()
	path, err := program()
	if err != nil {
		w.tb.Fatal(err)
	}
	env := []string{
		"AIRUDDER_BASE_URL=" + url,
		"AIRUDDER_APP_KEY=key",
		"AIRUDDER_APP_SECRET=secret",
		"AIRUDDER_LIST_ENABLED=false",
		"AIRUDDER_TASK_IDS=" + taskID,
		"AIRUDDER_REQUESTS_PER_SECOND=100000",
		"KAFKA_BROKERS=" + strings.Join(w.brokers, ","),
		"KAFKA_ASSIGNMENT=all",
		"KAFKA_TOPIC_CALL_COMPLETED=" + w.topic(eventName),
		"KAFKA_TOPIC_TASK_STATUS=" + w.topic("status"),
		"KAFKA_TOPIC_DEAD_LETTER=" + w.topic("dead"),
		"KAFKA_TOPIC_LEDGER=" + w.topic(ledgerName),
		"SCHEMA_REGISTRY_URL=" + w.registry,
		"HTTP_ADDR=127.0.0.1:0",
	}
	return startChild(w.tb, path, []string{"run"}, slices.Concat(env, settings)) // of doubles the last counts
}

// obvious starts the obvious program on one task; an interval of 0 reads it
// again at once.
func (w *world) obvious(url string, interval time.Duration) *child {
	w.tb.Helper()
	self, err := os.Executable()
	if err != nil {
		w.tb.Fatal(err)
	}
	return startChild(w.tb, self, nil, []string{
		obviousURL + "=" + url,
		obviousBrokers + "=" + strings.Join(w.brokers, ","),
		obviousTopic + "=" + w.topic(obviousName),
		obviousInterval + "=" + interval.String(),
	})
}

// eventually waits for a condition that another process brings about.
func eventually(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			tb.Fatalf("waited in vain for %s", what)
		}
	}
}

package benchtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/rig"
)

// world is the Kafka of one benchmark, with topics of its own.
type world struct {
	*rig.Kafka
	registry string
	topics   rig.Topics

	obviousTopic string // the obvious program's events
}

func newWorld(k *rig.Kafka) *world {
	k.T.Helper()
	w := &world{Kafka: k, registry: rig.Registry(k.T), topics: rig.NewTopics(), obviousTopic: fmt.Sprintf("obvious-%08x", rand.Uint32())}
	const eventPartitions = 6
	w.Create(w.topics.Events, eventPartitions)
	w.Create(w.obviousTopic, eventPartitions)
	w.Create(w.topics.Status, 1)
	w.Create(w.topics.Dead, 1)
	w.Create(w.topics.Ledger, 1, "cleanup.policy=compact")
	return w
}

// ours and theirs are where the two programs publish.
func ours(w *world) string   { return w.topics.Events }
func theirs(w *world) string { return w.obviousTopic }

// awaitCalls returns once so many calls, each once, can be read.
func (w *world) awaitCalls(topic string, calls int) {
	w.T.Helper()
	seen := make(map[string]bool, calls)
	w.Consume(topic, func(r *kgo.Record) bool {
		if seen[string(r.Key)] {
			w.T.Fatalf("call %s is published twice", r.Key)
		}
		seen[string(r.Key)] = true
		return len(seen) < calls
	})
}

// exporter starts the exporter on one task. settings are environment variables
// beside the usual ones, or instead of them.
func (w *world) exporter(url string, settings ...string) *rig.Process {
	w.T.Helper()
	env := []string{
		"AIRUDDER_BASE_URL=" + url,
		"AIRUDDER_APP_KEY=key",
		"AIRUDDER_APP_SECRET=secret",
		"AIRUDDER_LIST_REQUEST=off",
		"AIRUDDER_TASK_IDS=" + taskID,
		"AIRUDDER_REQUESTS_PER_SECOND=100000",
		"KAFKA_BROKERS=" + strings.Join(w.Brokers, ","),
		"KAFKA_ASSIGNMENT=all",
		"KAFKA_TOPIC_CALL_COMPLETED=" + w.topics.Events,
		"KAFKA_TOPIC_TASK_STATUS=" + w.topics.Status,
		"KAFKA_TOPIC_DEAD_LETTER=" + w.topics.Dead,
		"KAFKA_TOPIC_LEDGER=" + w.topics.Ledger,
		"SCHEMA_REGISTRY_URL=" + w.registry,
		"HTTP_ADDR=127.0.0.1:0",
	}
	p, _ := start(w.T, rig.Program(w.T), []string{"run"}, slices.Concat(env, settings)) // of doubles the last counts
	return p
}

// obvious starts the obvious program on one task; an interval of 0 reads it
// again at once.
func (w *world) obvious(url string, interval time.Duration) *rig.Process {
	w.T.Helper()
	p, _ := startSelf(w.T,
		obviousURL+"="+url,
		obviousBrokers+"="+strings.Join(w.Brokers, ","),
		obviousTopic+"="+w.obviousTopic,
		obviousInterval+"="+interval.String(),
	)
	return p
}

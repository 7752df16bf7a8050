package compat

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/kafka/access"
	"airudder-exporter/internal/record"
	"airudder-exporter/internal/rig"
	"airudder-exporter/internal/shards"
)

// inProcess is a broker in process. What needs one is not tried again beside a real one.
func inProcess(t *testing.T) *rig.Kafka {
	t.Helper()
	if os.Getenv("TEST_KAFKA_BROKERS") != "" {
		t.Skip("of the broker in process, without TEST_KAFKA_BROKERS")
	}
	return rig.EmbeddedKafka(t)
}

// config is a run's on a Kafka and a registry, with topics of the test's own.
func config(brokers, registry string) Config {
	id := fmt.Sprintf("%08x", rand.Uint32())
	return Config{
		Kafka: kafka.Config{
			Config: access.Config{Brokers: []string{brokers}}, ClientID: "test", Compression: "lz4",
			EventTopic: "events-" + id, StatusTopic: "status-" + id, LedgerTopic: "ledger-" + id,
		},
		Assignment: shards.Group,
		Registry:   record.Registry{URL: registry, AutoRegister: true},
		Timeout:    rig.Patience,
	}
}

// verdicts is what a run of the tries says.
func verdicts(t *testing.T, cfg Config) (all []Verdict) {
	t.Helper()
	Run(t.Context(), cfg, func(string) {}, func(v Verdict) {
		t.Log(v.Outcome, v.Name, v.Text, v.Grants)
		all = append(all, v)
	})
	return all
}

// names of the tries with an outcome; deletion is one of Kafka's and one of the registry's.
func with(outcome Outcome, all []Verdict) (names []string) {
	for _, v := range all {
		if v.Outcome == outcome {
			names = append(names, v.Name)
		}
	}
	return names
}

// leftBehind are the throw-away topics of a configuration that are still there.
func leftBehind(k *rig.Kafka, cfg Config) (names []string) {
	k.T.Helper()
	res, err := rig.Ask[kmsg.MetadataResponse](k, kmsg.NewPtrMetadataRequest())
	if err != nil {
		k.T.Fatal(err)
	}
	for _, topic := range res.Topics {
		if strings.HasPrefix(*topic.Topic, cfg.Kafka.EventTopic) || strings.HasPrefix(*topic.Topic, cfg.Kafka.LedgerTopic) {
			names = append(names, *topic.Topic)
		}
	}
	return names
}

// A Kafka and a registry that keep the promise are found fit, and nothing is left behind.
func TestFit(t *testing.T) {
	k := rig.OpenKafka(t)
	cfg := config(k.Brokers[0], rig.Registry(t))
	all := verdicts(t, cfg)
	tries := []string{
		"requests", "topics", "compaction",
		"transactions", "control records", "open transactions", "aborts", "fence of a produce", "fence of a commit", "read_committed",
		"producer", "two topics", "restart", "event size", "times", "consumer group", "group offsets", "deletion",
		"registration", "schema by id", "compatibility check", "deletion",
	}
	if fit := with(Fits, all); !slices.Equal(fit, tries) {
		t.Errorf("fit: %q, want %q", fit, tries)
	}
	rig.Eventually(t, "the topics to go", rig.Patience, func() bool { return len(leftBehind(k, cfg)) == 0 })
}

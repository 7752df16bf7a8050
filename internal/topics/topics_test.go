package topics

import (
	"airudder-exporter/internal/kafka"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sync/errgroup"
)

var testLayout = Layout{EventPartitions: 6, LedgerPartitions: 2, ReplicationFactor: -1, UniqueEventKeys: true}

// topicNames are names that no other test has.
func topicNames() kafka.Config {
	p := fmt.Sprintf("topics-%x.", rand.Uint64())
	return kafka.Config{EventTopic: p + "events", StatusTopic: p + "status", DeadLetterTopic: p + "dead", PrivateTopic: p + "private", LedgerTopic: p + "ledger"}
}

func TestEnsureTopicsCreates(t *testing.T) {
	onSites(t, func(t *testing.T, s site) {
		cfg := topicNames()
		c := s.client(t, cfg)
		specs := Specs(cfg, testLayout)
		findings, err := Ensure(t.Context(), c, specs, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := Refused(findings); err != nil {
			t.Errorf("what was just created is refused: %v", err)
		}
		for _, f := range findings {
			if f.Severity == Warning && (f.Setting == "replication factor" || f.Setting == "min.insync.replicas") {
				continue // one broker alone cannot do better
			}
			t.Errorf("finding about what was just created: %v", f)
		}
		if _, err := Ensure(t.Context(), c, specs, false); err != nil {
			t.Errorf("second time: got %v, want nil", err)
		}
		all, err := c.Describe(t.Context(), namesOf(specs))
		if err != nil {
			t.Fatal(err)
		}
		for topic, want := range map[string]map[string]string{
			cfg.EventTopic:      {"cleanup.policy": "delete", "retention.ms": "2592000000"},
			cfg.StatusTopic:     {"cleanup.policy": "delete", "retention.ms": "2592000000"},
			cfg.DeadLetterTopic: {"cleanup.policy": "delete", "retention.ms": "1209600000"},
			cfg.PrivateTopic:    {"cleanup.policy": "delete", "retention.ms": "604800000"},
			cfg.LedgerTopic: {"cleanup.policy": "compact", "segment.ms": "3600000", "min.cleanable.dirty.ratio": "0.1",
				"max.compaction.lag.ms": "21600000", "delete.retention.ms": "86400000", "compression.type": "uncompressed"},
		} {
			for setting, value := range want {
				if got := all[topic].Values[setting]; got != value {
					t.Errorf("%s: %s: got %q, want %q", topic, setting, got, value)
				}
			}
		}
		for topic, want := range map[string]int{cfg.EventTopic: 6, cfg.StatusTopic: 1, cfg.DeadLetterTopic: 1, cfg.PrivateTopic: 6, cfg.LedgerTopic: 2} {
			if got, err := c.Partitions(t.Context(), topic); err != nil || got != want {
				t.Errorf("%s: got %d partitions (%v), want %d", topic, got, err, want)
			}
		}
	})
}

func TestEnsureTopicsTwiceAtOnce(t *testing.T) {
	onSites(t, func(t *testing.T, s site) {
		cfg := topicNames()
		var both errgroup.Group
		for range 2 {
			c := s.client(t, cfg)
			both.Go(func() error {
				_, err := Ensure(t.Context(), c, Specs(cfg, testLayout), true)
				return err
			})
		}
		if err := both.Wait(); err != nil {
			t.Error(err)
		}
	})
}

func TestEnsureTopicsMissing(t *testing.T) {
	onSites(t, func(t *testing.T, s site) {
		cfg := topicNames()
		c := s.client(t, cfg)
		layout := testLayout
		layout.ReplicationFactor = 3
		_, err := Ensure(t.Context(), c, Specs(cfg, layout), false)
		if !errors.Is(err, ErrUnfit) {
			t.Fatalf("got %v, want ErrUnfit", err)
		}
		for _, want := range []string{
			cfg.EventTopic, cfg.StatusTopic, cfg.DeadLetterTopic, cfg.LedgerTopic, "CreateTopics=true",
			fmt.Sprintf("kafka-topics.sh --bootstrap-server %s --create --topic %s --partitions 2 --replication-factor 3 --config cleanup.policy=compact"+
				" --config compression.type=uncompressed --config delete.retention.ms=86400000 --config max.compaction.lag.ms=21600000"+
				" --config min.cleanable.dirty.ratio=0.1 --config min.insync.replicas=2 --config segment.ms=3600000", strings.Join(s.brokers, ","), cfg.LedgerTopic),
		} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q is missing in: %v", want, err)
			}
		}
	})
}

func TestEnsureTopicsRefusal(t *testing.T) {
	onSites(t, func(t *testing.T, s site) {
		layout := testLayout
		layout.ReplicationFactor = 9
		cfg := topicNames()
		c := s.client(t, cfg)
		_, err := Ensure(t.Context(), c, Specs(cfg, layout), true)
		if want := "give ReplicationFactor no more than there are brokers"; !errors.Is(err, ErrUnfit) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want ErrUnfit and %q", err, want)
		}
	})
}

func TestEnsureTopicsUnreachable(t *testing.T) {
	verifyGoroutines(t)
	cfg := topicNames()
	c := site{brokers: []string{"127.0.0.1:1"}}.client(t, cfg)
	_, err := Ensure(t.Context(), c, Specs(cfg, testLayout), true)
	if err == nil || errors.Is(err, ErrUnfit) {
		t.Errorf("got %v, want an error worth another try", err)
	}
	if got, want := c.Explain(err), "nothing listens at the address"; !strings.Contains(got, want) {
		t.Errorf("explained: got %q, want %q in it", got, want)
	}
}

// A broker that comes up after the first try is found by the next one.
func TestEnsureTopicsAfterTheBrokerIsUp(t *testing.T) {
	broker, s := embeddedBroker(t)
	var network cutNetwork
	cfg := topicNames()
	cfg.Dial = network.dial
	c := s.client(t, cfg)
	if _, err := Ensure(t.Context(), c, Specs(cfg, testLayout), true); err == nil {
		t.Fatal("got nil without a network, want an error")
	}
	network.mend()
	if _, err := Ensure(t.Context(), c, Specs(cfg, testLayout), true); err != nil {
		t.Errorf("with the network back: got %v, want nil", err)
	}
	if broker.Cluster().TopicInfo(cfg.LedgerTopic) == nil {
		t.Error("the ledger topic was not created")
	}
}

func TestEnsureTopicsWaitsForLeaders(t *testing.T) {
	broker, s := embeddedBroker(t)
	cfg := topicNames()
	c := s.client(t, cfg)
	specs := Specs(cfg, testLayout)
	if _, err := Ensure(t.Context(), c, specs, true); err != nil {
		t.Fatal(err)
	}
	electing := broker.Cluster().Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Metadata}, Topic: cfg.EventTopic, Err: kerr.LeaderNotAvailable, Count: 4,
	})
	if _, err := Ensure(t.Context(), c, specs, false); err != nil {
		t.Errorf("got %v, want nil once the election is over", err)
	}
	if electing.Hits() < 4 {
		t.Errorf("got %d looks while the election lasted, want 4", electing.Hits())
	}
	broker.Cluster().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: cfg.EventTopic, Err: kerr.LeaderNotAvailable, Count: -1})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Ensure(ctx, c, specs, false); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestFindings(t *testing.T) {
	broker, s := embeddedBroker(t)
	for _, test := range []struct {
		name     string
		topic    func(kafka.Config) string
		settings map[string]string
		unique   bool
		want     map[string]Severity // setting → severity, besides those of a single broker
	}{
		{"ledger as created", ledgerTopic, ledgerConfigs(), true, nil},
		{"ledger not compacted", ledgerTopic, with(ledgerConfigs(), "cleanup.policy", "delete"), true, map[string]Severity{"cleanup.policy": Fatal}},
		{"ledger compacted and deleted", ledgerTopic, with(ledgerConfigs(), "cleanup.policy", "compact,delete"), true, map[string]Severity{"cleanup.policy": Fatal}},
		{"ledger compressed", ledgerTopic, with(ledgerConfigs(), "compression.type", "lz4"), true, map[string]Severity{"compression.type": Info}},
		{"ledger by the producer's compression", ledgerTopic, with(ledgerConfigs(), "compression.type", "producer"), true, nil},
		{"ledger with slow cleaning", ledgerTopic, with(ledgerConfigs(), "segment.ms", "604800000", "min.cleanable.dirty.ratio", "0.5", "max.compaction.lag.ms", "9223372036854775807"), true,
			map[string]Severity{"segment.ms": Info, "min.cleanable.dirty.ratio": Info, "max.compaction.lag.ms": Info}},
		{"ledger with early deletes", ledgerTopic, with(ledgerConfigs(), "delete.retention.ms", "1000"), true, map[string]Severity{"delete.retention.ms": Info}},
		{"unclean elections", ledgerTopic, with(ledgerConfigs(), "unclean.leader.election.enable", "true"), true, map[string]Severity{"unclean.leader.election.enable": Warning}},
		{"more in sync than there are", ledgerTopic, with(ledgerConfigs(), "min.insync.replicas", "2"), true, map[string]Severity{"min.insync.replicas": Fatal}},
		{"small batches", eventTopic, map[string]string{"max.message.bytes": "65536"}, true, map[string]Severity{"max.message.bytes": Wrong}},
		{"batches that were Kafka's default once", deadLetterTopic, map[string]string{"max.message.bytes": "1000012"}, true, map[string]Severity{"max.message.bytes": Wrong}},
		{"batches of 1 MiB", statusTopic, map[string]string{"max.message.bytes": "1048576"}, true, nil},
		{"a ledger of small batches", ledgerTopic, with(ledgerConfigs(), "max.message.bytes", "65536"), true, map[string]Severity{"max.message.bytes": Warning}},
		{"events compacted, a key each", eventTopic, map[string]string{"cleanup.policy": "compact"}, true, map[string]Severity{"cleanup.policy": Warning}},
		{"events compacted, shared keys", eventTopic, map[string]string{"cleanup.policy": "compact,delete"}, false, map[string]Severity{"cleanup.policy": Fatal}},
		{"events kept for a day", eventTopic, map[string]string{"retention.ms": "86400000"}, true, map[string]Severity{"retention.ms": Warning}},
		{"events kept for ever", eventTopic, map[string]string{"retention.ms": "-1"}, true, nil},
		{"events kept by size", eventTopic, map[string]string{"retention.bytes": "1000000"}, true, map[string]Severity{"retention.bytes": Info}},
		{"transitions compacted", statusTopic, map[string]string{"cleanup.policy": "compact"}, false, map[string]Severity{"cleanup.policy": Warning}},
		{"dead letters compacted", deadLetterTopic, map[string]string{"cleanup.policy": "compact"}, true, map[string]Severity{"cleanup.policy": Fatal}},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := topicNames()
			topic := test.topic(cfg)
			c := s.client(t, cfg)
			layout := testLayout
			layout.UniqueEventKeys = test.unique
			specs := Specs(cfg, layout)
			partitions := specs[slices.IndexFunc(specs, func(s Spec) bool { return s.Name == topic })].Partitions
			if err := broker.Cluster().CreateTopic(topic, int32(partitions), test.settings); err != nil {
				t.Fatal(err)
			}
			findings, err := Ensure(t.Context(), c, specs, true)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]Severity{}
			fatal := false
			for _, f := range findings {
				if f.Topic != topic || f.Setting == "replication factor" || f.Setting == "min.insync.replicas" && f.Severity == Warning {
					continue
				}
				got[f.Setting] = f.Severity
				fatal = fatal || f.Severity == Fatal
			}
			if !maps.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if err := Refused(findings); errors.Is(err, ErrUnfit) != fatal {
				t.Errorf("Refused: got %v, want an error: %v", err, fatal)
			}
		})
	}
}

func eventTopic(c kafka.Config) string      { return c.EventTopic }
func statusTopic(c kafka.Config) string     { return c.StatusTopic }
func deadLetterTopic(c kafka.Config) string { return c.DeadLetterTopic }
func ledgerTopic(c kafka.Config) string     { return c.LedgerTopic }

// with sets pairs of names and values.
func with(settings map[string]string, pairs ...string) map[string]string {
	for i := 0; i < len(pairs); i += 2 {
		settings[pairs[i]] = pairs[i+1]
	}
	return settings
}

func TestFindingsOnCounts(t *testing.T) {
	broker, s := embeddedBroker(t)
	cfg := topicNames()
	for topic, partitions := range map[string]int32{cfg.EventTopic: 12, cfg.LedgerTopic: 1} {
		if err := broker.Cluster().CreateTopic(topic, partitions, map[string]string{"cleanup.policy": "compact"}); err != nil {
			t.Fatal(err)
		}
	}
	c := s.client(t, cfg)
	findings, err := Ensure(t.Context(), c, Specs(cfg, testLayout), true)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range findings {
		if f.Setting == "partitions" {
			got[f.Topic] = fmt.Sprintf("%s, not %s: %s", f.Got, f.Want, f.Severity)
		}
	}
	if want := map[string]string{cfg.EventTopic: "12, not 6: info", cfg.LedgerTopic: "1, not 2: info"}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A key is in one partition of the events' topic and of that of their private values.
func TestPrivateTopicIsLikeTheEvents(t *testing.T) {
	broker, s := embeddedBroker(t)
	like, unlike := topicNames(), topicNames()
	for topic, partitions := range map[string]int32{like.EventTopic: 12, unlike.EventTopic: 12, unlike.PrivateTopic: 6} {
		if err := broker.Cluster().CreateTopic(topic, partitions, nil); err != nil {
			t.Fatal(err)
		}
	}
	c := s.client(t, like)
	if _, err := Ensure(t.Context(), c, Specs(like, testLayout), true); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Partitions(t.Context(), like.PrivateTopic); err != nil || n != 12 {
		t.Errorf("created with %d partitions (%v), want 12", n, err)
	}
	findings, err := Ensure(t.Context(), s.client(t, unlike), Specs(unlike, testLayout), true)
	if err != nil {
		t.Fatal(err)
	}
	want := "topic " + unlike.PrivateTopic + ": it has 6 partitions, should have 12: a key is in another partition there than in " +
		unlike.EventTopic + ", so no join finds the two"
	if !slices.ContainsFunc(findings, func(f Finding) bool { return f.String() == want && f.Severity == Warning }) {
		t.Errorf("got %v, want %s", findings, want)
	}
	unused := unlike
	unused.PrivateTopic = ""
	for _, spec := range Specs(unused, testLayout) {
		if spec.Like != "" || spec.Name == "" {
			t.Errorf("without private fields there is a topic %+v", spec)
		}
	}
}

func TestInSync(t *testing.T) {
	for _, test := range []struct {
		inSync   string
		replicas int
		want     Severity // empty: no finding
	}{
		{"1", 1, Warning}, {"1", 3, Warning}, {"2", 1, Fatal}, {"2", 2, Warning}, {"2", 3, ""}, {"3", 3, Warning}, {"4", 3, Fatal}, {"", 3, ""},
	} {
		var got Severity
		for _, f := range (Spec{Name: "t"}).checkInSync(kafka.Topic{Replicas: test.replicas}, map[string]string{"min.insync.replicas": test.inSync}) {
			got = f.Severity
		}
		if got != test.want {
			t.Errorf("%s of %d: got %q, want %q", test.inSync, test.replicas, got, test.want)
		}
	}
}

// Each setting is told once, with its topics.
func TestAdvice(t *testing.T) {
	replicas := func(topic string, s Severity) Finding {
		return Finding{Topic: topic, Setting: "replication factor", Got: "1", Want: "3 or more", Severity: s}
	}
	unread := func(topic string) Finding { return Spec{Name: topic}.unreadable(errors.New("no right")) }
	got := Advice([]Finding{replicas("a", Warning), unread("a"), replicas("b", Warning), replicas("c", Info), unread("b"),
		{Topic: "c", Setting: "partitions", Got: "6", Want: "12", Severity: Wrong}})
	want := []string{
		`replication factor is 1, should be 3 or more: "a", "b"`,
		`settings cannot be read without the right DescribeConfigs on the topic "a", "b"`,
		`it has 6 partitions, should have 12: "c"`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := unread("a").String(); !strings.HasPrefix(got, "topic a: its settings cannot be read: nothing of it could be checked") {
		t.Errorf("got %q", got)
	}
}

package replay

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/kafka/access"
	"airudder-exporter/internal/rig"
)

// TestMissingRights takes each right away: it is named, and nothing is done.
func TestMissingRights(t *testing.T) {
	on := func(resource kmsg.ACLResourceType, name string, operation kmsg.ACLOperation) kfake.ACL {
		return kfake.ACL{Resource: resource, Name: name, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: operation, Allow: true}
	}
	topic, id := kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeTransactionalId
	all := []kfake.ACL{
		on(topic, "source", kmsg.ACLOperationRead), on(topic, "source", kmsg.ACLOperationDescribeConfigs),
		on(topic, "made", kmsg.ACLOperationRead), on(topic, "made", kmsg.ACLOperationWrite), on(topic, "made", kmsg.ACLOperationDescribeConfigs),
		on(topic, "new", kmsg.ACLOperationRead), on(topic, "new", kmsg.ACLOperationWrite), on(topic, "new", kmsg.ACLOperationDescribeConfigs), on(topic, "new", kmsg.ACLOperationCreate),
		on(id, "made-replay", kmsg.ACLOperationWrite), on(id, "new-replay", kmsg.ACLOperationWrite),
	}
	for _, tt := range []struct {
		without int // of all; below 0: none is missing
		target  string
		want    string
	}{
		{-1, "made", ""},
		{-1, "new", ""},
		{0, "made", `lacks the right Read on the topic "source"`},
		{2, "made", `lacks the right Read on the topic "made"`},
		{3, "made", `lacks the right Write on the topic "made"`},
		{4, "made", `lacks the right DescribeConfigs on the topic "made"`},
		{8, "new", `lacks the right Create on the topic "new"`},
		{9, "made", `lacks the right Write on the transactional id "made-replay"`},
	} {
		t.Run(strings.TrimSpace(tt.target+" "+tt.want), func(t *testing.T) {
			var granted []kfake.ACL
			for i, right := range all {
				if i != tt.without {
					granted = append(granted, right)
				}
			}
			cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.EnableACLs(),
				kfake.Superuser(access.Plain, "admin", "admin"), kfake.User(access.Plain, "user", "secret", granted...))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(cluster.Close)
			s := &shop{Kafka: adminOf(t, cluster), source: "source", target: tt.target, schemas: registry{1: "airudder.events.CallCompleted"}}
			s.Create("source", parts)
			s.Create("made", parts, "retention.ms=-1")
			client, err := kafka.Dial(kafka.Config{
				Config:     access.Config{Brokers: s.Brokers, SASL: access.SASL{Mechanism: access.Plain, Username: "user", Password: "secret"}},
				EventTopic: "source", LedgerTopic: "ledger", ReplayTopic: tt.target, TransactionTimeout: 5 * time.Second,
			}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(client.Close)
			records := []*kgo.Record{s.event(), s.event(), s.event()}
			if err := s.Client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			err = New(s.config(), client, s.schemas, slog.New(slog.DiscardHandler), &out).Run(t.Context())
			said := client.Explain(err)
			if tt.want == "" && err != nil || !strings.Contains(said, tt.want) || tt.want != "" && (err == nil || !Refused(err)) {
				t.Errorf("got %v (%s), want %q\n%s", err, said, tt.want, &out)
			}
			if tt.want != "" && s.Partitions("new") > 0 {
				t.Error("a topic was created")
			}
		})
	}
}

// adminOf is a Kafka that may do everything.
func adminOf(t *testing.T, cluster *kfake.Cluster) *rig.Kafka {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.SASL(plain.Auth{User: "admin", Pass: "admin"}.AsMechanism()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &rig.Kafka{T: t, Brokers: cluster.ListenAddrs(), Client: client}
}

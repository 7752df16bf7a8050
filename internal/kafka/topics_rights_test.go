package kafka

import (
	"errors"
	"strings"
	"testing"

	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// guardedBroker asks users for a password and looks at their rights.
func guardedBroker(t *testing.T, rights ...kfake.ACL) site {
	t.Helper()
	cluster := guardedCluster(t, rights...)
	return site{brokers: cluster.ListenAddrs()}
}

func guardedCluster(t *testing.T, rights ...kfake.ACL) *kfake.Cluster {
	t.Helper()
	verifyGoroutines(t)
	cluster, err := kfake.NewCluster(
		kfake.NumBrokers(1), kfake.EnableSASL(), kfake.EnableACLs(),
		kfake.Superuser(Plain, "admin", "admin"),
		kfake.User(Plain, "exporter", "secret", rights...),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}

func right(operation kmsg.ACLOperation) kfake.ACL {
	return kfake.ACL{Resource: kmsg.ACLResourceTypeTopic, Name: "topics-", Pattern: kmsg.ACLResourcePatternTypePrefixed, Operation: operation, Allow: true}
}

func as(cfg Config, user, password string) Config {
	cfg.SASL = plain.Mechanism{Username: user, Password: password}
	return cfg
}

func TestRights(t *testing.T) {
	read, write, create := right(kmsg.ACLOperationRead), right(kmsg.ACLOperationWrite), right(kmsg.ACLOperationCreate)
	t.Run("no DescribeConfigs", func(t *testing.T) {
		s := guardedBroker(t, read, write, create)
		c := s.client(t, as(topicNames(), "exporter", "secret"))
		findings, err := c.EnsureTopics(t.Context(), c.TopicSpecs(testLayout), true)
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, f := range findings {
			if f.Setting == "settings" && f.Severity == Warning && strings.Contains(f.Why, "DescribeConfigs") {
				got++
			}
		}
		if got != 4 {
			t.Errorf("got %d findings about DescribeConfigs, want one a topic: %v", got, findings)
		}
	})
	t.Run("no Create", func(t *testing.T) {
		s := guardedBroker(t, read, write)
		c := s.client(t, as(topicNames(), "exporter", "secret"))
		_, err := c.EnsureTopics(t.Context(), c.TopicSpecs(testLayout), true)
		if !errors.Is(err, ErrTopics) || !strings.Contains(err.Error(), "needs the right Create on topic") {
			t.Errorf("got %v, want ErrTopics and the right Create", err)
		}
	})
	t.Run("none", func(t *testing.T) {
		s := guardedBroker(t)
		cfg := topicNames()
		admin := s.client(t, as(cfg, "admin", "admin"))
		if _, err := admin.EnsureTopics(t.Context(), admin.TopicSpecs(testLayout), true); err != nil {
			t.Fatal(err)
		}
		c := s.client(t, as(cfg, "exporter", "secret"))
		_, err := c.EnsureTopics(t.Context(), c.TopicSpecs(testLayout), false)
		if !errors.Is(err, ErrTopics) || !strings.Contains(err.Error(), "Describe") {
			t.Errorf("got %v, want ErrTopics and the right Describe", err)
		}
	})
}

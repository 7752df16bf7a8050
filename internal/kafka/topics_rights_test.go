package kafka

import (
	"errors"
	"strings"
	"testing"

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
	cfg.SASL = SASL{Mechanism: Plain, Username: user, Password: password}
	return cfg
}

// wantRight holds an error to being a missing right, and one that may be
// granted while we wait.
func wantRight(t *testing.T, err error, operation, resource string) {
	t.Helper()
	missing, ok := errors.AsType[*RightError](err)
	if !ok || missing.Operation != operation || missing.Resource != resource || errors.Is(err, ErrTopics) {
		t.Errorf("got %v, want the right %s on a %s, and not ErrTopics", err, operation, resource)
	}
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
		wantRight(t, err, "Create", "topic")
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
		wantRight(t, err, "Write", "topic")
	})
}

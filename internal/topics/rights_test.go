package topics

import (
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/kafka/access"
	"errors"
	"os"
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
		kfake.Superuser(access.Plain, "admin", "admin"),
		kfake.User(access.Plain, "exporter", "secret", rights...),
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

func as(cfg kafka.Config, user, password string) kafka.Config {
	cfg.SASL = access.SASL{Mechanism: access.Plain, Username: user, Password: password}
	return cfg
}

// wantRight holds an error to being a missing right, and one that may be
// granted while we wait.
func wantRight(t *testing.T, err error, operation, resource string) {
	t.Helper()
	missing, ok := errors.AsType[*access.RightError](err)
	if !ok || missing.Operation != operation || missing.Resource != resource || errors.Is(err, ErrUnfit) {
		t.Errorf("got %v, want the right %s on a %s, and not ErrUnfit", err, operation, resource)
	}
}

func TestRights(t *testing.T) {
	read, write, create := right(kmsg.ACLOperationRead), right(kmsg.ACLOperationWrite), right(kmsg.ACLOperationCreate)
	t.Run("no DescribeConfigs", func(t *testing.T) {
		s := guardedBroker(t, read, write, create)
		cfg := as(topicNames(), "exporter", "secret")
		c := s.client(t, cfg)
		findings, err := Ensure(t.Context(), c, Specs(cfg, testLayout), true)
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, f := range findings {
			if f.Setting == "settings" && f.Severity == Warning && strings.Contains(f.Why, "DescribeConfigs") {
				got++
			}
		}
		if got != 5 {
			t.Errorf("got %d findings about DescribeConfigs, want one a topic: %v", got, findings)
		}
	})
	t.Run("no Create", func(t *testing.T) {
		s := guardedBroker(t, read, write)
		cfg := as(topicNames(), "exporter", "secret")
		c := s.client(t, cfg)
		_, err := Ensure(t.Context(), c, Specs(cfg, testLayout), true)
		wantRight(t, err, "Create", "topic")
	})
	t.Run("none", func(t *testing.T) {
		s := guardedBroker(t)
		cfg := topicNames()
		admin := s.client(t, as(cfg, "admin", "admin"))
		if _, err := Ensure(t.Context(), admin, Specs(cfg, testLayout), true); err != nil {
			t.Fatal(err)
		}
		c := s.client(t, as(cfg, "exporter", "secret"))
		_, err := Ensure(t.Context(), c, Specs(cfg, testLayout), false)
		wantRight(t, err, "Write", "topic")
	})
}

func TestSecureBrokerWithoutRights(t *testing.T) {
	list := os.Getenv("TEST_KAFKA_SECURE_BROKERS")
	if list == "" {
		t.Skip("TEST_KAFKA_SECURE_BROKERS is not set")
	}
	verifyGoroutines(t)
	cfg := topicNames()
	user, password, _ := strings.Cut(os.Getenv("TEST_KAFKA_SECURE_USER"), ":")
	cfg.TLS = access.TLS{Enabled: true, CAFile: os.Getenv("TEST_KAFKA_SECURE_CA")}
	cfg.SASL = access.SASL{Mechanism: access.ScramSHA512, Username: user, Password: password}
	c := site{brokers: strings.Split(list, ",")}.client(t, cfg)
	for _, create := range []bool{false, true} {
		_, err := Ensure(t.Context(), c, Specs(cfg, testLayout), create)
		wantRight(t, err, "Write", "topic")
	}
}

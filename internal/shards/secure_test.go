package shards

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/kafka/access"
)

// secureSite is the secured broker of TEST_KAFKA_SECURE_BROKERS, and how a user of
// it connects.
func secureSite(t *testing.T, userVariable, mechanism string) (site, kafka.Config) {
	t.Helper()
	list := os.Getenv("TEST_KAFKA_SECURE_BROKERS")
	if list == "" {
		t.Skip("TEST_KAFKA_SECURE_BROKERS is not set")
	}
	verifyGoroutines(t)
	user, password, _ := strings.Cut(os.Getenv(userVariable), ":")
	return site{brokers: strings.Split(list, ",")}, kafka.Config{Config: access.Config{
		TLS:  access.TLS{Enabled: true, CAFile: os.Getenv("TEST_KAFKA_SECURE_CA")},
		SASL: access.SASL{Mechanism: mechanism, Username: user, Password: password},
	}}
}

func TestSecureBrokerAssigns(t *testing.T) {
	for _, mechanism := range []string{access.Plain, access.ScramSHA256, access.ScramSHA512} {
		t.Run(mechanism, func(t *testing.T) {
			s, cfg := secureSite(t, "TEST_KAFKA_SECURE_ADMIN", mechanism)
			const shards = 2
			ledger := s.ledgerAs(t, cfg, shards)
			c := s.client(t, cfg)
			m := newMember(t)
			m.run(func(ctx context.Context) error {
				return Assign(ctx, s.config(Group, ledger, shards), c, slog.New(slog.DiscardHandler), m.own, m.changed)
			})
			m.await(shards)
			if err := m.shards[0].AfterFence(t.Context()); err != nil {
				t.Errorf("AfterFence: got %v, want nil", err)
			}
		})
	}
}

// A group that refuses us is no reason to end, and it is told once which right is
// missing.
func TestSecureBrokerWithoutTheGroup(t *testing.T) {
	s, cfg := secureSite(t, "TEST_KAFKA_SECURE_USER", access.ScramSHA256)
	var refusals []string
	ledger := fmt.Sprintf("shards-%x", rand.Uint64())
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	told := false
	own := func(ctx context.Context, _ *Shard) error { <-ctx.Done(); return nil }
	config := s.config(Group, ledger, 1)
	config.Refused = func(why string) {
		if why != "" {
			refusals = append(refusals, why)
		}
	}
	err := Assign(ctx, config, s.client(t, cfg), slog.New(slog.DiscardHandler), own, func([]int) { told = true })
	if err != nil || told {
		t.Errorf("got %v, told of shards: %v; want nil and false", err, told)
	}
	if want := `lacks the right Read on the group "` + ledger + `-exporters"`; len(refusals) != 1 || !strings.Contains(refusals[0], want) {
		t.Errorf("got %q, want %q once", refusals, want)
	}
}

// What is said of a group that may not be joined names both ways out.
func TestExplainGroupRight(t *testing.T) {
	s := site{brokers: []string{"nowhere:9092"}}
	cfg := s.config(Group, "ledger", 1)
	cfg.SettingName = func(field string) string { return "the setting " + field }
	user := access.Config{SASL: access.SASL{Mechanism: access.Plain, Username: "u", Password: "p"}}
	g := newGroup(cfg, timing{}, s.client(t, kafka.Config{Config: user}), nil)
	got := g.explain(kafkago.GroupAuthorizationFailed)
	for _, want := range []string{
		`the Kafka user "u" lacks the right Read on the group "ledger-exporters": grant it`, "or set the setting Assignment=all",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want %q in it", got, want)
		}
	}
}

package shards

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/rig"
)

// A member of the group that is no exporter keeps this one out: that is told, and
// over once the member has left.
func TestForeignMember(t *testing.T) {
	onSites(t, func(t *testing.T, s site) {
		ledger := s.ledger(t, 2)
		foreign, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...), kgo.ConsumerGroup(GroupID(ledger)),
			kgo.ConsumeTopics(ledger), kgo.Balancers(kgo.RoundRobinBalancer()))
		if err != nil {
			t.Fatal(err)
		}
		defer foreign.Close()
		rig.Eventually(t, "the foreign member's assignment", rig.Patience, func() bool {
			_, generation := foreign.GroupMetadata()
			return generation > 0
		})
		m := newMember(t)
		told := make(chan string, 10)
		cfg := s.config(Group, ledger, 2)
		cfg.Refused = func(why string) { told <- why }
		m.group = newGroup(cfg, s.timing, s.client(t, kafka.Config{}), slog.New(slog.DiscardHandler))
		m.run(func(ctx context.Context) error { return m.owners().assignGroup(ctx, m.group) })
		why := <-told
		if !strings.HasPrefix(why, "the consumer group "+GroupID(ledger)+" refuses this exporter: the consumer group has a member that is no exporter") {
			t.Errorf("it is told: %q", why)
		}
		foreign.Close()
		m.await(2)
		if why := <-told; why != "" {
			t.Errorf("it is told after the end: %q", why)
		}
		m.leave()
	})
}

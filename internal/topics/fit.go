package topics

import (
	"context"
	"maps"
	"strconv"

	"airudder-exporter/internal/kafka"
)

// SafeReplicas are as many as the promise needs, and safeInSync as many of them as must
// have a record before it counts as written: so one broker can be lost while another is
// away.
const (
	SafeReplicas = 3
	safeInSync   = 2
)

// Fit gives specs that leave it open the replicas that the promise needs, or as many as
// there are brokers, which it returns, too; and those of Specs the min.insync.replicas
// that go with them. It is what Ensure creates, and what the commands for it say.
func Fit(ctx context.Context, c *kafka.Client, specs []Spec) (fitted []Spec, brokers int, err error) {
	if brokers, err = c.BrokerCount(ctx); err != nil {
		return nil, 0, err
	}
	for _, s := range specs {
		fitted = append(fitted, s.fit(brokers))
	}
	return fitted, brokers, nil
}

func (s Spec) fit(brokers int) Spec {
	if s.ReplicationFactor == 0 {
		s.ReplicationFactor = max(1, min(SafeReplicas, brokers))
	}
	if s.InSync && s.ReplicationFactor > 0 { // else they are the broker's choice, too
		s.Configs = maps.Clone(s.Configs)
		s.Configs["min.insync.replicas"] = strconv.Itoa(max(1, min(safeInSync, s.ReplicationFactor-1)))
	}
	return s
}

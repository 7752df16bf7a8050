package exporter_test

import (
	"context"
	"testing"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/exporter/contract"
	"airudder-exporter/internal/exporter/fakekafka"
)

// TestFakeKafka holds the fake of this package's tests to what the real client
// is held to.
func TestFakeKafka(t *testing.T) {
	contract.Test(t, func(_ *testing.T, shards int) contract.Subject {
		k := fakekafka.New("ledger", shards)
		k.Topics[fakekafka.EventTopic] = 3
		return contract.Subject{
			Ledger: "ledger", Events: fakekafka.EventTopic, Shards: shards, Topics: k,
			Shard: func(n int) exporter.Shard { return handle{k.Shard(n, fakekafka.Faults{})} },
			Committed: func() (keys []string) {
				for _, r := range k.Log() {
					if r.Topic == "events" {
						keys = append(keys, string(r.Key))
					}
				}
				return keys
			},
			Ends: k.Ends,
		}
	})
}

type handle struct{ *fakekafka.Shard }

func (h handle) Open(ctx context.Context, barrier func(id int64, epoch int16) batch.Record, replay func(key, value []byte) error) (exporter.Producer, error) {
	p, err := h.Shard.Open(ctx, barrier, replay)
	if err != nil {
		return nil, err
	}
	return p, nil
}

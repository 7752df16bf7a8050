package kafka

import (
	"context"
	"testing"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/exporter/contract"
)

// TestContract holds the client, on this test's broker, to what the loop relies
// on.
func TestContract(t *testing.T) {
	contract.Test(t, func(t *testing.T, shards int) contract.Subject {
		s := newShop(t, shards, 3)
		return contract.Subject{
			Ledger: s.config.LedgerTopic, Events: s.config.EventTopic, Shards: shards, Topics: s.dial(t),
			Shard: func(n int) exporter.Shard { return handle{s.dial(t).Partition(n)} },
			Committed: func() (keys []string) {
				for _, r := range s.Read(s.config.EventTopic).Committed {
					keys = append(keys, string(r.Key))
				}
				return keys
			},
			Ends: func() []int64 {
				ends := make([]int64, 3)
				for _, r := range s.Read(s.config.EventTopic).Committed {
					ends[r.Partition] = r.Offset + 1
				}
				return ends
			},
		}
	})
}

type handle struct{ Partition }

func (h handle) Open(ctx context.Context, barrier func(id int64, epoch int16) batch.Record, replay func(key, value []byte) error) (exporter.Producer, error) {
	p, err := h.Partition.Open(ctx, barrier, replay)
	if err != nil {
		return nil, err
	}
	return p, nil
}

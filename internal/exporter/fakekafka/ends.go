package fakekafka

import (
	"context"
	"slices"
)

// EventTopic is the one that Producer.Ends tells of.
const EventTopic = "events"

// partition is one of the event topic.
type partition struct {
	next int64 // offset
	end  int64 // the offset after the last record; 0: there is none
}

// Ends are where the event topic's partitions end, each the offset after its last record.
func (k *Kafka) Ends() []int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	ends := make([]int64, k.Topics[EventTopic])
	for i, of := range k.events {
		ends[i] = of.end
	}
	return ends
}

// Ends is exporter.Producer's.
func (p *Producer) Ends(ctx context.Context) ([]int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tails == nil {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if ask := p.shard.faults.Ends; ask != nil {
			if err := ask(); err != nil {
				return nil, err
			}
		}
		p.tails = p.shard.kafka.Ends()
	}
	ends := slices.Clone(p.tails)
	for i := range ends {
		ends[i] = max(ends[i], p.own[i])
	}
	return ends, nil
}

package kafka

import (
	"airudder-exporter/internal/batch"
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/produce"
	"github.com/segmentio/kafka-go/protocol/rawproduce"
)

// produce stamps and sends batches, one of each partition, and returns their
// base offsets. It sends one request to each leader, all at once, and waits
// for every answer, whatever one of them says.
func (s *session) produce(ctx context.Context, batches []outgoing) (map[place]int64, error) {
	byLeader, err := s.byLeader(ctx, batches)
	if err != nil {
		return nil, err
	}
	s.stamp(batches, time.Now())
	var wait sync.WaitGroup
	var mu sync.Mutex
	var failures []error
	offsets := make(map[place]int64, len(batches))
	for leader, part := range byLeader {
		wait.Go(func() {
			err := s.client.produceTo(ctx, s.id, part, func(at place, offset int64) {
				mu.Lock()
				offsets[at] = offset
				mu.Unlock()
			})
			if err != nil {
				mu.Lock()
				failures = append(failures, fmt.Errorf("broker %d: %w", leader, err))
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	if len(failures) > 0 {
		s.client.forget(ctx, failures[0])
		return nil, one(failures)
	}
	return offsets, nil
}

// one makes an error of several, on one line.
func one(failures []error) error {
	err := failures[0]
	for _, other := range failures[1:] {
		err = fmt.Errorf("%w; %w", err, other)
	}
	return err
}

// byLeader groups batches by the broker that leads their partition.
func (s *session) byLeader(ctx context.Context, batches []outgoing) (map[int32][]outgoing, error) {
	leaders := make(map[string]map[int]int32)
	grouped := make(map[int32][]outgoing)
	for _, b := range batches {
		if leaders[b.topic] == nil {
			of, err := s.client.leaders(ctx, b.topic)
			if err != nil {
				return nil, err
			}
			leaders[b.topic] = of
		}
		leader := leaders[b.topic][b.partition]
		grouped[leader] = append(grouped[leader], b)
	}
	return grouped, nil
}

// stamp gives each batch its place in its partition's sequence.
func (s *session) stamp(batches []outgoing, now time.Time) {
	for _, b := range batches {
		sequence := s.sequences[b.place]
		b.Stamp(s.producerID, s.epoch, sequence, now)
		s.sequences[b.place] = batch.SequenceAfter(sequence, b.Records)
	}
}

// produceTo sends batches to the one broker that leads all of them and reports
// the base offset of each.
func (c *Client) produceTo(ctx context.Context, transactionalID string, batches []outgoing, placed func(place, int64)) error {
	req := &rawproduce.Request{
		TransactionalID: transactionalID,
		Acks:            -1,
		Timeout:         int32(c.cfg.TransactionTimeout.Milliseconds()),
	}
	missing := make(map[place]bool, len(batches))
	for _, b := range batches {
		req.Topics = append(req.Topics, rawproduce.RequestTopic{
			Topic: b.topic,
			Partitions: []rawproduce.RequestPartition{{
				Partition: int32(b.partition),
				RecordSet: protocol.RawRecordSet{Reader: bytes.NewReader(b.Data)},
			}},
		})
		missing[b.place] = true
		c.metrics.bytes.WithLabelValues(b.topic).Add(float64(len(b.Data) - 4))
	}
	res, err := await[*produce.Response](ctx, c, req) // as long as the commit may take: replicas may be slow
	if err != nil {
		return err
	}
	for _, topic := range res.Topics {
		for _, p := range topic.Partitions {
			at := place{topic.Topic, int(p.Partition)}
			if err := onTransactionalID(onTopic(codeError(p.ErrorCode), "Write", at.topic), c.cfg.LedgerTopic); err != nil {
				return fmt.Errorf("%s: %w %s", at, err, p.ErrorMessage)
			}
			if p.BaseOffset < 0 {
				return fmt.Errorf("%s: the broker took the batch for one that it has already", at)
			}
			delete(missing, at)
			placed(at, p.BaseOffset)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("the broker did not answer for %d of %d partitions", len(missing), len(batches))
	}
	return nil
}

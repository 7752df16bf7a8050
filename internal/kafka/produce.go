package kafka

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/produce"
	"github.com/segmentio/kafka-go/protocol/rawproduce"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka/access"
)

// Produce (API 0), the latest version up to 8, sent to each partition's leader,
// the records as the bytes of package batch.
//
// Behaviour: with acks=all an answer means that every replica in sync has the
// batch. Any batch with a sequence range that the partition has already seen is
// answered with success, whatever it holds: so nothing is ever sent twice.
// Errors: 6 NOT_LEADER_OR_FOLLOWER, 19 and 20 too few replicas in sync; 45 a gap in
// the sequence; 47, 49: fenced; 10 over the topic's max.message.bytes, 87 two
// batches of one partition in a request, 32 a timestamp too far ahead; 29 without
// the right Write. None is asked again in place.
// Notes: a broker that is asked for a partition of another leader refuses that
// partition alone. What a producer quota does is package quota's.

// produce stamps and sends batches, one of each partition, and returns their
// base offsets. It sends one request to each leader, all at once, and waits
// for every answer, whatever one of them says.
func (s *session) produce(ctx context.Context, batches []batch.Placed) (map[batch.Place]int64, error) {
	byLeader, err := s.byLeader(ctx, batches)
	if err != nil {
		return nil, err
	}
	s.stamp(batches, time.Now())
	var wait sync.WaitGroup
	var mu sync.Mutex
	var failures []error
	offsets := make(map[batch.Place]int64, len(batches))
	for leader, part := range byLeader {
		wait.Go(func() {
			err := s.client.produceTo(ctx, s.id, part, func(at batch.Place, offset int64) {
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
func (s *session) byLeader(ctx context.Context, batches []batch.Placed) (map[int32][]batch.Placed, error) {
	var topics []string
	for _, b := range batches {
		if !slices.Contains(topics, b.Topic) {
			topics = append(topics, b.Topic)
		}
	}
	found, err := s.client.metadata(ctx, topics)
	if err != nil {
		return nil, err
	}
	grouped := make(map[int32][]batch.Placed)
	for _, b := range batches {
		if err := found[b.Topic].exists(b.Topic); err != nil {
			return nil, err
		}
		leader := int32(-1) // the Transport says so when it is asked
		if leaders := found[b.Topic].Leaders; b.Partition < len(leaders) {
			leader = leaders[b.Partition]
		}
		grouped[leader] = append(grouped[leader], b)
	}
	return grouped, nil
}

// stamp gives each batch its place in its partition's sequence.
func (s *session) stamp(batches []batch.Placed, now time.Time) {
	for _, b := range batches {
		sequence := s.sequences[b.Place]
		b.Stamp(s.producerID, s.epoch, sequence, now)
		s.sequences[b.Place] = batch.SequenceAfter(sequence, b.Records)
	}
}

// produceTo sends batches to the one broker that leads all of them and reports
// the base offset of each.
func (c *Client) produceTo(
	ctx context.Context, transactionalID string, batches []batch.Placed, placed func(batch.Place, int64),
) error {
	req := &rawproduce.Request{
		TransactionalID: transactionalID,
		Acks:            -1,
		Timeout:         int32(c.cfg.TransactionTimeout.Milliseconds()),
	}
	missing := make(map[batch.Place]bool, len(batches))
	for _, b := range batches {
		req.Topics = append(req.Topics, rawproduce.RequestTopic{
			Topic: b.Topic,
			Partitions: []rawproduce.RequestPartition{{
				Partition: int32(b.Partition),
				RecordSet: protocol.RawRecordSet{Reader: bytes.NewReader(b.Data)},
			}},
		})
		missing[b.Place] = true
		c.metrics.bytes.WithLabelValues(b.Topic).Add(float64(len(b.Data) - 4))
	}
	res, err := await[*produce.Response](ctx, c, req) // as long as the commit may take: replicas may be slow
	if err != nil {
		return err
	}
	c.throttle.Note(res.ThrottleTimeMs)
	for _, topic := range res.Topics {
		for _, p := range topic.Partitions {
			at := batch.Place{Topic: topic.Topic, Partition: int(p.Partition)}
			err := access.OnTopic(codeError(p.ErrorCode), "Write", at.Topic)
			if err = access.OnTransactionalID(err, transactionalID, c.cfg.LedgerTopic); err != nil {
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

package kafka

import (
	"context"
	"fmt"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka/access"
)

// session is a transactional id at one producer id and epoch. It writes one
// transaction after the other and ends with the first that fails: whoever
// holds it must not use it after an error.
type session struct {
	client      *Client
	id          string // transactional id
	shard       int    // everyShard: an id that belongs to none
	producerID  int64
	epoch       int16
	coordinator int32                 // broker; -1: to be looked up
	sequences   map[batch.Place]int32 // the next sequence number of each partition
	concurrent  int                   // how often the last transaction was answered CONCURRENT_TRANSACTIONS
}

// fence makes this process the one that may write under a transactional id. An
// open transaction of an earlier one is aborted before it returns, and all
// markers of earlier transactions are in place. It asks until ctx ends,
// whatever the network does.
func (c *Client) fence(ctx context.Context, id string, shard int) (*session, error) {
	s := &session{client: c, id: id, shard: shard, coordinator: -1, sequences: make(map[batch.Place]int32)}
	retry := func(err error) bool { return coordinatorAgain(err) || unreachable(err) }
	if err := c.again(ctx, "InitProducerId", shard, retry, s.initProducerID); err != nil {
		return nil, fmt.Errorf("fence %s: %w", id, err)
	}
	return s, nil
}

// write commits batches in one transaction and returns the base offset of
// each, which check sees before the outcome is decided. An error leaves the
// outcome open, and the session is not to be used again.
//
// ctx is heard until the first record leaves. From then on the transaction
// runs to its end, bounded by its own deadline: a produce that is given up
// half-way may still arrive.
func (s *session) write(
	ctx context.Context, batches []batch.Placed, check func(map[batch.Place]int64) error,
) (map[batch.Place]int64, error) {
	limit := time.Now().Add(s.client.cfg.TransactionTimeout)
	begin, cancel := context.WithDeadline(ctx, limit)
	defer cancel()
	s.concurrent = 0
	if err := s.add(begin, batches); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	on, cancel := context.WithDeadline(context.WithoutCancel(ctx), limit)
	defer cancel()
	offsets, err := s.produce(on, batches)
	if err != nil {
		return nil, fmt.Errorf("produce: %w", err)
	}
	if err := check(offsets); err != nil {
		return nil, err
	}
	if err := s.commit(on); err != nil {
		return nil, err
	}
	return offsets, nil
}

// add has the partitions of batches be part of the transaction, which the first of them
// begins.
func (s *session) add(ctx context.Context, batches []batch.Placed) error {
	err := s.client.again(ctx, "AddPartitionsToTxn", s.shard, coordinatorAgain, func(ctx context.Context) error {
		return s.addPartitionsToTxn(ctx, batches)
	})
	if err != nil {
		return fmt.Errorf("add partitions: %w", err)
	}
	return nil
}

// commit decides the transaction.
func (s *session) commit(ctx context.Context) error {
	if s.client.throttle.Muted() {
		s.client.transport.CloseIdleConnections()
	}
	if err := s.client.again(ctx, "EndTxn", s.shard, coordinatorAgain, s.endTxn); err != nil {
		return fmt.Errorf("end transaction: %w", err)
	}
	return nil
}

// answered turns a coordinator's code into an error, and forgets which broker
// it is when the answer says that it is another.
func (s *session) answered(errorCode int16) error {
	switch kafkago.Error(errorCode) {
	case kafkago.GroupCoordinatorNotAvailable, kafkago.NotCoordinatorForGroup:
		s.coordinator = -1
	case kafkago.ConcurrentTransactions:
		s.concurrent++
	}
	return access.OnTransactionalID(codeError(errorCode), s.id, s.client.cfg.LedgerTopic)
}

// coordinate sends one request to the coordinator of the session's
// transactional id. An error that wraps unsentError means that the request
// never left.
func coordinate[R protocol.Message](ctx context.Context, s *session, req protocol.Message) (R, error) {
	var none R
	if s.coordinator < 0 {
		broker, err := s.client.findCoordinator(ctx, s.id)
		if err != nil {
			return none, fmt.Errorf("find the coordinator of %s: %w", s.id, err)
		}
		s.coordinator = broker
	}
	res, err := ask[R](ctx, s.client, &routed{Message: req, broker: s.coordinator, clientID: s.client.cfg.ClientID})
	if err != nil {
		err = fmt.Errorf("broker %d: %w", s.coordinator, unsent(err))
		s.coordinator = -1
		return none, err
	}
	return res, nil
}

package kafka

import (
	"airudder-exporter/internal/batch"
	"context"
	"fmt"
	"io"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/addpartitionstotxn"
	"github.com/segmentio/kafka-go/protocol/endtxn"
	"github.com/segmentio/kafka-go/protocol/findcoordinator"
	"github.com/segmentio/kafka-go/protocol/initproducerid"
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
	concurrent  int                   // 51s that the last transaction met
}

// fence makes this process the one that may write under a transactional id. An
// open transaction of an earlier one is aborted before it returns, and all
// markers of earlier transactions are in place. It asks until ctx ends,
// whatever the network does: asking twice only raises the epoch once more.
func (c *Client) fence(ctx context.Context, id string, shard int) (*session, error) {
	s := &session{client: c, id: id, shard: shard, coordinator: -1, sequences: make(map[batch.Place]int32)}
	retry := func(err error) bool { return coordinatorAgain(err) || unreachable(err) }
	err := c.again(ctx, "InitProducerId", shard, retry, func(ctx context.Context) error {
		res, err := coordinate[*initproducerid.Response](ctx, s, &initproducerid.Request{
			TransactionalID:      id,
			TransactionTimeoutMs: int32(c.cfg.TransactionTimeout.Milliseconds()),
			ProducerID:           -1,
			ProducerEpoch:        -1,
		})
		if err != nil {
			return err
		}
		s.producerID, s.epoch = res.ProducerID, res.ProducerEpoch
		return s.answered(res.ErrorCode)
	})
	if err != nil {
		return nil, fmt.Errorf("fence %s: %w", id, err)
	}
	return s, nil
}

// write commits batches in one transaction and returns the base offset of
// each, which check sees before the outcome is decided. An error leaves the outcome open, and
// the session is not to be used again.
//
// ctx is heard until the first record leaves. From then on the transaction
// runs to its end, bounded by its own deadline: a produce that is given up
// half-way may still arrive.
func (s *session) write(ctx context.Context, batches []batch.Placed, check func(map[batch.Place]int64) error) (map[batch.Place]int64, error) {
	limit := time.Now().Add(s.client.cfg.TransactionTimeout)
	begin, cancel := context.WithDeadline(ctx, limit)
	defer cancel()
	s.concurrent = 0
	if err := s.addPartitions(begin, batches); err != nil {
		return nil, fmt.Errorf("add partitions: %w", err)
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
		return nil, fmt.Errorf("end transaction: %w", err)
	}
	return offsets, nil
}

// addPartitions tells the coordinator which partitions the transaction will
// touch. It must have answered before anything is produced: a broker accepts a
// produce without it while the last transaction is still completing.
func (s *session) addPartitions(ctx context.Context, batches []batch.Placed) error {
	req := &addpartitionstotxn.Request{TransactionalID: s.id, ProducerID: s.producerID, ProducerEpoch: s.epoch}
	topics := make(map[string]int)
	for _, b := range batches {
		i, ok := topics[b.Topic]
		if !ok {
			i = len(req.Topics)
			topics[b.Topic] = i
			req.Topics = append(req.Topics, addpartitionstotxn.RequestTopic{Name: b.Topic})
		}
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, int32(b.Partition))
	}
	return s.client.again(ctx, "AddPartitionsToTxn", s.shard, coordinatorAgain, func(ctx context.Context) error {
		res, err := coordinate[*addpartitionstotxn.Response](ctx, s, req)
		if err != nil {
			return err
		}
		return s.added(res, len(batches))
	})
}

// added looks at every partition's answer. Where one is refused, the others
// say 55, not attempted, which is not the reason.
func (s *session) added(res *addpartitionstotxn.Response, want int) error {
	var refused error
	n := 0
	for _, topic := range res.Results {
		for _, p := range topic.Results {
			n++
			if p.ErrorCode == 0 || refused != nil && kafkago.Error(p.ErrorCode) == operationNotAttempted {
				continue
			}
			err := onTopic(s.answered(p.ErrorCode), "Write", topic.Name)
			if refused == nil || code(refused) == operationNotAttempted {
				refused = fmt.Errorf("%s[%d]: %w", topic.Name, p.PartitionIndex, err)
			}
		}
	}
	if refused == nil && n != want {
		return fmt.Errorf("the coordinator answered for %d of %d partitions", n, want)
	}
	return refused
}

// commit decides the transaction. Without an answer its outcome is not known.
func (s *session) commit(ctx context.Context) error {
	return s.client.again(ctx, "EndTxn", s.shard, coordinatorAgain, func(ctx context.Context) error {
		res, err := coordinate[*endtxn.Response](ctx, s, &endtxn.Request{
			TransactionalID: s.id,
			ProducerID:      s.producerID,
			ProducerEpoch:   s.epoch,
			Committed:       true,
		})
		if err != nil {
			return err
		}
		return s.answered(res.ErrorCode)
	})
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
	return onTransactionalID(codeError(errorCode), s.client.cfg.LedgerTopic)
}

// coordinate sends one request to the coordinator of the session's
// transactional id. An error that wraps unsentError means that the request
// never left.
func coordinate[R protocol.Message](ctx context.Context, s *session, req protocol.Message) (R, error) {
	var none R
	if s.coordinator < 0 {
		if err := s.findCoordinator(ctx); err != nil {
			return none, fmt.Errorf("find the coordinator of %s: %w", s.id, err)
		}
	}
	res, err := ask[R](ctx, s.client, &routed{Message: req, broker: s.coordinator, clientID: s.client.cfg.ClientID})
	if err != nil {
		err = fmt.Errorf("broker %d: %w", s.coordinator, unsent(err))
		s.coordinator = -1
		return none, err
	}
	return res, nil
}

// findCoordinator looks the coordinator up. We do it ourselves, rather than
// let the Transport do it before each request, to know whether a network error
// came before or after the request that matters was sent.
func (s *session) findCoordinator(ctx context.Context) error {
	res, err := ask[*findcoordinator.Response](ctx, s.client, &findcoordinator.Request{
		Key:     s.id,
		KeyType: int8(kafkago.CoordinatorKeyTypeTransaction),
	})
	if err != nil {
		if unreachable(err) {
			return unsentError{err}
		}
		return err
	}
	if err := codeError(res.ErrorCode); err != nil {
		return onTransactionalID(err, s.client.cfg.LedgerTopic)
	}
	s.coordinator = res.NodeID
	return nil
}

// routed sends a message to one broker, whatever the message itself would ask
// the Transport for.
type routed struct {
	protocol.Message
	broker   int32
	clientID string
	version  int16
}

// Broker implements protocol.BrokerMessage.
func (r *routed) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	b, ok := cluster.Brokers[r.broker]
	if !ok {
		return b, kafkago.BrokerNotAvailable
	}
	return b, nil
}

// Required implements protocol.RawExchanger: always.
func (r *routed) Required(versions map[protocol.ApiKey]int16) bool {
	r.version = versions[r.ApiKey()]
	return true
}

// RawExchange implements protocol.RawExchanger. A connection has one request
// under way at a time, so any correlation id is as good as another.
func (r *routed) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	return protocol.RoundTrip(rw, r.version, 1, r.clientID, r.Message)
}

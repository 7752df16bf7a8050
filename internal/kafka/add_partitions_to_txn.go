package kafka

import (
	"context"
	"fmt"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/addpartitionstotxn"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka/access"
)

// AddPartitionsToTxn (API 24), the latest version up to 3, sent to the
// transactional id's coordinator. It begins a transaction.
//
// Behaviour: tells the coordinator where markers will be due. It must have
// answered before anything is produced: a broker accepts a produce without it
// while the last transaction is still completing.
// Errors, for each partition: 51 CONCURRENT_TRANSACTIONS is normal after an
// EndTxn, until the markers are written (5 to 50 ms): asked again; 14, 15, 16 as
// for InitProducerId; 47, 49, 90: fenced; 29 without the right Write on the topic;
// 55 OPERATION_NOT_ATTEMPTED for the partitions beside one that is refused.

func (s *session) addPartitionsToTxn(ctx context.Context, batches []batch.Placed) error {
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
	res, err := coordinate[*addpartitionstotxn.Response](ctx, s, req)
	if err != nil {
		return err
	}
	return s.added(res, len(batches))
}

// added looks at every partition's answer, and returns the one that is the reason
// for the others.
func (s *session) added(res *addpartitionstotxn.Response, want int) error {
	var refused error
	n := 0
	for _, topic := range res.Results {
		for _, p := range topic.Results {
			n++
			if p.ErrorCode == 0 || refused != nil && kafkago.Error(p.ErrorCode) == operationNotAttempted {
				continue
			}
			err := access.OnTopic(s.answered(p.ErrorCode), "Write", topic.Name)
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

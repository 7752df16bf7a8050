package kafka

import (
	"context"

	"github.com/segmentio/kafka-go/protocol/initproducerid"
)

// InitProducerId (API 22), the latest version up to 4, sent to the transactional
// id's coordinator. This is the fence.
//
// Behaviour: gives the id a producer id and the next epoch. No producer of a lower
// epoch can write any more; what it left open is aborted; and all markers of
// earlier transactions are in place when the answer comes.
// Errors: 14, 15, 16 while the coordinator loads or moves, also in a cluster that
// was just born; 51 CONCURRENT_TRANSACTIONS for 25 to 100 ms while an open
// transaction is aborted; 53 without the right Write on the id; 35 UNSUPPORTED_VERSION from what has no
// transactions.
// Notes: asking twice only raises the epoch once more.

func (s *session) initProducerID(ctx context.Context) error {
	res, err := coordinate[*initproducerid.Response](ctx, s, &initproducerid.Request{
		TransactionalID:      s.id,
		TransactionTimeoutMs: int32(s.client.cfg.TransactionTimeout.Milliseconds()),
		ProducerID:           -1,
		ProducerEpoch:        -1,
	})
	if err != nil {
		return withoutTransactions(err)
	}
	s.producerID, s.epoch = res.ProducerID, res.ProducerEpoch
	return withoutTransactions(s.answered(res.ErrorCode))
}

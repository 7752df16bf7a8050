package kafka

import (
	"context"

	"github.com/segmentio/kafka-go/protocol/endtxn"
)

// EndTxn (API 26), the latest version up to 3, sent to the transactional id's
// coordinator. It decides a transaction, and we only ever commit.
//
// Behaviour: an answer without an error means that the transaction is committed;
// the markers follow, partition by partition. Without an answer the outcome is
// unknown until the next producer's replay.
// Errors: 51 CONCURRENT_TRANSACTIONS and 14, 15, 16: asked again with the same
// producer id and epoch, which repeats nothing; 48 INVALID_TXN_STATE: the other
// outcome, or nothing begun; 47, 49, 90: fenced, or timed out by the coordinator; 53
// TRANSACTIONAL_ID_AUTHORIZATION_FAILED without the right Write, before anything else is
// looked at, which check uses: see missingOnID.
// Notes: we never send an abort: its markers would carry the epoch with which a
// late batch of ours may still arrive. The next fence aborts with a higher one.

func (s *session) endTxn(ctx context.Context) error {
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
}

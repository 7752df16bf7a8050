package kafka

import (
	"context"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/findcoordinator"

	"airudder-exporter/internal/kafka/access"
)

// FindCoordinator (API 10), the latest version up to 2, sent to any broker.
//
// Behaviour: names the broker that coordinates a transactional id.
// Errors: 15 COORDINATOR_NOT_AVAILABLE while __transaction_state is made or has
// no leader; 53 TRANSACTIONAL_ID_AUTHORIZATION_FAILED without the right Describe,
// which Write includes.
// Notes: kafka-go's Transport could look the coordinator up before each request by
// itself. We do it, to know whether a network error came before or after the
// request that matters was sent.

func (c *Client) findCoordinator(ctx context.Context, transactionalID string) (broker int32, err error) {
	res, err := ask[*findcoordinator.Response](ctx, c, &findcoordinator.Request{
		Key:     transactionalID,
		KeyType: int8(kafkago.CoordinatorKeyTypeTransaction),
	})
	if err != nil {
		if unreachable(err) {
			return -1, unsentError{err}
		}
		return -1, err
	}
	if err := access.OnTransactionalID(codeError(res.ErrorCode), transactionalID, c.cfg.LedgerTopic); err != nil {
		return -1, err
	}
	return res.NodeID, nil
}

package kafka

import (
	"context"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/describegroups"
)

// DescribeGroups (API 15), the latest version up to 5, sent to the group's
// coordinator. Used by check alone, for the rights that it tells (Kafka 2.3).
//
// Errors: 30 GROUP_AUTHORIZATION_FAILED without the right Describe.
// Notes: a group that does not exist is described as Dead, with its rights.

// mayReadGroup reports whether we may join a group.
func (c *Client) mayReadGroup(ctx context.Context, group string) (bool, error) {
	res, err := ask[*describegroups.Response](ctx, c, &describegroups.Request{
		Groups: []string{group}, IncludeAuthorizedOperations: true,
	})
	if err != nil {
		return false, err
	}
	for _, g := range res.Groups {
		if kafkago.Error(g.ErrorCode) == kafkago.GroupAuthorizationFailed || lacks(g.AuthorizedOperations, "Read") {
			return false, nil
		}
	}
	return true, nil
}

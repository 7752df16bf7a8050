package kafka

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go/protocol/deletetopics"

	"airudder-exporter/internal/kafka/access"
)

// DeleteTopics (API 20), the latest version up to 3, sent to the controller. Used by check
// alone, for topics of its own.
//
// Errors, for each topic: 29 without the right Delete, also for a topic that does not
// exist; 3 UNKNOWN_TOPIC_OR_PARTITION; 73 TOPIC_DELETION_DISABLED; 7 and 41 while the
// controller moves.
// Notes: the other brokers hear of it a little later.

// DeleteTopics deletes topics and returns what the cluster says of each: nil, or a
// *access.RightError, or another error that wraps kafka-go's.
func (c *Client) DeleteTopics(ctx context.Context, topics ...string) (map[string]error, error) {
	res, err := askAside[*deletetopics.Response](ctx, c, &deletetopics.Request{
		TopicNames: topics, TimeoutMs: int32(c.cfg.requestLimit().Milliseconds()),
	})
	if err != nil {
		return nil, fmt.Errorf("delete topics: %w", err)
	}
	answers := make(map[string]error, len(res.Responses))
	for _, t := range res.Responses {
		answers[t.Name] = access.OnTopic(codeError(t.ErrorCode), "Delete", t.Name)
	}
	return answers, nil
}

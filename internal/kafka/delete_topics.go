package kafka

import (
	"context"
	"errors"
	"fmt"

	kafkago "github.com/segmentio/kafka-go"
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
// *access.RightError, or another error that wraps kafka-go's. While the controller moves
// it asks again until ctx ends: what is gone by then does not exist.
func (c *Client) DeleteTopics(ctx context.Context, topics ...string) (answers map[string]error, err error) {
	retry := func(err error) bool {
		return unreachable(err) || errors.Is(err, kafkago.NotController) || errors.Is(err, kafkago.RequestTimedOut)
	}
	err = c.again(ctx, "DeleteTopics", everyShard, retry, func(ctx context.Context) error {
		res, err := askAside[*deletetopics.Response](ctx, c, &deletetopics.Request{
			TopicNames: topics, TimeoutMs: int32(c.cfg.requestLimit().Milliseconds()),
		})
		if err != nil {
			return err
		}
		answers = make(map[string]error, len(res.Responses))
		for _, t := range res.Responses {
			answers[t.Name] = access.OnTopic(codeError(t.ErrorCode), "Delete", t.Name)
			if retry(answers[t.Name]) {
				err = answers[t.Name]
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("delete topics: %w", err)
	}
	return answers, nil
}

package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	kafkago "github.com/segmentio/kafka-go"

	"airudder-exporter/internal/kafka/access"
)

// The operations of ACLs, by their number. Source: Kafka's AclOperation.
var operations = map[string]int{"Read": 3, "Write": 4, "DescribeConfigs": 10}

// lacks reports whether a set of operations, one bit each, is told and is
// without one.
func lacks(set int32, operation string) bool {
	return set > 0 && set&(1<<operations[operation]) == 0
}

// MissingRights asks which of the rights that a run needs the broker would
// refuse, and changes nothing. It looks at the topics that exist, at the
// transactional ids and at a consumer group; an empty name is no group. Brokers
// before Kafka 2.3 do not tell: then nothing is missing.
func (c *Client) MissingRights(ctx context.Context, group string) ([]*access.RightError, error) {
	missing, err := c.missingOnTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("look up the rights on the topics: %w", err)
	}
	for _, id := range []string{"-init", "-0"} {
		_, err := c.findCoordinator(ctx, c.cfg.LedgerTopic+id)
		if refused, ok := errors.AsType[*access.RightError](err); ok {
			missing = append(missing, refused)
			break
		}
		if code(err) == 0 && err != nil {
			return nil, fmt.Errorf("look up the right on the transactional ids: %w", err)
		}
	}
	if group == "" {
		return missing, nil
	}
	mayRead, err := c.mayReadGroup(ctx, group)
	if err != nil {
		return missing, fmt.Errorf("look up the right on the group: %w", err)
	}
	if !mayRead {
		missing = append(missing, &access.RightError{
			Operation: "Read", Resource: "group", Name: group, Err: kafkago.GroupAuthorizationFailed,
		})
	}
	return missing, nil
}

func (c *Client) missingOnTopics(ctx context.Context) ([]*access.RightError, error) {
	needed := make(map[string][]string)
	for _, topic := range c.cfg.topics() {
		needed[topic] = []string{"Write", "DescribeConfigs"}
		if topic == c.cfg.LedgerTopic || topic == c.cfg.EventTopic {
			needed[topic] = []string{"Read", "Write", "DescribeConfigs"}
		}
	}
	return c.missingOf(ctx, needed)
}

// MissingToWrite asks which of the rights on topics that exist, and on a transactional id,
// the broker would refuse, as MissingRights does.
func (c *Client) MissingToWrite(ctx context.Context, transactionalID string, needed map[string][]string) ([]*access.RightError, error) {
	missing, err := c.missingOf(ctx, needed)
	if err != nil {
		return nil, fmt.Errorf("look up the rights on the topics: %w", err)
	}
	_, err = c.findCoordinator(ctx, transactionalID)
	if refused, ok := errors.AsType[*access.RightError](err); ok {
		missing = append(missing, refused)
	} else if code(err) == 0 && err != nil {
		return nil, fmt.Errorf("look up the right on the transactional id: %w", err)
	}
	return missing, nil
}

// missingOf are the operations on topics that are needed and not granted.
func (c *Client) missingOf(ctx context.Context, needed map[string][]string) (missing []*access.RightError, err error) {
	granted, err := c.topicOperations(ctx, slices.Sorted(maps.Keys(needed)))
	for _, topic := range slices.Sorted(maps.Keys(granted)) {
		for _, operation := range needed[topic] {
			if lacks(granted[topic], operation) {
				missing = append(missing, &access.RightError{
					Operation: operation, Resource: "topic", Name: topic, Err: kafkago.TopicAuthorizationFailed,
				})
			}
		}
	}
	return missing, err
}

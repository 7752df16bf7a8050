package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
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
// refuse, all of them at once, and changes nothing. It looks at the topics, at the
// transactional ids and at a consumer group; an empty name is no group. Brokers
// before Kafka 2.3 tell less: then fewer are missing. With an error, what was found
// before it is returned, too.
func (c *Client) MissingRights(ctx context.Context, group string) ([]*access.RightError, error) {
	missing, err := c.missingOnTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("look up the rights on the topics: %w", err)
	}
	var errs []error
	for _, id := range []string{"-init", "-0"} {
		refused, err := c.missingOnID(ctx, c.cfg.LedgerTopic+id)
		if err != nil {
			errs = append(errs, err)
			break
		}
		if refused != nil { // one is all: the right is granted on the prefix
			missing = append(missing, refused)
			break
		}
	}
	if group == "" {
		return missing, errors.Join(errs...)
	}
	mayRead, err := c.mayReadGroup(ctx, group)
	if err != nil {
		errs = append(errs, fmt.Errorf("look up the right on the group: %w", err))
	} else if !mayRead {
		missing = append(missing, &access.RightError{
			Operation: "Read", Resource: "group", Name: group, Err: kafkago.GroupAuthorizationFailed,
		})
	}
	return missing, errors.Join(errs...)
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

// MissingToWrite asks which of the rights on topics, and on a transactional id,
// the broker would refuse, as MissingRights does.
func (c *Client) MissingToWrite(ctx context.Context, transactionalID string, needed map[string][]string) ([]*access.RightError, error) {
	missing, err := c.missingOf(ctx, needed)
	if err != nil {
		return nil, fmt.Errorf("look up the rights on the topics: %w", err)
	}
	refused, err := c.missingOnID(ctx, transactionalID)
	if refused != nil {
		missing = append(missing, refused)
	}
	return missing, err
}

// missingOnID is the right on a transactional id, where it is missing. No request
// tells it, so one is tried that needs it and can do nothing: the end of a transaction
// of a producer that nobody is.
func (c *Client) missingOnID(ctx context.Context, id string) (*access.RightError, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.requestLimit())
	defer cancel()
	nobody := &session{client: c, id: id, shard: everyShard, coordinator: -1, producerID: math.MaxInt64}
	retry := func(err error) bool { return coordinatorAgain(err) || unreachable(err) }
	err := c.again(ctx, "EndTxn", everyShard, retry, nobody.endTxn)
	if refused, ok := errors.AsType[*access.RightError](err); ok {
		return refused, nil
	}
	if err != nil && code(err) == 0 {
		return nil, fmt.Errorf("look up the right on the transactional id %s: %w", id, err)
	}
	return nil, nil
}

// missingOf are the operations on topics that are needed and not granted. A topic that
// the broker hides from us lacks all of them, but perhaps DescribeConfigs: that one
// does not include Describe.
func (c *Client) missingOf(ctx context.Context, needed map[string][]string) (missing []*access.RightError, err error) {
	names := slices.Sorted(maps.Keys(needed))
	granted, hidden, err := c.topicOperations(ctx, names)
	if err != nil {
		return nil, err
	}
	var described map[string]Settings
	if len(hidden) > 0 {
		if described, err = c.Describe(ctx, hidden, "cleanup.policy"); err != nil {
			return nil, err
		}
	}
	for _, topic := range names {
		isHidden := slices.Contains(hidden, topic)
		for _, operation := range needed[topic] {
			lacking := lacks(granted[topic], operation)
			if isHidden {
				_, refused := errors.AsType[*access.RightError](described[topic].Err)
				lacking = operation != "DescribeConfigs" || refused
			}
			if lacking {
				missing = append(missing, &access.RightError{
					Operation: operation, Resource: "topic", Name: topic, Err: kafkago.TopicAuthorizationFailed,
				})
			}
		}
	}
	return missing, nil
}

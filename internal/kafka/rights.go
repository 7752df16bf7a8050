package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	kafkago "github.com/segmentio/kafka-go"
)

// RightError says which right the broker refuses to us. Trying again makes sense,
// since the right may be granted meanwhile.
type RightError struct {
	Operation string // as Kafka's ACLs name it: Read, Write, Describe, DescribeConfigs, Create
	Resource  string // as Kafka's tool names it: topic, group, transactional-id
	Name      string
	Prefixed  bool // Name is only how the names begin
	Err       error
}

func (e *RightError) Error() string {
	return fmt.Sprintf("the right %s on %s is missing; once it is granted, the exporter continues by itself: %v", e.Operation, e.on(), e.Err)
}

func (e *RightError) Unwrap() error { return e.Err }

func (e *RightError) on() string {
	if e.Prefixed {
		return fmt.Sprintf("the %ss that begin with %q", strings.ReplaceAll(e.Resource, "-", " "), e.Name)
	}
	return fmt.Sprintf("the %s %q", e.Resource, e.Name)
}

// cure is how Kafka's own tool grants the right to a user.
func (e *RightError) cure(user string) string {
	if user == "" {
		user = "…"
	}
	command := fmt.Sprintf("kafka-acls.sh --bootstrap-server … --add --allow-principal User:%s --operation %s --%s %s", user, e.Operation, e.Resource, e.Name)
	if e.Prefixed {
		command += " --resource-pattern-type prefixed"
	}
	return command
}

// onTopic names the right on a topic for which a request was refused; any other
// error, and none, stays what it is.
func onTopic(err error, operation, topic string) error {
	switch code(err) {
	case kafkago.TopicAuthorizationFailed, kafkago.ClusterAuthorizationFailed: // the latter from older brokers
		return &RightError{Operation: operation, Resource: "topic", Name: topic, Err: err}
	}
	return err
}

// onTransactionalID is the same for the ids of a ledger.
func onTransactionalID(err error, ledger string) error {
	if code(err) != kafkago.TransactionalIDAuthorizationFailed {
		return err
	}
	return &RightError{Operation: "Write", Resource: "transactional-id", Name: ledger + "-", Prefixed: true, Err: err}
}

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
func (c *Client) MissingRights(ctx context.Context, group string) ([]*RightError, error) {
	missing, err := c.missingOnTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("look up the rights on the topics: %w", err)
	}
	for _, id := range []string{"-init", "-0"} {
		_, err := c.findCoordinator(ctx, c.cfg.LedgerTopic+id)
		if refused, ok := errors.AsType[*RightError](err); ok {
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
		missing = append(missing, &RightError{Operation: "Read", Resource: "group", Name: group, Err: kafkago.GroupAuthorizationFailed})
	}
	return missing, nil
}

func (c *Client) missingOnTopics(ctx context.Context) (missing []*RightError, err error) {
	granted, err := c.topicOperations(ctx, c.cfg.topics())
	for _, topic := range slices.Sorted(maps.Keys(granted)) {
		needed := []string{"Write", "DescribeConfigs"}
		if topic == c.cfg.LedgerTopic {
			needed = []string{"Read", "Write", "DescribeConfigs"}
		}
		for _, operation := range needed {
			if lacks(granted[topic], operation) {
				missing = append(missing, &RightError{Operation: operation, Resource: "topic", Name: topic, Err: kafkago.TopicAuthorizationFailed})
			}
		}
	}
	return missing, err
}

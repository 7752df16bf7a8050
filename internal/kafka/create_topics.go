package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/createtopics"
)

// CreateTopics (API 19), the latest version up to 5, sent to the controller.
//
// Behaviour: creates topics, or says whether it could.
// Errors, for each topic, with a text: 36 TOPIC_ALREADY_EXISTS; 29 or 31 without
// the right Create; 38 INVALID_REPLICATION_FACTOR for more replicas than brokers; 7
// and 41 while the controller moves.
// Notes: the other brokers hear of a new topic a little later.

// TryCreate asks whether those of specs that are missing could be created, and
// creates nothing. Its errors are EnsureTopics's.
func (c *Client) TryCreate(ctx context.Context, specs []TopicSpec) error {
	return c.createTopics(ctx, specs, true)
}

// createTopics creates all of specs, or only asks whether it could, or says
// which one is refused, and why.
func (c *Client) createTopics(ctx context.Context, specs []TopicSpec, validateOnly bool) error {
	req := &createtopics.Request{TimeoutMs: int32(c.cfg.TransactionTimeout.Milliseconds()), ValidateOnly: validateOnly}
	for _, spec := range specs {
		topic := createtopics.RequestTopic{
			Name:              spec.Name,
			NumPartitions:     int32(spec.Partitions),
			ReplicationFactor: int16(spec.ReplicationFactor),
		}
		for _, name := range slices.Sorted(maps.Keys(spec.Configs)) {
			topic.Configs = append(topic.Configs, createtopics.RequestConfig{Name: name, Value: spec.Configs[name]})
		}
		req.Topics = append(req.Topics, topic)
	}
	send := ask[*createtopics.Response]
	if validateOnly {
		send = askAside
	}
	res, err := send(ctx, c, req)
	if err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	var errs []error
	for _, t := range res.Topics {
		errs = append(errs, c.refusal(t))
		if t.ErrorCode == 0 && !validateOnly {
			c.log.Info("topic created", "topic", t.Name)
		}
	}
	return errors.Join(errs...)
}

// refusal turns the answer for one topic into a sentence; nil when it exists now,
// whoever created it.
func (c *Client) refusal(t createtopics.ResponseTopic) error {
	err := codeError(t.ErrorCode)
	if err != nil && t.ErrorMessage != "" {
		err = fmt.Errorf("%w: %s", err, t.ErrorMessage)
	}
	switch code(err) {
	case 0, kafkago.TopicAlreadyExists:
		return nil
	case kafkago.RequestTimedOut, kafkago.NotController:
		return fmt.Errorf("create topic %s: %w", t.Name, err)
	case kafkago.TopicAuthorizationFailed, kafkago.ClusterAuthorizationFailed:
		return fmt.Errorf("create topic %s: %w", t.Name, onTopic(err, "Create", t.Name))
	case kafkago.InvalidReplicationFactor:
		return fmt.Errorf("%w: %s does not fit the cluster, topic %s cannot be created: %w",
			ErrTopics, c.cfg.setting("ReplicationFactor"), t.Name, err)
	}
	return fmt.Errorf("%w: topic %s cannot be created: %w", ErrTopics, t.Name, err)
}

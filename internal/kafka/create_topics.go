package kafka

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/segmentio/kafka-go/protocol/createtopics"

	"airudder-exporter/internal/kafka/access"
)

// CreateTopics (API 19), the latest version up to 5, sent to the controller.
//
// Behaviour: creates topics, or says whether it could.
// Errors, for each topic, with a text: 36 TOPIC_ALREADY_EXISTS; 29 or 31 without
// the right Create; 38 INVALID_REPLICATION_FACTOR for more replicas than brokers; 7
// and 41 while the controller moves.
// Notes: the other brokers hear of a new topic a little later.

// NewTopic is a topic to be created.
type NewTopic struct {
	Name              string
	Partitions        int
	ReplicationFactor int // -1: the broker's default
	Configs           map[string]string
}

// CreateTopics creates topics, or with validateOnly asks whether it could, and
// returns what the cluster says of each: nil, or a *access.RightError, or another error
// that wraps kafka-go's.
func (c *Client) CreateTopics(ctx context.Context, topics []NewTopic, validateOnly bool) (map[string]error, error) {
	req := &createtopics.Request{TimeoutMs: int32(c.cfg.TransactionTimeout.Milliseconds()), ValidateOnly: validateOnly}
	for _, t := range topics {
		topic := createtopics.RequestTopic{
			Name:              t.Name,
			NumPartitions:     int32(t.Partitions),
			ReplicationFactor: int16(t.ReplicationFactor),
		}
		for _, name := range slices.Sorted(maps.Keys(t.Configs)) {
			topic.Configs = append(topic.Configs, createtopics.RequestConfig{Name: name, Value: t.Configs[name]})
		}
		req.Topics = append(req.Topics, topic)
	}
	send := ask[*createtopics.Response]
	if validateOnly {
		send = askAside
	}
	res, err := send(ctx, c, req)
	if err != nil {
		return nil, fmt.Errorf("create topics: %w", err)
	}
	answers := make(map[string]error, len(res.Topics))
	for _, t := range res.Topics {
		err := codeError(t.ErrorCode)
		if err != nil && t.ErrorMessage != "" {
			err = fmt.Errorf("%w: %s", err, t.ErrorMessage)
		}
		answers[t.Name] = access.OnTopic(err, "Create", t.Name)
		if err == nil && !validateOnly {
			c.log.Info("topic created", "topic", t.Name, "replicas", t.ReplicationFactor)
		}
	}
	return answers, nil
}

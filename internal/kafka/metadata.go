package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/metadata"

	"airudder-exporter/internal/kafka/access"
)

// Metadata (API 3), the latest version up to 8, sent to any broker.
//
// Behaviour: says which topics exist, who leads their partitions, and which rights
// we have on them. The Transport asks for it at random within 6 s, answers our
// requests from its memory, and routes by that; it asks again after no error. So
// after an error we force it: see refresh.
// Errors: 3 UNKNOWN_TOPIC_OR_PARTITION, also for a moment after a creation, and
// for a topic on which we have no right at all; 5 LEADER_NOT_AVAILABLE while a
// leader is elected; 29 TOPIC_AUTHORIZATION_FAILED without Describe.
// Notes: when the very first one fails (password, TLS, nobody there), produce and
// fetch say only "topic not found"; this request says why. Versions up to 8 carry
// no topic ids: a topic that was deleted and created again shows by its offsets
// alone.

// Topic is what the cluster says of a topic.
type Topic struct {
	Leaders  []int32 // the broker that leads each partition; -1: none
	Replicas int     // of the partition that has the fewest
	Err      error   // the cluster's; nil: the topic exists
}

// metadata is what the Transport knows of topics.
func (c *Client) metadata(ctx context.Context, topics []string) (map[string]Topic, error) {
	res, err := ask[*metadata.Response](ctx, c, &metadata.Request{TopicNames: topics})
	if err != nil {
		return nil, fmt.Errorf("look up topics: %w", err)
	}
	found := make(map[string]Topic, len(res.Topics))
	for _, t := range res.Topics {
		found[t.Name] = topicOf(t)
	}
	return found, nil
}

func topicOf(t metadata.ResponseTopic) Topic {
	topic := Topic{
		Err:     access.OnTopic(codeError(t.ErrorCode), "Write", t.Name), // which includes Describe
		Leaders: slices.Repeat([]int32{-1}, len(t.Partitions)),
	}
	for i, p := range t.Partitions {
		if i == 0 || len(p.ReplicaNodes) < topic.Replicas {
			topic.Replicas = len(p.ReplicaNodes)
		}
		if int(p.PartitionIndex) < len(topic.Leaders) {
			topic.Leaders[p.PartitionIndex] = p.LeaderID
		}
	}
	return topic
}

// exists is the error of a topic that cannot be used.
func (t Topic) exists(name string) error {
	err := t.Err
	if err == nil && len(t.Leaders) == 0 {
		err = kafkago.UnknownTopicOrPartition
	}
	if err != nil {
		return fmt.Errorf("look up topic %s: %w", name, access.OnTopic(err, "Describe", name))
	}
	return nil
}

// Missing reports whether there is no such topic, or none that we may know of.
func (t Topic) Missing() bool {
	return errors.Is(t.Err, kafkago.UnknownTopicOrPartition) || t.Err == nil && len(t.Leaders) == 0
}

// Led reports whether the topic exists and every partition has a leader.
func (t Topic) Led() bool { return len(t.Leaders) > 0 && !slices.Contains(t.Leaders, -1) }

// refresh makes the Transport ask the cluster now. It does that when it is asked
// for a topic that it does not know and that may be created; this name cannot be,
// so nothing is, and no right is needed.
func (c *Client) refresh(ctx context.Context) error {
	_, err := ask[*metadata.Response](ctx, c, &metadata.Request{
		TopicNames:             []string{"invalid/name"},
		AllowAutoTopicCreation: true,
	})
	if err != nil {
		return fmt.Errorf("refresh metadata: %w", err)
	}
	return nil
}

// LookUp is what the cluster says of topics now.
func (c *Client) LookUp(ctx context.Context, topics ...string) (map[string]Topic, error) {
	if err := c.refresh(ctx); err != nil {
		c.transport.CloseIdleConnections() // the Transport keeps the first metadata's error
		return nil, err
	}
	return c.metadata(ctx, topics)
}

// forget makes the Transport ask the cluster again, which it does not do by
// itself when something fails. After a network error the connections go too:
// others to the same broker are likely dead without knowing.
func (c *Client) forget(ctx context.Context, why error) {
	if unreachable(why) {
		c.transport.CloseIdleConnections()
		return
	}
	if err := c.refresh(ctx); err != nil {
		c.transport.CloseIdleConnections()
	}
}

// newborn is how long a topic that a broker does not know may be one that was
// only just created: the others hear of it a little later.
const newborn = 2 * time.Second

// Partitions is the number of partitions of a topic, as the cluster says now.
// It asks until ctx ends where nobody can be reached. The error of a topic
// that does not exist wraps kafka-go's UnknownTopicOrPartition.
func (c *Client) Partitions(ctx context.Context, topic string) (int, error) {
	began, n := time.Now(), 0
	retry := func(err error) bool {
		return unreachable(err) || errors.Is(err, kafkago.LeaderNotAvailable) ||
			errors.Is(err, kafkago.UnknownTopicOrPartition) && time.Since(began) < newborn
	}
	err := c.again(ctx, "Metadata", everyShard, retry, func(ctx context.Context) error {
		found, err := c.LookUp(ctx, topic)
		if err != nil {
			return err
		}
		n = len(found[topic].Leaders)
		return found[topic].exists(topic)
	})
	return n, err
}

// topicOperations are the rights that we have on topics, one bit for each operation; 0
// where the broker does not tell. hidden are those of which it does not say whether they
// exist, for want of any right.
func (c *Client) topicOperations(ctx context.Context, topics []string) (granted map[string]int32, hidden []string, err error) {
	res, err := askAside[*metadata.Response](ctx, c, &metadata.Request{
		TopicNames: topics, IncludeTopicAuthorizedOperations: true,
	})
	if err != nil {
		return nil, nil, err
	}
	granted = make(map[string]int32, len(res.Topics))
	for _, t := range res.Topics {
		if kafkago.Error(t.ErrorCode) == kafkago.TopicAuthorizationFailed {
			hidden = append(hidden, t.Name)
		} else {
			granted[t.Name] = t.TopicAuthorizedOperations
		}
	}
	return granted, hidden, nil
}

// TopicNames are those of all topics that we may know of.
func (c *Client) TopicNames(ctx context.Context) (names []string, err error) {
	res, err := askAside[*metadata.Response](ctx, c, &metadata.Request{})
	if err != nil {
		return nil, fmt.Errorf("list the topics: %w", err)
	}
	for _, t := range res.Topics {
		names = append(names, t.Name)
	}
	return names, nil
}

// BrokerCount is how many brokers the cluster has now.
func (c *Client) BrokerCount(ctx context.Context) (int, error) {
	res, err := ask[*metadata.Response](ctx, c, &metadata.Request{TopicNames: []string{}})
	if err != nil {
		return 0, fmt.Errorf("count the brokers: %w", err)
	}
	return len(res.Brokers), nil
}

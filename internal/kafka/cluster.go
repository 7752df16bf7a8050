package kafka

import (
	"context"
	"fmt"
	"strconv"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/describeconfigs"
	"github.com/segmentio/kafka-go/protocol/listoffsets"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// Range is what a partition holds: offsets from Start up to and without End.
// End is the log's end, uncommitted records included.
type Range struct {
	Partition  int
	Start, End int64
}

// forget makes the Transport ask the cluster anew, which it does not do by
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

// refresh makes the Transport fetch metadata now. It does that when it is
// asked for a topic that it does not know and that may be created; this name
// cannot be, so nothing is, and no right is needed.
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

// settle is how long a topic that a broker does not know may be one that was
// only just created: the others hear of it a little later.
const settle = 2 * time.Second

// Partitions is the number of partitions of a topic, as the cluster says now.
// It asks until ctx ends where nobody can be reached. The error of a topic
// that does not exist wraps kafka-go's UnknownTopicOrPartition.
func (c *Client) Partitions(ctx context.Context, topic string) (int, error) {
	began, n := time.Now(), 0
	retry := func(err error) bool {
		return unreachable(err) || code(err) == kafkago.LeaderNotAvailable || code(err) == kafkago.UnknownTopicOrPartition && time.Since(began) < settle
	}
	err := c.again(ctx, "Metadata", everyShard, retry, func(ctx context.Context) error {
		if err := c.refresh(ctx); err != nil {
			return err
		}
		leaders, err := c.leaders(ctx, topic)
		n = len(leaders)
		return err
	})
	return n, err
}

// leaders says which broker leads each partition of a topic, as far as the
// Transport knows; -1: none.
func (c *Client) leaders(ctx context.Context, topic string) (map[int]int32, error) {
	res, err := ask[*metadata.Response](ctx, c, &metadata.Request{TopicNames: []string{topic}})
	if err != nil {
		return nil, fmt.Errorf("look up topic %s: %w", topic, err)
	}
	leaders := make(map[int]int32)
	for _, t := range res.Topics {
		if err := onTopic(codeError(t.ErrorCode), "Describe", topic); err != nil {
			return nil, fmt.Errorf("look up topic %s: %w", topic, err)
		}
		for _, p := range t.Partitions {
			leaders[int(p.PartitionIndex)] = p.LeaderID
		}
	}
	if len(leaders) == 0 {
		return nil, fmt.Errorf("look up topic %s: %w", topic, kafkago.UnknownTopicOrPartition)
	}
	return leaders, nil
}

// Ends is the range of every partition of a topic, by partition. It asks the
// leaders, again and again while one is being elected, until ctx ends.
func (c *Client) Ends(ctx context.Context, topic string) ([]Range, error) {
	n, err := c.Partitions(ctx, topic)
	if err != nil {
		return nil, err
	}
	ranges := make([]Range, n)
	for i := range ranges {
		ranges[i].Partition = i
	}
	err = c.again(ctx, "ListOffsets", everyShard, leaderAgain, func(ctx context.Context) error {
		if err := c.listOffsets(ctx, topic, earliest, 0, n, func(p int, offset int64) { ranges[p].Start = offset }); err != nil {
			return err
		}
		return c.listOffsets(ctx, topic, latest, 0, n, func(p int, offset int64) { ranges[p].End = offset })
	})
	if err != nil {
		return nil, fmt.Errorf("list the offsets of %s: %w", topic, err)
	}
	return ranges, nil
}

// What listOffsets asks for; at readCommitted, latest is the first offset whose
// transaction has no outcome yet.
const (
	latest        int64 = -1
	earliest      int64 = -2
	readCommitted int8  = 1
)

// listOffsets asks for one offset of each of n partitions.
func (c *Client) listOffsets(ctx context.Context, topic string, at int64, isolation int8, n int, found func(partition int, offset int64)) error {
	req := &listoffsets.Request{ReplicaID: -1, IsolationLevel: isolation, Topics: []listoffsets.RequestTopic{{Topic: topic}}}
	for p := range n {
		req.Topics[0].Partitions = append(req.Topics[0].Partitions,
			listoffsets.RequestPartition{Partition: int32(p), CurrentLeaderEpoch: -1, Timestamp: at})
	}
	res, err := ask[*listoffsets.Response](ctx, c, req)
	if err != nil {
		return err
	}
	answered := 0
	for _, t := range res.Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode == -1 { // kafka-go: the request for this partition failed on the way
				return unsentError{fmt.Errorf("no answer for partition %d", p.Partition)}
			}
			if err := onTopic(codeError(p.ErrorCode), "Describe", topic); err != nil {
				return err
			}
			found(int(p.Partition), p.Offset)
			answered++
		}
	}
	if answered != n {
		return fmt.Errorf("%d of %d partitions answered", answered, n)
	}
	return nil
}

// assumedMaxMessageBytes stands for a topic's max.message.bytes where we may
// not read it; Kafka's default is a little above.
const assumedMaxMessageBytes = 1 << 20

// batchLimits is how many bytes one batch of each topic may have: 80 % of its
// max.message.bytes, so that what the broker adds never matters.
func (c *Client) batchLimits(ctx context.Context, topics []string) map[string]int {
	limits := make(map[string]int, len(topics))
	req := &describeconfigs.Request{}
	for _, topic := range topics {
		limits[topic] = assumedMaxMessageBytes / 5 * 4
		req.Resources = append(req.Resources, describeconfigs.RequestResource{
			ResourceType: 2, ResourceName: topic, ConfigNames: []string{"max.message.bytes"},
		})
	}
	res, err := ask[*describeconfigs.Response](ctx, c, req)
	if err != nil {
		c.log.Info("cannot read max.message.bytes; assuming 1 MiB", "error", err)
		return limits
	}
	for _, r := range res.Resources {
		if err := onTopic(codeError(r.ErrorCode), "DescribeConfigs", r.ResourceName); err != nil {
			c.log.Info("cannot read max.message.bytes; assuming 1 MiB", "topic", r.ResourceName, "error", err)
		}
		for _, entry := range r.ConfigEntries {
			if n, err := strconv.Atoi(entry.ConfigValue); err == nil && entry.ConfigName == "max.message.bytes" {
				limits[r.ResourceName] = n / 5 * 4
			}
		}
	}
	return limits
}

package kafka

import (
	"context"
	"errors"
	"fmt"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/offsetfetch"
)

// OffsetFetch (API 9), the latest version up to 5, sent to the group's coordinator.
//
// Errors: 30 GROUP_AUTHORIZATION_FAILED without the right Describe on the group; 14, 15
// and 16 while the coordinator loads or moves: asked again.
// 69 GROUP_ID_NOT_FOUND by some brokers for a group that does not exist.
// Notes: by others such a group has the offset -1 everywhere, as one that has committed
// nothing.

// GroupOffsets are a consumer group's committed offsets, by partition of a topic: the next
// record that it would read. -1: it has committed none there.
func (c *Client) GroupOffsets(ctx context.Context, group, topic string) ([]int64, error) {
	n, err := c.Partitions(ctx, topic)
	if err != nil {
		return nil, err
	}
	of := offsetfetch.RequestTopic{Name: topic}
	offsets := make([]int64, n)
	for p := range n {
		of.PartitionIndexes = append(of.PartitionIndexes, int32(p))
		offsets[p] = -1
	}
	err = c.again(ctx, "OffsetFetch", everyShard, coordinatorAgain, func(ctx context.Context) error {
		res, err := ask[*offsetfetch.Response](ctx, c, &offsetfetch.Request{GroupID: group, Topics: []offsetfetch.RequestTopic{of}})
		if err != nil {
			return err
		}
		switch err := codeError(res.ErrorCode); {
		case errors.Is(err, kafkago.GroupIdNotFound):
			return nil
		case err != nil:
			return err
		}
		for _, t := range res.Topics {
			for _, p := range t.Partitions {
				if err := codeError(p.ErrorCode); err != nil {
					return err
				}
				offsets[p.PartitionIndex] = p.CommittedOffset
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("the offsets of the group %s: %w", group, err)
	}
	return offsets, nil
}

package kafka

import (
	"context"
	"errors"
)

// Published reports whether a topic has ever held a record.
func (c *Client) Published(ctx context.Context, topic string) (bool, error) {
	ranges, err := c.Ends(ctx, topic)
	for _, r := range ranges {
		if r.End > 0 {
			return true, nil
		}
	}
	return false, err
}

var errSeen = errors.New("the partition has shown enough")

// Look shows the committed records of each partition of a topic, in order, until
// visit has seen enough of that partition or its end is reached, and returns
// where each partition's log starts. Neither slice outlives its call; a nil value
// is a tombstone.
func (c *Client) Look(
	ctx context.Context, topic string, visit func(partition int, key, value []byte) (enough bool, err error),
) ([]int64, error) {
	ranges, err := c.Ends(ctx, topic)
	if err != nil {
		return nil, err
	}
	starts := make([]int64, 0, len(ranges))
	for partition, r := range ranges {
		starts = append(starts, r.Start)
		err := c.Scan(ctx, topic, partition, r.Start, r.End, func(m Message) error {
			enough, err := visit(partition, m.Key, m.Value)
			if err == nil && enough {
				return errSeen
			}
			return err
		})
		if err != nil && !errors.Is(err, errSeen) {
			return nil, err
		}
	}
	return starts, nil
}

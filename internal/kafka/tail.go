package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka/access"
)

// growth is how often Tail looks for new partitions.
const growth = 10 * time.Second

// Tail shows the committed records of all partitions of topics as they come,
// from the beginning or from now on, until ctx ends or visit fails. visit is
// called by one goroutine at a time; each partition's records come in order.
// Partitions added later are read from their beginning.
func (c *Client) Tail(ctx context.Context, topics []string, fromStart bool, visit func(Message) error) error {
	group, ctx := errgroup.WithContext(ctx)
	var one sync.Mutex
	serial := func(m Message) error {
		one.Lock()
		defer one.Unlock()
		return visit(m)
	}
	for _, topic := range topics {
		group.Go(func() error {
			if err := c.tailTopic(ctx, group, topic, fromStart, serial); err != nil {
				return fmt.Errorf("tail %s: %w", topic, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// tailTopic follows the partitions that exist, and those that are added.
func (c *Client) tailTopic(
	ctx context.Context, group *errgroup.Group, topic string, fromStart bool, visit func(Message) error,
) error {
	ranges, err := c.Ends(ctx, topic)
	if err != nil {
		return access.OnTopic(err, "Read", topic) // which includes Describe
	}
	following := 0
	for {
		for ; following < len(ranges); following++ {
			at := reading{Place: batch.Place{Topic: topic, Partition: following}, readCommitted: true}
			at.from = ranges[following].Start
			if !fromStart {
				at.from = ranges[following].End
			}
			group.Go(func() error { return c.follow(ctx, at, visit) })
		}
		if !sleep(ctx, growth) {
			return ctx.Err()
		}
		n, err := c.Partitions(ctx, topic)
		if err != nil || n <= following {
			continue // a growing topic can wait for the next look
		}
		if ranges, err = c.Ends(ctx, topic); err != nil {
			return err
		}
		fromStart = true
	}
}

// follow reads one partition until ctx ends. Where retention was faster than the
// reader, it continues with what is left.
func (c *Client) follow(ctx context.Context, at reading, visit func(Message) error) error {
	for {
		s := &scan{Place: at.Place, from: at.from, visit: visit}
		err := c.stream(ctx, at, s.take)
		if !errors.Is(err, kafkago.OffsetOutOfRange) {
			return err
		}
		ranges, err := c.Ends(ctx, at.Topic)
		if err != nil {
			return err
		}
		c.log.Warn("records were deleted before they were read",
			"topic", at.Topic, "partition", at.Partition, "resume", ranges[at.Partition].Start)
		at.from = ranges[at.Partition].Start
	}
}

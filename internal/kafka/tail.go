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

// Stretch says which part of a topic Tail shows. The zero value is all that comes from
// now on.
type Stretch struct {
	FromStart    bool      // from the oldest record on
	Since, Until time.Time // only records with Since <= timestamp < Until; zero: no bound. With Since, from there on
	ToEnd        bool      // only up to the end that each partition has now
}

func (of Stretch) holds(t time.Time) bool {
	return (of.Since.IsZero() || !t.Before(of.Since)) && (of.Until.IsZero() || t.Before(of.Until))
}

// Tail shows the committed records of all partitions of topics as they come, until ctx
// ends, visit fails or, where the stretch has an end, all have been shown. visit is
// called by one goroutine at a time; each partition's records come in order.
// Partitions added later are read from their beginning, unless there is an end.
func (c *Client) Tail(ctx context.Context, topics []string, of Stretch, visit func(Message) error) error {
	group, ctx := errgroup.WithContext(ctx)
	var one sync.Mutex
	serial := func(m Message) error {
		if !of.holds(m.Time) {
			return nil
		}
		one.Lock()
		defer one.Unlock()
		return visit(m)
	}
	for _, topic := range topics {
		group.Go(func() error {
			if err := c.tailTopic(ctx, group, topic, of, serial); err != nil {
				return fmt.Errorf("tail %s: %w", topic, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// tailTopic follows the partitions that exist, and those that are added.
func (c *Client) tailTopic(
	ctx context.Context, group *errgroup.Group, topic string, of Stretch, visit func(Message) error,
) error {
	ranges, err := c.stretched(ctx, topic, of)
	if err != nil {
		return unreadable(err, topic)
	}
	following := 0
	for {
		for ; following < len(ranges); following++ {
			r := ranges[following]
			if !of.ToEnd {
				r.End = 0
			} else if r.Start >= r.End {
				continue
			}
			at := batch.Place{Topic: topic, Partition: r.Partition}
			group.Go(func() error {
				return c.follow(ctx, topic, r, messages(at, visit), func(from int64) {
					c.log.Warn("records were deleted before they were read", "topic", topic, "partition", at.Partition, "resume", from)
				})
			})
		}
		if of.ToEnd {
			return nil
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
	}
}

// Readable says what keeps a topic from being read: ErrNoTopic, a missing right, or that
// the brokers do not answer.
func (c *Client) Readable(ctx context.Context, topic string) error {
	_, err := c.Ends(ctx, topic)
	return unreadable(err, topic)
}

// unreadable is the error of who is about to read a topic.
func unreadable(err error, topic string) error {
	if code(err) == kafkago.UnknownTopicOrPartition {
		return fmt.Errorf("%w: %w", ErrNoTopic, err)
	}
	return access.OnTopic(err, "Read", topic) // which includes Describe
}

// stretched is the range of each partition that a stretch is in. Where it has no end,
// more comes after the range.
func (c *Client) stretched(ctx context.Context, topic string, of Stretch) (ranges []Range, err error) {
	if of.ToEnd {
		ranges, err = c.Settled(ctx, topic)
	} else {
		ranges, err = c.Ends(ctx, topic)
	}
	if err != nil {
		return nil, err
	}
	if of.Since.IsZero() {
		for i := range ranges {
			if !of.FromStart {
				ranges[i].Start = ranges[i].End
			}
		}
		return ranges, nil
	}
	// It is asked after the ends: what is not found stands behind them.
	first, err := c.FirstAt(ctx, topic, of.Since, len(ranges))
	if err != nil {
		return nil, err
	}
	for i, offset := range first {
		if offset < 0 {
			offset = ranges[i].End
		}
		ranges[i].Start = max(ranges[i].Start, offset)
	}
	return ranges, nil
}

// follow reads one partition up to an end, or until ctx ends if that is 0. Where
// retention was faster than the reader, it tells cut so, and continues with what is left.
func (c *Client) follow(ctx context.Context, topic string, r Range, visit func(*batch.Stored) error, cut func(from int64)) error {
	// Up to an end, the scan decides: what it needs may stand behind an open transaction.
	at := reading{Place: batch.Place{Topic: topic, Partition: r.Partition}, readCommitted: r.End == 0, from: r.Start}
	for {
		s := &scan{Place: at.Place, from: at.from, to: r.End, visit: visit}
		err := c.stream(ctx, at, s.take)
		if !errors.Is(err, kafkago.OffsetOutOfRange) {
			return err
		}
		ranges, err := c.Ends(ctx, topic)
		if err != nil {
			return err
		}
		if at.Partition >= len(ranges) || ranges[at.Partition].End < r.End {
			return fmt.Errorf("%s was cut, or deleted and created again, while it was read", at.Place)
		}
		at.from = ranges[at.Partition].Start
		cut(at.from)
		if r.End > 0 && at.from >= r.End {
			return nil
		}
	}
}

package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go/protocol/listoffsets"

	"airudder-exporter/internal/kafka/access"
)

// ListOffsets (API 2), the latest version up to 5, sent to each partition's
// leader.
//
// Behaviour: says where a partition begins and ends, and where a time is in it. Read-committed, its end is
// held down by any open transaction, other producers' included, so it never says
// where a replay ends: the barrier does.
// Errors: 78 OFFSET_NOT_AVAILABLE for up to 0.4 s after an election, 6
// NOT_LEADER_OR_FOLLOWER: asked again; 29 without the right Describe.
// Notes: the beginning of a compacted topic stays 0 after cleaning. kafka-go
// answers -1 for a partition whose leader could not be asked.

// Range is what a partition holds: offsets from Start up to and without End.
// End is the log's end, uncommitted records included.
type Range struct {
	Partition  int
	Start, End int64

	// Decided is, of Settled, the offset below which every transaction has its outcome
	// below End. Between the two, a Scan may leave out what is committed later.
	Decided int64
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
		err := c.listOffsets(ctx, topic, earliest, 0, n, func(p int, offset int64) { ranges[p].Start = offset })
		if err != nil {
			return err
		}
		return c.listOffsets(ctx, topic, latest, 0, n, func(p int, offset int64) { ranges[p].End = offset })
	})
	if err != nil {
		return nil, fmt.Errorf("list the offsets of %s: %w", topic, err)
	}
	return ranges, nil
}

// stableEnds is, for each of n partitions, the first offset whose transaction has
// no outcome yet.
func (c *Client) stableEnds(ctx context.Context, topic string, n int) ([]int64, error) {
	stable := make([]int64, n)
	err := c.again(ctx, "ListOffsets", everyShard, leaderAgain, func(ctx context.Context) error {
		return c.listOffsets(ctx, topic, latest, readCommitted, n, func(p int, offset int64) { stable[p] = offset })
	})
	if err != nil {
		return nil, fmt.Errorf("list the offsets of %s: %w", topic, err)
	}
	return stable, nil
}

// FirstAt is, for each of n partitions, the first offset whose record has a timestamp of
// at or later, committed or not; -1: there is none. Later ones may be older: producers
// stamp their records by their own clocks.
func (c *Client) FirstAt(ctx context.Context, topic string, at time.Time, n int) ([]int64, error) {
	first := make([]int64, n)
	ms := max(0, at.UnixMilli()) // below 0 it would be another question
	err := c.again(ctx, "ListOffsets", everyShard, leaderAgain, func(ctx context.Context) error {
		return c.listOffsets(ctx, topic, ms, 0, n, func(p int, offset int64) { first[p] = offset })
	})
	if err != nil {
		return nil, fmt.Errorf("list the offsets of %s: %w", topic, err)
	}
	return first, nil
}

// What listOffsets asks for, if not for a time.
const (
	latest        int64 = -1
	earliest      int64 = -2
	readCommitted int8  = 1
)

// listOffsets asks for one offset of each of n partitions.
func (c *Client) listOffsets(
	ctx context.Context, topic string, at int64, isolation int8, n int, found func(partition int, offset int64),
) error {
	of := listoffsets.RequestTopic{Topic: topic}
	for p := range n {
		of.Partitions = append(of.Partitions,
			listoffsets.RequestPartition{Partition: int32(p), CurrentLeaderEpoch: -1, Timestamp: at})
	}
	req := &listoffsets.Request{ReplicaID: -1, IsolationLevel: isolation, Topics: []listoffsets.RequestTopic{of}}
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
			if err := access.OnTopic(codeError(p.ErrorCode), "Describe", topic); err != nil {
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

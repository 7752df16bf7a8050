package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// ErrUnsettled says that a transaction stayed open for longer than it was
// waited for.
var ErrUnsettled = errors.New("a transaction is open")

// Settled is Ends at a moment when no transaction is open below those ends, so
// that a Scan up to them sees the outcome of each. It waits for that no longer
// than patience, and then says which partition it waited for.
func (c *Client) Settled(ctx context.Context, topic string, patience time.Duration) ([]Range, error) {
	n, err := c.Partitions(ctx, topic)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(patience)
	wait := pacing(20*time.Millisecond, time.Second)
	for {
		stable := make([]int64, n)
		err := c.again(ctx, "ListOffsets", everyShard, leaderAgain, func(ctx context.Context) error {
			return c.listOffsets(ctx, topic, latest, readCommitted, n, func(p int, offset int64) { stable[p] = offset })
		})
		if err != nil {
			return nil, fmt.Errorf("list the offsets of %s: %w", topic, err)
		}
		// The ends are asked for later. Where they are the same, nothing was open
		// when the others were, and every marker stands below them.
		ranges, err := c.Ends(ctx, topic)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(ranges, func(r Range) bool { return r.Partition >= n || stable[r.Partition] != r.End })
		if i < 0 {
			return ranges, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%w on %s[%d], still after %s: somebody writes there who is no exporter of this ledger. "+
				"Wait until that ends, or find it with kafka-transactions.sh describe-producers and abort it", ErrUnsettled, topic, i, patience)
		}
		n = len(ranges)
		if !sleep(ctx, wait.NextBackOff()) {
			return nil, ctx.Err()
		}
	}
}

// Retention is how old a topic's records must be for the brokers to delete them;
// false where they may be deleted sooner, or the settings may not be read.
func (c *Client) Retention(ctx context.Context, topic string) (time.Duration, bool, error) {
	all, err := c.describe(ctx, []TopicSpec{{Name: topic}})
	if err != nil {
		return 0, false, err
	}
	values := all[topic].values
	n, err := strconv.ParseInt(values["retention.ms"], 10, 64)
	const longest = int64(1<<63-1) / int64(time.Millisecond)
	if err != nil || n < 0 || n > longest || values["retention.bytes"] != "-1" || values["cleanup.policy"] != "delete" {
		return 0, false, nil
	}
	return time.Duration(n) * time.Millisecond, true, nil
}

package kafka

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Settled is Ends once every transaction is decided that was open below the ends of
// when it was called, so that a Scan up to them sees the outcome of each. Others may
// have begun meanwhile: somebody who always has one open does not hold it up. It waits
// two minutes at most, and then says which partition it waited for.
func (c *Client) Settled(ctx context.Context, topic string) ([]Range, error) {
	asked, err := c.Ends(ctx, topic)
	if err != nil {
		return nil, err
	}
	return c.settledFrom(ctx, topic, asked, openAtMost)
}

// openAtMost is how long an open transaction is waited for: longer than any that a dead
// exporter leaves.
const openAtMost = 2 * time.Minute

// settledFrom is Settled for ends that were asked for, and another limit.
func (c *Client) settledFrom(ctx context.Context, topic string, asked []Range, limit time.Duration) ([]Range, error) {
	deadline := time.Now().Add(limit)
	wait := pacing(20*time.Millisecond, time.Second)
	for open := asked; ; {
		stable, err := c.stableEnds(ctx, topic, len(asked))
		if err != nil {
			return nil, err
		}
		open = slices.DeleteFunc(slices.Clone(open), func(r Range) bool { return stable[r.Partition] >= r.End })
		if len(open) == 0 {
			// A marker may stand above what is stable, if another transaction began before
			// it. It stands below the end of now.
			ranges, err := c.Ends(ctx, topic)
			for i := range min(len(ranges), len(asked)) {
				ranges[i].Decided = asked[i].End
			}
			return ranges, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("a transaction is open on %s[%d], still after %s: "+
				"a producer writes there that is no exporter of this ledger. "+
				"Wait until it ends, or find it with kafka-transactions.sh describe-producers and abort it",
				topic, open[0].Partition, limit)
		}
		if !sleep(ctx, wait.NextBackOff()) {
			return nil, ctx.Err()
		}
	}
}

package kafka

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Settled is Ends at a moment when no transaction is open below those ends, so
// that a Scan up to them sees the outcome of each. It waits for that no longer
// than limit, and then says which partition it waited for.
func (c *Client) Settled(ctx context.Context, topic string, limit time.Duration) ([]Range, error) {
	n, err := c.Partitions(ctx, topic)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(limit)
	wait := pacing(20*time.Millisecond, time.Second)
	for {
		stable, err := c.stableEnds(ctx, topic, n)
		if err != nil {
			return nil, err
		}
		// The ends are requested after the stable ones. Where they are equal, nothing
		// was open then, and every marker stands below them.
		ranges, err := c.Ends(ctx, topic)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(ranges, func(r Range) bool { return r.Partition >= n || stable[r.Partition] != r.End })
		if i < 0 {
			return ranges, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("a transaction is open on %s[%d], still after %s: "+
				"a producer writes there that is no exporter of this ledger. "+
				"Wait until it ends, or find it with kafka-transactions.sh describe-producers and abort it", topic, i, limit)
		}
		n = len(ranges)
		if !sleep(ctx, wait.NextBackOff()) {
			return nil, ctx.Err()
		}
	}
}

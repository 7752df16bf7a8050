package kafka

import (
	"context"
	"fmt"
	"slices"
	"time"

	"airudder-exporter/internal/batch"
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

// Decided is a range of a partition of which every transaction has its outcome: each
// record between Start and End is committed, or never will be. The markers that say so
// stand before Log.
type Decided struct {
	Range
	Log int64 // the log's end, at or after End
}

// Decided is what Settled returns, but fixed when it was called: whoever continues later
// at an End has missed nothing, since no transaction was open below it.
func (c *Client) Decided(ctx context.Context, topic string) ([]Decided, error) {
	asked, err := c.Ends(ctx, topic)
	if err != nil {
		return nil, err
	}
	settled, err := c.settledFrom(ctx, topic, asked, openAtMost)
	if err != nil {
		return nil, err
	}
	return decided(asked, settled), nil
}

// Stable is what is decided of each partition now, which waits for nobody: it ends before
// the first transaction that is open.
func (c *Client) Stable(ctx context.Context, topic string) ([]Decided, error) {
	asked, err := c.Ends(ctx, topic)
	if err != nil {
		return nil, err
	}
	stable, err := c.stableEnds(ctx, topic, len(asked))
	if err != nil {
		return nil, err
	}
	for i := range asked {
		asked[i].End = stable[i]
	}
	log, err := c.Ends(ctx, topic)
	if err != nil {
		return nil, err
	}
	return decided(asked, log), nil
}

// decided puts together the ranges that are meant and the ends of the log after that. A
// topic that has fewer partitions by then is another one: the scan says so.
func decided(asked, log []Range) []Decided {
	all := make([]Decided, len(asked))
	for i, r := range asked {
		all[i] = Decided{r, r.End}
		if i < len(log) {
			all[i].Log = max(r.End, log[i].End)
		}
	}
	return all
}

// ScanDecided shows the committed records of a decided range with an offset of at least
// from, as ScanStored does.
func (c *Client) ScanDecided(
	ctx context.Context, topic string, of Decided, from int64, visit func(*batch.Stored) error, cut func(from int64),
) error {
	r := Range{Partition: of.Partition, Start: max(from, of.Start), End: of.Log}
	if r.Start >= of.End {
		return nil
	}
	return c.ScanStored(ctx, topic, r, func(s *batch.Stored) error {
		if s.Offset >= of.End { // which comes after all that were decided before
			return errEnough
		}
		return visit(s)
	}, cut)
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

package exporter

import (
	"fmt"
	"time"

	"airudder-exporter/internal/notice"
)

// contestSubject is how notices name a shard that exporters take from each other: what a
// commit shows is another observation.
func contestSubject(shard int) string { return shardSubject(shard) + ", its owner" }

// shardContested is the notice for a shard that was taken over so often, within so long,
// last by that exporter.
func (c Config) shardContested(times int, within time.Duration, by string) notice.Sighting {
	how := fmt.Sprintf("%d times", times)
	if times == 2 {
		how = "twice"
	}
	return notice.Sighting{
		Cause: causeContested,
		Text: fmt.Sprintf("the shard was taken over %s in %d min by another exporter (%s): both write this ledger in turn, and "+
			"events wait each time; none is published twice", how, max(contestedIn, within.Round(time.Minute))/time.Minute, by),
		Cure: fmt.Sprintf("stop one of the two, or give both %s=group, so that they share the shards by themselves", c.Setting("Assignment")),
	}
}

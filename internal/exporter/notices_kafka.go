package exporter

import (
	"fmt"
	"strings"
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

// ofTopic is what a look at a topic shows that the operator should know.
func (c Config) ofTopic(t TopicStatus) (seen sightings) {
	const stays = "the exporter continues, but could not start again: "
	var odd, set []string
	for _, s := range t.Odd {
		if s.Breaks {
			odd = append(odd, fmt.Sprintf("%s is %s, should be %s: %s", s.Setting, s.Got, s.Want, s.Why))
			value := s.Want
			if strings.Contains(value, " ") { // a rule, not a value
				value = "…"
			}
			set = append(set, s.Setting+"="+value)
		}
	}
	switch {
	case t.Partitions == 0 && t.Name == c.LedgerTopic:
		seen.see(causeTopicSettings, stays+"topic "+t.Name+", the ledger, is missing",
			"bring it back with all its records, or stop the exporters and make it again by `airudder-exporter ledger rebuild`")
	case t.Partitions == 0:
		seen.see(causeTopicSettings, stays+"topic "+t.Name+" is missing",
			"create it again (`airudder-exporter check` prints the command); what it held is gone")
	case len(odd) > 0:
		seen.see(causeTopicSettings, stays+"topic "+t.Name+": "+strings.Join(odd, "; "),
			"set it right before the brokers act on it: kafka-configs.sh --alter --entity-type topics --entity-name "+
				t.Name+" --add-config "+strings.Join(set, ","))
	}
	if t.Name != c.LedgerTopic && t.Used > 0 && t.Partitions > t.Used {
		seen.see(causeTopicGrown,
			fmt.Sprintf("topic %s has %d partitions, but records still go to the %d that there were when this exporter, "+
				"or its producer after the last recovery, started", t.Name, t.Partitions, t.Used),
			fmt.Sprintf("restart the exporters to use all %d, best while no task is calling: from then on, as after any recovery, "+
				"a key may go to another partition than before, so consumers that need the order of its records "+
				"must have read the old ones", t.Partitions))
	}
	return seen
}

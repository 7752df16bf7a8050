package exporter

import (
	"fmt"
	"strings"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/notice"
)

// The causes of notices: what an answer says that there is beyond what was taken, or
// what gives no event. Their names are the metric's labels and never change.
const (
	causeStatusUnknown = "row_status_unknown"
	causeStatusMissing = "row_status_missing"
	causeDetailTotal   = "detail_total"
	causeDetailMore    = "detail_more"
	causeListTotal     = "list_total"
	causeListMore      = "list_more"
	causeListNameless  = "list_nameless"
	causeListRepeats   = "list_repeats_page"
	causeListPushesOut = "list_pushes_out"
	causeListPages     = "list_pages"
	causeListEmpty     = "list_empty"
	causePassedOver    = "tasks_passed_over"
	causeClosedCalling = "closed_task_calling"
	causeRateLimited   = "rate_limited"
	causeCallIDShared  = "call_id_shared"
	causeThrottled     = "kafka_throttled"
	causeRowsRejected  = "rows_rejected"
	causeTaskUnsealed  = "task_unsealed"
	causeTasksFailing  = "tasks_failing"
	causeUpstreamHangs = "upstream_hangs"
	causeContested     = "shard_contested"
	causeGroupSilent   = "group_silent"
	causeTopicSettings = "topic_settings"
	causeTopicGrown    = "topic_grown"
)

// causes has each with the observations in a row that it takes.
var causes = []notice.Cause{
	{Name: causeStatusUnknown, After: 2},
	{Name: causeStatusMissing, After: 2},
	{Name: causeDetailTotal, After: 2},
	{Name: causeDetailMore, After: 2},
	{Name: causeListTotal, After: 3},
	{Name: causeListMore, After: 3},
	{Name: causeListNameless, After: 3},
	{Name: causeListRepeats, After: 3},
	{Name: causeListPushesOut, After: 1}, // it takes pushes enough by itself
	{Name: causeListPages, After: 3},
	{Name: causeListEmpty, After: 3},
	{Name: causePassedOver, After: 3},
	{Name: causeClosedCalling, After: 3},
	{Name: causeRateLimited, After: 2},
	{Name: causeCallIDShared, After: 2},
	{Name: causeThrottled, After: 2},
	{Name: causeRowsRejected, After: 3}, // a damaged row is a dead letter after two
	{Name: causeTaskUnsealed, After: 1}, // days have passed
	{Name: causeTasksFailing, After: 1}, // upstream counts the readings
	{Name: causeUpstreamHangs, After: 1},
	{Name: causeContested, After: 1},   // two take-overs
	{Name: causeGroupSilent, After: 1}, // whoever tells of it has waited
	{Name: causeTopicSettings, After: 1},
	{Name: causeTopicGrown, After: 1},
}

// taskSubject is how notices name a task.
func taskSubject(taskID string) string { return "task " + taskID }

// shardSubject is how notices name a shard.
func shardSubject(shard int) string { return fmt.Sprintf("shard %d", shard) }

// ofCommit is what a commit shows that the operator should know: for how long Kafka
// asked for no more, by a quota. Less than a second is what a quota is for.
func ofCommit(asked, rest time.Duration) (seen sightings) {
	if rest <= 0 || asked < time.Second {
		return nil
	}
	seen.see(causeThrottled,
		fmt.Sprintf("Kafka throttles this exporter by a quota (throttle_time_ms %d): events are published, but late",
			asked.Milliseconds()),
		"raise producer_byte_rate of its Kafka user or client id; kafka-configs.sh --describe --entity-type users "+
			"(or clients) shows it")
	return seen
}

// groupSubject is how notices name what gives the shards out.
const groupSubject = "the consumer group"

// ofGroup is what there is to know of a group that does not answer; empty: it does.
func (c Config) ofGroup(why string) (seen sightings) {
	if why != "" {
		seen.see(causeGroupSilent,
			"the consumer group does not answer; what is owned stays owned, but no exporter could take over: "+why,
			"see whether all brokers are up, and whether __consumer_offsets has enough replicas in sync; "+
				"the exporter joins again by itself, or set "+c.Setting("Assignment")+"=all where there is only one")
	}
	return seen
}

// sightings gather what one observation shows.
type sightings []notice.Sighting

func (s *sightings) see(cause, text, cure string) {
	*s = append(*s, notice.Sighting{Cause: cause, Text: text, Cure: cure})
}

// ofReading is what a complete reading of a task shows that the operator should know.
// rejected are its finished rows that could not become events, and may yet.
func (c Config) ofReading(r call.Reading, rejected int) (seen sightings) {
	n := r.Counts
	if n.Unknown > 0 {
		seen.see(causeStatusUnknown,
			fmt.Sprintf("%d of %d rows have a Status that the exporter does not know%s: nothing of them is published, "+
				"and their task is not sealed; %d of them have a CallID and an end", n.Unknown, n.Rows, quoted(r.Words), n.UnknownEnded),
			"ask AIRudder what it means, and say so in "+c.Setting("RowStatuses")+": finished, cancelled or open, as in answered:finished")
	}
	if n.NoStatus > 0 {
		seen.see(causeStatusMissing,
			fmt.Sprintf("%d of %d rows have no Status that can be read: nothing of them is published, and their task is not sealed",
				n.NoStatus, n.Rows),
			"AIRudder may have renamed or dropped the field: compare a detail answer with the documentation")
	}
	if r.Total > n.Rows {
		seen.see(causeDetailTotal,
			fmt.Sprintf("the answer counts %d rows, but shows %d: the others give no event, and their task is not sealed", r.Total, n.Rows),
			"the answer may be one page of several: ask for all of it in "+c.Setting("DetailRequest")+
				"; if the number counts something else, take its name out of "+c.Setting("TotalFields"))
	}
	if r.More != "" {
		seen.see(causeDetailMore,
			fmt.Sprintf("the answer says by its field %s that there are more than the %d rows that it shows: the others give no event, "+
				"and their task is not sealed", r.More, n.Rows),
			"the answer is probably one page of several: ask AIRudder how to get all of it in one, and set "+c.Setting("DetailRequest"))
	}
	if r.SharedIDs > 0 {
		seen.see(causeCallIDShared,
			fmt.Sprintf("%d of %d rows show a CallID that a row of another id shows, too: one event stands for all of them",
				r.SharedIDs, n.Rows),
			"ask AIRudder why: a CallID is what makes a call one call, and the other rows are in no event")
	}
	if over := r.Started.Sub(r.Task.ScheduleEnd); call.MeaningOf(r.Task.Status.Value) == call.MeansNothing &&
		!r.Task.ScheduleEnd.IsZero() && over > unsealedFor {
		seen.see(causeTaskUnsealed,
			fmt.Sprintf("the task's schedule ended %d days ago, and its Status is none that the exporter knows: "+
				"its calls are published, but it is read on and never sealed", days(over)),
			"ask AIRudder what its Status means; only finished and canceled are an end")
	}
	if rejected > 0 {
		seen.see(causeRowsRejected,
			fmt.Sprintf("%d of %d finished rows have no CallID or are damaged, so that they are no events", rejected, n.Finished),
			"damaged ones become dead letters, and those without a CallID once the task has ended and they still have none; ask AIRudder why a finished call has no CallID")
	}
	return seen
}

// ofStanding is what the ledger says of a task that the operator should know.
func (c Config) ofStanding(s ledger.Standing, now time.Time) (seen sightings) {
	if s.Phase == ledger.Ended && c.unsealed(s.State, now) {
		seen.see(causeTaskUnsealed,
			fmt.Sprintf("the task ended %d days ago and cannot be sealed: its answers do not agree, or say that there is more",
				days(now.Sub(s.State.TerminalSince))),
			"it is read once a day from now on; compare its detail answers with each other, "+
				"and see the other notices and its line on the page")
	}
	return seen
}

func days(d time.Duration) int { return int(d / (24 * time.Hour)) }

// quoted are words in brackets; empty where there are none that may be shown.
func quoted(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return " (" + strings.Join(words, ", ") + ")"
}

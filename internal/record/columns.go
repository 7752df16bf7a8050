package record

import (
	"encoding/hex"
	"maps"
	"slices"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// This file says where each field of a schema comes from. goavro ignores names
// that the schema does not have, so tests hold these lists against the schemas.

// taskColumns are the fields of CallCompleted that all calls of a response
// share. They come first in the schema.
func taskColumns(account string) []column[call.Task] {
	return []column[call.Task]{
		required("task_id", func(t *call.Task) string { return t.ID }),
		text("account", func(*call.Task) call.Opt[string] { return nonEmpty(account) }),
		text("task_name", func(t *call.Task) call.Opt[string] { return t.Name }),
		text("task_status", func(t *call.Task) call.Opt[string] { return t.Status }),
		text("robot_method", func(t *call.Task) call.Opt[string] { return t.RobotMethod }),
		text("task_robot_id", func(t *call.Task) call.Opt[string] { return t.RobotID }),
		text("sip_line", func(t *call.Task) call.Opt[string] { return t.SIPLine }),
		moment("schedule_start_time", func(t *call.Task) time.Time { return t.ScheduleStart }),
		moment("schedule_end_time", func(t *call.Task) time.Time { return t.ScheduleEnd }),
		long("repeat_interval", func(t *call.Task) call.Opt[int64] { return t.RepeatInterval }),
		long("repeat_number", func(t *call.Task) call.Opt[int64] { return t.RepeatNumber }),
	}
}

// event is one call with its task, its number, its revision (0: the first) and the time
// when it was observed.
type event struct {
	*call.Row
	task       *call.Task
	sequence   int64
	revision   int64
	observedAt time.Time
}

// occurredAt is the time of a call, which every event has: its end, else its start, else
// when it was observed.
func (e *event) occurredAt() time.Time {
	switch {
	case !e.CallEnd.IsZero():
		return e.CallEnd
	case !e.CallStart.IsZero():
		return e.CallStart
	}
	return e.observedAt
}

func (e *event) redials() []call.Redial        { return e.Redials }
func (e *event) additional() map[string]string { return additional(e.task.Additional, e.Additional) }

// rowColumns are the other fields of CallCompleted, each with its whole value:
// shownColumns has what an event shows of them.
func rowColumns() []column[event] {
	return []column[event]{
		long("row_id", func(e *event) call.Opt[int64] { return e.ID }),
		required("call_id", func(e *event) string { return e.CallID }),
		requiredLong("task_sequence", func(e *event) int64 { return e.sequence }),
		required("status", func(e *event) string { return e.Status }),
		moment("call_start_time", func(e *event) time.Time { return e.CallStart }),
		moment("call_end_time", func(e *event) time.Time { return e.CallEnd }),
		long("duration_ms", func(e *event) call.Opt[int64] {
			d, ok := e.Duration()
			return call.Opt[int64]{Value: d.Milliseconds(), Set: ok}
		}),
		text("robot_id", func(e *event) call.Opt[string] { return e.RobotID }),
		text("caller_number", func(e *event) call.Opt[string] { return e.CallerNumber }),
		text("callee_number", func(e *event) call.Opt[string] { return e.CalleeNumber }),
		text("callee_name", func(e *event) call.Opt[string] { return e.CalleeName }),
		text("callee_gender", func(e *event) call.Opt[string] { return e.CalleeGender }),
		long("call_times", func(e *event) call.Opt[int64] { return e.CallTimes }),
		long("ring_time", func(e *event) call.Opt[int64] { return e.RingTime }),
		long("talk_round", func(e *event) call.Opt[int64] { return e.TalkRound }),
		text("ring_type", func(e *event) call.Opt[string] { return e.RingType }),
		text("hangup_type", func(e *event) call.Opt[string] { return e.HangupType }),
		text("intention", func(e *event) call.Opt[string] { return e.Intention }),
		text("intention_description", func(e *event) call.Opt[string] { return e.IntentionDescription }),
		text("multi_intention", func(e *event) call.Opt[string] { return e.MultiIntention }),
		text("comments", func(e *event) call.Opt[string] { return e.Comments }),
		text("platform_name", func(e *event) call.Opt[string] { return e.PlatformName }),
		text("extra_a", func(e *event) call.Opt[string] { return e.ExtraA }),
		text("extra_b", func(e *event) call.Opt[string] { return e.ExtraB }),
		text("extra_c", func(e *event) call.Opt[string] { return e.ExtraC }),
		array("asr_result", turnColumns, func(e *event) []call.Turn { return e.AsrResult }),
		dict("event_label", func(e *event) map[string]string { return e.EventLabel }),
		dict("ner_slots", func(e *event) map[string]string { return e.NerSlots }),
		array("redials", redialColumns, (*event).redials),
		text("call_notes", func(e *event) call.Opt[string] { return e.CallNotes }),
		text("workflow_id", func(e *event) call.Opt[string] { return e.WorkflowID }),
		text("workflow_name", func(e *event) call.Opt[string] { return e.WorkflowName }),
		text("nodetask_id", func(e *event) call.Opt[string] { return e.NodeTaskID }),
		text("nodetask_name", func(e *event) call.Opt[string] { return e.NodeTaskName }),
		text("case_id", func(e *event) call.Opt[string] { return e.CaseID }),
		dict("additional_fields", (*event).additional),
		requiredTime("occurred_at", (*event).occurredAt),
		requiredTime("observed_at", func(e *event) time.Time { return e.observedAt }),
	}
}

func turnColumns() []column[call.Turn] {
	return []column[call.Turn]{
		text("time", func(t *call.Turn) call.Opt[string] { return t.Time }),
		text("robot_text", func(t *call.Turn) call.Opt[string] { return t.RobotText }),
		text("text", func(t *call.Turn) call.Opt[string] { return t.Text }),
	}
}

func redialColumns() []column[call.Redial] {
	return []column[call.Redial]{
		text("call_id", func(r *call.Redial) call.Opt[string] { return r.CallID }),
		moment("call_start_time", func(r *call.Redial) time.Time { return r.CallStart }),
		text("ring_type", func(r *call.Redial) call.Opt[string] { return r.RingType }),
		long("ring_time", func(r *call.Redial) call.Opt[int64] { return r.RingTime }),
		text("hangup_type", func(r *call.Redial) call.Opt[string] { return r.HangupType }),
		text("result_label", func(r *call.Redial) call.Opt[string] { return r.ResultLabel }),
		text("caller_number", func(r *call.Redial) call.Opt[string] { return r.CallerNumber }),
		text("callee_number", func(r *call.Redial) call.Opt[string] { return r.CalleeNumber }),
	}
}

// additional joins the unknown fields of the task and the row. Where both have a
// name, it is the row's, and the task's field is called "data.<name>".
func additional(task, row map[string]string) map[string]string {
	switch {
	case len(task) == 0 && row != nil:
		return row
	case len(row) == 0:
		return task
	}
	all := maps.Clone(row)
	for _, name := range slices.Sorted(maps.Keys(task)) {
		as := name
		for _, taken := all[as]; taken; _, taken = all[as] {
			as = "data." + as
		}
		all[as] = task[name]
	}
	return all
}

// change is one transition or seal with its task and the time when it was observed.
type change struct {
	*ledger.StatusChange
	task       *call.Task
	eventTopic string
	observedAt time.Time
}

func statusColumns(account string) []column[change] {
	return []column[change]{
		required("task_id", func(c *change) string { return c.task.ID }),
		text("account", func(*change) call.Opt[string] { return nonEmpty(account) }),
		text("task_name", func(c *change) call.Opt[string] { return c.task.Name }),
		requiredLong("sequence", func(c *change) int64 { return c.Sequence }),
		text("previous_status", func(c *change) call.Opt[string] { return c.Previous }),
		required("status", func(c *change) string { return c.Status }),
		moment("schedule_start_time", func(c *change) time.Time { return c.task.ScheduleStart }),
		moment("schedule_end_time", func(c *change) time.Time { return c.task.ScheduleEnd }),
		requiredLong("rows", func(c *change) int64 { return c.Counts.Rows }),
		requiredLong("rows_finished", func(c *change) int64 { return c.Counts.Finished }),
		requiredLong("rows_cancelled", func(c *change) int64 { return c.Counts.Cancelled }),
		requiredLong("rows_open", func(c *change) int64 { return c.Counts.Open() }),
		requiredLong("exported", func(c *change) int64 { return c.Exported }),
		requiredLong("unexported", func(c *change) int64 { return c.Unexported }),
		requiredTime("observed_at", func(c *change) time.Time { return c.observedAt }),
		nested("seal", "airudder.events.TaskSeal", sealColumns(), (*change).sealed),
	}
}

// taskSeal is a seal with the topic of the events that it tells of.
type taskSeal struct {
	*ledger.Seal
	eventTopic string
}

// sealed is the seal of a change that is one.
func (c *change) sealed() *taskSeal {
	if c.Seal == nil {
		return nil
	}
	return &taskSeal{c.Seal, c.eventTopic}
}

func sealColumns() []column[taskSeal] {
	return []column[taskSeal]{
		requiredLong("seal_number", func(s *taskSeal) int64 { return s.Number }),
		required("digest", func(s *taskSeal) string { return s.Digest }),
		required("event_topic", func(s *taskSeal) string { return s.eventTopic }),
		requiredLongs("event_offsets", func(s *taskSeal) []int64 { return s.Ends }),
	}
}

// deadLetter is one rejected row with its task and the time when it was observed; or
// the end of one.
type deadLetter struct {
	*call.Reject
	taskID     string
	key        string
	resolved   bool // it has no raw row
	observedAt time.Time
}

func deadLetterColumns(account string) []column[deadLetter] {
	return []column[deadLetter]{
		required("task_id", func(d *deadLetter) string { return d.taskID }),
		text("account", func(*deadLetter) call.Opt[string] { return nonEmpty(account) }),
		required("key", func(d *deadLetter) string { return d.key }),
		requiredBoolean("resolved", func(d *deadLetter) bool { return d.resolved }),
		text("call_id", func(d *deadLetter) call.Opt[string] { return nonEmpty(d.CallID) }),
		long("row_id", func(d *deadLetter) call.Opt[int64] { return d.RowID }),
		required("reason", func(d *deadLetter) string { return string(d.Reason) }),
		text("detail", func(d *deadLetter) call.Opt[string] { return nonEmpty(d.Detail) }),
		octets("raw", func(d *deadLetter) []byte { return d.Raw }),
		long("raw_size", func(d *deadLetter) call.Opt[int64] {
			return call.Opt[int64]{Value: d.RawSize, Set: !d.resolved}
		}),
		text("raw_sha256", func(d *deadLetter) call.Opt[string] {
			return call.Opt[string]{Value: hex.EncodeToString(d.RawSHA256[:]), Set: !d.resolved}
		}),
		requiredTime("observed_at", func(d *deadLetter) time.Time { return d.observedAt }),
	}
}

func nonEmpty(s string) call.Opt[string] { return call.Opt[string]{Value: s, Set: s != ""} }

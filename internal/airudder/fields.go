package airudder

import (
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/jsonrows"
)

// The documented fields, in the documentation's order, and what else other
// clients were seen to read. The misspelling of RedailCall is the API's.

var taskFields = append(fields[call.Task]{
	{"TaskID", func(_ *decoding, t *call.Task, v jsonrows.Value) (is fit) { t.ID, is = digitsToo(v); return is }},
	{"TaskName", text(func(t *call.Task) *call.Opt[string] { return &t.Name })},
	{"RobotMethod", text(func(t *call.Task) *call.Opt[string] { return &t.RobotMethod })},
	{"RobotID", text(func(t *call.Task) *call.Opt[string] { return &t.RobotID })},
	{"SIPLine", text(func(t *call.Task) *call.Opt[string] { return &t.SIPLine })},
	{"Status", text(func(t *call.Task) *call.Opt[string] { return &t.Status })},
	{"ScheduleStartTime", instant(func(t *call.Task) *time.Time { return &t.ScheduleStart })},
	{"ScheduleEndTime", instant(func(t *call.Task) *time.Time { return &t.ScheduleEnd })},
	{"RepeatInterval", integer(func(t *call.Task) *call.Opt[int64] { return &t.RepeatInterval })},
	{"RepeatNumber", integer(func(t *call.Task) *call.Opt[int64] { return &t.RepeatNumber })},
}, workflowFields(func(f workflowField) func(*call.Task) *call.Opt[string] { return f.task })...)

// everyTask is how many of taskFields, the first, every detail has. The others are a
// workflow's.
var everyTask = len(taskFields) - len(workflow)

var rowFields = append(fields[call.Row]{
	{"id", integer(func(r *call.Row) *call.Opt[int64] { return &r.ID })},
	{"RobotID", text(func(r *call.Row) *call.Opt[string] { return &r.RobotID })},
	{"CalleeName", text(func(r *call.Row) *call.Opt[string] { return &r.CalleeName })},
	{"CalleeGender", text(func(r *call.Row) *call.Opt[string] { return &r.CalleeGender })},
	{"CalleeNumber", text(func(r *call.Row) *call.Opt[string] { return &r.CalleeNumber })},
	{"CallStartTime", instant(func(r *call.Row) *time.Time { return &r.CallStart })},
	{"CallEndTime", instant(func(r *call.Row) *time.Time { return &r.CallEnd })},
	{"Status", func(_ *decoding, r *call.Row, v jsonrows.Value) (is fit) { r.Status, is = digitsToo(v); return is }},
	{"Intention", text(func(r *call.Row) *call.Opt[string] { return &r.Intention })},
	{"intention_description", text(func(r *call.Row) *call.Opt[string] { return &r.IntentionDescription })},
	{"CallID", func(_ *decoding, r *call.Row, v jsonrows.Value) (is fit) { r.CallID, is = digitsToo(v); return is }},
	{"CallTimes", integer(func(r *call.Row) *call.Opt[int64] { return &r.CallTimes })},
	{"Comments", reference(func(r *call.Row) *call.Opt[string] { return &r.Comments })},
	{"PlatformName", text(func(r *call.Row) *call.Opt[string] { return &r.PlatformName })},
	{"RingType", text(func(r *call.Row) *call.Opt[string] { return &r.RingType })},
	{"HangupType", text(func(r *call.Row) *call.Opt[string] { return &r.HangupType })},
	{"ExtraA", reference(func(r *call.Row) *call.Opt[string] { return &r.ExtraA })},
	{"ExtraB", reference(func(r *call.Row) *call.Opt[string] { return &r.ExtraB })},
	{"ExtraC", reference(func(r *call.Row) *call.Opt[string] { return &r.ExtraC })},
	{"AsrResult", list(turnFields, func(r *call.Row) *[]call.Turn { return &r.AsrResult })},
	{"EventLabel", labels(func(r *call.Row) *map[string]string { return &r.EventLabel })},
	{"RingTime", integer(func(r *call.Row) *call.Opt[int64] { return &r.RingTime })},
	{"TalkRound", integer(func(r *call.Row) *call.Opt[int64] { return &r.TalkRound })},
	{"RedailCall", list(redialFields, func(r *call.Row) *[]call.Redial { return &r.Redials })},
	{"NerSlots", labels(func(r *call.Row) *map[string]string { return &r.NerSlots })},
	{"call_notes", text(func(r *call.Row) *call.Opt[string] { return &r.CallNotes })},
	{"caller_number", text(func(r *call.Row) *call.Opt[string] { return &r.CallerNumber })},
	{"Multi_intention", text(func(r *call.Row) *call.Opt[string] { return &r.MultiIntention })},
}, workflowFields(func(f workflowField) func(*call.Row) *call.Opt[string] { return f.row })...)

var turnFields = fields[call.Turn]{
	{"time", text(func(t *call.Turn) *call.Opt[string] { return &t.Time })},
	{"robottext", text(func(t *call.Turn) *call.Opt[string] { return &t.RobotText })},
	{"text", text(func(t *call.Turn) *call.Opt[string] { return &t.Text })},
}

var redialFields = fields[call.Redial]{
	{"CallID", text(func(r *call.Redial) *call.Opt[string] { return &r.CallID })},
	{"CallStartTime", instant(func(r *call.Redial) *time.Time { return &r.CallStart })},
	{"RingType", text(func(r *call.Redial) *call.Opt[string] { return &r.RingType })},
	{"RingTime", integer(func(r *call.Redial) *call.Opt[int64] { return &r.RingTime })},
	{"HangupType", text(func(r *call.Redial) *call.Opt[string] { return &r.HangupType })},
	{"ResultLabel", text(func(r *call.Redial) *call.Opt[string] { return &r.ResultLabel })},
	{"caller_number", text(func(r *call.Redial) *call.Opt[string] { return &r.CallerNumber })},
	{"callee_number", text(func(r *call.Redial) *call.Opt[string] { return &r.CalleeNumber })},
}

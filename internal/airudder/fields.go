package airudder

import (
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/jsonrows"
)

// The documented fields, in the documentation's order, and what else other
// clients were seen to read. The misspelling of RedailCall is the API's.

var taskFields = fields[call.Task]{
	{"TaskID", func(_ *decoding, t *call.Task, v jsonrows.Value) (ok bool) { t.ID, ok = identity(v.Bytes()); return ok }},
	{"TaskName", text(func(t *call.Task) *call.Opt[string] { return &t.Name })},
	{"RobotMethod", text(func(t *call.Task) *call.Opt[string] { return &t.RobotMethod })},
	{"RobotID", text(func(t *call.Task) *call.Opt[string] { return &t.RobotID })},
	{"SIPLine", text(func(t *call.Task) *call.Opt[string] { return &t.SIPLine })},
	{"Status", text(func(t *call.Task) *call.Opt[string] { return &t.Status })},
	{"ScheduleStartTime", instant(func(t *call.Task) *time.Time { return &t.ScheduleStart })},
	{"ScheduleEndTime", instant(func(t *call.Task) *time.Time { return &t.ScheduleEnd })},
	{"RepeatInterval", integer(func(t *call.Task) *call.Opt[int64] { return &t.RepeatInterval })},
	{"RepeatNumber", integer(func(t *call.Task) *call.Opt[int64] { return &t.RepeatNumber })},
}

var rowFields = fields[call.Row]{
	{"id", integer(func(r *call.Row) *call.Opt[int64] { return &r.ID })},
	{"RobotID", text(func(r *call.Row) *call.Opt[string] { return &r.RobotID })},
	{"CalleeName", text(func(r *call.Row) *call.Opt[string] { return &r.CalleeName })},
	{"CalleeGender", text(func(r *call.Row) *call.Opt[string] { return &r.CalleeGender })},
	{"CalleeNumber", text(func(r *call.Row) *call.Opt[string] { return &r.CalleeNumber })},
	{"CallStartTime", instant(func(r *call.Row) *time.Time { return &r.CallStart })},
	{"CallEndTime", instant(func(r *call.Row) *time.Time { return &r.CallEnd })},
	{"Status", digitsToo("Status", func(r *call.Row) *string { return &r.Status })},
	{"Intention", text(func(r *call.Row) *call.Opt[string] { return &r.Intention })},
	{"intention_description", text(func(r *call.Row) *call.Opt[string] { return &r.IntentionDescription })},
	{"CallID", digitsToo("CallID", func(r *call.Row) *string { return &r.CallID })},
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
}

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

// digitsToo takes a text or a number's literal digits: whatever its type, a CallID is
// the call's one identity, and a status says what there is to do about the row.
func digitsToo(name string, at func(*call.Row) *string) func(*decoding, *call.Row, jsonrows.Value) bool {
	return func(d *decoding, r *call.Row, v jsonrows.Value) (ok bool) {
		if jsonrows.IsNumber(v.Bytes()) {
			d.mismatched(name)
			*at(r) = v.String()
			return true
		}
		*at(r), ok = v.Text()
		return ok
	}
}

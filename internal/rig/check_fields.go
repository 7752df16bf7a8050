package rig

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"airudder-exporter/internal/airuddersim"
)

// An event's fields, worked out from the response by the API's documentation
// and the schema's, with encoding/json and nothing of the exporter.

// kind is what a field is on the wire and in the event. It gives the field's
// value, and whether that loses nothing of the JSON.
type kind func(raw json.RawMessage) (value any, fits bool)

// rule says which field of the API a field of the event shows.
type rule struct {
	field, api string
	kind       kind
}

func taskRules() []rule {
	return []rule{
		{"task_id", "TaskID", text}, {"task_name", "TaskName", text}, {"task_status", "Status", text},
		{"robot_method", "RobotMethod", text}, {"task_robot_id", "RobotID", text}, {"sip_line", "SIPLine", text},
		{"schedule_start_time", "ScheduleStartTime", instant}, {"schedule_end_time", "ScheduleEndTime", instant},
		{"repeat_interval", "RepeatInterval", integer}, {"repeat_number", "RepeatNumber", integer},
	}
}

func rowRules() []rule {
	return []rule{
		{"row_id", "id", integer}, {"call_id", "CallID", text}, {"status", "Status", text},
		{"call_start_time", "CallStartTime", instant}, {"call_end_time", "CallEndTime", instant},
		{"robot_id", "RobotID", text}, {"caller_number", "caller_number", text},
		{"callee_number", "CalleeNumber", text}, {"callee_name", "CalleeName", text}, {"callee_gender", "CalleeGender", text},
		{"call_times", "CallTimes", integer}, {"ring_time", "RingTime", integer}, {"talk_round", "TalkRound", integer},
		{"ring_type", "RingType", text}, {"hangup_type", "HangupType", text},
		{"intention", "Intention", text}, {"intention_description", "intention_description", text},
		{"multi_intention", "Multi_intention", text}, {"comments", "Comments", text}, {"platform_name", "PlatformName", text},
		{"extra_a", "ExtraA", text}, {"extra_b", "ExtraB", text}, {"extra_c", "ExtraC", text},
		{"asr_result", "AsrResult", list(rule{"time", "time", text}, rule{"robot_text", "robottext", text}, rule{"text", "text", text})},
		{"event_label", "EventLabel", labels}, {"ner_slots", "NerSlots", labels},
		{"redials", "RedailCall", list(redialRules()...)}, {"call_notes", "call_notes", text},
	}
}

func redialRules() []rule {
	return []rule{
		{"call_id", "CallID", text}, {"call_start_time", "CallStartTime", instant},
		{"ring_type", "RingType", text}, {"ring_time", "RingTime", integer}, {"hangup_type", "HangupType", text},
		{"result_label", "ResultLabel", text}, {"caller_number", "caller_number", text}, {"callee_number", "callee_number", text},
	}
}

// workflowRules are a workflow's fields: a row's, or else its task's.
func workflowRules() []rule {
	return []rule{
		{"workflow_id", "workflow_id", text}, {"workflow_name", "workflow_name", text},
		{"nodetask_id", "nodetask_id", text}, {"nodetask_name", "nodetask_name", text}, {"case_id", "case_id", text},
	}
}

// text is a string, or what a number or a boolean is written as.
func text(raw json.RawMessage) (any, bool) {
	var value any
	if json.Unmarshal(raw, &value) != nil {
		return nil, false
	}
	switch value := value.(type) {
	case string:
		return value, true
	case float64, bool:
		return string(raw), true
	}
	return nil, false
}

// integer is a whole number, or the text of one.
func integer(raw json.RawMessage) (any, bool) {
	s := strings.Trim(string(raw), `"`)
	if before, after, ok := strings.Cut(string(raw), "."); ok && strings.Trim(after, "0") == "" {
		s = before
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || raw[0] == '"' && strconv.FormatInt(n, 10) != s {
		return nil, false
	}
	return n, true
}

// instant reads a time; empty, the year 1 and the first day of 1970 are not set. One
// that names no zone is in +08:00, the exporter's default.
func instant(raw json.RawMessage) (any, bool) {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return nil, false
	}
	if s == "" || strings.HasPrefix(s, "0001-01-01") || strings.HasPrefix(s, "1970-01-01") {
		return nil, true
	}
	for _, layout := range []string{time.RFC3339, time.DateTime} {
		if t, err := time.ParseInLocation(layout, s, time.FixedZone("", 8*3600)); err == nil {
			return t.UTC(), true
		}
	}
	return nil, false
}

// labels is an object of texts; what else stands in it is left out.
func labels(raw json.RawMessage) (any, bool) {
	var of map[string]json.RawMessage
	if json.Unmarshal(raw, &of) != nil {
		return nil, false
	}
	fits, value := true, map[string]any{}
	for name, one := range of {
		if s, ok := text(one); ok {
			value[name] = s
		} else if string(one) != "null" {
			fits = false
		}
	}
	return value, fits
}

// list is an array of objects.
func list(rules ...rule) kind {
	return func(raw json.RawMessage) (any, bool) {
		var of []map[string]json.RawMessage
		if json.Unmarshal(raw, &of) != nil {
			return nil, false
		}
		fits, value := true, []any{}
		for _, one := range of {
			fields, left := apply(rules, one)
			fits = fits && len(left) == 0
			value = append(value, fields)
		}
		return value, fits
	}
}

// apply gives the fields that rules make of an object, and what is left of it:
// unknown, or of another type than documented.
func apply(rules []rule, object map[string]json.RawMessage) (fields map[string]any, left map[string]any) {
	fields, left = map[string]any{}, map[string]any{}
	known := map[string]bool{}
	for _, r := range rules {
		known[r.api] = true
		fields[r.field] = nil
		raw, there := object[r.api]
		if !there || string(raw) == "null" {
			continue
		}
		value, fits := r.kind(raw)
		if fields[r.field] = value; !fits {
			left[r.api] = string(raw)
		}
	}
	for name, raw := range object {
		if !known[name] {
			left[name] = string(raw)
		}
	}
	return fields, left
}

// expected is the event of a row that a response showed under a task's header.
func expected(task, row shown, observed time.Time) map[string]any {
	fields, left := apply(append(rowRules(), workflowRules()...), row.fields)
	header, leftOfTask := apply(append(taskRules(), workflowRules()...), task.fields)
	for _, r := range workflowRules() {
		stays(left, row.fields, r.api)
		stays(leftOfTask, task.fields, r.api)
		if _, says := left[r.api]; says {
			header[r.field] = fields[r.field]
		}
	}
	maps.Copy(fields, header)
	for name, raw := range leftOfTask {
		if _, taken := left[name]; taken {
			name = "data." + name
		}
		left[name] = raw
	}
	fields["additional_fields"] = nil
	if len(left) > 0 {
		fields["additional_fields"] = left
	}
	fields["duration_ms"] = nil
	start, begun := fields["call_start_time"].(time.Time)
	end, over := fields["call_end_time"].(time.Time)
	if begun && over && !end.Before(start) {
		fields["duration_ms"] = end.Sub(start).Milliseconds()
	}
	switch fields["occurred_at"] = any(observed); {
	case over:
		fields["occurred_at"] = end
	case begun:
		fields["occurred_at"] = start
	}
	fields["observed_at"], fields["account"] = observed, nil
	return fields
}

// stays has a field that was unknown once stand among those that are left, as well.
func stays(left map[string]any, object map[string]json.RawMessage, name string) {
	if raw, there := object[name]; there && string(raw) != "null" {
		left[name] = string(raw)
	}
}

// checkFields holds every field of every event against the response that it was
// read from: the first that was asked for at or after its observed_at. Where the
// rows come before the task's own fields, these may be the last response's.
func (e *Evidence) checkFields() {
	e.Responses.mu.Lock()
	defer e.Responses.mu.Unlock()
	for _, call := range e.Calls {
		taskID, observed := call.Text("task_id"), call.Time("observed_at")
		response, before, _ := e.Responses.response(taskID, observed)
		row, inRow := at(e.Responses.rows[call.Call()], response.asked)
		header, inHeader := at(e.Responses.tasks[taskID], response.asked)
		if !inRow || !inHeader {
			e.wrong(call.Call(), "%s: the response after %s did not show call %s of task %s", call, observed, call.Text("call_id"), taskID)
			continue
		}
		fields := maps.Clone(call.Fields)
		delete(fields, "task_sequence") // see checkNumbers
		wrong := differ(fields, expected(header, row, observed))
		if earlier, ok := at(e.Responses.tasks[taskID], before.asked); ok && len(wrong) > 0 {
			if len(differ(fields, expected(earlier, row, observed))) == 0 {
				wrong = nil
			}
		}
		if len(wrong) > 0 {
			e.wrong(call.Call(), "%s: call %s of task %s is not what the response showed: %s", call, call.Text("call_id"), taskID, strings.Join(wrong, "; "))
		}
	}
	for _, change := range e.Changes {
		e.checkCounts(change)
	}
}

func differ(got, want map[string]any) (wrong []string) {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !equal(got[name], want[name]) {
			wrong = append(wrong, fmt.Sprintf("%s: got %v, want %v", name, got[name], want[name]))
		}
	}
	for name := range got {
		if _, known := want[name]; !known {
			wrong = append(wrong, name+": of no documented field")
		}
	}
	return wrong
}

// equal compares decoded values; times by their instant.
func equal(got, want any) bool {
	switch want := want.(type) {
	case time.Time:
		t, ok := got.(time.Time)
		return ok && t.Equal(want)
	case []any:
		items, ok := got.([]any)
		return ok && slices.EqualFunc(items, want, equal)
	case map[string]any:
		fields, ok := got.(map[string]any)
		return ok && maps.EqualFunc(fields, want, equal)
	}
	return reflect.DeepEqual(got, want)
}

// checkCounts holds a transition or a seal against the response that it was read
// from.
func (e *Evidence) checkCounts(change Record) {
	taskID := change.Text("task_id")
	want, _, _ := e.Responses.response(taskID, change.Time("observed_at"))
	got := answer{want.asked, change.Text("status"), change.Number("rows"), change.Number("rows_finished"), change.Number("rows_cancelled")}
	if got != want {
		e.wrong(airuddersim.CallKey{TaskID: taskID}, "%s: got %+v, the response showed %+v", change, got, want)
	}
}

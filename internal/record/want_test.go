package record

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func observedAt() time.Time {
	return time.Date(2023, 10, 19, 6, 20, 21, 123456789, time.FixedZone("", 7*3600))
}

// decodeBy decodes a value with the Avro library that the Encoder does not use,
// frame checked.
func decodeBy(t testing.TB, schema string, id uint32, value []byte) map[string]any {
	t.Helper()
	if len(value) < frameSize || value[0] != 0 || binary.BigEndian.Uint32(value[1:]) != id {
		t.Fatalf("frame % x, want schema id %d", value[:min(len(value), frameSize)], id)
	}
	var got map[string]any
	rest, err := parse(t, schema).Decode(value[frameSize:], &got)
	if err != nil {
		t.Fatal(err)
	}
	if len(rest) > 0 {
		t.Fatalf("%d bytes after the value", len(rest))
	}
	return got
}

// What a decoded value is to be, built without the Encoder.

func wantText(o call.Opt[string]) any {
	if !o.Set {
		return nil
	}
	return o.Value
}

func wantLong(o call.Opt[int64]) any {
	if !o.Set {
		return nil
	}
	return o.Value
}

func wantTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Truncate(time.Millisecond)
}

func wantMap(m map[string]string) any {
	if m == nil {
		return nil
	}
	all := map[string]any{}
	for k, v := range m {
		all[k] = v
	}
	return all
}

func wantCall(task call.Task, r call.Row, observed time.Time) map[string]any {
	var turns, redials, duration any
	occurred := r.CallEnd
	if occurred.IsZero() {
		occurred = r.CallStart
	}
	if occurred.IsZero() {
		occurred = observed
	}
	if r.AsrResult != nil {
		all := []any{}
		for _, t := range r.AsrResult {
			all = append(all, map[string]any{"time": wantText(t.Time), "robot_text": wantText(t.RobotText),
				"text": wantText(t.Text)})
		}
		turns = all
	}
	if r.Redials != nil {
		all := []any{}
		for _, d := range r.Redials {
			all = append(all, map[string]any{
				"call_id": wantText(d.CallID), "call_start_time": wantTime(d.CallStart), "ring_type": wantText(d.RingType),
				"ring_time": wantLong(d.RingTime), "hangup_type": wantText(d.HangupType), "result_label": wantText(d.ResultLabel),
				"caller_number": wantText(d.CallerNumber), "callee_number": wantText(d.CalleeNumber),
			})
		}
		redials = all
	}
	if !r.CallStart.IsZero() && !r.CallEnd.IsZero() && !r.CallEnd.Before(r.CallStart) {
		duration = r.CallEnd.Sub(r.CallStart).Milliseconds()
	}
	return map[string]any{
		"task_id": task.ID, "task_name": wantText(task.Name), "task_status": wantText(task.Status),
		"robot_method": wantText(task.RobotMethod), "task_robot_id": wantText(task.RobotID),
		"sip_line":            wantText(task.SIPLine),
		"schedule_start_time": wantTime(task.ScheduleStart), "schedule_end_time": wantTime(task.ScheduleEnd),
		"repeat_interval": wantLong(task.RepeatInterval), "repeat_number": wantLong(task.RepeatNumber),
		"row_id": wantLong(r.ID), "call_id": r.CallID, "status": r.Status,
		"call_start_time": wantTime(r.CallStart), "call_end_time": wantTime(r.CallEnd), "duration_ms": duration,
		"robot_id": wantText(r.RobotID), "caller_number": wantText(r.CallerNumber),
		"callee_number": wantText(r.CalleeNumber),
		"callee_name":   wantText(r.CalleeName), "callee_gender": wantText(r.CalleeGender),
		"call_times": wantLong(r.CallTimes),
		"ring_time":  wantLong(r.RingTime), "talk_round": wantLong(r.TalkRound), "ring_type": wantText(r.RingType),
		"hangup_type": wantText(r.HangupType), "intention": wantText(r.Intention),
		"intention_description": wantText(r.IntentionDescription),
		"multi_intention":       wantText(r.MultiIntention), "comments": wantText(r.Comments),
		"platform_name": wantText(r.PlatformName),
		"extra_a":       wantText(r.ExtraA), "extra_b": wantText(r.ExtraB), "extra_c": wantText(r.ExtraC),
		"asr_result": turns, "event_label": wantMap(r.EventLabel), "ner_slots": wantMap(r.NerSlots), "redials": redials,
		"call_notes": wantText(r.CallNotes), "additional_fields": wantMap(r.Additional), "observed_at": wantTime(observed),
		"account": nil, "task_sequence": int64(1), "occurred_at": wantTime(occurred),
		"workflow_id":   wantText(r.WorkflowID),
		"workflow_name": wantText(r.WorkflowName),
		"nodetask_id":   wantText(r.NodeTaskID),
		"nodetask_name": wantText(r.NodeTaskName),
		"case_id":       wantText(r.CaseID),
	}
}

// same compares decoded values field by field.
func same(t testing.TB, got, want map[string]any) {
	t.Helper()
	for name := range want {
		if !reflect.DeepEqual(got[name], want[name]) {
			t.Errorf("%s is %#v, want %#v", name, got[name], want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d fields, want %d", len(got), len(want))
	}
}

// only encodes a plan of one unit and returns its records.
func only(t testing.TB, e *Encoder, p ledger.Plan) ([]batch.Record, ledger.Unit) {
	t.Helper()
	units, err := e.Plan(p)
	if err != nil {
		t.Fatal(err)
	}
	if len(units) != 1 {
		t.Fatalf("%d units, want 1", len(units))
	}
	return units[0].Records, units[0].Unit
}

func planOf(task call.Task, row *call.Row) ledger.Plan {
	p := ledger.Plan{Task: task, ObservedAt: observedAt()}
	p.Units = []ledger.Unit{callUnit(p, row)}
	return p
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; got\n%s", file, got)
	}
}

func hexLines(b []byte) []byte {
	var lines strings.Builder
	for part := range slices.Chunk(b, 32) {
		lines.WriteString(hex.EncodeToString(part) + "\n")
	}
	return []byte(lines.String())
}

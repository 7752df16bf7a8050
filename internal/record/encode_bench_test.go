package record

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/linkedin/goavro/v2"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/schemas"
)

// BenchmarkEncode encodes a plan of 200 calls, with headers, keys and ledger
// entries, and its baseline the values alone: goavro as its README shows it, a
// native map built per record and the frame copied.
func BenchmarkEncode(b *testing.B) {
	p := benchPlan(200)
	b.Run("encoder", func(b *testing.B) {
		e := newTestEncoder(b, EncoderConfig{})
		for b.Loop() {
			if _, err := e.Plan(p); err != nil {
				b.Fatal(err)
			}
		}
		perCall(b, len(p.Units))
	})
	b.Run("values", func(b *testing.B) {
		e := newTestEncoder(b, EncoderConfig{})
		for b.Loop() {
			if err := e.beginCalls(&p); err != nil {
				b.Fatal(err)
			}
			for _, u := range p.Units {
				if _, err := e.callValue(&event{u.Call, &p.Task, 1, 0, p.ObservedAt}); err != nil {
					b.Fatal(err)
				}
			}
		}
		perCall(b, len(p.Units))
	})
	b.Run("readme", func(b *testing.B) {
		codec, err := goavro.NewCodec(schemas.CallCompleted())
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			for _, u := range p.Units {
				if _, err := readmeValue(codec, &p.Task, u.Call, p.ObservedAt); err != nil {
					b.Fatal(err)
				}
			}
		}
		perCall(b, len(p.Units))
	})
}

func perCall(b *testing.B, calls int) {
	b.ReportAllocs()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*calls), "ns/call")
}

// TestBaseline: what the benchmark compares with does the same work.
func TestBaseline(t *testing.T) {
	codec, err := goavro.NewCodec(schemas.CallCompleted())
	if err != nil {
		t.Fatal(err)
	}
	p := benchPlan(2)
	value, err := readmeValue(codec, &p.Task, p.Units[1].Call, p.ObservedAt)
	if err != nil {
		t.Fatal(err)
	}
	same(t, decodeBy(t, schemas.CallCompleted(), 1, value), wantCall(p.Task, *p.Units[1].Call, p.ObservedAt))
}

func benchPlan(calls int) ledger.Plan {
	task, row := sampleTask(), sampleRow()
	p := ledger.Plan{Task: task, ObservedAt: time.UnixMilli(1697696420123)}
	for i := range calls {
		r := row
		r.CallID = fmt.Sprintf("%032x", i)
		r.ID = call.Some(int64(15744007 + i))
		r.CalleeNumber = call.Some(fmt.Sprintf("+62000%07d", i))
		r.CalleeName = call.Some(fmt.Sprintf("name %d", i))
		r.Comments = call.Some(fmt.Sprintf("C%08d", i))
		r.CallStart = row.CallStart.Add(time.Duration(i) * time.Second)
		r.CallEnd = r.CallStart.Add(9 * time.Second)
		r.AsrResult = []call.Turn{row.AsrResult[0]}
		r.AsrResult[0].RobotText.Value += strconv.Itoa(i)
		r.Redials = []call.Redial{row.Redials[0]}
		r.Redials[0].CallID = call.Some(fmt.Sprintf("%032x", -1-i))
		r.Redials[0].CalleeNumber = r.CalleeNumber
		p.Units = append(p.Units, callUnit(p, &r))
	}
	return p
}

func readmeValue(codec *goavro.Codec, t *call.Task, r *call.Row, observed time.Time) ([]byte, error) {
	binaryValue, err := codec.BinaryFromNative(nil, readmeNative(t, r, observed))
	if err != nil {
		return nil, err
	}
	framed := make([]byte, 5, 5+len(binaryValue))
	binary.BigEndian.PutUint32(framed[1:], 1)
	return append(framed, binaryValue...), nil
}

func optText(o call.Opt[string]) any {
	if !o.Set {
		return nil
	}
	return goavro.Union("string", o.Value)
}

func optLong(o call.Opt[int64]) any {
	if !o.Set {
		return nil
	}
	return goavro.Union("long", o.Value)
}

func optTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return goavro.Union("long.timestamp-millis", t)
}

func optMap(m map[string]string) any {
	if m == nil {
		return nil
	}
	native := map[string]any{}
	for k, v := range m {
		native[k] = v
	}
	return goavro.Union("map", native)
}

func readmeNative(t *call.Task, r *call.Row, observed time.Time) map[string]any {
	var turns, redials, duration any
	if r.AsrResult != nil {
		items := []any{}
		for _, turn := range r.AsrResult {
			items = append(items, map[string]any{"time": optText(turn.Time), "robot_text": optText(turn.RobotText),
				"text": optText(turn.Text)})
		}
		turns = goavro.Union("array", items)
	}
	if r.Redials != nil {
		items := []any{}
		for _, d := range r.Redials {
			items = append(items, map[string]any{
				"call_id": optText(d.CallID), "call_start_time": optTime(d.CallStart), "ring_type": optText(d.RingType),
				"ring_time":   optLong(d.RingTime),
				"hangup_type": optText(d.HangupType), "result_label": optText(d.ResultLabel),
				"caller_number": optText(d.CallerNumber), "callee_number": optText(d.CalleeNumber),
			})
		}
		redials = goavro.Union("array", items)
	}
	if d, ok := r.Duration(); ok {
		duration = goavro.Union("long", d.Milliseconds())
	}
	return map[string]any{
		"task_id": t.ID, "task_name": optText(t.Name), "task_status": optText(t.Status),
		"robot_method":  optText(t.RobotMethod),
		"task_robot_id": optText(t.RobotID), "sip_line": optText(t.SIPLine), "schedule_start_time": optTime(t.ScheduleStart),
		"schedule_end_time": optTime(t.ScheduleEnd), "repeat_interval": optLong(t.RepeatInterval),
		"repeat_number": optLong(t.RepeatNumber),
		"row_id":        optLong(r.ID), "call_id": r.CallID, "status": r.Status, "call_start_time": optTime(r.CallStart),
		"call_end_time": optTime(r.CallEnd),
		"duration_ms":   duration, "robot_id": optText(r.RobotID), "caller_number": optText(r.CallerNumber),
		"callee_number": optText(r.CalleeNumber),
		"callee_name":   optText(r.CalleeName), "callee_gender": optText(r.CalleeGender), "call_times": optLong(r.CallTimes),
		"ring_time":  optLong(r.RingTime),
		"talk_round": optLong(r.TalkRound), "ring_type": optText(r.RingType), "hangup_type": optText(r.HangupType),
		"intention":             optText(r.Intention),
		"intention_description": optText(r.IntentionDescription), "multi_intention": optText(r.MultiIntention),
		"comments":      optText(r.Comments),
		"platform_name": optText(r.PlatformName), "extra_a": optText(r.ExtraA), "extra_b": optText(r.ExtraB),
		"extra_c":    optText(r.ExtraC),
		"asr_result": turns, "event_label": optMap(r.EventLabel), "ner_slots": optMap(r.NerSlots), "redials": redials,
		"call_notes":        optText(r.CallNotes),
		"additional_fields": optMap(r.Additional), "observed_at": observed, "occurred_at": r.CallEnd, "task_sequence": int64(1),
		"workflow_id": optText(r.WorkflowID), "workflow_name": optText(r.WorkflowName), "nodetask_id": optText(r.NodeTaskID),
		"nodetask_name": optText(r.NodeTaskName), "case_id": optText(r.CaseID), "account": nil,
	}
}

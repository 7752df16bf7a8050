package benchtest

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/linkedin/goavro/v2"
	kafkago "github.com/segmentio/kafka-go"

	"airudder-exporter/schemas"
)

// The obvious program's environment.
const (
	obviousURL      = "BENCH_OBVIOUS_URL"
	obviousBrokers  = "BENCH_OBVIOUS_BROKERS"
	obviousTopic    = "BENCH_OBVIOUS_TOPIC"
	obviousInterval = "BENCH_OBVIOUS_INTERVAL"
)

// runObvious is what one writes first: decode the whole body, remember in a map
// what was seen, encode with goavro as its README shows it, hand it to a Writer.
// It keeps no ledger, uses no transaction and forgets everything when it ends.
func runObvious(ctx context.Context) error {
	interval, err := time.ParseDuration(os.Getenv(obviousInterval))
	if err != nil {
		return err
	}
	codec, err := goavro.NewCodec(schemas.CallCompleted())
	if err != nil {
		return err
	}
	o := obvious{codec: codec, seen: map[string]bool{}, writer: &kafkago.Writer{
		Addr:  kafkago.TCP(strings.Split(os.Getenv(obviousBrokers), ",")...),
		Topic: os.Getenv(obviousTopic), Balancer: kafkago.Murmur2Balancer{},
		BatchSize: 1000, BatchTimeout: time.Millisecond, RequiredAcks: kafkago.RequireAll,
	}}
	for ctx.Err() == nil {
		next := time.After(interval)
		if err := o.poll(ctx); err != nil {
			return err
		}
		<-next
	}
	return nil
}

type obvious struct {
	codec  *goavro.Codec
	seen   map[string]bool
	writer *kafkago.Writer
}

func (o obvious) poll(ctx context.Context) error {
	task, err := o.read(ctx)
	if err != nil {
		return err
	}
	var messages []kafkago.Message
	for _, row := range task.Detail {
		if row.Status != "finished" || o.seen[row.CallID] {
			continue
		}
		value, err := o.codec.BinaryFromNative(nil, native(task, row, int64(len(o.seen)+len(messages)+1)))
		if err != nil {
			return err
		}
		framed := make([]byte, 5, 5+len(value))
		binary.BigEndian.PutUint32(framed[1:], 1)
		messages = append(messages, kafkago.Message{Key: []byte(row.CallID), Value: append(framed, value...), Headers: headers(task, row)})
	}
	if err := o.writer.WriteMessages(ctx, messages...); err != nil {
		return err
	}
	for _, m := range messages {
		o.seen[string(m.Key)] = true
	}
	return nil
}

func (o obvious) read(ctx context.Context) (taskDetail, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, os.Getenv(obviousURL)+"/service/cloud/detail?TaskID="+taskID, nil)
	if err != nil {
		return taskDetail{}, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return taskDetail{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return taskDetail{}, err
	}
	var answer struct {
		Data taskDetail
		Code int
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return taskDetail{}, err
	}
	if answer.Code != 200 {
		return taskDetail{}, fmt.Errorf("code %d", answer.Code)
	}
	return answer.Data, nil
}

// taskDetail is data of a detail response.
type taskDetail struct {
	TaskID, TaskName, RobotMethod, RobotID, SIPLine, Status string
	ScheduleStartTime, ScheduleEndTime                      time.Time
	RepeatInterval, RepeatNumber                            int64
	Detail                                                  []rowDetail
}

type rowDetail struct {
	ID                                                                   int64
	RobotID, CalleeName, CalleeGender, CalleeNumber, Status, Intention   string
	CallStartTime, CallEndTime                                           time.Time
	IntentionDescription                                                 string `json:"intention_description"`
	CallID                                                               string
	CallTimes, RingTime, TalkRound                                       int64
	Comments, PlatformName, RingType, HangupType, ExtraA, ExtraB, ExtraC string
	AsrResult                                                            []struct{ Time, RobotText, Text string }
	EventLabel, NerSlots                                                 map[string]string
	RedailCall                                                           []redialDetail
	CallNotes                                                            string `json:"call_notes"`
	CallerNumber                                                         string `json:"caller_number"`
}

type redialDetail struct {
	CallID, CallStartTime, RingType, HangupType, ResultLabel string
	RingTime                                                 int64
	CallerNumber                                             string `json:"caller_number"`
	CalleeNumber                                             string `json:"callee_number"`
}

func text(s string) any      { return goavro.Union("string", s) }
func long(n int64) any       { return goavro.Union("long", n) }
func moment(t time.Time) any { return goavro.Union("long.timestamp-millis", t) }
func array(items []any) any  { return goavro.Union("array", items) }
func dict(m map[string]string) any {
	values := map[string]any{}
	for k, v := range m {
		values[k] = v
	}
	return goavro.Union("map", values)
}

func headers(t taskDetail, r rowDetail) []kafkago.Header {
	now := time.Now().UTC().Format(time.RFC3339Nano)
	return []kafkago.Header{
		{Key: "ce_specversion", Value: []byte("1.0")},
		{Key: "ce_type", Value: []byte("airudder.call.completed")},
		{Key: "ce_source", Value: []byte(os.Getenv(obviousURL) + "/tasks/" + t.TaskID)},
		{Key: "ce_id", Value: []byte(t.TaskID + "/" + r.CallID + "/0")},
		{Key: "ce_subject", Value: []byte(r.CallID)},
		{Key: "ce_time", Value: []byte(now)},
		{Key: "content-type", Value: []byte("application/avro")},
	}
}

// native is a call as goavro wants it.
func native(t taskDetail, r rowDetail, sequence int64) map[string]any {
	var turns, redials []any
	for _, turn := range r.AsrResult {
		turns = append(turns, map[string]any{"time": text(turn.Time), "robot_text": text(turn.RobotText), "text": text(turn.Text)})
	}
	for _, d := range r.RedailCall {
		var start any
		if at, err := time.ParseInLocation(time.DateTime, d.CallStartTime, time.FixedZone("", 8*3600)); err == nil {
			start = moment(at)
		}
		redials = append(redials, map[string]any{
			"call_id": text(d.CallID), "call_start_time": start, "ring_type": text(d.RingType), "ring_time": long(d.RingTime),
			"hangup_type": text(d.HangupType), "result_label": text(d.ResultLabel), "caller_number": text(d.CallerNumber), "callee_number": text(d.CalleeNumber),
		})
	}
	return map[string]any{
		"task_id": t.TaskID, "task_name": text(t.TaskName), "task_status": text(t.Status), "robot_method": text(t.RobotMethod),
		"task_robot_id": text(t.RobotID), "sip_line": text(t.SIPLine), "schedule_start_time": moment(t.ScheduleStartTime),
		"schedule_end_time": moment(t.ScheduleEndTime), "repeat_interval": long(t.RepeatInterval), "repeat_number": long(t.RepeatNumber),
		"row_id": long(r.ID), "call_id": r.CallID, "task_sequence": sequence, "status": r.Status, "call_start_time": moment(r.CallStartTime), "call_end_time": moment(r.CallEndTime),
		"duration_ms": long(r.CallEndTime.Sub(r.CallStartTime).Milliseconds()), "robot_id": text(r.RobotID), "caller_number": text(r.CallerNumber),
		"callee_number": text(r.CalleeNumber), "callee_name": text(r.CalleeName), "callee_gender": text(r.CalleeGender), "call_times": long(r.CallTimes),
		"ring_time": long(r.RingTime), "talk_round": long(r.TalkRound), "ring_type": text(r.RingType), "hangup_type": text(r.HangupType),
		"intention": text(r.Intention), "intention_description": text(r.IntentionDescription), "multi_intention": nil, "comments": text(r.Comments),
		"platform_name": text(r.PlatformName), "extra_a": text(r.ExtraA), "extra_b": text(r.ExtraB), "extra_c": text(r.ExtraC),
		"asr_result": array(turns), "event_label": dict(r.EventLabel), "ner_slots": dict(r.NerSlots), "redials": array(redials),
		"call_notes": text(r.CallNotes), "additional_fields": nil, "occurred_at": r.CallEndTime, "observed_at": time.Now(),
	}
}

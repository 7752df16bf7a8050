package record

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/linkedin/goavro/v2"

	"airudder-exporter/internal/call"
	"airudder-exporter/schemas"
)

// FuzzEncode encodes random calls, several in one Encoder, and reads them back
// with both Avro libraries.
func FuzzEncode(f *testing.F) {
	for seed := range uint64(100) {
		f.Add(seed, "text")
	}
	f.Add(uint64(1), "\x00\"\\</>\u2028 \U0001f600")
	f.Add(uint64(2), strings.Repeat("long ", 20000)) // outgrows a slab
	e := newTestEncoder(f, EncoderConfig{})
	codec, err := goavro.NewCodec(schemas.CallCompleted())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, seed uint64, text string) {
		g := generator{rand.New(rand.NewPCG(seed, 0)), strings.ToValidUTF8(text, "?")}
		for range 3 {
			task, row := g.task(), g.row()
			p := planOf(task, &row)
			p.ObservedAt = g.time().Add(time.Hour)
			records, _ := only(t, e, p)
			want := row
			want.Additional = additional(task.Additional, row.Additional)
			same(t, decodeBy(t, schemas.CallCompleted(), 1, records[0].Value), wantCall(task, want, p.ObservedAt))
			if _, rest, err := codec.NativeFromBinary(records[0].Value[frameSize:]); err != nil || len(rest) > 0 {
				t.Errorf("goavro: %d bytes left, error %v", len(rest), err)
			}
		}
	})
}

// generator makes random calls, with every field now set, now not.
type generator struct {
	*rand.Rand
	text string
}

func (g generator) string() string {
	switch g.IntN(5) {
	case 0:
		return ""
	case 1:
		return g.text
	}
	return fmt.Sprintf("%x", g.Uint64()>>g.IntN(64))
}

func (g generator) optText() (o call.Opt[string]) {
	if g.IntN(4) > 0 {
		o = call.Some(g.string())
	}
	return o
}

func (g generator) optLong() (o call.Opt[int64]) {
	if g.IntN(4) > 0 {
		o = call.Some(int64(g.Uint64()) >> g.IntN(64))
	}
	return o
}

// time is between 1941 and 2255, at times with less than a millisecond.
func (g generator) time() time.Time {
	return time.UnixMilli(g.Int64N(1e13) - 9e11).Add(time.Duration(g.IntN(1e6)))
}

func (g generator) optTime() (t time.Time) {
	if g.IntN(4) > 0 {
		t = g.time()
	}
	return t
}

func (g generator) dict() map[string]string {
	if g.IntN(3) == 0 {
		return nil
	}
	m := map[string]string{}
	for range g.IntN(5) {
		m[g.string()] = g.string()
	}
	return m
}

func (g generator) task() call.Task {
	return call.Task{
		ID: g.string(), Name: g.optText(), RobotMethod: g.optText(), RobotID: g.optText(), SIPLine: g.optText(),
		Status:        g.optText(),
		ScheduleStart: g.optTime(), ScheduleEnd: g.optTime(), RepeatInterval: g.optLong(), RepeatNumber: g.optLong(),
		Additional: g.dict(),
	}
}

func (g generator) row() call.Row {
	r := call.Row{
		ID: g.optLong(), CallID: "c" + g.string(), Status: call.Finished, CallStart: g.optTime(), CallEnd: g.optTime(),
		RobotID: g.optText(), CallerNumber: g.optText(), CalleeNumber: g.optText(), CalleeName: g.optText(),
		CalleeGender: g.optText(),
		CallTimes:    g.optLong(), RingTime: g.optLong(), TalkRound: g.optLong(), RingType: g.optText(),
		HangupType: g.optText(),
		Intention:  g.optText(), IntentionDescription: g.optText(), MultiIntention: g.optText(), Comments: g.optText(),
		PlatformName: g.optText(), ExtraA: g.optText(), ExtraB: g.optText(), ExtraC: g.optText(),
		EventLabel: g.dict(), NerSlots: g.dict(), CallNotes: g.optText(), Additional: g.dict(),
	}
	if g.IntN(3) > 0 {
		r.AsrResult = make([]call.Turn, g.IntN(6))
	}
	for i := range r.AsrResult {
		r.AsrResult[i] = call.Turn{Time: g.optText(), RobotText: g.optText(), Text: g.optText()}
	}
	if g.IntN(3) > 0 {
		r.Redials = make([]call.Redial, g.IntN(4))
	}
	for i := range r.Redials {
		r.Redials[i] = call.Redial{
			CallID: g.optText(), CallStart: g.optTime(), RingType: g.optText(), RingTime: g.optLong(),
			HangupType: g.optText(), ResultLabel: g.optText(), CallerNumber: g.optText(), CalleeNumber: g.optText(),
		}
	}
	return r
}

package airuddersim

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// field is one member of a JSON object, in the order it is sent.
type field struct {
	name string
	raw  []byte // its value as JSON
}

// noTime is how the API writes a time that is not set.
const noTime = "0001-01-01T00:00:00Z"

// taskFields are a task's own fields in the documented order, without detail.
func (s *Sim) taskFields(t *task) []field {
	rnd := random(s.cfg.Seed, forTask, t.No, 2)
	fields := []field{
		{"TaskID", quote(t.ID)},
		{"TaskName", quote(t.Name)},
		{"RobotMethod", quote(pick(rnd, []string{"single", "single", "group"}))},
		{"RobotID", quote(hexID(s.cfg.Seed, "robot", t.Product, t.Brand))},
		{"SIPLine", quote(fmt.Sprintf("ID_SIMULATED_LINE_%02d", 1+rnd.IntN(8)))},
		{"Status", s.odd.word(TaskWords, t.status())},
		{"ScheduleStartTime", s.clock(t.Start)},
		{"ScheduleEndTime", s.scheduleEnd(t.End)},
		{"RepeatInterval", number(int64(s.cfg.RedialWait / time.Minute))},
		{"RepeatNumber", number(int64(t.Repeats))},
	}
	if s.drift {
		fields = driftTask(fields)
	}
	if s.odd.text(Workflow) == "data" {
		fields = append(fields, s.workflow(t, -1)...)
	}
	return append(fields, s.besideRows(t)...)
}

// rowFields are a row's fields in the documented order, as they are now.
func (s *Sim) rowFields(t *task, index int) []field {
	r := t.Rows[index]
	rnd := random(s.cfg.Seed, forRow, t.No, index)
	p := s.products[t.Product]
	who := someone(rnd, p, t.No, index)
	brand := p.brands[t.Brand]
	o := outcome{}
	if a := r.current(); a != nil {
		o = s.outcomeIf(t, index, len(r.Attempts), a.Connected)
	}
	v := view{sim: s, t: t, r: r, index: index, who: who, brand: brand, o: o, variant: rnd.IntN(3)}
	if o.connected {
		v.fill = o.filler(who, brand)
	}
	fields := v.fields()
	if s.drift {
		fields = driftRow(fields, who, index)
	}
	if s.odd.text(Workflow) == "rows" {
		fields = append(fields, s.workflow(t, index)...)
	}
	if s.odd.has(NewField) {
		fields = append(fields, field{s.odd.text(NewField), quote("Tim " + who.name[:1])})
	}
	return override(fields, r.Set)
}

// workflow are a workflow's fields, a row's or, of index -1, its task's.
func (s *Sim) workflow(t *task, index int) []field {
	return []field{
		{"workflow_id", number(70_000 + int64(t.Product))},
		{"workflow_name", quote("Alur-" + s.products[t.Product].name)},
		{"nodetask_id", quote(hexID(s.cfg.Seed, "node", t.No))},
		{"nodetask_name", quote("Panggilan pertama")},
		{"case_id", quote(hexID(s.cfg.Seed, "case", t.No, index))},
	}
}

// view is all that a row's fields are made of.
type view struct {
	sim     *Sim
	t       *task
	r       *row
	index   int
	who     person
	brand   string
	o       outcome
	fill    *strings.Replacer // of the talk's placeholders; nil: nobody talked
	variant int               // how unset times are written: the year 1, "" or null
}

// settled reports whether the row shows an attempt that has ended.
func (v view) settled() bool {
	a := v.r.current()
	return a != nil && !a.End.IsZero() && v.r.Status != Cancelled
}

// fields are the row's fields in the documented order.
func (v view) fields() []field {
	o, talked := v.o, v.settled() && v.o.connected && !v.r.Held
	var intention, description, ringType, hangup, notes string
	ring, rounds := int64(0), int64(0)
	if v.settled() {
		intention, ringType, hangup = o.label(), o.ringType, o.hangup
		ring, rounds, description = int64(o.ring/time.Second), int64(o.talkRounds()), "Tidak terhubung"
		switch {
		case v.r.Held:
			intention, description = "", ""
		case talked:
			description = o.talk.description
		}
	}
	if v.r.Changes > 0 {
		intention, notes = "B", fmt.Sprintf("Dikoreksi %d kali oleh supervisor", v.r.Changes)
	}
	fields := []field{
		{"id", number(v.r.ID)},
		{"RobotID", number4(4000 + v.t.Product*37 + v.t.Brand)},
		{"CalleeName", quote(v.who.name)},
		{"CalleeGender", quote(v.who.gender)},
		{"CalleeNumber", quote(v.who.number)},
		{"CallStartTime", v.startTime()},
		{"CallEndTime", v.endTime()},
		{"Status", v.sim.odd.word(RowWords, v.r.Status)},
		{"Intention", quote(intention)},
		{"intention_description", quote(description)},
		{"CallID", v.callID()},
		{"CallTimes", number(int64(len(v.r.Attempts)))},
		{"Comments", quote(v.who.comments)},
		{"PlatformName", quote(v.brand)},
		{"RingType", quote(ringType)},
		{"HangupType", quote(hangup)},
		{"ExtraA", quote(v.who.extraA)},
		{"ExtraB", quote(v.who.extraB)},
		{"ExtraC", quote(v.who.extraC)},
		{"AsrResult", v.asrResult(talked)},
		{"EventLabel", v.eventLabel(talked)},
		{"RingTime", number(ring)},
		{"TalkRound", number(rounds)},
		{"RedailCall", v.redials()},
		{"NerSlots", v.nerSlots(talked)},
		{"call_notes", quote(notes)},
		{"caller_number", quote(v.sim.caller(v.t))},
	}
	if talked && v.t.Product == multiIntention {
		fields = append(fields, field{"Multi_intention", quote(fmt.Sprintf(`[{"intention":%q,"name":%q}]`, intention, description))})
	}
	return fields
}

// multiIntention is the product whose robots send the optional Multi_intention.
const multiIntention = 2

// caller is the number that a task calls from.
func (s *Sim) caller(t *task) string {
	return fmt.Sprintf("+6200021%06d", t.Product*1000+t.Brand*10+1)
}

func (v view) startTime() []byte {
	if a := v.r.current(); a != nil && v.r.Status != Cancelled {
		return v.sim.clock(a.Start)
	}
	return v.unset()
}

func (v view) endTime() []byte {
	if v.settled() {
		return v.sim.clock(v.r.current().End)
	}
	return v.unset()
}

// unset is a time that is not set, in one of the ways the API was seen to use.
func (v view) unset() []byte {
	switch v.variant {
	case 0:
		return quote(noTime)
	case 1:
		return quote("")
	}
	return []byte("null")
}

func (v view) callID() []byte {
	if a := v.r.current(); a != nil {
		return quote(a.CallID)
	}
	return quote("")
}

// asrResult is the talk, turn by turn.
func (v view) asrResult(talked bool) []byte {
	if !talked {
		return []byte("[]")
	}
	b := []byte{'['}
	for i, turn := range v.o.talk.turns {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"time":"`...)
		b = time.Time{}.Add(v.o.turnAt[i]).AppendFormat(b, time.TimeOnly)
		b = append(b, `","robottext":`...)
		b = appendString(b, v.fill.Replace(turn.robot))
		b = append(b, `,"text":`...)
		b = appendString(b, v.fill.Replace(turn.callee))
		b = append(b, '}')
	}
	return append(b, ']')
}

func (v view) eventLabel(talked bool) []byte {
	switch {
	case talked:
		return v.pairs(v.o.talk.events)
	case v.settled() && !v.r.Held:
		return []byte(`{"final_label":"F"}`)
	}
	return []byte("{}")
}

func (v view) nerSlots(talked bool) []byte {
	if !talked {
		return []byte("{}")
	}
	return v.pairs(v.o.talk.slots)
}

// pairs is a JSON object of strings.
func (v view) pairs(pairs []pair) []byte {
	b := []byte{'{'}
	for i, p := range pairs {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, p.key)
		b = append(b, ':')
		b = appendString(b, v.fill.Replace(p.value))
	}
	return append(b, '}')
}

// redials are the row's earlier attempts, oldest first.
func (v view) redials() []byte {
	b := []byte{'['}
	for i, a := range v.r.Attempts[:max(0, len(v.r.Attempts)-1)] {
		if i > 0 {
			b = append(b, ',')
		}
		o := v.sim.outcomeIf(v.t, v.index, i+1, a.Connected)
		b = append(b, `{"CallID":`...)
		b = appendString(b, a.CallID)
		b = a.Start.In(localZone).AppendFormat(append(b, `,"CallStartTime":"`...), time.DateTime)
		b = appendString(append(b, `","RingType":`...), o.ringType)
		b = strconv.AppendInt(append(b, `,"RingTime":`...), int64(o.ring/time.Second), 10)
		b = appendString(append(b, `,"HangupType":`...), o.hangup)
		b = appendString(append(b, `,"ResultLabel":`...), o.label())
		b = appendString(append(b, `,"caller_number":`...), v.sim.caller(v.t))
		b = appendString(append(b, `,"callee_number":`...), v.who.number)
		b = append(b, '}')
	}
	return append(b, ']')
}

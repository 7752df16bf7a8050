package airuddersim

import (
	"strings"
	"time"
)

// outcome is how an attempt goes. It follows from the seed, the task, the row
// and the attempt.
type outcome struct {
	connected bool
	ring      time.Duration
	ringType  string
	hangup    string
	talk      talk
	pay, when string
	turnAt    []time.Duration // when each turn begins, from the answer
	talking   time.Duration
}

// duration is the attempt's length, ringing included.
func (o outcome) duration() time.Duration { return o.ring + o.talking }

// outcome works out how a row's try-th attempt (from 1) goes.
func (s *Sim) outcome(t *task, index, try int) outcome {
	connects := random(s.cfg.Seed, forAttempt, t.No, index, try).Float64() < connectShare
	return s.outcomeIf(t, index, try, connects)
}

// outcomeIf is outcome for an attempt that is known to have connected, or not:
// a test may have ended it by hand.
func (s *Sim) outcomeIf(t *task, index, try int, connected bool) outcome {
	r := random(s.cfg.Seed, forAttempt, t.No, index, try, 2)
	o := outcome{connected: connected, pay: pick(r, payWays), when: pick(r, payTimes)}
	if !connected {
		o.ring = time.Duration(8+r.IntN(22)) * time.Second
		o.ringType = pick(r, []string{"noanswer", "noanswer", "busy", "poweroff", "rejected"})
		o.hangup = "ByRobot"
		return o
	}
	o.ring = time.Duration(2+r.IntN(14)) * time.Second
	o.talk = chooseTalk(r, s.products[t.Product].talks)
	o.ringType, o.hangup = "normal", o.talk.hangup
	for _, turn := range o.talk.turns {
		o.turnAt = append(o.turnAt, o.talking)
		letters := len(turn.robot) + len(turn.callee)
		o.talking += time.Duration(1+letters/32) * time.Second
	}
	return o
}

// connectShare is the share of attempts that somebody answers.
const connectShare = 0.62

// label is the attempt's result label.
func (o outcome) label() string {
	if !o.connected {
		return "F"
	}
	return o.talk.intention
}

// filler replaces the placeholders of a talk.
func (o outcome) filler(p person, brand string) *strings.Replacer {
	return strings.NewReplacer("{name}", p.name, "{mr}", p.salutation(), "{brand}", brand,
		"{amount}", p.amount, "{due}", p.due, "{order}", p.order, "{city}", p.city,
		"{pay}", o.pay, "{when}", o.when)
}

// talkRounds are the turns in which the callee said something.
func (o outcome) talkRounds() int {
	n := 0
	for _, turn := range o.talk.turns {
		if o.connected && turn.callee != "" {
			n++
		}
	}
	return n
}

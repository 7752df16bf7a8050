package audit

import (
	"time"

	"airudder-exporter/internal/ledger"
)

// slot is what is kept of a call: its entry's number and time, and what was seen of it.
// It has no pointer, and twelve bytes: a ledger has millions.
type slot struct {
	n              uint32
	atLow          uint32 // milliseconds since 1970, of 48 bits
	atHigh         uint16
	seen, standing standing
}

// standing is a set of marks.
type standing uint8

// What was seen of the events.
const (
	once standing = 1 << iota
	twice
)

// What the ledger says.
const (
	entered standing = 1 << iota // there is an entry
	dead                         // which says: a dead letter
	late                         // the entry stands after where the ledger was first read to
	revised                      // it may have been written again, so that its time is not the event's, but later
)

func newSlot(n int64, at time.Time) (s slot) {
	s.n = clamp(n)
	ms := uint64(min(max(0, at.UnixMilli()), 1<<48-1))
	s.atLow, s.atHigh = uint32(ms), uint16(ms>>32)
	return s
}

// clamp is a task_sequence as it is kept. No task has so many calls.
func clamp(n int64) uint32 { return uint32(min(max(0, n), 1<<32-1)) }

func (s slot) at() time.Time {
	return time.UnixMilli(int64(s.atHigh)<<32 | int64(s.atLow)).UTC()
}

// event reports whether the call is an event, as its entry says or, where there is none,
// as the events do.
func (s slot) event() bool { return s.standing&dead == 0 }

// entry is the slot of a call of which an entry says so much. What was seen of its
// events stays.
func (s slot) entry(p ledger.Published, after bool) slot {
	seen := s.seen
	s = newSlot(p.N, p.At)
	s.seen, s.standing = seen, entered
	if p.As == ledger.DeadLetter {
		s.standing |= dead
	}
	if after {
		s.standing |= late
	}
	if p.Revision > 0 || p.Fields != (ledger.Fields{}) {
		s.standing |= revised
	}
	return s
}

// known is the slot with the time that an event says, in RFC 3339.
func (s slot) known(recorded []byte) slot {
	var at time.Time
	if at.UnmarshalText(recorded) != nil { // as old as can be
		return s
	}
	now := newSlot(int64(s.n), at)
	now.seen, now.standing = s.seen, s.standing&^revised
	return now
}

// see counts an event.
func (s slot) see() slot {
	if s.seen&once != 0 {
		s.seen |= twice
	}
	s.seen |= once
	return s
}

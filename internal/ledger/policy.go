package ledger

import (
	"time"

	"airudder-exporter/internal/call"
)

// Policy are the settings that decide about a task's end.
type Policy struct {
	AfterEnd  time.Duration // from a task's end to its seal: late rows are waited for
	Retention time.Duration // from its seal to its closing

	// A single answer may be empty, or old. So nothing final rests on one: a seal and
	// a closing take two looks that are so far apart and show the same; a row without a
	// CallID, too, becomes a dead letter only so long after its task's end was seen,
	Between time.Duration
	// and where they show no row, or rows still open, three over so long a time.
	OpenFor time.Duration
}

// SealDue is from when on a reading that begins may seal a task: AfterEnd after it
// was seen terminal or, where that is earlier, after its schedule's end. False: it
// was not seen terminal, or is not any more.
func (p Policy) SealDue(s State, scheduleEnd time.Time) (due time.Time, ended bool) {
	end := s.TerminalSince
	if !scheduleEnd.IsZero() && scheduleEnd.Before(end) {
		end = scheduleEnd
	}
	return end.Add(p.AfterEnd), !s.TerminalSince.IsZero()
}

// ClosingDue is from when on a sealed task may be closed; false: it is not sealed.
func (p Policy) ClosingDue(s State) (due time.Time, sealed bool) {
	return s.SealedAt.Add(p.Retention), !s.SealedAt.IsZero()
}

// LookDue is from when on another reading that shows the same is another look. Zero:
// there was none.
func (p Policy) LookDue(s State) time.Time {
	l := s.Look
	if l.Count == 0 {
		return time.Time{}
	}
	due := l.Last.Add(p.Between)
	looks, over := p.needs(l)
	if end := l.First.Add(over); l.Count+1 >= looks && end.After(due) {
		due = end
	}
	return due
}

// needs is how many looks the end of a task takes that shows what l does, and over how
// long a time at least.
func (p Policy) needs(l Look) (looks int, over time.Duration) {
	if l.sure() {
		return 2, p.Between
	}
	return 3, p.OpenFor
}

// enough reports whether the looks at a task make its end sure.
func (p Policy) enough(l Look) bool {
	looks, over := p.needs(l)
	return l.Count >= looks && !l.Last.Before(l.First.Add(over))
}

// CallIDsDue is until when a finished row that shows no CallID may still get one;
// false: its task was not seen terminal, or is not any more.
func (p Policy) CallIDsDue(s State) (due time.Time, ended bool) {
	return s.TerminalSince.Add(p.Between), !s.TerminalSince.IsZero()
}

// awaitsCallID reports whether a row that this reading shows without a CallID may still
// get one: until the task's end was seen, and a reading that is late enough shows both.
func (p Policy) awaitsCallID(s State, c call.Reading) bool {
	due, ended := p.CallIDsDue(s)
	return !ended || !c.Task.Terminal() || c.Started.Before(due)
}

// sealDue reports whether a response began late enough to seal.
func (p Policy) sealDue(s State, c call.Reading) bool {
	due, ended := p.SealDue(s, c.Task.ScheduleEnd)
	return ended && !c.Started.Before(due)
}

// closingDue reports whether a sealed task's retention is over.
func (p Policy) closingDue(s State, asked time.Time) bool {
	due, sealed := p.ClosingDue(s)
	return sealed && !asked.Before(due)
}

// TooOld reports whether a task that is not exported yet ended before the export
// began, by its schedule's end. One without an end never is.
func (m Meta) TooOld(scheduleEnd time.Time) bool {
	return !scheduleEnd.IsZero() && scheduleEnd.Before(m.ExportSince)
}

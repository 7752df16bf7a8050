package ledger

import (
	"time"

	"airudder-exporter/internal/call"
)

// Policy are the settings that decide about a task's end.
type Policy struct {
	AfterEnd  time.Duration // from a task's end to its seal: late rows are waited for
	Retention time.Duration // from its seal to its closing
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

// seals reports whether a response began late enough to seal.
func (p Policy) seals(s State, c call.Reading) bool {
	due, ended := p.SealDue(s, c.Task.ScheduleEnd)
	return ended && !c.Started.Before(due)
}

// closed is the state after a look at a task that shows nothing new: closed, where
// its seal holds and its closing is due.
func (p Policy) closed(s State, t *task, asked time.Time) State {
	due, _ := p.ClosingDue(s)
	if s.ClosedAt.IsZero() && s.SealHolds(t.published()) && !asked.Before(due) {
		s.ClosedAt = milliseconds(asked)
	}
	return s
}

// TooOld reports whether a task that is not exported yet ended before the export
// began, by its schedule's end. One without an end never is.
func (m Meta) TooOld(scheduleEnd time.Time) bool {
	return !scheduleEnd.IsZero() && scheduleEnd.Before(m.ExportSince)
}

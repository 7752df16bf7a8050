package exporter

import (
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// pace says how long to wait after a reading and when the next one is due: fast
// while calls are finishing, slower while nothing changes, slow for a task that
// has not begun, decaying re-checks after its end, and for a sealed task none
// before its closing. The zero time means not until a listing shows a change.
//
// A task of which something waits, for its topic or for another reading that says the
// same, is never left alone for longer than PollMax.
func (c Config) pace(d outcome, last time.Duration) (time.Duration, time.Time) {
	interval, due := c.paceOf(d, last)
	if !d.seen.waits {
		return interval, due
	}
	soon := d.began.Add(spread(c.PollMax))
	if at, ended := c.Policy.CallIDsDue(d.seen.standing.State); ended && at.After(d.began) {
		soon = at // else what waits for that would have to wait for yet another
	}
	if due.IsZero() || due.After(soon) {
		due = soon
	}
	return interval, due
}

func (c Config) paceOf(d outcome, last time.Duration) (time.Duration, time.Time) {
	end := d.seen.standing
	switch end.Phase {
	case ledger.Closed, ledger.BeforeExportSince:
		return 0, time.Time{}
	case ledger.Sealed:
		closing, _ := c.Policy.ClosingDue(end.State)
		return 0, later(d.began.Add(c.PollMax), later(closing, c.Policy.LookDue(end.State)))
	case ledger.Ended:
		return c.recheck(d, last)
	}
	return c.watch(d, last)
}

// watch paces a task that may still place calls.
func (c Config) watch(d outcome, last time.Duration) (time.Duration, time.Time) {
	interval := c.grow(last, 3, 2, c.PollMax)
	switch status := call.Fold(d.seen.task.Status.Value); {
	case d.seen.published > 0:
		interval = c.PollMin
	case status == call.Created || status == call.Pending:
		interval = c.PollMax
		if start := d.seen.task.ScheduleStart; start.After(d.began) {
			interval = min(interval, max(c.PollMin, start.Sub(d.began)))
		}
	}
	return interval, d.began.Add(spread(interval))
}

// recheck paces a task that has ended: late rows come soon or hardly at all.
// The last one is due when the task can be sealed. One that cannot for days is read
// once a day.
func (c Config) recheck(d outcome, last time.Duration) (time.Duration, time.Time) {
	longest := c.PollMax
	if c.Policy.AfterEnd >= 24*time.Hour {
		longest = max(longest, c.Policy.AfterEnd/24)
	}
	interval := c.grow(last, 2, 1, longest)
	if d.seen.published > 0 {
		interval = c.PollMin
	}
	due := d.began.Add(spread(interval))
	state := d.seen.standing.State
	if c.unsealed(state, d.began) {
		return interval, later(due, d.began.Add(spread(24*time.Hour)))
	}
	seal, ended := c.Policy.SealDue(state, d.seen.task.ScheduleEnd)
	seal = later(seal, c.Policy.LookDue(state))
	if ended && seal.After(d.began) && seal.Before(due) {
		due = seal
	}
	return interval, due
}

// unsealedFor is how long after its end, and after its seal was due, a task that is
// still not sealed needs somebody to look at it.
const unsealedFor = 7 * 24 * time.Hour

// unsealed reports whether a task should have been sealed days ago.
func (c Config) unsealed(s ledger.State, now time.Time) bool {
	end := later(s.TerminalSince, s.SealedAt) // a seal that still holds is no concern of the caller's
	return !s.TerminalSince.IsZero() && now.After(end.Add(max(unsealedFor, c.Policy.AfterEnd)))
}

// grow multiplies an interval by num/den, within PollMin and longest.
func (c Config) grow(last time.Duration, num, den int64, longest time.Duration) time.Duration {
	return min(max(last*time.Duration(num)/time.Duration(den), c.PollMin), longest)
}

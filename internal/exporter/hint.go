package exporter

import "time"

// Hint is what becomes of a hint that a task has something new. A hint causes nothing but
// a reading that would come anyway, only sooner: nothing that came with it is believed.
type Hint string

// The ends of a hint.
const (
	HintTaken     Hint = "taken"     // the task is read as soon as a request may go, or is being read, and again after that
	HintWaits     Hint = "waits"     // its last reading failed, and nothing shortens that wait
	HintUnknown   Hint = "unknown"   // no such task is known: the list is read soon
	HintOver      Hint = "over"      // it is not exported any more, or never was
	HintElsewhere Hint = "elsewhere" // its shard is not at work in this process
)

// Hints are all of them.
var Hints = []Hint{HintTaken, HintWaits, HintUnknown, HintOver, HintElsewhere}

const (
	// hintSlots is how many tasks are read at once, beside the others, since hints say so.
	hintSlots = 2

	// listApart is how far apart the readings of the list begin that hints ask for.
	listApart = 10 * time.Second
)

// Hint takes a hint about a task.
func (e *Exporter) Hint(taskID string) Hint {
	now := time.Now()
	e.mu.Lock()
	r := e.runs[e.cfg.ShardOf(taskID, max(e.meta.Partitions, 1))]
	e.mu.Unlock()
	if r == nil {
		return HintElsewhere
	}
	e.lastHint.set(now)
	got := r.schedule.hint(taskID, now)
	switch {
	case got == HintUnknown && r.ledger.Knows(taskID):
		return HintOver
	case got == HintUnknown:
		select {
		case e.listHinted <- struct{}{}:
		default: // somebody has asked already
		}
	case got == HintTaken:
		select {
		case r.taskHinted <- struct{}{}:
		default:
		}
	}
	return got
}

// hintApart is how far apart the readings of a task begin that hints ask for, at least:
// twice as far each time that such a reading finds nothing, up to PollMax. So forged hints
// cost no more than the readings that would be made anyway.
const hintApart = time.Second

func (j *job) hintDue() time.Time { return j.readAt.Add(max(j.hintApart, hintApart)) }

// heeded notes what a reading found that a hint asked for.
func (j *job) heeded(published int, longest time.Duration) {
	if j.hintApart = min(2*max(j.hintApart, hintApart), longest); published > 0 {
		j.hintApart = 0
	}
}

// hint makes a task due now, or, while it is read, again after that: the answer may be
// older than what the hint tells of. Nothing shortens the wait after an error.
func (s *schedule) hint(taskID string, now time.Time) Hint {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.jobs[taskID]
	switch {
	case j == nil:
		return HintUnknown
	case j.reading:
		j.hinted = true
		return HintTaken
	case j.err != nil:
		return HintWaits
	}
	s.hasten(j, j.due, now)
	return HintTaken
}

// hasten makes a task due for a hint, if that is sooner than it would be by itself: a
// hint postpones nothing. s.mu is held.
func (s *schedule) hasten(j *job, itself, now time.Time) {
	due := later(now, j.hintDue())
	switch {
	case itself.IsZero() || due.Before(itself):
	case !due.After(now): // it is due already, and goes before others now
		due = itself
	default:
		j.hinted = false
		s.put(j, itself, now)
		return
	}
	j.hinted = true
	s.put(j, due, now)
}

// hintDue reports whether a task is due of which a hint tells.
func (s *schedule) hintDue(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.lanes[told].due()
	return j != nil && !j.due.After(now)
}

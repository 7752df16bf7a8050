package ledger

import (
	"maps"
	"slices"

	"airudder-exporter/internal/call"
)

// Phase is how far the export of a task has come.
type Phase string

// The phases there are.
const (
	Unknown           Phase = "unknown"             // the ledger says nothing of the task
	BeforeExportSince Phase = "before_export_since" // ended before the export began: not exported
	Open              Phase = "open"                // being exported; may still place calls
	Ended             Phase = "ended"               // seen terminal, and not sealed, or not since the last late row
	Sealed            Phase = "sealed"              // its end was published; read again only if it changes
	Closed            Phase = "closed"              // never read again
)

// Standing is what the ledger says of one task, for the loop and the page.
type Standing struct {
	TaskID      string
	Phase       Phase
	State       State
	Events      int64 // the last task_sequence: calls published as events
	DeadLetters int64 // that no later response has shown sound
	Leftover    bool  // closed, with entries whose tombstones are still to be written
}

// Standing returns what the ledger says of a task.
func (l *Ledger) Standing(taskID string) Standing {
	l.mu.RLock()
	defer l.mu.RUnlock()
	t := l.tasks[taskID]
	if t == nil {
		return Standing{TaskID: taskID, Phase: Unknown}
	}
	return l.standing(t)
}

// Tally counts the tasks by what class says of each.
func (l *Ledger) Tally(class func(Standing) string) map[string]int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	counts := map[string]int{}
	for _, t := range l.tasks {
		counts[class(l.standing(t))]++
	}
	return counts
}

// Standings returns what the ledger says of every task, in no order.
func (l *Ledger) Standings() []Standing {
	l.mu.RLock()
	defer l.mu.RUnlock()
	all := make([]Standing, 0, len(l.tasks))
	for _, t := range l.tasks {
		all = append(all, l.standing(t))
	}
	return all
}

// TaskIDs returns the tasks that the ledger knows, in no order.
func (l *Ledger) TaskIDs() []string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return slices.AppendSeq(make([]string, 0, len(l.tasks)), maps.Keys(l.tasks))
}

// Knows reports whether TaskIDs has a task.
func (l *Ledger) Knows(taskID string) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.tasks[taskID] != nil
}

func (l *Ledger) standing(t *task) Standing {
	return Standing{
		TaskID:      t.id,
		Phase:       l.phase(t),
		State:       t.state,
		Events:      t.last,
		DeadLetters: t.deadLetters(),
		Leftover:    !t.state.ClosedAt.IsZero() && t.published() > 0,
	}
}

func (l *Ledger) phase(t *task) Phase {
	switch s := t.state; {
	case !s.ClosedAt.IsZero():
		return Closed
	case !t.begun() && s.BeforeExportSince && l.meta.TooOld(s.ScheduleEnd):
		return BeforeExportSince
	case !t.begun():
		return Unknown
	case s.SealHolds(t.last):
		return Sealed
	case call.Terminal(s.Status):
		return Ended
	}
	return Open
}

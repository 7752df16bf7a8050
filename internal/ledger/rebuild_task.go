package ledger

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"airudder-exporter/internal/call"
)

// RebuiltTask is one task of a Rebuild.
type RebuiltTask struct {
	TaskID string
	Phase  Phase // Open, Ended, Sealed, Closed or BeforeExportSince
	State  State // as its entry will say; zero where it will have none

	// Doubt says why calls of a task that is not closed may have been published
	// without being known any more; empty: there is no doubt. Such a call is
	// published a second time once the task is read again.
	Doubt string

	// Cut says that a sealed task counts as closed before its time, and why:
	// its seal tells that it was complete, and what is left of its calls would
	// not keep the others from being published again. Empty: it does not.
	Cut string

	past *past
}

// Entries are the task's entries that the ledger topic does not hold yet. A
// closed task has its mark alone.
func (t RebuiltTask) Entries() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		if t.State != (State{}) && (!t.past.hasKept || t.State != t.past.kept) && !yield(Entry{Kind: KindTask, TaskID: t.TaskID, State: t.State}) {
			return
		}
		if t.Phase == Closed {
			return
		}
		for _, k := range t.past.byCallID() {
			if p := t.past.calls[k]; !p.kept && !yield(Entry{Kind: KindCall, TaskID: t.TaskID, ID: t.past.text(k), Published: t.State.published(p)}) {
				return
			}
		}
		for _, id := range slices.Sorted(maps.Keys(t.past.rows)) {
			if p := t.past.rows[id]; !p.kept && !yield(Entry{Kind: KindRow, TaskID: t.TaskID, ID: id, Published: t.State.published(p)}) {
				return
			}
		}
	}
}

// published is the value of an entry. A reading that shows a task terminal
// publishes its calls before it tells that.
func (s State) published(p proof) Published {
	at := time.UnixMilli(p.at).UTC()
	late := p.late || !p.dead && !s.FirstTerminal.IsZero() && at.After(s.FirstTerminal)
	return Published{At: at, As: p.as(), Late: late}
}

// rebuilt judges what is known of a task.
func (t *past) rebuilt(id string, reach Reach, policy Policy, now time.Time) RebuiltTask {
	state, seal := t.fold()
	found := int64(len(t.calls) + len(t.rows))
	r := RebuiltTask{TaskID: id, State: state, Phase: Open, past: t}
	due, sealed := policy.ClosingDue(state)
	sealed = sealed && found <= state.SealedEntries
	switch {
	case !state.ClosedAt.IsZero():
		r.Phase = Closed
	case state.BeforeExportSince && found == 0:
		r.Phase = BeforeExportSince
	case sealed && !now.Before(due):
		r.Phase, r.State.ClosedAt = Closed, milliseconds(due)
	case state.SealHolds(found) && (seal == nil || t.digest() == seal.Digest):
		r.Phase = Sealed
	case sealed:
		r.Phase, r.State.ClosedAt = Closed, milliseconds(now)
		r.Cut = fmt.Sprintf("its seal counts %d calls and dead letters, of which %d are left", state.SealedEntries, found)
	default:
		if call.Terminal(state.Status) {
			r.Phase = Ended
		}
		r.Doubt = strings.Join(t.doubts(reach, found), "; ")
	}
	return r
}

// fold works the task's state out of its changes, as the readings did that
// published them. The seal is the last one, where the state is that seal's.
func (t *past) fold() (s State, last *Seal) {
	slices.SortStableFunc(t.changes, func(a, b Fact) int { return int(a.Change.Sequence - b.Change.Sequence) })
	for _, f := range t.changes {
		if f.Change.Sequence > s.Sequence { // else it is a copy
			s, last = s.Next(f.Change, f.ObservedAt), f.Change.Seal
		}
	}
	if t.hasKept && t.kept.Sequence >= s.Sequence {
		if t.kept.SealedAt.IsZero() || t.kept.Sequence > s.Sequence {
			last = nil
		}
		return t.kept, last
	}
	return s, last
}

// doubts are the reasons to think that more was published than is known.
func (t *past) doubts(reach Reach, found int64) (all []string) {
	if len(t.changes) == 0 && !t.hasKept && !reach.Changes.IsZero() {
		all = append(all, "no change of its status is left")
	} else if len(t.changes) > 0 && t.changes[0].Change.Sequence > 1 {
		all = append(all, fmt.Sprintf("the changes of its status begin with number %d", t.changes[0].Change.Sequence))
	}
	for _, topic := range []struct {
		of    string
		reach time.Time
	}{{"events", reach.Events}, {"dead letters", reach.DeadLetters}} {
		if !t.first.IsZero() && t.first.Before(topic.reach) {
			all = append(all, fmt.Sprintf("first read at %s, before its %s are still there", t.first.UTC().Format(time.RFC3339), topic.of))
		}
	}
	if least := t.least(); found < least {
		all = append(all, fmt.Sprintf("at least %d calls and dead letters were published, of which %d are left", least, found))
	}
	return all
}

// least is how many calls and rows must have been published, by what the
// changes counted: a response's finished rows, and all that a seal tells of.
func (t *past) least() (n int64) {
	for _, f := range t.changes {
		n = max(n, f.Change.Counts.Finished)
		if s := f.Change.Seal; s != nil {
			n = max(n, s.Exported+s.DeadLettered)
		}
	}
	return n
}

// digest is the one that a seal would have.
func (t *past) digest() string {
	sealed := &task{calls: map[callKey]mark{}, texts: t.texts}
	for k, p := range t.calls {
		sealed.calls[k] = markOf(Published{As: p.as()})
	}
	return digest(sealed)
}

package rebuild

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// outcome is what becomes of one task in the new ledger.
type outcome struct {
	taskID string
	phase  ledger.Phase // Open, Ended, Sealed, Closed or BeforeExportSince
	state  ledger.State // as its entry will say; zero where it will have none

	// doubt says why calls of a task that is not closed may have been published
	// without being known any more; empty: there is no doubt. Such a call is
	// published a second time once the task is read again.
	doubt string

	// cut says that a sealed task counts as closed before its time, and why: its
	// seal tells that it was complete, and what is left of its calls would not keep
	// the others from being published again. Empty: it does not.
	cut string

	*history
}

// entries are the task's entries that the ledger topic does not hold yet. A
// closed task has its mark alone.
func (o outcome) entries() iter.Seq[ledger.Entry] {
	return func(yield func(ledger.Entry) bool) {
		mark := ledger.Entry{Kind: ledger.KindTask, TaskID: o.taskID, State: o.state}
		if o.state != (ledger.State{}) && (!o.hasKept || o.state != o.kept) && !yield(mark) {
			return
		}
		if o.phase == ledger.Closed {
			return
		}
		for _, k := range o.byCallID() {
			if p := o.revision(k, o.calls[k]); !p.kept && !yield(o.entry(ledger.KindCall, o.texts.CallID(k), p)) {
				return
			}
		}
		for _, id := range slices.Sorted(maps.Keys(o.rows)) {
			if p := o.rows[id]; !p.kept && !yield(o.entry(ledger.KindRow, id, p)) {
				return
			}
		}
	}
}

// entry is a proof as an entry.
func (o outcome) entry(kind ledger.Kind, id string, p proof) ledger.Entry {
	return ledger.Entry{Kind: kind, TaskID: o.taskID, ID: id, Published: p.Published}
}

// byCallID orders the task's calls by their ids.
func (h *history) byCallID() []ledger.CallKey {
	return slices.SortedFunc(maps.Keys(h.calls), func(a, b ledger.CallKey) int {
		return cmp.Compare(h.texts.CallID(a), h.texts.CallID(b))
	})
}

// outcome judges what is known of a task.
func (h *history) outcome(id string, reach reach, policy ledger.Policy, now time.Time) outcome {
	state, seal := h.fold()
	found := int64(len(h.calls) + len(h.rows))
	if state.Events < h.last {
		state.Events = h.last
	}
	o := outcome{taskID: id, state: state, phase: ledger.Open, history: h}
	due, sealed := policy.ClosingDue(state)
	sealed = sealed && state.SealHolds(h.last)
	switch {
	case !state.ClosedAt.IsZero():
		o.phase = ledger.Closed
	case state.BeforeExportSince && found == 0:
		o.phase = ledger.BeforeExportSince
	case sealed && !now.Before(due):
		o.phase, o.state.ClosedAt = ledger.Closed, due.Truncate(time.Millisecond)
	case sealed && h.whole(seal):
		o.phase = ledger.Sealed
	case sealed:
		o.phase, o.state.ClosedAt = ledger.Closed, now.Truncate(time.Millisecond)
		o.cut = fmt.Sprintf("its seal counts %d calls, of which %d are left", state.SealedEvents, len(h.numbers()))
	default:
		if call.Terminal(state.Status) {
			o.phase = ledger.Ended
		}
		o.doubt = strings.Join(h.doubts(reach), "; ")
	}
	return o
}

// fold works the task's state out of its changes, as the readings did that
// published them. The seal is the last one, where the state is that seal's.
func (h *history) fold() (s ledger.State, last *ledger.Seal) {
	slices.SortStableFunc(h.changes, func(a, b ledger.Fact) int {
		return cmp.Compare(a.Change.Sequence, b.Change.Sequence)
	})
	for _, f := range h.changes {
		if f.Change.Sequence > s.Sequence { // else it is a copy
			s, last = s.Next(f.Change, f.ObservedAt), f.Change.Seal
		}
	}
	if !h.hasKept || h.kept.Sequence < s.Sequence {
		return s, last
	}
	if h.kept.SealedAt.IsZero() || h.kept.Sequence > s.Sequence {
		last = nil
	}
	return h.kept, last
}

// whole reports whether the calls that are known are all that a seal tells of. Without
// its record, the numbers say so.
func (h *history) whole(seal *ledger.Seal) bool {
	if seal == nil {
		return int64(len(h.numbers())) == h.last
	}
	return h.digest() == seal.Digest
}

// numbers are the task_sequences of the events that are known.
func (h *history) numbers() map[int64]struct{} {
	numbers := map[int64]struct{}{}
	for _, p := range h.calls {
		if p.As == ledger.Event {
			numbers[p.N] = struct{}{}
		}
	}
	return numbers
}

// doubts are the reasons to think that more was published than is known. Where the
// event topic has its beginning and all numbers up to the last are there, there is none:
// dead letters alone may be missing, and a row that is dead-lettered again is no second
// event.
func (h *history) doubts(reach reach) (all []string) {
	known := int64(len(h.numbers()))
	if reach.events.IsZero() && known == h.last {
		return nil
	}
	if len(h.changes) == 0 && !h.hasKept && !reach.changes.IsZero() {
		all = append(all, "no change of its status is left")
	} else if len(h.changes) > 0 && h.changes[0].Change.Sequence > 1 {
		all = append(all, fmt.Sprintf("the changes of its status begin with number %d", h.changes[0].Change.Sequence))
	}
	for _, topic := range []struct {
		of    string
		reach time.Time
	}{{"events", reach.events}, {"dead letters", reach.deadLetters}} {
		if !h.first.IsZero() && h.first.Before(topic.reach) {
			all = append(all, fmt.Sprintf("first read at %s, before its %s are still there",
				h.first.UTC().Format(time.RFC3339), topic.of))
		}
	}
	if known < h.last {
		all = append(all, fmt.Sprintf("%d calls were published, of which %d are left", h.last, known))
	}
	return all
}

// digest is the one that a seal would have.
func (h *history) digest() string {
	var ids []string
	for k, p := range h.calls {
		if p.As == ledger.Event {
			ids = append(ids, h.texts.CallID(k))
		}
	}
	return ledger.Digest(ids)
}

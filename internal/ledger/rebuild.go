package ledger

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Rebuild makes a lost ledger anew from what was published. It is given every
// Fact of the three topics, in any order, and what the ledger topic still holds.
//
// What comes out equals what was lost, but for what no topic tells:
//
//   - Row hashes are 0: what AIRudder changed since a call was published is not
//     counted.
//   - Late is set where a call was observed after the task was first seen
//     terminal.
//   - ClosedAt is the seal's time and the retention: a sealed task whose
//     retention is over counts as closed. No later word of it can be missed, for
//     what is published of a task moves it out of its seal.
//   - Tasks that ended before the export began are not known. They are read, and
//     noted, once more.
//   - Of a task whose first TaskStatusChanged are gone, FirstTerminal and
//     TerminalSince are taken from those that are left: it is sealed later than
//     it would have been, never earlier.
//
// It is used by one goroutine at a time.
type Rebuild struct {
	tasks map[string]*past
	twice []Fact
	first time.Time // the earliest ObservedAt
}

// NewRebuild returns a Rebuild that knows nothing.
func NewRebuild() *Rebuild { return &Rebuild{tasks: map[string]*past{}} }

// past is all that is known of one task.
type past struct {
	calls   map[callKey]proof
	texts   map[callKey]string // CallIDs whose key alone does not tell them
	rows    map[string]proof   // by row key
	changes []Fact
	first   time.Time // the earliest ObservedAt
	kept    State     // what the ledger topic still says
	hasKept bool
}

// proof is what is known of one published call or row.
type proof struct {
	at     int64 // Unix milliseconds
	dead   bool  // a dead letter
	late   bool  // as the ledger topic says; others are worked out
	kept   bool  // the ledger topic holds it
	copies int8  // records of it that were published; 2: two or more
}

func (p proof) as() As {
	if p.dead {
		return DeadLetter
	}
	return Event
}

func (r *Rebuild) task(id string) *past {
	t := r.tasks[id]
	if t == nil {
		t = &past{calls: map[callKey]proof{}}
		r.tasks[id] = t
	}
	return t
}

// Keep takes in an entry that the ledger topic holds, in the order of its
// offsets: a rebuild that was interrupted has left some, and so has a ledger
// that lost its meta alone. They are believed, and not written again. Keep
// comes before Add.
func (r *Rebuild) Keep(e Entry) {
	t := r.task(e.TaskID)
	p := proof{at: e.Published.At.UnixMilli(), dead: e.Published.As == DeadLetter, late: e.Published.Late, kept: true}
	switch e.Kind {
	case KindTask:
		t.kept, t.hasKept = e.State, !e.Tombstone
	case KindCall:
		k, exact := keyOf(e.ID)
		if e.Tombstone {
			delete(t.calls, k)
			return
		}
		t.calls[k] = p
		if !exact {
			put(&t.texts, k, e.ID)
		}
	case KindRow:
		if e.Tombstone {
			delete(t.rows, e.ID)
			return
		}
		put(&t.rows, e.ID, p)
	}
}

// Add takes in what a published record says.
func (r *Rebuild) Add(f Fact) {
	t := r.task(f.TaskID)
	if t.first.IsZero() || f.ObservedAt.Before(t.first) {
		t.first = f.ObservedAt
	}
	if r.first.IsZero() || f.ObservedAt.Before(r.first) {
		r.first = f.ObservedAt
	}
	p := proof{at: f.ObservedAt.UnixMilli(), dead: f.As == DeadLetter, copies: 1}
	switch {
	case f.As == "":
		t.changes = append(t.changes, f)
	case f.CallID == "":
		if was, again := t.rows[f.RowKey]; again {
			p = r.again(f, was, p)
		}
		put(&t.rows, f.RowKey, p)
	default:
		k, exact := keyOf(f.CallID)
		if was, again := t.calls[k]; again {
			p = r.again(f, was, p)
		}
		t.calls[k] = p
		if !exact {
			put(&t.texts, k, f.CallID)
		}
	}
}

// again joins a proof with what is known. Of an event and a dead letter the
// event counts, of two of a kind the earlier.
func (r *Rebuild) again(f Fact, was, now proof) proof {
	if was.copies > 0 {
		r.twice = append(r.twice, f)
		now.copies = 2
	}
	if was.kept || !was.dead && now.dead || was.dead == now.dead && was.at <= now.at {
		was.copies = now.copies
		return was
	}
	return now
}

// Twice are the records of calls and rows that others had published before, in
// the order in which they were added: the promise was broken there, or somebody
// else writes to the topics. One entry stands for all.
func (r *Rebuild) Twice() []Fact { return r.twice }

// Empty reports whether nothing was published, as far as is known.
func (r *Rebuild) Empty() bool { return r.first.IsZero() }

// ExportSince is what a rebuilt ledger's meta says. Whatever was published of a
// task that it knows, it goes on with it, so this decides about the others:
// nothing of them is known since the topics reach back, and what they hold of
// before may have been published.
//
// Where the topics reach back to their first records, it is configured; where
// that is zero, lookback before the first reading that published anything, which
// is what the lost ledger began with or a little later.
func (r *Rebuild) ExportSince(reach Reach, configured time.Time, lookback time.Duration) time.Time {
	since := reach.Since()
	switch {
	case configured.After(since):
		since = configured
	case since.IsZero():
		since = r.first.Add(-lookback)
	}
	return milliseconds(since)
}

// Rebuilt are the tasks as they come out, by their ids.
func (r *Rebuild) Rebuilt(reach Reach, policy Policy, now time.Time) []RebuiltTask {
	var all []RebuiltTask
	for _, id := range slices.Sorted(maps.Keys(r.tasks)) {
		if t := r.tasks[id]; len(t.calls)+len(t.rows)+len(t.changes) > 0 || t.hasKept {
			all = append(all, t.rebuilt(id, reach, policy, now))
		}
	}
	return all
}

// byCallID orders the task's calls by their ids.
func (t *past) byCallID() []callKey {
	return slices.SortedFunc(maps.Keys(t.calls), func(a, b callKey) int { return cmp.Compare(t.text(a), t.text(b)) })
}

func (t *past) text(k callKey) string {
	if text, ok := t.texts[k]; ok {
		return text
	}
	return k.hex()
}

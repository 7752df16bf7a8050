package rebuild

import (
	"maps"
	"slices"
	"time"

	"airudder-exporter/internal/ledger"
)

// past is what is known to have been published. It is given what the ledger topic
// still holds, and then every Fact of the topics, in any order. It is used
// by one goroutine at a time.
type past struct {
	tasks map[string]*history
	twice []ledger.Fact
	first time.Time // the earliest ObservedAt
}

func newPast() *past { return &past{tasks: map[string]*history{}} }

// history is what is known of one task.
type history struct {
	calls   map[ledger.CallKey]proof
	texts   ledger.Texts
	rows    map[string]proof         // by row key
	revised map[ledger.CallKey]int64 // the last revision that was published; nil while there are none
	changes []ledger.Fact
	first   time.Time    // the earliest ObservedAt
	last    int64        // the highest task_sequence that anything tells of
	kept    ledger.State // what the ledger topic still says
	hasKept bool
}

// proof is what is known of one published call or row.
type proof struct {
	ledger.Published
	kept   bool // the ledger topic holds it, so that it need not be written
	copies int8 // events, or dead letters, that were published of it; 2: two or more
}

func (p *past) task(id string) *history {
	h := p.tasks[id]
	if h == nil {
		h = &history{calls: map[ledger.CallKey]proof{}, texts: ledger.Texts{}, rows: map[string]proof{}}
		p.tasks[id] = h
	}
	return h
}

// keep takes in an entry that the ledger topic holds, in the order of the offsets:
// an interrupted rebuild has left some, and so has a ledger that lost its meta
// alone. They are believed, and not written again. keep comes before add.
func (p *past) keep(e ledger.Entry) {
	h := p.task(e.TaskID)
	proven := proof{Published: e.Published, kept: true}
	h.last = max(h.last, e.Published.N, e.State.Events)
	switch e.Kind {
	case ledger.KindTask:
		h.kept, h.hasKept = e.State, !e.Tombstone
	case ledger.KindCall:
		k := h.key(e.ID)
		if h.calls[k] = proven; e.Tombstone {
			delete(h.calls, k)
		}
	case ledger.KindRow:
		if h.rows[e.ID] = proven; e.Tombstone {
			delete(h.rows, e.ID)
		}
	}
}

// key is a CallID's, whose text is kept where the key alone does not tell it.
func (h *history) key(callID string) ledger.CallKey {
	k, exact := ledger.KeyOf(callID)
	if !exact {
		h.texts[k] = callID
	}
	return k
}

// add takes in what a published record says.
func (p *past) add(f ledger.Fact) {
	h := p.task(f.TaskID)
	if h.first.IsZero() || f.ObservedAt.Before(h.first) {
		h.first = f.ObservedAt
	}
	if p.first.IsZero() || f.ObservedAt.Before(p.first) {
		p.first = f.ObservedAt
	}
	h.last = max(h.last, f.N, f.Change.Exported)
	now := proof{copies: 1, Published: ledger.Published{
		At: f.ObservedAt, As: f.As, N: f.N, Letter: ledger.Letter{Reason: f.Reason},
	}}
	switch {
	case f.Revision > 0:
		h.revise(f, now)
	case f.As == "":
		h.changes = append(h.changes, f)
	case f.RowKey != "":
		now.CallID = f.CallID
		was, again := h.rows[f.RowKey]
		h.rows[f.RowKey] = p.join(f, was, now, again)
	case f.As == ledger.Resolved: // its event says as much
	default:
		k := h.key(f.CallID)
		was, again := h.calls[k]
		h.calls[k] = p.join(f, was, now, again)
	}
}

// revise takes in what became of an event, which also tells that there was one.
func (h *history) revise(f ledger.Fact, now proof) {
	k := h.key(f.CallID)
	if h.revised == nil {
		h.revised = map[ledger.CallKey]int64{}
	}
	h.revised[k] = max(h.revised[k], f.Revision)
	if was, known := h.calls[k]; !known || was.As != ledger.Event {
		now.copies = 0
		h.calls[k] = now
	}
}

// revision is a proof of a call with the last revision that anything tells of. Where the
// ledger topic does not know it, what it keeps of the row is of before.
func (h *history) revision(k ledger.CallKey, p proof) proof {
	if n := h.revised[k]; p.As == ledger.Event && n > p.Revision {
		p.Revision, p.Fields, p.Row, p.kept = n, ledger.Fields{}, 0, false
	}
	return p
}

// join joins a proof with the one that is known, if any. What a dead letter became
// beats the dead letter, whatever the ledger topic still holds; of two of a kind, what
// that holds counts, else the earlier.
//
// A record of a call or a row that another record of the same kind had published
// before is noted in twice: the promise was broken there, or another program writes
// to the topics. One entry stands for all of them.
func (p *past) join(f ledger.Fact, was, now proof, again bool) proof {
	switch {
	case !again:
		return now
	case was.As == ledger.DeadLetter && now.As != ledger.DeadLetter:
		return now
	case was.As != now.As:
		return was
	}
	if was.copies > 0 {
		p.twice = append(p.twice, f)
		now.copies = 2
	}
	if was.kept || !now.At.Before(was.At) {
		was.copies = now.copies
		return was
	}
	return now
}

// empty reports whether nothing was published, as far as is known.
func (p *past) empty() bool { return p.first.IsZero() }

// exportSince is what the new ledger's meta says. Whatever was published of a task
// that it knows, it continues with it, so this decides about the others: nothing
// of them is known since the topics reach back, and what they hold of before may
// have been published.
//
// Where the topics reach back to their first records, it is the configured time;
// where that is zero, lookback before the first reading that published anything,
// which is what the lost ledger began with or a little later.
func (p *past) exportSince(reach reach, configured time.Time, lookback time.Duration) time.Time {
	since := reach.since()
	switch {
	case configured.After(since):
		since = configured
	case since.IsZero():
		since = p.first.Add(-lookback)
	}
	return since.UTC().Truncate(time.Millisecond)
}

// outcomes are the tasks as they come out, by their ids.
func (p *past) outcomes(reach reach, policy ledger.Policy, now time.Time) (all []outcome) {
	for _, id := range slices.Sorted(maps.Keys(p.tasks)) {
		if h := p.tasks[id]; len(h.calls)+len(h.rows)+len(h.changes) > 0 || h.hasKept {
			all = append(all, h.outcome(id, reach, policy, now))
		}
	}
	return all
}

// reach says from when on each topic still holds what was published. A zero time:
// from the first record on.
type reach struct {
	events, deadLetters, changes time.Time
}

// since is from when on all three topics hold everything; zero: always.
func (r reach) since() time.Time {
	since := r.events
	for _, t := range []time.Time{r.deadLetters, r.changes} {
		if t.After(since) {
			since = t
		}
	}
	return since
}

package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strconv"
	"time"

	"airudder-exporter/internal/call"
)

// Seal says that a task's export is complete, as far as anyone can know.
type Seal struct {
	Number int64  // 1, 2, … per task
	Digest string // of the exported CallIDs; see Digest

	// Ends are, by partition of the event topic, the offset after the last committed
	// record. They are asked for once all events of the task are committed.
	Ends []int64
}

// End plans what a complete response says of the task itself: dead letters, the
// transition, the seal, the closing. A seal takes two looks, whoever had them. A
// closing, after which nothing can be mended, takes two by one producer: what the
// producer before it has read and could not publish may be just what an old answer
// leaves out.
//
// Every plan of Rows must have been applied, and no other response of the task may
// have been requested meanwhile: there is one read of a task at a time, each by the
// producer whose replay filled this ledger, so that no answer is older than what was
// last applied.
func (r *Reading) End(c call.Reading, policy Policy) Plan {
	plan := Plan{Task: c.Task, ObservedAt: c.Started, Last: r.last}
	l := r.ledger
	l.mu.RLock()
	defer l.mu.RUnlock()
	t := l.known(r.taskID)
	if !l.wanted(t, c.Task.Status.Value, c.Task.ScheduleEnd, r.named) {
		plan.passOver(t, c)
		return plan
	}
	plan.Units = r.deadLetters(t, c, policy)
	state := t.state
	changes, unconfirmed := transition(state, c)
	for i := range changes {
		state = state.Next(r.counted(&changes[i], c), c.Started)
	}
	state.Unconfirmed = unconfirmed
	state.HadRows = state.HadRows || c.Counts.Rows > 0 || t.published()+int64(len(plan.Units)) > 0
	state.GoneSince = state.goneSince(c)
	look := r.look(state, c)
	looks := state.Look.then(look, policy.Between)
	holds := state.SealHolds(r.last)
	if len(plan.Units)+len(r.resolved) > 0 || holds && !t.looked { // one that publishes is none but the first
		looks = look
	}
	switch {
	case look.Count == 0:
		state = state.abandoned(policy, t, c.Started)
		state.Look = Look{}
	case holds && !policy.closingDue(state, c.Started):
		state.Look = Look{}
	case !policy.enough(looks):
		if needed, _ := policy.needs(looks); looks.Count < needed { // else it only came too early
			state.Look = looks
		}
	case holds:
		state.ClosedAt, state.Look = milliseconds(c.Started), Look{}
	case policy.sealDue(state, c):
		change := sealChange(state, t)
		state, changes = state.Next(r.counted(&change, c), c.Started), append(changes, change)
	}
	if !state.SealedAt.IsZero() && r.print != 0 {
		state.ListPrint = r.print
	}
	if state != t.state {
		state.Events = r.last
		mark := Entry{Kind: KindTask, TaskID: r.taskID, State: state}
		plan.Units = append(plan.Units, Unit{Changes: changes, Entries: []Entry{mark}})
	}
	return plan
}

// counted is a change with what the reading has counted. Of the finished rows, those
// that are dead letters and those that wait have no event.
func (r *Reading) counted(change *StatusChange, c call.Reading) StatusChange {
	change.Counts, change.Exported = c.Counts, r.last
	change.Unexported = max(0, c.Counts.Finished-r.told+int64(r.untold))
	return *change
}

// Gone plans what follows from a definite "no such task", which is a complete response,
// too: the second such answer in a row closes a sealed task whose retention is over;
// any other is closed without a seal once it has been gone for as long as a sealed one
// is kept. A task whose export has not begun is left alone.
func (r *Reading) Gone(asked time.Time, policy Policy) Plan {
	l := r.ledger
	l.mu.RLock()
	defer l.mu.RUnlock()
	plan := Plan{Task: call.Task{ID: r.taskID}, ObservedAt: asked}
	t := l.known(r.taskID)
	if !t.begun() || !t.state.ClosedAt.IsZero() {
		return plan
	}
	state := t.state
	since := state.GoneSince
	if state.Look = (Look{}); since.IsZero() || asked.Before(since) {
		state.GoneSince = milliseconds(asked)
	}
	if state.SealHolds(t.last) {
		if t.looked && !since.IsZero() && !asked.Before(since.Add(policy.Between)) && policy.closingDue(state, asked) {
			state.ClosedAt = milliseconds(asked)
		}
	} else {
		state = state.abandoned(policy, t, asked)
	}
	if state != t.state {
		state.Events = t.last
		plan.Units = []Unit{{Entries: []Entry{{Kind: KindTask, TaskID: r.taskID, State: state}}}}
	}
	return plan
}

// goneSince is State.GoneSince after a complete reading. A task that has not ended
// may well have no row yet.
func (s State) goneSince(c call.Reading) time.Time {
	at := milliseconds(c.Started)
	switch {
	case c.Counts.Rows > 0 || !s.HadRows || !c.Task.Terminal():
		return time.Time{}
	case s.GoneSince.IsZero() || at.Before(s.GoneSince):
		return at
	}
	return s.GoneSince
}

// abandoned closes a task without a valid seal, or with one whose rows are gone, once
// there has been nothing of it for as long as a sealed one is kept.
func (s State) abandoned(policy Policy, t *task, asked time.Time) State {
	if !t.looked || s.GoneSince.IsZero() || asked.Before(s.GoneSince.Add(policy.Retention)) {
		return s
	}
	if !s.SealHolds(t.last) {
		s.SealedAt, s.SealedEvents = time.Time{}, 0
	} else if !policy.closingDue(s, asked) {
		return s
	}
	s.ClosedAt = milliseconds(asked)
	return s
}

// passOver notes a task that ended before the export began, so that no later start
// reads it again.
func (p *Plan) passOver(t *task, c call.Reading) {
	state := State{BeforeExportSince: true, ScheduleEnd: milliseconds(c.Task.ScheduleEnd)}
	if t.state.ClosedAt.IsZero() && state != t.state {
		p.Units = []Unit{{Entries: []Entry{{Kind: KindTask, TaskID: t.id, State: state}}}}
	}
}

// deadLetters plans the rejects that are not in the ledger yet, once an earlier
// reading of this producer has shown them, too: one answer alone may be damaged. A
// row without a CallID waits longer; see Policy.awaitsCallID. For a row that is in the
// ledger with other bytes it notes the new hash: once that is remembered, the next
// reading passes over the row.
func (r *Reading) deadLetters(t *task, c call.Reading, policy Policy) (units []Unit) {
	rowKeys, unlinkedNow := map[string]struct{}{}, int64(0)
	r.untold += len(r.givenUp)
	for i, reject := range slices.Concat(c.Rejects, r.givenUp) {
		d := Dead{Reject: reject}
		e := Entry{Kind: KindCall, TaskID: r.taskID, ID: reject.CallID, Published: Published{
			At: c.Started, As: DeadLetter, Row: reject.Hash, Letter: Letter{Reason: reject.Reason, Limit: reject.Limit},
		}}
		if reject.CallID == "" {
			d.RowKey = rowKey(reject)
			e.Kind, e.ID = KindRow, d.RowKey
			if _, known := t.rows[d.RowKey]; known {
				r.shown = append(r.shown, reject.Hash)
				continue
			}
			if _, again := rowKeys[d.RowKey]; again {
				continue
			}
			rowKeys[d.RowKey] = struct{}{}
			if unlinked(d.RowKey) {
				if unlinkedNow++; t.unlinked+unlinkedNow > maxUnlinked {
					r.beyond++
					continue
				}
			}
		} else if k, _ := KeyOf(reject.CallID); t.calls[k]&markDead != 0 {
			if was := t.letters[k]; i >= len(c.Rejects) && was.Limit < reject.Limit { // its event is too large for this limit
				e.Published.At, e.Published.Reason = was.At, was.Reason // as its dead letter has said
				units = append(units, Unit{Entries: []Entry{e}})
			}
			continue
		} else if i < len(c.Rejects) && !r.claim(t, reject.CallID) { // what is given up was claimed as an event
			if _, known := t.calls[k]; known { // whose row had to be decoded
				r.told++
			}
			continue
		}
		key := suspect{e.Kind, e.ID}
		_, before := t.suspects[key]
		if !before || reject.Reason == call.NoCallID && policy.awaitsCallID(t.state, c) {
			put(&r.suspects, key, struct{}{})
			r.held++
			continue
		}
		units = append(units, Unit{Dead: &d, Entries: []Entry{e}})
	}
	return units
}

// suspect is a row that cannot become an event, as one reading has shown: the kind
// and id of the entry that its dead letter would get.
type suspect struct {
	kind Kind
	id   string
}

// rowKey names a row that shows no CallID: by its id, or by its bytes.
func rowKey(reject call.Reject) string {
	if reject.RowID.Set {
		return strconv.FormatInt(reject.RowID.Value, 10)
	}
	return "sha256:" + hex.EncodeToString(reject.RawSHA256[:8])
}

// sealChange is the change that seals a task. The reading that seals publishes
// nothing, so the ledger has it all.
func sealChange(s State, t *task) StatusChange {
	return StatusChange{
		Sequence: s.Sequence + 1, Previous: call.Some(s.Status), Status: s.Status,
		Seal: &Seal{Number: s.Seal + 1, Digest: digest(t)},
	}
}

// digest is that of the calls that were published as events.
func digest(t *task) string {
	ids := make([]string, 0, len(t.calls))
	for k, m := range t.calls {
		if m&markDead == 0 {
			ids = append(ids, t.texts.CallID(k))
		}
	}
	return Digest(ids)
}

// Digest is a seal's digest over the CallIDs that were exported: the lower-case hex
// SHA-256 over them, sorted bytewise, each followed by a newline. It sorts them.
func Digest(callIDs []string) string {
	slices.Sort(callIDs)
	h := sha256.New()
	for _, id := range callIDs {
		_, _ = io.WriteString(h, id+"\n") // a hash does not fail
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Tombstones plans the deletion of a closed task's entries, at most max of
// them; an empty plan when none are left, or the task is not closed.
func (l *Ledger) Tombstones(taskID string, max int) Plan {
	l.mu.RLock()
	defer l.mu.RUnlock()
	plan := Plan{Task: call.Task{ID: taskID}}
	t := l.known(taskID)
	if t.state.ClosedAt.IsZero() {
		return plan
	}
	add := func(kind Kind, id string) bool {
		plan.Units = append(plan.Units, Unit{Entries: []Entry{{Kind: kind, TaskID: taskID, ID: id, Tombstone: true}}})
		return len(plan.Units) < max
	}
	for k := range t.calls {
		if !add(KindCall, t.texts.CallID(k)) {
			return plan
		}
	}
	for id := range t.rows {
		if !add(KindRow, id) {
			return plan
		}
	}
	return plan
}

// milliseconds drops what the entries do not keep, so that the state in memory
// equals the one that a replay finds.
func milliseconds(t time.Time) time.Time { return t.UTC().Round(0).Truncate(time.Millisecond) }

package ledger

import (
	"fmt"
	"slices"
	"time"

	"airudder-exporter/internal/call"
)

// Plan is what one part of a reading makes us write: units in the order in
// which they are to be committed. Several units may share a transaction; one
// unit is never split over two.
type Plan struct {
	Task       call.Task
	ObservedAt time.Time // when the response began
	Units      []Unit

	// Last is the last task_sequence before the plan. Its events count on from there,
	// each once it is known to fit: one that waits takes no number.
	Last int64
}

// Unit is what one transaction must hold together: what is published, and the
// entries that say so. One of Call, Revised, Dead and Changes is set, or none where
// only entries are written. Where there is a Call or a Revised,
// its entry is the first.
type Unit struct {
	Call     *call.Row
	Revised  *Revised
	Dead     *Dead
	Resolved []Resolution // dead letters that the row of Call, or of another unit, has ended
	Changes  []StatusChange
	Entries  []Entry
}

// Number is the unit with its event's task_sequence, which its entry keeps.
func (u Unit) Number(n int64) Unit {
	u.Entries = slices.Clone(u.Entries)
	u.Entries[0].Published.N = n
	return u
}

// Dead is a row that becomes a dead letter. Its entry's id is the CallID, or
// the row key where none could be read.
type Dead struct {
	call.Reject
	RowKey string // empty when there is a CallID
}

// StatusChange is a transition of a task, or its seal.
type StatusChange struct {
	Sequence int64            // 1, 2, … per task
	Previous call.Opt[string] // not set: first sight
	Status   string
	Counts   call.Counts

	Exported   int64 // the task's last task_sequence
	Unexported int64 // finished rows without an event

	Seal *Seal // nil: a transition
}

// Reading plans one detail response of one task. While the response streams,
// Verdict is called for each finished row and Rows for each part; End once it has
// proved complete, and Remember once what End planned is applied. A response that
// breaks off is simply dropped: what its parts published stays true, and nothing
// else of it is taken over. A Reading is used by one goroutine.
type Reading struct {
	ledger   *Ledger
	taskID   string
	named    bool
	print    uint64               // of the list's entry; 0: not known
	seen     map[CallKey]struct{} // planned by this reading: a response may show a call twice
	resolved map[string]struct{}  // keys of rows whose dead letters this reading ends; nil while there are none
	twice    int                  // rows that showed a CallID a second time
	held     int                  // rows that this reading could not publish yet
	last     int64                // the last task_sequence, those that this reading has given included
	told     int64                // finished rows whose calls are events, or planned as such
	untold   int                  // of those, the ones that this reading could not publish
	limit    int64                // of a record of the event topic, in bytes; 0: not known
	beyond   int                  // rejects that were not planned, since their task has too many of their kind

	givenUp  []call.Reject        // of rows that were planned as events
	suspects map[suspect]struct{} // of the held ones, those that are dead letters if the next reading shows them, too

	adopted int                // published calls whose entries get the fields' hash, without an event
	leftOut map[CallKey]uint64 // fields' hashes of changes that are not published; nil while there are none

	changed map[CallKey]mark // published calls whose rows show other bytes: the new hash; nil while there are none
	shown   []uint64         // new hashes of rows without a CallID that are in the ledger
}

// maxChanged bounds the changed rows that one reading remembers. Those beyond it
// are changed in the next reading, too.
const maxChanged = 100_000

// Begin starts to plan a response. named says that the task was named by hand,
// so that it is exported however old it is.
func (l *Ledger) Begin(taskID string, named bool) *Reading {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return &Reading{ledger: l, taskID: taskID, named: named, seen: map[CallKey]struct{}{}, last: l.known(taskID).last}
}

// Limit says how many bytes a record of the event topic may have: where that is more
// than when an event was too large, its row is tried again.
func (r *Reading) Limit(bytes int) { r.limit = int64(bytes) }

// Gave says how many events of this reading got a number and are on their way: the
// next plan counts on from there. The numbers are the reading's own, since the ledger
// knows those of an event only once it is committed.
func (r *Reading) Gave(events int) { r.last += int64(events) }

// Listed sets the fingerprint that the task's list entry had when the response was
// requested, which the seal keeps.
func (r *Reading) Listed(fingerprint uint64) { r.print = fingerprint }

// Verdict is the reading's call.Judge. It notes the new hash of a changed row for
// Remember. Where the old hash is not known, as in a rebuilt ledger, there is
// nothing to compare with: the row is known, and its hash is noted all the same.
func (r *Reading) Verdict(callID []byte, hash uint64) call.Verdict {
	if len(callID) == 0 {
		return r.rowVerdict(hash)
	}
	k, _ := KeyOf(callID)
	l := r.ledger
	var was mark
	var letter Published
	known, unseen := false, false
	shown := mark(hash).hash()
	same := true
	l.mu.RLock()
	if t := l.tasks[r.taskID]; t != nil {
		was, known = t.calls[k]
		same = shown == 0 || shown == was.hash()
		if was&markDead != 0 {
			letter = t.letters[k]
		} else if known {
			unseen = l.unseen(t, k, same) || t.deadRows > 0 && !same && was.hash() != 0 // it may be the row of a dead letter
		}
	}
	l.mu.RUnlock()
	if !known {
		return call.RowNew
	}
	if was&markDead == 0 && !unseen {
		r.told++
	}
	if !same && len(r.changed) < maxChanged {
		put(&r.changed, k, shown)
	}
	switch {
	case unseen:
		return call.RowNew
	case was&markDead != 0 && (!same || letter.Limit > 0 && r.limit > letter.Limit):
		return call.RowNew // it may be sound now
	case same || was.hash() == 0:
		return call.RowKnown
	}
	return call.RowChanged
}

// rowVerdict is the verdict on a row without a CallID, which is known by its hash
// alone once a complete reading has shown it.
func (r *Reading) rowVerdict(hash uint64) call.Verdict {
	l := r.ledger
	l.mu.RLock()
	defer l.mu.RUnlock()
	if t := l.tasks[r.taskID]; t != nil && hash != 0 {
		if _, known := t.hashes[hash]; known {
			return call.RowKnown
		}
	}
	return call.RowNew
}

// maxRenderings bounds the forms in which a task's rejected rows are known: an
// upstream may spell a row differently in each response. Forms beyond it are
// judged again in each reading.
const maxRenderings = 1000

// Remember takes over what a complete reading noticed without a plan of its own: the
// new hashes of rows that were published before, so that each change is counted once,
// and the rows that cannot become events, so that the next reading may say it again;
// and that there was one, or a Gone.
// It returns how many published calls' rows have changed. Only memory holds all this;
// a replay finds the hashes that the rows were published with, and no suspects.
func (r *Reading) Remember() (lateChanges int) {
	changed, shown, suspects, leftOut := r.changed, r.shown, r.suspects, r.leftOut
	r.changed, r.shown, r.suspects, r.leftOut = nil, nil, nil, nil
	l := r.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(suspects) == 0 && l.tasks[r.taskID] == nil {
		return 0
	}
	t := taskOf(l, r.taskID)
	t.suspects, t.looked = suspects, true
	t.rememberLeftOut(leftOut)
	for k, now := range changed {
		was, still := t.calls[k]
		if !still {
			continue
		}
		if was.hash() != 0 && was.hash() != now && was&markDead == 0 {
			lateChanges++
		}
		t.calls[k] = now | was&markDead
	}
	for _, hash := range shown {
		if len(t.hashes) < 2*len(t.rows)+maxRenderings {
			put(&t.hashes, hash, struct{}{})
		}
	}
	return lateChanges
}

// Held is how many rows of this reading are to be published, but must wait: the task
// is neither sealed nor closed by it. Of these, rejected are the rows that cannot
// become events, as one reading has shown, or as long as they may still get a CallID.
// Remember forgets the rejected.
func (r *Reading) Held() (rows, rejected int) { return r.held, len(r.suspects) }

// Repeats is how many rows of this reading showed a CallID that an earlier row
// of it had shown.
func (r *Reading) Repeats() int { return r.twice }

// Beyond is how many rows of this reading cannot become events and are no dead letters
// either, since their task has maxUnlinked of their kind.
func (r *Reading) Beyond() int { return r.beyond }

// Hold says that so many rows that were planned are not published by this reading:
// it neither seals nor closes its task.
func (r *Reading) Hold(rows int) {
	r.held += rows
	r.untold += rows
}

// GiveUp says which of the rows that were planned as events have none that can be
// published: End plans their dead letters.
func (r *Reading) GiveUp(rows []call.Reject) { r.givenUp = rows }

// Rows plans the new rows of a part: one event for each complete row with a
// CallID that is not in the task's ledger. The parts before it may still be on
// their way to Kafka.
func (r *Reading) Rows(p call.Part) Plan {
	plan := Plan{Task: p.Task, ObservedAt: p.Started, Last: r.last}
	l := r.ledger
	l.mu.RLock()
	defer l.mu.RUnlock()
	t := l.known(r.taskID)
	if !l.wanted(t, p.Task.Status.Value, p.Task.ScheduleEnd, r.named) {
		return plan
	}
	for i := range p.Rows {
		row := &p.Rows[i]
		if !row.Complete() {
			continue
		}
		r.told++
		var u Unit
		entry := Entry{Kind: KindCall, TaskID: r.taskID, ID: row.CallID,
			Published: Published{At: p.Started, As: Event, Row: row.Hash, Fields: l.fields(row)}}
		if r.claim(t, row.CallID) {
			u.Call, u.Entries = row, append(u.Entries, entry)
		} else if l.revisions != nil {
			k, _ := KeyOf(row.CallID)
			r.revise(t, k, row, entry, &u)
		}
		if r.resolve(t, row, p.Started, &u); len(u.Entries) > 0 {
			plan.Units = append(plan.Units, u)
		}
	}
	return plan
}

// claim reports whether a call is to be published, by the ledger and by this reading: a
// new one, or one whose dead letter is ended by it. An event never turns back.
func (r *Reading) claim(t *task, callID string) bool {
	k, _ := KeyOf(callID)
	if _, again := r.seen[k]; again {
		r.twice++
		return false
	}
	if was, known := t.calls[k]; known && was&markDead == 0 {
		return false
	}
	r.seen[k] = struct{}{}
	return true
}

// known returns the task, or an empty one that is in no map: planning changes
// nothing.
func (l *Ledger) known(taskID string) *task {
	if t := l.tasks[taskID]; t != nil {
		return t
	}
	return &task{id: taskID}
}

// wanted reports whether a task is exported at all: not once it is closed; and
// one whose export has not begun only if it is not too old, is under way, or was named
// by hand.
func (l *Ledger) wanted(t *task, status string, scheduleEnd time.Time, named bool) bool {
	return t.state.ClosedAt.IsZero() && (named || t.begun() || call.Underway(status) || !l.meta.TooOld(scheduleEnd))
}

// Wants reports whether a listed task is worth reading, by its status in the list, and
// by the end of its schedule there or, where the list has none, in the reading that
// passed over it.
func (l *Ledger) Wants(listed call.Listed, named bool) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	t, end := l.known(listed.TaskID), listed.ScheduleEnd
	if end.IsZero() {
		end = t.state.ScheduleEnd
	}
	return l.wanted(t, listed.Status, end, named)
}

// TooLarge turns a unit whose event exceeds limit, in bytes, into one that
// publishes a dead letter in its place.
func TooLarge(u Unit, limit int) Unit {
	row, entry := u.Call, u.Entries[0]
	entry.Published.As, entry.Published.N, entry.Published.Fields = DeadLetter, 0, Fields{}
	entry.Published.Letter = Letter{Reason: call.TooLarge, Limit: int64(limit)}
	reject := call.NewReject(call.TooLarge, row.Raw)
	reject.Detail = fmt.Sprintf("the event is larger than a record of the topic may be (%d bytes)", limit)
	reject.CallID, reject.RowID, reject.Hash, reject.Limit = row.CallID, row.ID, row.Hash, int64(limit)
	return Unit{Dead: &Dead{Reject: reject}, Entries: []Entry{entry}}
}

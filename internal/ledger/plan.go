package ledger

import (
	"fmt"
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
}

// Unit is what one transaction must hold together: what is published, and the
// entries that say so. One of Call, Dead and Changes is set, or none where only
// entries are written.
type Unit struct {
	Call    *call.Row
	Dead    *Dead
	Changes []StatusChange
	Entries []Entry
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
	Seal     *Seal // nil: a transition
}

// Reading plans one detail response of one task. Rows is called for each part
// while the response streams, End once it has proved complete; a response that
// breaks off is simply dropped, and what its parts published stays true. It is
// used by one goroutine.
type Reading struct {
	ledger *Ledger
	taskID string
	named  bool
	print  uint64               // of the list's entry; 0: not known
	seen   map[callKey]struct{} // planned by this reading: a response may show a call twice
	late   int                  // known rows whose bytes changed
	twice  int                  // rows that showed a CallID a second time
}

// Begin starts to plan a response. named says that the task was named by hand,
// so that it is exported however old it is.
func (l *Ledger) Begin(taskID string, named bool) *Reading {
	return &Reading{ledger: l, taskID: taskID, named: named, seen: map[callKey]struct{}{}}
}

// Listed tells the fingerprint of the task's list entry as the response was asked
// for, which the seal keeps.
func (r *Reading) Listed(fingerprint uint64) { r.print = fingerprint }

// Known reports whether a call was published, and notes that its row changed
// since when the hash is another one (0: not known). A row without a CallID is
// known by its hash alone, once a complete reading has shown it.
func (r *Reading) Known(callID []byte, hash uint64) bool {
	if len(callID) == 0 {
		return r.knownRow(hash)
	}
	k, _ := keyOf(callID)
	shown := mark(hash).hash()
	l := r.ledger
	var was mark
	known := false
	l.mu.RLock()
	if t := l.tasks[r.taskID]; t != nil {
		was, known = t.calls[k]
	}
	l.mu.RUnlock()
	if known && shown != 0 && was.hash() != shown {
		r.changed(k, shown)
	}
	return known
}

func (r *Reading) knownRow(hash uint64) bool {
	l := r.ledger
	l.mu.RLock()
	defer l.mu.RUnlock()
	t := l.tasks[r.taskID]
	if t == nil || hash == 0 {
		return false
	}
	_, known := t.hashes[hash]
	return known
}

// changed counts a late change once, and takes the new hash. Where the old one
// is not known, as in a rebuilt ledger, there is nothing to compare with.
func (r *Reading) changed(k callKey, shown mark) {
	r.ledger.mu.Lock()
	defer r.ledger.mu.Unlock()
	t := r.ledger.known(r.taskID)
	was, still := t.calls[k]
	if !still || was.hash() == shown {
		return
	}
	t.calls[k] = shown | was&markFlags
	if was.hash() != 0 {
		r.late++
	}
}

// LateChanges is how many published rows this reading saw changed.
func (r *Reading) LateChanges() int { return r.late }

// Repeats is how many rows of this reading showed a CallID that an earlier row
// of it had shown.
func (r *Reading) Repeats() int { return r.twice }

// Rows plans the new rows of a part: one event for each complete row with a
// CallID that is not in the task's ledger. The parts before it may still be on
// their way to Kafka.
func (r *Reading) Rows(p call.Part) Plan {
	plan := Plan{Task: p.Task, ObservedAt: p.Started}
	l := r.ledger
	l.mu.RLock()
	defer l.mu.RUnlock()
	t := l.known(r.taskID)
	if !l.wanted(t, p.Task, r.named) {
		return plan
	}
	for i := range p.Rows {
		row := &p.Rows[i]
		if !row.Complete() || !r.claim(t, row.CallID) {
			continue
		}
		plan.Units = append(plan.Units, Unit{Call: row, Entries: []Entry{{
			Kind: KindCall, TaskID: r.taskID, ID: row.CallID,
			Published: Published{At: p.Started, As: Event, Late: !t.state.FirstTerminal.IsZero(), Row: row.Hash},
		}}})
	}
	return plan
}

// claim reports whether a call is new, to the ledger and to this reading.
func (r *Reading) claim(t *task, callID string) bool {
	k, _ := keyOf(callID)
	if _, again := r.seen[k]; again {
		r.twice++
		return false
	}
	if _, known := t.calls[k]; known {
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
// one of which nothing was exported yet only if its schedule does not end
// before the export began, or it was named by hand.
func (l *Ledger) wanted(t *task, header call.Task, named bool) bool {
	switch {
	case !t.state.ClosedAt.IsZero():
		return false
	case named, t.published() > 0, t.hasState && !t.state.BeforeExportSince:
		return true
	}
	return header.ScheduleEnd.IsZero() || !header.ScheduleEnd.Before(l.meta.ExportSince)
}

// Wants reports whether a listed task is worth reading by what the list says of
// it: a task that is known, or does not end before the export began. One that
// was passed over is wanted again only where the list gives it a later end.
func (l *Ledger) Wants(listed call.Listed, named bool) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	t := l.known(listed.TaskID)
	if l.phase(t) == BeforeExportSince && !named && listed.ScheduleEnd.IsZero() {
		return false
	}
	return l.wanted(t, call.Task{ScheduleEnd: listed.ScheduleEnd}, named)
}

// TooLarge turns a unit whose event cannot fit into one that publishes a dead
// letter in its place. limit is what was exceeded, in bytes.
func TooLarge(u Unit, limit int) Unit {
	row, entry := u.Call, u.Entries[0]
	entry.Published.As, entry.Published.Late = DeadLetter, false
	reject := call.NewReject(call.TooLarge, row.Raw)
	reject.Detail = fmt.Sprintf("the event is larger than a record of the topic may be (%d bytes)", limit)
	reject.CallID, reject.RowID, reject.Hash = row.CallID, row.ID, row.Hash
	return Unit{Dead: &Dead{Reject: reject}, Entries: []Entry{entry}}
}

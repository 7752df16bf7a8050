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

// Policy are the settings that decide about a task's end.
type Policy struct {
	AfterEnd  time.Duration // from a task's end to its seal: late rows are waited for
	Retention time.Duration // from its seal to its closing
}

// Seal says that a task's export is complete, as far as anyone can know.
type Seal struct {
	Number       int64 // 1, 2, … per task
	Exported     int64 // calls published as events
	Cancelled    int64 // rows
	NeverDialled int64 // rows neither finished nor cancelled
	DeadLettered int64
	Late         int64  // calls first exported after the task was first seen terminal
	Digest       string // lower-case hex SHA-256 over the exported CallIDs, sorted bytewise, each followed by a newline
}

// End plans what a complete response says of the task itself: dead letters, the
// transition, the seal, the closing. Every plan of Rows must have been applied,
// and no other response of the task may have been asked for meanwhile: one read
// of a task at a time, each by the producer whose replay filled this ledger, so
// that no answer is older than what was last applied.
func (r *Reading) End(c call.Reading, policy Policy) Plan {
	plan := Plan{Task: c.Task, ObservedAt: c.Started}
	l := r.ledger
	l.mu.RLock()
	defer l.mu.RUnlock()
	t := l.known(r.taskID)
	if !l.wanted(t, c.Task, r.named) {
		plan.passOver(t, c)
		return plan
	}
	plan.Units = r.deadLetters(t, c)
	state, changes := transition(t.state, c)
	if !c.MoreRejects {
		due := sealDue(state, c, policy.AfterEnd) && !sealed(state, t, len(plan.Units)) && !hollow(t, c)
		switch {
		case due:
			changes = append(changes, seal(&state, t, plan.Units, c))
		case len(plan.Units)+len(changes) == 0:
			closeDue(&state, t, c.Started, policy.Retention)
		}
	}
	if !state.SealedAt.IsZero() && r.print != 0 {
		state.ListPrint = r.print
	}
	if state != t.state {
		plan.Units = append(plan.Units, Unit{Changes: changes, Entries: []Entry{{Kind: KindTask, TaskID: r.taskID, State: state}}})
	}
	return plan
}

// Gone plans what a definite "no such task" says: a sealed task whose retention
// is over is closed, any other stays as it is.
func (l *Ledger) Gone(taskID string, asked time.Time, policy Policy) Plan {
	l.mu.RLock()
	defer l.mu.RUnlock()
	plan := Plan{Task: call.Task{ID: taskID}, ObservedAt: asked}
	t := l.known(taskID)
	state := t.state
	if closeDue(&state, t, asked, policy.Retention); state != t.state {
		plan.Units = []Unit{{Entries: []Entry{{Kind: KindTask, TaskID: taskID, State: state}}}}
	}
	return plan
}

// passOver notes a task that ended before the export began, so that it is not
// read again at every start.
func (p *Plan) passOver(t *task, c call.Reading) {
	state := State{BeforeExportSince: true, ScheduleEnd: milliseconds(c.Task.ScheduleEnd)}
	if t.state.ClosedAt.IsZero() && state != t.state {
		p.Units = []Unit{{Entries: []Entry{{Kind: KindTask, TaskID: t.id, State: state}}}}
	}
}

// deadLetters plans the rejects that are not in the ledger yet. Of a row that is
// there with other bytes it notes the new ones, so that the next reading, once
// they are remembered, passes over it.
func (r *Reading) deadLetters(t *task, c call.Reading) (units []Unit) {
	rowKeys := map[string]struct{}{}
	for _, reject := range c.Rejects {
		d := Dead{Reject: reject}
		e := Entry{Kind: KindCall, TaskID: r.taskID, ID: reject.CallID,
			Published: Published{At: c.Started, As: DeadLetter, Row: reject.Hash}}
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
		} else if !r.claim(t, reject.CallID) {
			continue
		}
		units = append(units, Unit{Dead: &d, Entries: []Entry{e}})
	}
	return units
}

// rowKey names a row that shows no CallID: by its id, or by its bytes.
func rowKey(reject call.Reject) string {
	if reject.RowID.Set {
		return strconv.FormatInt(reject.RowID.Value, 10)
	}
	return "sha256:" + hex.EncodeToString(reject.RawSHA256[:8])
}

// transition compares the status that a response shows with the last one. A
// response without a status changes nothing.
func transition(s State, c call.Reading) (State, []StatusChange) {
	status := c.Task.Status
	first := s.Sequence == 0
	if !status.Set || !first && status.Value == s.Status {
		return s, nil
	}
	previous := call.Opt[string]{Value: s.Status, Set: !first}
	s.Status, s.Sequence = status.Value, s.Sequence+1
	s.BeforeExportSince, s.ScheduleEnd = false, time.Time{}
	s.SealedAt, s.SealedEntries, s.ListPrint = time.Time{}, 0, 0
	switch now := milliseconds(c.Started); {
	case !c.Task.Terminal():
		s.TerminalSince = time.Time{}
	case s.TerminalSince.IsZero():
		s.TerminalSince = now
		if s.FirstTerminal.IsZero() {
			s.FirstTerminal = now
		}
	}
	return s, []StatusChange{{Sequence: s.Sequence, Previous: previous, Status: s.Status, Counts: c.Counts}}
}

// sealDue reports whether a reading began late enough to seal: AfterEnd after
// the task was seen terminal or, where that is earlier, after its schedule's end.
func sealDue(s State, c call.Reading, afterEnd time.Duration) bool {
	if s.TerminalSince.IsZero() {
		return false
	}
	end := s.TerminalSince
	if schedule := c.Task.ScheduleEnd; !schedule.IsZero() && schedule.Before(end) {
		end = schedule
	}
	return !c.Started.Before(end.Add(afterEnd))
}

// hollow reports whether a response shows no row at all of a task that had some: a
// seal by it would say that nothing more comes.
func hollow(t *task, c call.Reading) bool { return c.Counts.Rows == 0 && t.published() > 0 }

// sealed reports whether the last seal still tells all that is published.
func sealed(s State, t *task, more int) bool {
	return !s.SealedAt.IsZero() && s.SealedEntries == t.published()+int64(more)
}

func seal(s *State, t *task, dead []Unit, c call.Reading) StatusChange {
	s.Seal++
	s.Sequence++
	s.SealedAt = milliseconds(c.Started)
	s.SealedEntries = t.published() + int64(len(dead))
	return StatusChange{
		Sequence: s.Sequence, Previous: call.Some(s.Status), Status: s.Status, Counts: c.Counts,
		Seal: &Seal{
			Number:       s.Seal,
			Exported:     t.events(),
			Cancelled:    c.Counts.Cancelled,
			NeverDialled: c.Counts.Open(),
			DeadLettered: t.deadLetters() + int64(len(dead)),
			Late:         t.late,
			Digest:       digest(t),
		},
	}
}

// closeDue closes a sealed task whose retention is over.
func closeDue(s *State, t *task, asked time.Time, retention time.Duration) {
	if s.SealedAt.IsZero() || !s.ClosedAt.IsZero() || s.SealedEntries != t.published() {
		return
	}
	if !asked.Before(s.SealedAt.Add(retention)) {
		s.ClosedAt = milliseconds(asked)
	}
}

// digest hashes the CallIDs that were published as events.
func digest(t *task) string {
	ids := make([]string, 0, len(t.calls))
	for k, m := range t.calls {
		if m&markDead == 0 {
			ids = append(ids, t.text(k))
		}
	}
	slices.Sort(ids)
	h := sha256.New()
	for _, id := range ids {
		_, _ = io.WriteString(h, id+"\n") // a hash does not fail
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (t *task) text(k callKey) string {
	if text, ok := t.texts[k]; ok {
		return text
	}
	return k.hex()
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
		if !add(KindCall, t.text(k)) {
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

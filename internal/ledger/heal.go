package ledger

import (
	"strconv"
	"strings"
	"time"

	"airudder-exporter/internal/call"
)

// This file says how a dead letter ends whose row is sound later, and which ones
// cannot.

// Resolution says that a row that was published as a dead letter shows a call that is,
// or was, published as an event.
type Resolution struct {
	Key    string // of the dead letter: its CallID, or the key of its row
	CallID string // of the event
	RowID  call.Opt[int64]
	Reason call.Reason // of the dead letter
}

// resolve adds to a row's unit which dead letters its call ends: the call's own, and
// that of the row when it showed no CallID. The row's entry stays, so that an old
// answer does not make it a dead letter again.
func (r *Reading) resolve(t *task, row *call.Row, observed time.Time, u *Unit) {
	k, _ := KeyOf(row.CallID)
	was, known := t.calls[k]
	if u.Call != nil && was&markDead != 0 {
		u.Resolved = append(u.Resolved, Resolution{row.CallID, row.CallID, row.ID, t.letters[k].Reason})
	}
	if u.Call == nil && (!known || was&markDead != 0) || !row.ID.Set || t.deadRows == 0 {
		return // another row's event is on its way, or may turn out not to fit: the next reading ends it
	}
	key := strconv.FormatInt(row.ID.Value, 10)
	letter, dead := t.rows[key]
	if _, again := r.resolved[key]; again || !dead || letter.As != DeadLetter {
		return
	}
	put(&r.resolved, key, struct{}{})
	u.Resolved = append(u.Resolved, Resolution{key, row.CallID, row.ID, letter.Reason})
	u.Entries = append(u.Entries, Entry{Kind: KindRow, TaskID: r.taskID, ID: key, Published: Published{
		At: observed, As: Resolved, Row: row.Hash, Letter: Letter{Reason: letter.Reason, CallID: row.CallID},
	}})
}

// maxUnlinked is how many dead letters a task may have of rows that are known by their
// bytes alone: one whose bytes differ in each answer would be another each time.
const maxUnlinked = 100

// unlinked reports whether a row's key is made of its bytes, so that a later answer
// cannot show that it is sound.
func unlinked(key string) bool { return strings.HasPrefix(key, "sha256:") }

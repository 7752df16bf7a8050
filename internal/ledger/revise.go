package ledger

import "airudder-exporter/internal/call"

// This file says when a call that was published as an event is published again, since
// its row says something else.

// Fields is what a row's documented fields said, as a hash. The zero value is nothing
// known: a row whose entry has none, or one of another form, is only noted.
type Fields struct {
	Form string // how the hash is made: another form cannot be compared
	Hash uint64 // 0: not known
}

// Revisions is how a change of what rows say is seen.
type Revisions struct {
	Form string
	Hash func(*call.Row) uint64 // of the documented fields' values; never 0
}

// MaxRevisions is how often a call is published again. Changes beyond it are counted
// alone: a field that is never twice the same would fill the topic.
const MaxRevisions = 20

// Revised is a call whose row says something else than what was last published of it.
type Revised struct {
	*call.Row
	Revision int64 // 1, 2, … per call
	N        int64 // the event's task_sequence
}

// revised is what the set keeps of an event besides its mark.
type revised struct {
	fields   uint64 // in the form of now; 0: not known
	n        int64
	revision int64
}

// Revise has the ledger publish changes of published rows. It must be called before
// anything is applied.
func (l *Ledger) Revise(r *Revisions) { l.revisions = r }

// form is that of the hashes that can be compared.
func (l *Ledger) form() string {
	if l.revisions == nil {
		return ""
	}
	return l.revisions.Form
}

// apply takes over what an entry says of a call.
func (r *Revisions) apply(t *task, k CallKey, p Published) {
	if p.As != Event {
		delete(t.revised, k)
		return
	}
	now := revised{n: p.N, revision: p.Revision}
	if p.Fields.Form == r.Form {
		now.fields = p.Fields.Hash
	}
	put(&t.revised, k, now)
}

// fields is the hash that a row's entry keeps.
func (l *Ledger) fields(row *call.Row) Fields {
	if l.revisions == nil {
		return Fields{}
	}
	return Fields{Form: l.revisions.Form, Hash: l.revisions.Hash(row)}
}

// revise plans a published call's row again: a CallRevised where it says something else
// than what was last published, or nothing but the entry where that is not known. The
// hash of what was published stays until its successor is committed, so that no change
// is lost between the two. Of a call that a reading shows twice, the first row counts.
func (r *Reading) revise(t *task, k CallKey, row *call.Row, entry Entry, u *Unit) {
	if _, again := r.seen[k]; again {
		return
	}
	r.seen[k] = struct{}{}
	was, now := t.revised[k], entry.Published.Fields.Hash
	switch {
	case was.fields == now:
		return
	case was.fields == 0:
		r.adopted++
	case was.revision >= MaxRevisions:
		r.LeaveOut(entry)
		return
	default:
		was.revision++
		u.Revised = &Revised{Row: row, Revision: was.revision, N: was.n}
	}
	entry.Published.N, entry.Published.Revision = was.n, was.revision
	u.Entries = append(u.Entries, entry)
}

// LeaveOut notes that what a call's entry would say is not published, since the call has too
// many revisions or the topic does not take it: Remember takes it over, so that it is
// counted once. Nothing is written, so a restart counts it again.
func (r *Reading) LeaveOut(entry Entry) {
	k, _ := KeyOf(entry.ID)
	put(&r.leftOut, k, entry.Published.Fields.Hash)
}

// unseen reports whether a published call's row has to be decoded, since only its fields
// say whether it changed: its bytes differ, or what was published is not known.
func (l *Ledger) unseen(t *task, k CallKey, sameBytes bool) bool {
	return l.revisions != nil && (!sameBytes || t.revised[k].fields == 0)
}

// rememberLeftOut takes over what LeaveOut noted.
func (t *task) rememberLeftOut(leftOut map[CallKey]uint64) {
	for k, fields := range leftOut {
		if was, still := t.revised[k]; still {
			was.fields = fields
			t.revised[k] = was
		}
	}
}

// Adopted is how many published calls' rows this reading has only noted, since what was
// published of them was not known.
func (r *Reading) Adopted() int { return r.adopted }

// LeftOut is how many changes of published rows this reading has not published.
func (r *Reading) LeftOut() int { return len(r.leftOut) }

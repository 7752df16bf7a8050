package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/call"
)

// record is a committed record of the ledger topic; a nil value is a tombstone.
type record struct{ key, value []byte }

func recordOf(e Entry) record { return record{e.AppendKey(nil), value(e)} }

// shard is a ledger beside the topic that it would be replayed from.
type shard struct {
	*Ledger
	log []record
}

func newShard(m Meta) *shard {
	s := &shard{Ledger: New()}
	s.write(Entry{Kind: KindMeta, Meta: m})
	return s
}

// write commits an entry to the topic and applies it.
func (s *shard) write(e Entry) {
	s.log = append(s.log, recordOf(e))
	s.Apply(e)
}

// commit commits units and applies them.
func (s *shard) commit(units ...Unit) {
	for _, u := range units {
		for _, e := range u.Entries {
			s.write(e)
		}
	}
}

// replayed is what a restart would know.
func (s *shard) replayed(t *testing.T) *Ledger {
	t.Helper()
	l := New()
	for _, r := range s.log {
		key, value := bytes.Clone(r.key), bytes.Clone(r.value)
		if err := l.Replay(key, value); err != nil {
			t.Fatalf("replay %s: %v", r.key, err)
		}
		clear(key) // neither may be kept
		clear(value)
	}
	return l
}

// restart drops what is in memory.
func (s *shard) restart(t *testing.T) {
	t.Helper()
	s.Ledger = s.replayed(t)
}

// compact does what the cleaner may do with the first n records: of each key the
// last record keeps its place; a tombstone may go too.
func (s *shard) compact(n int, dropTombstones bool) {
	last := map[string]int{}
	for i, r := range s.log[:n] {
		last[string(r.key)] = i
	}
	kept := make([]record, 0, len(s.log))
	for i, r := range s.log {
		if i < n && (last[string(r.key)] != i || r.value == nil && dropTombstones) {
			continue
		}
		kept = append(kept, r)
	}
	s.log = kept
}

// live are the records that the cleaner would leave in the end.
func (s *shard) live() (entries, size int64) {
	last := map[string][]byte{}
	for _, r := range s.log {
		last[string(r.key)] = r.value
	}
	for key, value := range last {
		if value != nil {
			entries++
			size += int64(len(key) + len(value))
		}
	}
	return entries, size
}

// dump is everything that a ledger knows, a line each. Rows' hashes are left
// out: noting that a row changed is the one thing that memory is ahead in.
func dump(l *Ledger) string {
	var lines []string
	for id, t := range l.tasks {
		lines = append(lines, fmt.Sprintf("task %s %+v standing %+v digest %s", id, t.hasState, l.standing(t), digest(t)))
		if t.id != id {
			lines = append(lines, "a task in another's place: "+id)
		}
		for k, m := range t.calls {
			lines = append(lines, fmt.Sprintf("call %s/%s flags %d %+v", id, t.texts.CallID(k), m&markDead, t.letters[k]))
		}
		for k, row := range t.rows {
			lines = append(lines, fmt.Sprintf("row %s/%s %+v", id, k, row))
		}
		if len(t.texts) > len(t.calls) {
			lines = append(lines, "texts of no call in "+id)
		}
	}
	slices.Sort(lines)
	return strings.Join(append(lines, fmt.Sprintf("%s, meta %v %+v, writer %v %+v", l, l.hasMeta, l.meta, l.hasWriter, l.writer)), "\n")
}

// copyOf is a deep copy of all that a ledger holds, rows' hashes included.
func copyOf(l *Ledger) *Ledger {
	c := &Ledger{
		tasks: map[string]*task{}, meta: l.meta, hasMeta: l.hasMeta, writer: l.writer, hasWriter: l.hasWriter,
		entries: l.entries, bytes: l.bytes,
	}
	for id, t := range l.tasks {
		held := *t
		held.calls, held.texts = maps.Clone(t.calls), maps.Clone(t.texts)
		held.rows, held.hashes = maps.Clone(t.rows), maps.Clone(t.hashes)
		held.letters = maps.Clone(t.letters)
		c.tasks[id] = &held
	}
	if l.last != nil {
		c.last = c.tasks[l.last.id]
	}
	return c
}

// checkReplay holds a replay against what is in memory, and the size of both
// against the topic's real bytes, which it knows to some bytes an entry.
func (s *shard) checkReplay(t *testing.T) {
	t.Helper()
	if got, want := dump(s.replayed(t)), dump(s.Ledger); got != want {
		t.Fatalf("replayed\n%s\nin memory\n%s", got, want)
	}
	entries, size := s.Size()
	wantEntries, wantSize := s.live()
	if off := size - wantSize; entries != wantEntries || max(off, -off) > 50*entries {
		t.Fatalf("the ledger says %d entries of %d bytes, the topic holds %d of %d", entries, size, wantEntries, wantSize)
	}
}

// wantDigest is the seal's digest, worked out apart from the code.
func wantDigest(callIDs ...string) string {
	slices.Sort(callIDs)
	var text string
	for _, id := range callIDs {
		text += id + "\n"
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// header is a task as a response shows it; no status where it is empty.
func header(id, status string) call.Task {
	task := call.Task{ID: id}
	if status != "" {
		task.Status = call.Some(status)
	}
	return task
}

// done are finished rows of the given CallIDs.
func done(callIDs ...string) (rows []call.Row) {
	for i, id := range callIDs {
		rows = append(rows, call.Row{ID: call.Some(int64(i)), CallID: id, Status: call.Finished, Raw: []byte("{}"), Hash: 1 << 20})
	}
	return rows
}

// read is one whole reading: plan the rows, commit, plan the end, commit. It
// returns the two plans. The response shows what was published before, too.
func (s *shard) read(task call.Task, at time.Time, policy Policy, rows []call.Row, rejects ...call.Reject) (rowsPlan, endPlan Plan) {
	r := s.Begin(task.ID, false)
	rowsPlan = rowsOf(r, call.Part{Task: task, Started: at, Rows: rows})
	s.commit(rowsPlan.Units...)
	n := max(int64(len(rows)+len(rejects)), s.known(task.ID).published())
	endPlan = r.End(call.Reading{Task: task, Started: at, Counts: call.Counts{Rows: n, Finished: n}, Rejects: rejects}, policy)
	s.commit(endPlan.Units...)
	r.Remember()
	return rowsPlan, endPlan
}

// rowsOf plans a part, whose events all fit.
func rowsOf(r *Reading, part call.Part) Plan {
	plan := r.Rows(part)
	events := 0
	for i, u := range plan.Units {
		if u.Call != nil {
			events++
			plan.Units[i] = u.Number(plan.Last + int64(events))
		}
	}
	r.Gave(events)
	return plan
}

// gone plans a definite "no such task".
func (s *shard) gone(taskID string, at time.Time, policy Policy) Plan {
	r := s.Begin(taskID, false)
	defer r.Remember()
	return r.Gone(at, policy)
}

// knows reports whether a reading finds a call published.
func knows(r *Reading, callID string, hash uint64) bool {
	return r.Verdict([]byte(callID), hash) != call.RowNew
}

// changes are the status changes of a plan.
func changes(p Plan) (all []StatusChange) {
	for _, u := range p.Units {
		all = append(all, u.Changes...)
	}
	return all
}

// said is a status change in short: "1 →calling", "3 =finished seal 1".
func said(p Plan) string {
	var words []string
	for _, c := range changes(p) {
		w := fmt.Sprintf("%d %s→%s", c.Sequence, c.Previous.Value, c.Status)
		if c.Previous.Set == (c.Previous.Value == "") {
			w += " (previous is wrong)"
		}
		if c.Seal != nil {
			w += fmt.Sprintf(" seal %d", c.Seal.Number)
		}
		words = append(words, w)
	}
	return strings.Join(words, ", ")
}

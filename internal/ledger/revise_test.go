package ledger

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/call"
)

// byLabel are revisions of a form in which rows differ by their labels alone.
func byLabel(form string) *Revisions {
	return &Revisions{Form: form, Hash: func(row *call.Row) uint64 { return uint64(row.Intention.Value[0]) }}
}

// revising is a shard with a topic, whose restarts may have other revisions.
type revising struct {
	*shard
	t *testing.T
}

func (s *revising) restart(r *Revisions) {
	s.t.Helper()
	l := New()
	l.Revise(r)
	for _, e := range s.log {
		if err := l.Replay(e.key, e.value); err != nil {
			s.t.Fatal(err)
		}
	}
	s.Ledger = l
}

// read plans a response whose rows are CallID=label, of which the source hands on those
// that it is told to, commits it unless it is lost, and says what was planned.
func (s *revising) read(rows string, lost bool) string {
	s.t.Helper()
	r := s.Begin(taskA, false)
	part := call.Part{Task: header(taskA, call.Calling), Started: noon}
	for _, text := range strings.Fields(rows) {
		id, label, _ := strings.Cut(text, "=")
		row := call.Row{CallID: id, Status: call.Finished, Intention: call.Some(label), Hash: uint64(id[0])<<20 + uint64(label[len(label)-1])<<8}
		if r.Verdict([]byte(id), row.Hash) == call.RowNew {
			part.Rows = append(part.Rows, row)
		}
	}
	plan := r.Rows(part)
	said := []string{}
	for i, u := range plan.Units {
		published := u.Entries[0].Published
		switch {
		case u.Call != nil:
			plan.Units[i] = u.Number(plan.Last + 1)
			plan.Last++
			said = append(said, u.Call.CallID)
		case u.Revised != nil:
			if published.Revision != u.Revised.Revision || published.N != u.Revised.N || u.Revised.N == 0 {
				s.t.Errorf("%s: entry %+v of revision %d, event %d", rows, published, u.Revised.Revision, u.Revised.N)
			}
			said = append(said, fmt.Sprintf("%s/%d", u.Revised.CallID, u.Revised.Revision))
		default:
			said = append(said, u.Entries[0].ID+" noted")
		}
	}
	if lost {
		return strings.Join(said, " ")
	}
	s.commit(plan.Units...)
	if n := r.LeftOut(); n > 0 {
		said = append(said, fmt.Sprint(n, " left out"))
	}
	r.End(call.Reading{Task: part.Task, Started: noon, Counts: call.Counts{Rows: int64(len(strings.Fields(rows))), Finished: int64(len(strings.Fields(rows)))}}, policy)
	if n := r.Remember(); n > 0 {
		said = append(said, fmt.Sprint(n, " late"))
	}
	return strings.Join(said, " ")
}

func TestRevise(t *testing.T) {
	s := &revising{newShard(meta), t}
	one, other := byLabel("1"), byLabel("1.k2")
	for i, step := range []struct {
		restart *Revisions // before it; nil: none
		off     bool       // the restart has none
		rows    string
		lost    bool // the process dies before the commit
		want    string
	}{
		{off: true, rows: "a=A b=B", want: "a b"},
		{rows: "a=C b=B", want: "1 late"}, // counted alone
		{restart: one, rows: "a=C b=B", want: "a noted b noted"},
		{rows: "a=C b=B", want: ""},
		{rows: "a=D b=B c=A", want: "a/1 c"},
		{rows: "a=E b=B c=A", lost: true, want: "a/2"},
		{restart: one, rows: "a=E b=B c=A", want: "a/2"}, // the hash of what was published stays until the commit
		{rows: "a=D b=B c=A", want: "a/3"},               // back again
		{restart: one, rows: "a=D b=B c=A", want: ""},
		{rows: "a=Dx b=B c=A", want: "1 late"}, // other bytes that say the same
		{rows: "a=Dx b=B c=A", want: ""},
		{rows: "b=C a=Dx b=D", want: "b/1 1 late"}, // the first row of a call counts
		{restart: other, rows: "a=D b=C c=B", lost: true, want: "a noted b noted c noted"},
		{restart: other, rows: "a=D b=C c=C", want: "a noted b noted c noted"},
		{rows: "a=D b=C c=B", want: "c/1"},
		{off: true, restart: other, rows: "a=E b=C c=B", want: "1 late"},
		{restart: other, rows: "a=E b=C c=B", want: "a/4"},
	} {
		if step.restart != nil || step.off {
			r := step.restart
			if step.off {
				r = nil
			}
			s.restart(r)
		}
		if got := s.read(step.rows, step.lost); got != step.want {
			t.Errorf("step %d, %s: planned %q, want %q", i, step.rows, got, step.want)
		}
	}
}

// Beyond so many, changes are counted, each once, and written nowhere.
func TestMaxRevisions(t *testing.T) {
	s := &revising{newShard(meta), t}
	s.restart(byLabel("1"))
	labels := "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for i, label := range labels {
		want := "a"
		switch {
		case i > MaxRevisions:
			want = "1 left out 1 late"
		case i > 0:
			want = fmt.Sprintf("a/%d", i)
		}
		entries := len(s.log)
		if got := s.read(fmt.Sprintf("a=%c", label), false); got != want {
			t.Errorf("change %d: %q, want %q", i, got, want)
		}
		if i > MaxRevisions && len(s.log) != entries {
			t.Errorf("change %d is written", i)
		}
	}
	if got := s.read("a=Z", false); got != "" {
		t.Errorf("the same again: %q", got)
	}
}

// A dead letter has no revisions: what becomes of it is its event.
func TestNoRevisionOfADeadLetter(t *testing.T) {
	s := &revising{newShard(meta), t}
	s.restart(byLabel("1"))
	s.write(Entry{Kind: KindCall, TaskID: taskA, ID: "a", Published: Published{At: noon, As: DeadLetter, Row: 1, Letter: Letter{Reason: call.BrokenJSON}}})
	if got := s.read("a=A", false); got != "a" {
		t.Errorf("sound: %q, want its event", got)
	}
	if got := s.read("a=B", false); got != "a/1" {
		t.Errorf("changed: %q, want its first revision", got)
	}
}

// A published call whose row is damaged later counts as published.
func TestDamagedAfterItsEvent(t *testing.T) {
	for _, revisions := range []*Revisions{nil, byLabel("1")} {
		s := &revising{newShard(meta), t}
		s.restart(revisions)
		s.read("a=A", false)
		r := s.Begin(taskA, false)
		reject := call.Reject{CallID: "a", Reason: call.BrokenJSON, Hash: 99 << 20}
		reading := call.Reading{Task: header(taskA, call.Finished), Started: noon.Add(time.Hour), Counts: call.Counts{Rows: 1, Finished: 1}}
		if r.Verdict([]byte("a"), reject.Hash) == call.RowNew {
			reading.Rejects = []call.Reject{reject}
		}
		for _, u := range r.End(reading, policy).Units {
			if u.Dead != nil {
				t.Error("an event became a dead letter")
			}
			for _, c := range u.Changes {
				if c.Exported != 1 || c.Unexported != 0 {
					t.Errorf("revisions on: %v: exported %d, unexported %d, want 1 and 0", revisions != nil, c.Exported, c.Unexported)
				}
			}
		}
	}
}

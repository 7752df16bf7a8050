package ledger

import (
	"testing"
	"time"

	"airudder-exporter/internal/call"
)

// answer is one reading in a row of them: when it began, and what it showed of a task
// whose calls a and b were published while it was calling.
type answer struct {
	after  time.Duration // since the first of them
	status string        // empty: finished; none: absent; gone: no such task
	counts call.Counts
	total  int64
	more   string // the field that says that there are more rows
	held   int
	call   string // a new one
	want   string // what it says to consumers
	phase  Phase  // empty: Ended
	dies   bool   // the process, after it
}

// all are the counts of a task with its two calls and nothing more to come.
var all = call.Counts{Rows: 2, Finished: 2}

func (a answer) read(t *testing.T, s *shard, restart bool) {
	t.Helper()
	at := noon.Add(a.after)
	var end Plan
	if a.status == "gone" {
		end = s.gone(taskA, at, atOnce)
	} else {
		status := map[string]string{"": call.Finished, "none": ""}[a.status]
		if status == "" && a.status != "none" {
			status = a.status
		}
		r := s.Begin(taskA, false)
		if a.call != "" {
			s.commit(rowsOf(r, call.Part{Task: header(taskA, status), Started: at, Rows: done(a.call)}).Units...)
		}
		r.held += a.held
		end = r.End(call.Reading{Task: header(taskA, status), Started: at, Counts: a.counts, Total: a.total, More: a.more}, atOnce)
		defer r.Remember()
	}
	s.commit(end.Units...)
	s.checkReplay(t)
	if restart || a.dies {
		s.restart(t)
	}
	want := a.phase
	if want == "" {
		want = Ended
	}
	if got := s.Standing(taskA).Phase; said(end) != a.want || got != want {
		t.Errorf("%v after the first: got %q and phase %s, want %q and %s", a.after, said(end), got, a.want, want)
	}
}

// atOnce makes due at once what time alone decides, so that the looks decide.
var atOnce = Policy{AfterEnd: 0, Retention: 10 * time.Hour, Between: 5 * time.Minute, OpenFor: time.Hour}

// TestLooks: a task is sealed and closed by looks that agree, far enough apart,
// whatever a single answer says. But for a closing, it is the same where the process
// dies after each of them.
func TestLooks(t *testing.T) {
	const m, h = time.Minute, time.Hour
	open := call.Counts{Rows: 3, Finished: 2}
	seal := "3 finished→finished seal 1"
	for _, tt := range []struct {
		name    string
		answers []answer
	}{
		{"two that agree", []answer{{after: 5 * m, counts: all, want: seal, phase: Sealed}}},
		{"too soon after each other", []answer{{after: 5*m - 1, counts: all}, {after: 5 * m, counts: all, want: seal, phase: Sealed}}},
		{"a row between them", []answer{
			{after: 5 * m, counts: call.Counts{Rows: 3, Finished: 3}, call: "c"},
			{after: 10 * m, counts: call.Counts{Rows: 3, Finished: 3}, want: seal, phase: Sealed}}},
		{"a redial that ended, with equal counts", []answer{
			{after: 5 * m, counts: all, call: "c"}, {after: 10 * m, counts: all, want: seal, phase: Sealed}}},
		{"an empty answer between them", []answer{
			{after: 5 * m}, {after: 10 * m, counts: all}, {after: 15 * m, counts: all, want: seal, phase: Sealed}}},
		{"a shorter one", []answer{
			{after: 5 * m, counts: call.Counts{Rows: 1, Finished: 1}}, {after: 10 * m, counts: all}, {after: 15 * m, counts: all, want: seal, phase: Sealed}}},
		{"an old one", []answer{
			{after: 5 * m, status: call.Calling, counts: all}, {after: 10 * m, counts: all}, {after: 15 * m, counts: all, want: seal, phase: Sealed}}},
		{"one without a status", []answer{
			{after: 5 * m, status: "none", counts: all}, {after: 10 * m, counts: all}, {after: 15 * m, counts: all, want: seal, phase: Sealed}}},
		{"no such task for a moment", []answer{
			{after: 5 * m, status: "gone"}, {after: 10 * m, counts: all}, {after: 15 * m, counts: all, want: seal, phase: Sealed}}},
		{"rows of unknown status", []answer{
			{after: 5 * m, counts: call.Counts{Rows: 2, Finished: 1, Unknown: 1}}, {after: 9 * h, counts: call.Counts{Rows: 2, Finished: 1, Unknown: 1}}}},
		{"rows without a status", []answer{
			{after: 5 * m, counts: call.Counts{Rows: 2, Finished: 1, NoStatus: 1}}, {after: 9 * h, counts: call.Counts{Rows: 2, Finished: 1, NoStatus: 1}}}},
		{"fewer rows than it counts", []answer{{after: 5 * m, counts: all, total: 3}, {after: 9 * h, counts: all, total: 3}}},
		{"more rows, in so many words", []answer{{after: 5 * m, counts: all, more: "has_more"}, {after: 9 * h, counts: all, more: "has_more"}}},
		{"as many rows as it counts", []answer{{after: 5 * m, counts: all, total: 2, want: seal, phase: Sealed}}},
		{"rows that wait", []answer{
			{after: 5 * m, counts: all, held: 1}, {after: 10 * m, counts: all}, {after: 15 * m, counts: all, want: seal, phase: Sealed}}},
		{"open rows: three over an hour", []answer{
			{after: 5 * m, counts: open}, {after: h, counts: open}, {after: h + 5*m - 1, counts: open},
			{after: h + 5*m, counts: open, want: seal, phase: Sealed}}},
		{"open rows: not two over an hour", []answer{{after: m, counts: open}, {after: 2 * h, counts: open}, {after: 3 * h, counts: open, want: seal, phase: Sealed}}},
		{"open rows that end", []answer{
			{after: 5 * m, counts: open}, {after: 10 * m, counts: call.Counts{Rows: 3, Finished: 2, Cancelled: 1}},
			{after: 15 * m, counts: call.Counts{Rows: 3, Finished: 2, Cancelled: 1}, want: seal, phase: Sealed}}},
		{"the clock goes back", []answer{{after: -5 * m, counts: all}, {after: 0, counts: all, want: seal, phase: Sealed}}},

		{"a closing", []answer{
			{after: 5 * m, counts: all, want: seal, phase: Sealed},
			{after: 10*h + 5*m - 1, counts: all, phase: Sealed}, {after: 10*h + 5*m, counts: all, phase: Sealed},
			{after: 10*h + 10*m - 1, counts: all, phase: Sealed}, {after: 10*h + 10*m, counts: all, phase: Closed}}},
		{"a closing, an empty answer before it", []answer{
			{after: 5 * m, counts: all, want: seal, phase: Sealed},
			{after: 11 * h, counts: all, phase: Sealed}, {after: 12 * h, phase: Sealed}, {after: 13 * h, counts: all, phase: Sealed},
			{after: 14 * h, counts: all, phase: Closed}}},
		{"a closing, a late call before it", []answer{
			{after: 5 * m, counts: all, want: seal, phase: Sealed},
			{after: 11 * h, counts: all, phase: Sealed}, {after: 12 * h, counts: call.Counts{Rows: 3, Finished: 3}, call: "c"},
			{after: 13 * h, counts: call.Counts{Rows: 3, Finished: 3}, want: "4 finished→finished seal 2", phase: Sealed}}},
		{"a closing of a task that is gone", []answer{
			{after: 5 * m, counts: all, want: seal, phase: Sealed}, {after: 9 * h, status: "gone", phase: Sealed},
			{after: 9*h + m, counts: all, phase: Sealed},
			{after: 11 * h, status: "gone", phase: Sealed}, {after: 11*h + 5*m - 1, status: "gone", phase: Sealed},
			{after: 11*h + 5*m, status: "gone", phase: Closed}}},
		{"a closing of a task whose rows are gone", []answer{
			{after: 5 * m, counts: all, want: seal, phase: Sealed}, {after: 11 * h, phase: Sealed}, {after: 20 * h, phase: Sealed}, {after: 21 * h, phase: Closed}}},

		{"a closing by two producers", []answer{
			{after: 5 * m, counts: all, want: seal, phase: Sealed, dies: true},
			{after: 11 * h, counts: all, phase: Sealed, dies: true}, {after: 12 * h, counts: all, phase: Sealed, dies: true},
			{after: 13 * h, counts: all, phase: Sealed}, {after: 14 * h, counts: all, phase: Closed}}},
		{"a closing of a task that is gone, by two producers", []answer{
			{after: 5 * m, counts: all, want: seal, phase: Sealed}, {after: 11 * h, status: "gone", phase: Sealed, dies: true},
			{after: 12 * h, status: "gone", phase: Sealed}, {after: 13 * h, status: "gone", phase: Closed}}},
		{"gone for so long, but seen by a new producer", []answer{
			{after: 5 * m, status: "gone", dies: true}, {after: 11 * h, status: "gone"}, {after: 12 * h, status: "gone", phase: Closed}}},

		{"gone for as long as a sealed one is kept", []answer{
			{after: 5 * m, status: "gone"}, {after: 9 * h, status: "gone"}, {after: 10*h + 5*m, status: "gone", phase: Closed}}},
		{"gone, back, and gone again", []answer{
			{after: 5 * m, status: "gone"}, {after: 9 * h, counts: all}, {after: 11 * h, status: "gone"}, {after: 20 * h, status: "gone"},
			{after: 21 * h, status: "gone", phase: Closed}}},
		{"empty for so long", []answer{{after: 5 * m}, {after: 9 * h, status: "gone"}, {after: 10*h + 5*m, phase: Closed}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			closes := tt.answers[len(tt.answers)-1].phase == Closed
			for _, restart := range []bool{false, true} {
				if restart && closes {
					continue
				}
				s := newShard(meta)
				s.read(header(taskA, call.Calling), noon.Add(-time.Hour), atOnce, done("a", "b"))
				if _, end := s.read(header(taskA, call.Finished), noon, atOnce, nil); said(end) != "2 calling→finished" {
					t.Fatalf("got %q", said(end))
				}
				for _, a := range tt.answers {
					a.read(t, s, restart)
				}
			}
		})
	}
}

// TestLooksAtFirstSight: a task that is first seen long after its end, and one that
// never had a row. An empty list of rows is no end while a task has not ended.
func TestLooksAtFirstSight(t *testing.T) {
	const m, h = time.Minute, time.Hour
	for _, tt := range []struct {
		name    string
		answers []answer
	}{
		{"its only answer is empty", []answer{
			{want: "1 →finished"}, {after: 5 * m}, {after: h - 1}, {after: h, want: "2 finished→finished seal 1", phase: Sealed}}},
		{"its first answer is empty", []answer{
			{want: "1 →finished"}, {after: 5 * m, counts: all, call: "a"}, {after: 10 * m},
			{after: 15 * m, counts: all, call: "b"}, {after: 20 * m, counts: all, want: "2 finished→finished seal 1", phase: Sealed}}},
		{"open rows alone, then none", []answer{
			{counts: call.Counts{Rows: 3}, want: "1 →finished"}, {after: 5 * m}, {after: 2 * h}, {after: 3 * h}}},
		{"not begun for months", []answer{
			{status: call.Pending, want: "1 →pending", phase: Open}, {after: 1000 * h, status: call.Pending, phase: Open},
			{after: 2000 * h, status: call.Calling, counts: all, call: "a", want: "2 pending→calling", phase: Open}}},
		{"calling, and its rows vanish", []answer{
			{status: call.Calling, counts: all, call: "a", want: "1 →calling", phase: Open},
			{after: h, status: call.Calling, phase: Open}, {after: 1000 * h, status: call.Calling, phase: Open}}},
		{"never there", []answer{{status: "gone", phase: Unknown}, {after: 1000 * h, status: "gone", phase: Unknown}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newShard(meta)
			for _, a := range tt.answers {
				a.read(t, s, true)
			}
		})
	}
}

// TestClosingSaysNothing: closing is a mark alone; the tombstones come after it.
func TestClosingSaysNothing(t *testing.T) {
	s := newShard(meta)
	task := header(taskA, call.Finished)
	var end Plan
	for i := range 5 {
		_, end = s.read(task, noon.Add(time.Duration(i)*11*time.Hour), atOnce, done("a", "b"))
		if s.Standing(taskA).Phase == Closed {
			break
		}
	}
	if got := s.Standing(taskA); got.Phase != Closed || !got.Leftover {
		t.Fatalf("got %+v, want closed, with entries that are left to delete", got)
	}
	if len(end.Units) != 1 || len(changes(end)) != 0 || len(end.Units[0].Entries) != 1 || end.Units[0].Entries[0].Tombstone {
		t.Errorf("got %+v, want the mark alone", end.Units)
	}
}

// TestLookDue: what the schedule waits for.
func TestLookDue(t *testing.T) {
	s := newShard(meta)
	if got := atOnce.LookDue(State{}); !got.IsZero() {
		t.Errorf("no look: got %v", got)
	}
	s.read(header(taskA, call.Finished), noon, atOnce, done("a"))
	if got, want := atOnce.LookDue(s.Standing(taskA).State), noon.Add(5*time.Minute); got != want {
		t.Errorf("the second of two: got %v, want %v", got, want)
	}
	open := call.Counts{Rows: 2, Finished: 1}
	for i, want := range []time.Time{noon.Add(11 * time.Minute), noon.Add(6*time.Minute + time.Hour)} {
		r := s.Begin(taskA, false)
		s.commit(r.End(call.Reading{Task: header(taskA, call.Finished), Started: noon.Add(6*time.Minute + time.Duration(i)*10*time.Minute), Counts: open}, atOnce).Units...)
		if got := atOnce.LookDue(s.Standing(taskA).State); got != want {
			t.Errorf("of three, after %d: got %v, want %v", i+1, got, want)
		}
	}
}

package ledger

import (
	"testing"
	"time"

	"airudder-exporter/internal/call"
)

// A row whose event is given up becomes a dead letter once the next reading gives it
// up, too; until then its task waits, and a reading that publishes it ends the matter.
func TestGiveUp(t *testing.T) {
	s := newShard(meta)
	task := header(taskA, call.Finished)
	rows := done(callA, callB)
	read := func(minute int, givenUp bool) (end Plan, held int) {
		r := s.Begin(taskA, false)
		plan := r.Rows(call.Part{Task: task, Started: noon, Rows: rows})
		for _, u := range plan.Units {
			if u.Call.CallID == callB && givenUp {
				r.GiveUp([]call.Reject{TooLarge(u, 1).Dead.Reject})
				continue
			}
			s.commit(u.Number(plan.Last + 1))
			r.Gave(1)
		}
		end = r.End(call.Reading{Task: task, Started: noon.Add(time.Duration(minute) * time.Minute),
			Counts: call.Counts{Rows: 2, Finished: 2}}, policy)
		s.commit(end.Units...)
		held, _ = r.Held()
		r.Remember()
		if n := r.Repeats(); n != 0 {
			t.Errorf("%d rows count as shown twice", n)
		}
		return end, held
	}
	if end, held := read(0, true); said(end) != "1 →finished" || len(end.Units) != 1 || held != 1 {
		t.Errorf("the first reading plans %+v and holds %d", end.Units, held)
	}
	end, held := read(10, true)
	if len(end.Units) == 0 || held != 0 {
		t.Fatalf("the second reading plans %+v and holds %d", end.Units, held)
	}
	want := Entry{Kind: KindCall, TaskID: taskA, ID: callB,
		Published: Published{At: end.ObservedAt, As: DeadLetter, Row: rows[1].Hash, Letter: Letter{Reason: call.TooLarge, Limit: 1}}}
	if u := end.Units[0]; u.Dead == nil || u.Dead.Reason != call.TooLarge || u.Dead.CallID != callB || u.Entries[0] != want {
		t.Errorf("got %+v, want %+v", u, want)
	}
	if got := s.Standing(taskA); got.Events != 1 || got.DeadLetters != 1 {
		t.Errorf("got %+v", got)
	}
	s.checkReplay(t)
}

// A reading that holds rows back changes the task's status as any other does, and
// neither seals nor closes it.
func TestHold(t *testing.T) {
	at := func(days int) time.Time { return noon.AddDate(0, 0, days) }
	s := newShard(meta)
	reading := func(day, held int) Plan {
		r := s.Begin(taskA, false)
		r.Hold(held)
		plan := r.End(call.Reading{
			Task: header(taskA, call.Finished), Started: at(day), Counts: call.Counts{Rows: 1, Finished: 1},
		}, policy)
		s.commit(plan.Units...)
		return plan
	}
	s.read(header(taskA, call.Calling), at(0), policy, done(callA))
	if got := said(reading(1, 1)); got != "2 calling→finished" {
		t.Errorf("the end is not told: %q", got)
	}
	for day := 2; day < 100; day++ {
		if plan := reading(day, 1); len(plan.Units) != 0 {
			t.Fatalf("day %d: %+v, want nothing", day, plan.Units)
		}
	}
	for day := 100; day < 110; day++ {
		reading(day, 0)
	}
	if got := s.Standing(taskA); got.Phase != Sealed || got.State.Seal != 1 {
		t.Fatalf("got %+v, want it sealed once nothing is held", got)
	}
	for day := 200; day < 210; day++ {
		reading(day, 1)
	}
	if got := s.Standing(taskA).Phase; got != Sealed {
		t.Errorf("got %s, want it sealed still, and not closed", got)
	}
	reading(300, 0)
	reading(301, 0)
	if got := s.Standing(taskA).Phase; got != Closed {
		t.Errorf("got %s, want it closed", got)
	}
}

package ledger

import (
	"testing"
	"time"

	"airudder-exporter/internal/call"
)

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

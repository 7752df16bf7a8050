package ledger

import (
	"testing"
	"time"

	"airudder-exporter/internal/call"
)

// TestTransitions: what a row of readings makes a task say. The policy is one
// that seals nothing.
func TestTransitions(t *testing.T) {
	for _, tt := range []struct {
		name     string
		statuses []string
		want     []string
	}{
		{"first sight", []string{"calling"}, []string{"1 →calling"}},
		{"no change", []string{"calling", "calling"}, []string{"1 →calling", ""}},
		{"the whole way", []string{"created", "pending", "calling", "paused", "calling", "finished"},
			[]string{"1 →created", "2 created→pending", "3 pending→calling", "4 calling→paused", "5 paused→calling", "6 calling→finished"}},
		{"status absent", []string{"", "calling", "", "calling", "finished"}, []string{"", "1 →calling", "", "", "2 calling→finished"}},
		{"both spellings", []string{"canceled", "cancelled"}, []string{"1 →canceled", "2 canceled→cancelled"}},
		{"as the API spells it", []string{"CALLING", "on hold"}, []string{"1 →CALLING", "2 CALLING→on hold"}},
		{"resumed", []string{"finished", "calling", "calling", "finished"},
			[]string{"1 →finished", "", "2 finished→calling", "3 calling→finished"}},
		{"an old answer", []string{"calling", "finished", "calling", "finished", "calling", "finished"}, []string{"1 →calling", "2 calling→finished", "", "", "", ""}},
		{"two old answers that differ", []string{"finished", "calling", "paused", "paused"}, []string{"1 →finished", "", "", "2 finished→paused"}},
		{"no word between the two", []string{"finished", "calling", "", "calling"}, []string{"1 →finished", "", "", "2 finished→calling"}},
		{"back to a time before its calls", []string{"calling", "pending", "pending", "created", "created", "calling"},
			[]string{"1 →calling", "", "2 calling→pending", "", "3 pending→created", "4 created→calling"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newShard(meta)
			for i, status := range tt.statuses {
				_, end := s.read(header(taskA, status), noon, policy, nil)
				if got := said(end); got != tt.want[i] {
					t.Errorf("reading %d: got %q, want %q", i, got, tt.want[i])
				}
				s.restart(t)
			}
		})
	}
}

func TestTerminalTimes(t *testing.T) {
	s := newShard(meta)
	at := func(h int) time.Time { return noon.Add(time.Duration(h) * time.Hour) }
	for i, tt := range []struct {
		status string
		since  time.Time
	}{
		{call.Calling, time.Time{}},
		{call.Canceled, at(1)},
		{call.Cancelled, at(1)}, // the other spelling is no new end
		{call.Calling, at(1)},   // may be an old answer
		{call.Calling, time.Time{}},
		{"", time.Time{}},
		{call.Finished, at(6)},
		{call.Finished, at(6)},
	} {
		s.read(header(taskA, tt.status), at(i), policy, nil)
		got := s.Standing(taskA).State
		if got.TerminalSince != tt.since {
			t.Errorf("reading %d: got %v, want %v", i, got.TerminalSince, tt.since)
		}
	}
}

// TestTimesKeepMilliseconds: what the entry does not hold, memory does not either.
func TestTimesKeepMilliseconds(t *testing.T) {
	s := newShard(meta)
	now := time.Now() // with nanoseconds, a zone and a monotonic reading
	s.read(ended(taskA, call.Finished, now), now, Policy{}, done("a"))
	for i := range 3 {
		s.checkReplay(t)
		s.read(header(taskA, call.Finished), now.Add(time.Duration(i)*time.Hour), Policy{}, nil)
	}
	s.read(ended(taskB, call.Finished, meta.ExportSince.Add(-time.Nanosecond).In(time.FixedZone("", 3600))), now, Policy{}, nil)
	if got := s.Standing(taskA).Phase; got != Closed {
		t.Fatalf("got phase %s, want %s", got, Closed)
	}
	if got := s.Standing(taskB).Phase; got != BeforeExportSince {
		t.Fatalf("got phase %s, want %s", got, BeforeExportSince)
	}
	s.checkReplay(t)
}

func TestSealTiming(t *testing.T) {
	h := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Hour) }
	for _, tt := range []struct {
		name     string
		status   string
		schedule time.Time
		first    time.Time // the reading that first shows the end
		read     time.Time
		want     bool
	}{
		{"first seen terminal just now", call.Finished, time.Time{}, h(0), h(0), false},
		{"a moment too early", call.Finished, time.Time{}, h(0), h(24).Add(-time.Millisecond), false},
		{"in time", call.Finished, time.Time{}, h(0), h(24), true},
		{"canceled", call.Canceled, time.Time{}, h(0), h(24), true},
		{"cancelled", call.Cancelled, time.Time{}, h(0), h(24), true},
		{"not terminal", call.Paused, time.Time{}, h(0), h(1000), false},
		{"not terminal, schedule over", call.Calling, h(-100), h(0), h(1000), false},
		{"no status at all", "", h(-100), h(0), h(1000), false},
		{"schedule ended earlier", call.Finished, h(-10), h(0), h(14), true},
		{"schedule ended earlier, too early", call.Finished, h(-10), h(0), h(14).Add(-time.Millisecond), false},
		{"ended long ago: at its first read", call.Finished, h(-24), h(0), h(0), false},
		{"ended long ago: too soon after it", call.Finished, h(-24), h(0), h(0).Add(policy.Between - time.Millisecond), false},
		{"ended long ago: at its second", call.Finished, h(-24), h(0), h(0).Add(policy.Between), true},
		{"schedule ends later", call.Canceled, h(100), h(0), h(24), true},
		{"the clock went back", call.Finished, time.Time{}, h(0), h(-5), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newShard(meta)
			task := ended(taskA, tt.status, tt.schedule)
			_, end := s.read(task, tt.first, policy, done("a"))
			if tt.read != tt.first {
				s.restart(t)
				_, end = s.read(task, tt.read, policy, nil)
			}
			got := false
			for _, c := range changes(end) {
				got = got || c.Seal != nil
			}
			if got != tt.want {
				t.Errorf("sealed: got %v, want %v (%s)", got, tt.want, said(end))
			}
			if sealed := s.Standing(taskA).Phase == Sealed; sealed != tt.want {
				t.Errorf("got phase %s", s.Standing(taskA).Phase)
			}
		})
	}
}

// TestSealCounts: a seal's figures are those of the ledger and of the reading that
// seals.
func TestSealCounts(t *testing.T) {
	s := newShard(meta)
	for range 2 {
		s.read(header(taskA, call.Calling), noon, policy, done(callB, "odd/one"),
			call.Reject{CallID: "broken"}, call.Reject{RowID: call.Some(int64(9))})
	}
	s.read(header(taskA, call.Finished), noon, policy, done(callA))
	s.read(header(taskA, call.Finished), noon, policy, done("late", "later"))

	task := header(taskA, call.Finished)
	counts := call.Counts{Rows: 20, Finished: 7, Cancelled: 4}
	var end Plan
	at := noon.Add(24 * time.Hour)
	for i := range 3 { // open rows: three looks
		at = at.Add(time.Duration(i) * time.Hour)
		end = s.Begin(taskA, false).End(call.Reading{Task: task, Started: at, Counts: counts}, policy)
		if i < 2 {
			s.commit(end.Units...)
		}
	}
	if len(end.Units) != 1 {
		t.Fatalf("got units %+v, want the seal alone", end.Units)
	}
	all := changes(end)
	if len(all) != 1 || all[0].Seal == nil {
		t.Fatalf("got %+v, want a seal alone", all)
	}
	c := all[0]
	if c.Sequence != 3 || c.Previous != call.Some(call.Finished) || c.Status != call.Finished || c.Counts != counts ||
		c.Exported != 5 || c.Unexported != 7 {
		t.Errorf("got %+v", c)
	}
	if got, want := c.Seal.Digest, wantDigest(callA, callB, "odd/one", "late", "later"); c.Seal.Number != 1 || got != want {
		t.Errorf("got seal %+v, want digest %s", *c.Seal, want)
	}
	s.commit(end.Units...)
	if got := s.Standing(taskA).State; got.Seal != 1 || got.SealedEvents != 5 || got.Events != 5 || got.SealedAt != at {
		t.Errorf("got state %+v", got)
	}
	s.checkReplay(t)
}

func TestSealOfNoRows(t *testing.T) {
	s := newShard(meta)
	var end Plan
	for i, want := range []string{"1 →finished", "", "2 finished→finished seal 1"} {
		_, end = s.read(header(taskA, call.Finished), noon, Policy{}, nil)
		if got := said(end); got != want {
			t.Fatalf("reading %d: got %q, want %q", i, got, want)
		}
	}
	if got := changes(end)[0]; got.Seal.Number != 1 || got.Seal.Digest != wantDigest() || got.Exported != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestSealedAgain(t *testing.T) {
	h := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Hour) }
	task := header(taskA, call.Finished)
	sealed := func(t *testing.T) *shard {
		s := newShard(meta)
		s.read(task, h(0), policy, done("a"))
		if _, end := s.read(task, h(24), policy, nil); said(end) != "2 finished→finished seal 1" {
			t.Fatalf("got %q, want a seal", said(end))
		}
		return s
	}
	t.Run("nothing new", func(t *testing.T) {
		s := sealed(t)
		if rows, end := s.read(task, h(30), policy, done("a")); len(rows.Units)+len(end.Units) != 0 {
			t.Errorf("got %+v and %+v", rows.Units, end.Units)
		}
	})
	t.Run("a late row", func(t *testing.T) {
		s := sealed(t)
		if _, end := s.read(task, h(29), policy, done("a", "b")); len(end.Units) != 1 || said(end) != "" {
			t.Fatalf("got %q, want its first look alone", said(end))
		}
		_, end := s.read(task, h(30), policy, done("a", "b"))
		if got, want := said(end), "3 finished→finished seal 2"; got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
		if got := changes(end)[0]; got.Exported != 2 || got.Seal.Digest != wantDigest("a", "b") {
			t.Errorf("got %+v", got)
		}
		if got := s.Standing(taskA).State.SealedAt; got != h(30) {
			t.Errorf("sealed at %v, want %v: retention counts from the last seal", got, h(30))
		}
	})
	t.Run("a late row of a response that broke off", func(t *testing.T) {
		s := sealed(t)
		r := s.Begin(taskA, false)
		s.commit(rowsOf(r, call.Part{Task: task, Started: h(30), Rows: done("b")}).Units...)
		s.restart(t)
		if got := s.Standing(taskA).Phase; got != Ended {
			t.Errorf("got phase %s, want %s: it is to be read again", got, Ended)
		}
		s.commit(s.gone(taskA, h(5000), policy).Units...)
		s.commit(s.gone(taskA, h(5001), policy).Units...)
		if got := s.Standing(taskA).Phase; got != Ended {
			t.Errorf("got phase %s although the seal does not tell all", got)
		}
		s.read(task, h(5002), policy, done("a", "b"))
		_, end := s.read(task, h(5003), policy, done("a", "b"))
		if got, want := said(end), "3 finished→finished seal 2"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := s.Standing(taskA).Phase; got != Sealed {
			t.Errorf("got phase %s, want %s", got, Sealed)
		}
	})
	t.Run("a dead letter, which unseals nothing", func(t *testing.T) {
		s := sealed(t)
		for i := range 5 {
			_, end := s.read(task, h(30+i), policy, nil, call.Reject{RowID: call.Some(int64(9))})
			if got := said(end); got != "" || s.Standing(taskA).Phase != Sealed {
				t.Errorf("reading %d: got %q, phase %s", i, got, s.Standing(taskA).Phase)
			}
			if dead := s.Standing(taskA).DeadLetters; dead != min(int64(i), 1) {
				t.Errorf("reading %d: got %d dead letters", i, dead)
			}
		}
	})
	t.Run("resumed and ended again", func(t *testing.T) {
		s := sealed(t)
		if _, end := s.read(header(taskA, call.Calling), h(30), policy, nil); said(end) != "" || s.Standing(taskA).Phase != Sealed {
			t.Errorf("after one answer, which may be old: got %q and phase %s", said(end), s.Standing(taskA).Phase)
		}
		if _, end := s.read(header(taskA, call.Calling), h(30), policy, nil); said(end) != "3 finished→calling" {
			t.Errorf("got %q", said(end))
		}
		if got := s.Standing(taskA).Phase; got != Open {
			t.Errorf("got phase %s, want %s", got, Open)
		}
		if _, end := s.read(header(taskA, call.Calling), h(5000), policy, nil); len(end.Units) != 0 {
			t.Errorf("a running task was closed or sealed: %+v", end.Units)
		}
		if _, end := s.read(task, h(5001), policy, nil); said(end) != "4 calling→finished" {
			t.Errorf("got %q", said(end))
		}
		if _, end := s.read(task, h(5024), policy, nil); said(end) != "" {
			t.Errorf("sealed before the new end was old enough: %q", said(end))
		}
		if _, end := s.read(task, h(5025), policy, nil); said(end) != "5 finished→finished seal 2" {
			t.Errorf("got %q", said(end))
		}
	})
	t.Run("another spelling of the end", func(t *testing.T) {
		s := sealed(t)
		for i, want := range []string{"3 finished→canceled", "4 canceled→canceled seal 2"} {
			if _, end := s.read(header(taskA, call.Canceled), h(30+i), policy, nil); said(end) != want {
				t.Errorf("got %q, want %q", said(end), want)
			}
		}
	})
	t.Run("AfterEnd raised", func(t *testing.T) {
		s := sealed(t)
		longer := Policy{AfterEnd: 100 * time.Hour, Retention: time.Hour}
		if _, end := s.read(task, h(30), longer, done("b")); said(end) != "" {
			t.Errorf("sealed again too early: %q", said(end))
		}
		if got := s.Standing(taskA).Phase; got == Closed {
			t.Error("closed although the seal does not tell all")
		}
		if _, end := s.read(task, h(100), longer, nil); said(end) != "3 finished→finished seal 2" {
			t.Errorf("got %q", said(end))
		}
	})
}

// TestMoreRejects: a reading that did not tell all of its rejects neither seals
// nor closes.
func TestMoreRejects(t *testing.T) {
	s := newShard(meta)
	task := header(taskA, call.Finished)
	for i, step := range []struct {
		more bool
		said string
		then Phase
	}{
		{true, "1 →finished", Ended}, {false, "", Ended}, {true, "", Ended}, {false, "", Ended}, {false, "2 finished→finished seal 1", Sealed},
		{false, "", Sealed}, {true, "", Sealed}, {false, "", Sealed}, {false, "", Closed},
	} {
		r := s.Begin(taskA, false)
		end := r.End(call.Reading{Task: task, Started: noon, MoreRejects: step.more,
			Counts: call.Counts{Rows: 1, Cancelled: 1}}, Policy{})
		s.commit(end.Units...)
		r.Remember()
		if got := s.Standing(taskA).Phase; said(end) != step.said || got != step.then {
			t.Errorf("step %d: got %q and phase %s, want %q and %s", i, said(end), got, step.said, step.then)
		}
	}
}

func TestClosedIsForEver(t *testing.T) {
	s := newShard(meta)
	task := header(taskA, call.Finished)
	for range 3 { // the second is the first with the dead letter, the third seals
		s.read(task, noon, Policy{}, done("a", "odd/one", callB), call.Reject{RowID: call.Some(int64(9))})
	}
	if got := s.Tombstones(taskA, 1000); len(got.Units) != 0 {
		t.Fatalf("tombstones of a task that is not closed: %+v", got.Units)
	}
	s.read(task, noon, Policy{}, nil)
	s.read(task, noon, Policy{}, nil)
	if s.Standing(taskA).Phase != Closed {
		t.Fatalf("got phase %s", s.Standing(taskA).Phase)
	}
	for left := 4; left >= 0; left-- {
		s.checkReplay(t)
		lowered := meta
		lowered.ExportSince = time.Time{}
		s.write(Entry{Kind: KindMeta, Meta: lowered})
		for _, named := range []bool{false, true} {
			if s.Wants(call.Listed{TaskID: taskA, ScheduleEnd: noon.AddDate(1, 0, 0)}, named) {
				t.Errorf("%d left: a closed task is wanted", left)
			}
			r := s.Begin(taskA, named)
			if p := r.Rows(call.Part{Task: header(taskA, call.Calling), Rows: done("a", "new")}); len(p.Units) != 0 {
				t.Errorf("%d left: calls came back: %q", left, planned(p))
			}
			end := r.End(call.Reading{Task: header(taskA, call.Calling), Started: noon, Rejects: []call.Reject{{CallID: "z"}}}, Policy{})
			if len(end.Units) != 0 {
				t.Errorf("%d left: got %+v", left, end.Units)
			}
			if p := s.gone(taskA, noon, Policy{}); len(p.Units) != 0 {
				t.Errorf("%d left: closed again", left)
			}
		}
		if got := s.Standing(taskA); got.Phase != Closed || got.Leftover != (left > 0) || got.Events != 3 || s.known(taskA).published() != int64(left) {
			t.Errorf("%d left: got %+v", left, got)
		}
		one := s.Tombstones(taskA, 1)
		if want := min(left, 1); len(one.Units) != want {
			t.Fatalf("%d left: got %d tombstones, want %d", left, len(one.Units), want)
		}
		s.commit(one.Units...)
		s.compact(len(s.log), left%2 == 0)
		s.restart(t)
	}
	if entries, _ := s.Size(); entries != 2 {
		t.Errorf("got %d entries, want meta and the closed task", entries)
	}
}

func TestPhases(t *testing.T) {
	s := newShard(meta)
	if got := s.Standing(taskA); got != (Standing{TaskID: taskA, Phase: Unknown}) {
		t.Errorf("got %+v", got)
	}
	h := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Hour) }
	for _, tt := range []struct {
		status string
		at     int
		rows   []call.Row
		want   Phase
	}{
		{"", 0, done("a"), Open},
		{call.Created, 0, nil, Open},
		{call.Finished, 1, nil, Ended},
		{call.Finished, 25, nil, Sealed},
		{call.Finished, 745, nil, Sealed},
		{call.Finished, 746, nil, Closed},
	} {
		s.read(header(taskA, tt.status), h(tt.at), policy, tt.rows)
		if got := s.Standing(taskA).Phase; got != tt.want {
			t.Errorf("%s at hour %d: got phase %s, want %s", tt.status, tt.at, got, tt.want)
		}
		s.checkReplay(t)
	}
	if got := s.Standings(); len(got) != 1 || got[0] != s.Standing(taskA) {
		t.Errorf("got %+v", got)
	}
}

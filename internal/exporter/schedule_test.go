package exporter

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// planner is a schedule with a clock of its own.
type planner struct {
	*schedule
	t   *testing.T
	now time.Time
}

func newPlanner(t *testing.T) *planner {
	return &planner{newSchedule(testConfig(), &prints{}), t, time.Now()}
}

// due takes all tasks that are due, in their order.
func (p *planner) due() (all []string) {
	for p.wait(p.now) <= 0 {
		id, ok := p.next(p.now, false)
		if !ok {
			p.t.Fatal("a task is due, and none is next")
		}
		all = append(all, id.taskID)
	}
	return all
}

func (p *planner) wantDue(want ...string) {
	p.t.Helper()
	if got := p.due(); !slices.Equal(got, want) {
		p.t.Errorf("due are %q, want %q", got, want)
	}
}

func (p *planner) wantWait(want time.Duration) {
	p.t.Helper()
	if got := p.wait(p.now); got > want || got < want*9/10 {
		p.t.Errorf("the next task is due in %s, want %s", got, want)
	}
}

func (p *planner) list(id, status string, print uint64) {
	p.listed(call.Listed{TaskID: id, Status: status, Fingerprint: print}, false, ledger.Standing{TaskID: id, Phase: ledger.Open}, p.now)
}

// read ends a task's reading as one of a task that shows a status and rows.
func (p *planner) read(id, status string, rows, open int64) {
	p.finish(outcome{visit: visit{taskID: id}, began: p.now, seen: observation{
		task:     call.Task{ID: id, Status: call.Some(status)},
		counts:   call.Counts{Rows: rows, Finished: rows - open},
		standing: ledger.Standing{TaskID: id, Phase: ledger.Open, State: ledger.State{Status: status}},
	}}, p.now)
}

func (p *planner) fail(id string, err error) {
	p.finish(outcome{visit: visit{taskID: id}, began: p.now, err: err}, p.now)
}

func TestMostOverdueFirst(t *testing.T) {
	p := newPlanner(t)
	p.wantWait(24 * time.Hour)
	for _, id := range []string{"c", "a", "b"} {
		p.list(id, "", 1)
		p.now = p.now.Add(time.Millisecond)
	}
	p.wantDue("c", "a", "b")
	for _, id := range []string{"b", "c", "a"} {
		p.read(id, call.Calling, 100, 90)
	}
	p.wantWait(5 * time.Second)
	p.wantDue()
	p.now = p.now.Add(5 * time.Second)
	if got := p.due(); len(got) != 3 {
		t.Errorf("due are %q, want three tasks", got)
	}
}

func TestBackOff(t *testing.T) {
	p := newPlanner(t)
	p.list("a", "", 1)
	p.wantDue("a")
	p.fail("a", errors.New("cut"))
	var waits []time.Duration
	for range 30 {
		waits = append(waits, p.wait(p.now))
		p.now = p.now.Add(p.wait(p.now))
		p.wantDue("a")
		p.fail("a", errors.New("cut"))
	}
	if first := waits[0]; first < 2*time.Second || first > 8*time.Second {
		t.Errorf("the first wait is %s, want about PollMin", first)
	}
	if last := slices.Max(waits); last < 3*time.Minute || last > 8*time.Minute {
		t.Errorf("the longest wait is %s, want about PollMax", last)
	}

	p.now = p.now.Add(time.Hour)
	p.wantDue("a")
	p.fail("a", fakeUpstreamError{"rate_limited", 14 * time.Minute})
	p.wantWait(14 * time.Minute)

	p.list("a", "", 2) // a listing does not end a back-off
	p.wantDue()
	p.now = p.now.Add(14 * time.Minute)
	p.wantDue("a")
	p.read("a", call.Calling, 100, 50)
	p.wantWait(5 * time.Second)
	p.now = p.now.Add(time.Minute)
	p.wantDue("a")
	p.fail("a", errors.New("cut"))
	if got := p.wait(p.now); got > 8*time.Second {
		t.Errorf("after a good reading the back-off begins with %s", got)
	}
}

// A reading that broke off but brought rows is tried again soon.
func TestBackOffAfterProgress(t *testing.T) {
	p := newPlanner(t)
	p.list("a", "", 1)
	for range 20 {
		p.now = p.now.Add(10 * time.Second)
		p.wantDue("a")
		p.finish(outcome{visit: visit{taskID: "a"}, seen: observation{published: 7}, err: errors.New("cut")}, p.now)
	}
}

func TestTaskThatVanished(t *testing.T) {
	p := newPlanner(t)
	p.list("a", "", 1)
	longest := time.Duration(0)
	for range 40 {
		p.now = p.now.Add(p.wait(p.now))
		p.wantDue("a")
		p.fail("a", fmt.Errorf("read: %w", call.ErrNoTask))
		longest = max(longest, p.wait(p.now))
	}
	if longest < rarely/2 || longest > 2*rarely {
		t.Errorf("it is asked for every %s, want about %s", longest, rarely)
	}
	p.list("a", "finished", 1)
	p.wantDue()
	p.list("a", "finished", 2) // it is back
	p.wantDue("a")
	p.fail("a", errors.New("cut"))
	if got := p.wait(p.now); got > 8*time.Second {
		t.Errorf("another kind of failure begins with %s", got)
	}
}

func TestListChanges(t *testing.T) {
	p := newPlanner(t)
	p.list("a", call.Calling, 1)
	p.wantDue("a")
	p.list("a", call.Calling, 2) // while it is being read
	p.wantDue()
	p.read("a", call.Calling, 100, 50)
	p.wantDue("a")
	p.read("a", call.Calling, 100, 50)
	p.list("a", call.Calling, 2)
	p.wantDue()
	p.list("a", call.Calling, 0) // from now on named by hand alone
	p.wantDue()
	p.list("a", call.Calling, 3)
	p.wantDue("a")
	p.read("a", call.Calling, 100, 50)

	p.listed(call.Listed{TaskID: "a", Fingerprint: 9}, false, ledger.Standing{TaskID: "a", Phase: ledger.Closed}, p.now)
	p.wantDue()
}

// A listing that shows a change again and again does not push a task back.
func TestListKeepsATasksPlace(t *testing.T) {
	p := newPlanner(t)
	p.list("a", "", 1)
	for print := range uint64(5) {
		p.now = p.now.Add(time.Minute)
		p.list("a", call.Finished, print+2)
	}
	p.now = p.now.Add(time.Minute)
	p.list("b", "", 1)
	p.wantDue("a", "b")
}

func TestNamedLater(t *testing.T) {
	p := newPlanner(t)
	passed := ledger.Standing{TaskID: "a", Phase: ledger.BeforeExportSince}
	p.known(passed, p.now)
	if len(p.jobs) != 0 {
		t.Error("a task that was passed over has a job")
	}
	p.listed(call.Listed{TaskID: "a", Fingerprint: 1}, false, ledger.Standing{TaskID: "a"}, p.now)
	p.wantDue("a")
	p.finish(outcome{visit: visit{taskID: "a"}, began: p.now, seen: observation{standing: passed}}, p.now)
	for range 3 {
		p.listed(call.Listed{TaskID: "a", Fingerprint: 1}, false, passed, p.now)
		p.wantDue()
	}
	for _, want := range [][]string{{"a"}, nil} { // once
		p.listed(call.Listed{TaskID: "a"}, true, passed, p.now)
		p.wantDue(want...)
		if want != nil {
			p.finish(outcome{visit: visit{taskID: "a"}, began: p.now, seen: observation{standing: passed}}, p.now)
		}
	}
}

func TestKnown(t *testing.T) {
	sealedAt := time.Now().Add(-time.Hour)
	for _, tt := range []struct {
		name     string
		standing ledger.Standing
		wait     time.Duration // never: no job at all
	}{
		{"nothing but rows", ledger.Standing{Phase: ledger.Open, Events: 1}, 0},
		{"open", ledger.Standing{Phase: ledger.Open, State: ledger.State{Status: call.Calling}}, 0},
		{"ended", ledger.Standing{Phase: ledger.Ended}, 0},
		{"to be exported after all", ledger.Standing{Phase: ledger.Unknown}, 0},
		{"sealed", ledger.Standing{Phase: ledger.Sealed, Events: 3, DeadLetters: 1,
			State: ledger.State{SealedAt: sealedAt, SealedEvents: 4}}, 719 * time.Hour},
		{"sealed, then a late row", ledger.Standing{Phase: ledger.Ended, Events: 4, DeadLetters: 1,
			State: ledger.State{SealedAt: sealedAt, SealedEvents: 4}}, 0},
		{"sealed, closing overdue", ledger.Standing{Phase: ledger.Sealed,
			State: ledger.State{SealedAt: sealedAt.Add(-721 * time.Hour)}}, 0},
		{"closed", ledger.Standing{Phase: ledger.Closed}, never},
		{"closed, not cleaned", ledger.Standing{Phase: ledger.Closed, Leftover: true}, 0},
		{"passed over", ledger.Standing{Phase: ledger.BeforeExportSince}, never},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlanner(t)
			tt.standing.TaskID = "a"
			p.known(tt.standing, p.now)
			if tt.wait == never {
				if len(p.jobs) != 0 {
					t.Error("it has a job")
				}
				return
			}
			if len(p.jobs) != 1 || len(p.lanes[resting])+len(p.lanes[placing]) != 1 {
				t.Fatal("it has no job that waits")
			}
			if got := p.jobs["a"].due.Sub(p.now); got > tt.wait || got < tt.wait-time.Second {
				t.Errorf("due in %s, want %s", got, tt.wait)
			}
		})
	}
}

// A change that the list shows outlives the producer that was to look at it.
func TestChangeOutlivesTheProducer(t *testing.T) {
	sealed := ledger.Standing{TaskID: "a", Phase: ledger.Sealed, State: ledger.State{Status: call.Finished, SealedAt: time.Now()}}
	list := func(p *planner, print uint64) {
		p.listed(call.Listed{TaskID: "a", Status: call.Finished, Fingerprint: print}, false, sealed, p.now)
	}
	p := newPlanner(t)
	p.known(sealed, p.now)
	list(p, 1)
	p.wantDue()
	list(p, 2)
	p.wantDue("a") // and the producer ends

	next := newPlanner(t)
	next.prints = p.prints
	next.known(sealed, next.now)
	list(next, 2)
	next.wantDue("a")
	next.finish(outcome{visit: visit{taskID: "a"}, began: next.now, seen: observation{standing: sealed}}, next.now)

	last := newPlanner(t)
	last.prints = p.prints
	last.known(sealed, last.now)
	list(last, 2)
	last.wantDue()
}

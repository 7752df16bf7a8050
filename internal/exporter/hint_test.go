package exporter

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/call"
)

// TestHintIsRead: what a hint tells of is published at once, and not when its turn would come.
func TestHintIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Calling, 1, 5)
		w := start(t, testConfig(), source, kafka)
		time.Sleep(time.Hour) // by now it is read every five minutes
		source.set("a", call.Calling, 2, 4)
		if got := w.Hint("a"); got != HintTaken {
			t.Fatalf("the hint is %s", got)
		}
		time.Sleep(100 * time.Millisecond)
		w.wantMetrics("events_total 2")
		// A second one within the second is read when that is over, and no third.
		source.set("a", call.Calling, 3, 3)
		for range 1000 {
			w.Hint("a")
		}
		reads := source.count("a")
		time.Sleep(hintApart)
		if more := source.count("a") - reads; more != 1 {
			t.Errorf("a thousand hints made %d readings", more)
		}
		w.wantMetrics("events_total 3")
		w.stop()
	})
}

// TestHintWhileReading: the answer under way may be older than what the hint tells of.
func TestHintWhileReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.took = 300 * time.Millisecond
		source.set("a", call.Calling, 1, 5)
		w := start(t, testConfig(), source, kafka)
		time.Sleep(100 * time.Millisecond)
		reads := source.count("a")
		w.Hint("a")
		time.Sleep(1500 * time.Millisecond)
		if more := source.count("a") - reads; more < 1 {
			t.Error("the task is not read again")
		}
		w.stop()
	})
}

// TestHintShortensNoBackOff: whatever hints say, a failed reading is followed by its wait,
// and the list is read at most every ten seconds, and never sooner after an error.
func TestHintShortensNoBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Calling, 1, 5)
		w := start(t, testConfig(), source, kafka)
		time.Sleep(time.Minute)
		source.change(func() { source.broken = func(string, int) (int, error) { return 0, errors.New("broken") } })
		time.Sleep(20 * time.Minute)
		reads, lists := source.count("a"), source.listed()
		for range 6000 {
			if got := w.Hint("a"); got != HintWaits && got != HintTaken {
				t.Fatalf("the hint is %s", got)
			}
			time.Sleep(10 * time.Millisecond)
		}
		if more := source.count("a") - reads; more > 2 {
			t.Errorf("a minute of hints made %d readings of a task that fails", more)
		}
		if more := source.listed() - lists; more > 2 {
			t.Errorf("hints of a task that is known made %d readings of the list", more)
		}
		w.stop()
	})
}

// TestHintPostponesNothing: a reading that is due by itself before a hint may ask for one
// is made then.
func TestHintPostponesNothing(t *testing.T) {
	for _, tt := range []struct {
		due, apart, want time.Duration // from now; of hints; from now
		hinted           bool
	}{
		{4 * time.Second, time.Minute, 4 * time.Second, false},
		{time.Hour, time.Minute, time.Minute - time.Second, true},
		{time.Hour, 0, 0, true},
		{-time.Second, 0, -time.Second, true}, // it keeps its place among the hinted
		{-time.Second, time.Minute, -time.Second, false},
	} {
		p := newPlanner(t)
		j := &job{taskID: "a", readAt: p.now.Add(-time.Second), hintApart: tt.apart}
		p.jobs["a"] = j
		p.put(j, p.now.Add(tt.due), p.now)
		if got := p.hint("a", p.now); got != HintTaken {
			t.Fatalf("the hint is %s", got)
		}
		if got := j.due.Sub(p.now); got != tt.want || j.hinted != tt.hinted {
			t.Errorf("due in %s, hints %s apart: after one it is due in %s, for a hint: %v; want %s, %v",
				tt.due, tt.apart, got, j.hinted, tt.want, tt.hinted)
		}
	}
}

// TestHintOfTheUnknown makes the list due, now and then.
func TestHintOfTheUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Calling, 1, 5)
		w := start(t, testConfig(), source, kafka)
		time.Sleep(90 * time.Second)
		source.set("new", call.Calling, 2, 0)
		lists := source.listed()
		if got := w.Hint("new"); got != HintUnknown {
			t.Errorf("the hint is %s", got)
		}
		time.Sleep(100 * time.Millisecond)
		w.wantMetrics("events_total 3")
		for i := range 60_000 {
			w.Hint(fmt.Sprint("forged ", i))
			time.Sleep(time.Millisecond)
		}
		if more := source.listed() - lists; more > 8 {
			t.Errorf("sixty thousand forged hints in a minute made %d readings of the list", more)
		}
		if jobs := len(w.TaskIDs()); jobs != 2 {
			t.Errorf("%d tasks are known, want 2", jobs)
		}
		w.stop()
		if got := w.Hint("a"); got != HintElsewhere {
			t.Errorf("of a shard that is given up the hint is %s", got)
		}
	})
}

// TestForgedHintsLeaveTheOthersTheirTurn: all slots and hints at once.
func TestForgedHintsLeaveTheOthersTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.took = time.Second
		for i := range 40 {
			source.set(fmt.Sprint("task ", i), call.Calling, 1, 100)
		}
		w := start(t, testConfig(), source, kafka)
		time.Sleep(time.Hour)
		before := map[string]int{}
		for i := range 40 {
			before[fmt.Sprint("task ", i)] = source.count(fmt.Sprint("task ", i))
		}
		for range 600 { // ten minutes of hints of four tasks
			for i := range 4 {
				w.Hint(fmt.Sprint("task ", i))
			}
			time.Sleep(time.Second)
		}
		for id, reads := range before {
			if more := source.count(id) - reads; more < 2 {
				t.Errorf("%s was read %d times in ten minutes of hints of others", id, more)
			}
		}
		w.stop()
	})
}

// listed is how often the list was read.
func (s *fakeSource) listed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lists
}

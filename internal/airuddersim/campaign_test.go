package airuddersim

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"time"
)

// played is a simulation whose first campaigns have all ended.
func played(t *testing.T, cfg Config) *Sim {
	t.Helper()
	cfg.Start = start
	s := New(cfg)
	s.Advance(30 * time.Minute)
	for _, task := range s.Truth().Tasks {
		if !cfg.Renew && !task.Ended {
			t.Fatalf("task %s has not ended: %v", task.TaskID, task.States)
		}
	}
	return s
}

// fingerprint is the truth and every task's detail as bytes.
func fingerprint(t *testing.T, s *Sim) []byte {
	t.Helper()
	out, err := json.Marshal(s.Truth())
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range s.tasks {
		b := s.detailBody(task, nil)
		var raw bytes.Buffer
		if _, err := b.writeTo(&raw, b.size()); err != nil {
			t.Fatal(err)
		}
		out = append(out, raw.Bytes()...)
	}
	return out
}

func TestSameSeedSamePlay(t *testing.T) {
	play := func(seed uint64, steps ...time.Duration) []byte {
		s := New(Config{Seed: seed, Start: start, Tasks: 4, Rate: 10, RowsPerTask: 30, Renew: true, Overtake: 0.3})
		for _, d := range steps {
			s.Advance(d)
		}
		return fingerprint(t, s)
	}
	small := slices.Repeat([]time.Duration{700 * time.Millisecond, 1300 * time.Millisecond}, 90)
	once := play(7, 3*time.Minute)
	if !bytes.Equal(once, play(7, 3*time.Minute)) {
		t.Error("two plays of one seed differ")
	}
	if !bytes.Equal(once, play(7, small...)) {
		t.Error("a play in small steps differs from one in a single step")
	}
	if bytes.Equal(once, play(8, 3*time.Minute)) {
		t.Error("another seed gives the same play")
	}
}

func TestRequestsDoNotChangeThePlay(t *testing.T) {
	cfg := Config{Seed: 3, Start: start, Tasks: 3, RowsPerTask: 30, FaultRates: map[FaultKind]float64{Shuffled: 1, Sparse: 1}}
	watched, alone := New(cfg), New(cfg)
	c := serveSim(t, watched)
	for range 20 {
		watched.Advance(5 * time.Second)
		for _, task := range watched.Truth().Tasks {
			c.detail(task.TaskID)
		}
	}
	alone.Advance(100 * time.Second)
	got, want := watched.Truth(), alone.Truth()
	for i := range want.Tasks {
		for j := range want.Tasks[i].Calls {
			g, w := got.Tasks[i].Calls[j], want.Tasks[i].Calls[j]
			if g.CallID != w.CallID || !g.FinishedAt.Equal(w.FinishedAt) {
				t.Fatalf("call %d of task %d: got %v, want %v", j, i, g, w)
			}
		}
	}
}

// legal are the steps a task's path may take.
var legal = map[string][]string{
	"":      {Created},
	Created: {Pending},
	Pending: {Calling},
	Calling: {Paused, Finished, Canceled},
	Paused:  {Calling},
}

func TestPathsAreLegal(t *testing.T) {
	s := played(t, Config{Seed: 11, Tasks: 4, Rate: 20, RowsPerTask: 80, Renew: true})
	seen := map[string]bool{}
	for _, task := range s.Truth().Tasks {
		last := StateAt{}
		for _, st := range task.States {
			if !slices.Contains(legal[last.Status], st.Status) {
				t.Errorf("task %s goes from %q to %q", task.TaskID, last.Status, st.Status)
			}
			if st.At.Before(last.At) {
				t.Errorf("task %s: %s at %v, before %v", task.TaskID, st.Status, st.At, last.At)
			}
			seen[last.Status+">"+st.Status] = true
			last = st
		}
	}
	for _, step := range []string{"created>pending", "pending>calling", "calling>paused", "paused>calling", "calling>finished", "calling>canceled"} {
		if !seen[step] {
			t.Errorf("no task went %s", step)
		}
	}
}

func TestEveryFateComesUp(t *testing.T) {
	s := played(t, Config{Seed: 5, Tasks: 6, Rate: 20, RowsPerTask: 80})
	var late, empty, cancelled, neverDialled, redialled int
	for i, task := range s.Truth().Tasks {
		if task.Rows == 0 {
			empty++
		}
		end := task.States[len(task.States)-1]
		for _, c := range task.Calls {
			if c.FinishedAt.After(end.At) {
				late++
			}
		}
		cancelled += task.Cancelled
		if end.Status == Finished {
			neverDialled += task.Open
		}
		for _, r := range s.tasks[i].Rows {
			if len(r.Attempts) > 1 {
				redialled++
			}
		}
		if task.Rows != task.Finished+task.Cancelled+task.Open {
			t.Errorf("task %s: %d rows, but %d + %d + %d", task.TaskID, task.Rows, task.Finished, task.Cancelled, task.Open)
		}
	}
	if late == 0 || empty == 0 || cancelled == 0 || neverDialled == 0 || redialled == 0 {
		t.Errorf("late %d, empty %d, cancelled %d, never dialled %d, redialled %d: want some of each",
			late, empty, cancelled, neverDialled, redialled)
	}
}

func TestRowsFinishWhenConnectedOrUsedUp(t *testing.T) {
	s := played(t, Config{Seed: 5, Tasks: 6, Rate: 20, RowsPerTask: 80})
	for _, task := range s.tasks {
		for _, r := range task.Rows {
			a := r.current()
			late := a != nil && a.Call > 0 && task.Calls[a.Call-1].FinishedAt.After(task.States[len(task.States)-1].At)
			if r.Status == Finished && !a.Connected && len(r.Attempts) < task.Repeats && !late {
				t.Errorf("row %d finished after %d attempts without an answer", r.ID, len(r.Attempts))
			}
			for i, earlier := range r.Attempts[:max(0, len(r.Attempts)-1)] {
				if earlier.Call != 0 || earlier.Connected {
					t.Errorf("row %d was redialled after attempt %d had finished", r.ID, i+1)
				}
			}
		}
	}
}

func TestOvertakenAttemptsWereFinished(t *testing.T) {
	s := played(t, Config{Seed: 5, Tasks: 2, Rate: 20, RowsPerTask: 80, Overtake: 0.5})
	overtaken := 0
	for _, task := range s.Truth().Tasks {
		for _, c := range task.Calls {
			if c.OvertakenAt.IsZero() {
				continue
			}
			overtaken++
			if c.Current || !c.OvertakenAt.After(c.FinishedAt) {
				t.Errorf("call %s: current %t, finished %v, overtaken %v", c.CallID, c.Current, c.FinishedAt, c.OvertakenAt)
			}
		}
	}
	if overtaken == 0 {
		t.Error("no attempt was overtaken")
	}
}

func TestRateIsRoughlyKept(t *testing.T) {
	s := New(Config{Seed: 1, Start: start, Tasks: 3, Rate: 5, Renew: true, WarmUp: time.Minute})
	before := finished(s)
	if before == 0 {
		t.Error("no call finished while warming up")
	}
	s.Advance(10 * time.Minute)
	if got := float64(finished(s)-before) / 600; got < 3 || got > 7 {
		t.Errorf("%.1f calls a second finished, want about 5", got)
	}
}

// finished is how many calls ended finished.
func finished(s *Sim) int {
	n := 0
	for _, task := range s.Truth().Tasks {
		n += len(task.Calls)
	}
	return n
}

func TestStopFinishesNoMoreCalls(t *testing.T) {
	s := New(Config{Seed: 1, Start: start, Tasks: 3, Rate: 20})
	s.Advance(time.Minute)
	s.Stop()
	before := finished(s)
	s.Advance(time.Minute)
	if got := finished(s); got != before || before == 0 {
		t.Errorf("%d calls finished before the stop, %d after a minute more", before, got)
	}
	if want := start.Add(2 * time.Minute); !s.Now().Equal(want) {
		t.Errorf("the clock shows %v, want %v", s.Now(), want)
	}
	if !s.Truth().Stopped {
		t.Error("the truth does not say that the campaigns stopped")
	}
	c := serveSim(t, s)
	parse(t, c.detail(s.Truth().Tasks[0].TaskID))
}

package exporter

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/notice"
)

// noticed returns the notice of a cause; its Cause is empty if there is none.
func (w *world) noticed(cause string) (n notice.Notice) {
	for _, n := range w.Totals().Notices {
		if n.Cause == cause {
			return n
		}
	}
	return n
}

// wantNotice fails unless there is a notice of the cause with that text, or with an
// empty one none.
func (w *world) wantNotice(when, cause, text string) {
	w.t.Helper()
	got := w.noticed(cause)
	if (got.Cause == "") != (text == "") || !strings.Contains(got.Text, text) {
		w.t.Errorf("%s: %s says %q, want %q", when, cause, got.Text, text)
	}
}

// told counts the lines of the log that say that a notice began.
func (w *world) told(cause string) int {
	return w.logs("level=WARN", "notice="+cause) - w.logs("notice="+cause, " for=")
}

// logs counts the lines of the log that hold all texts.
func (w *world) logs(texts ...string) (n int) {
	for line := range strings.Lines(w.log.String()) {
		all := true
		for _, text := range texts {
			all = all && strings.Contains(line, text)
		}
		if all {
			n++
		}
	}
	return n
}

// campaigns sets so many tasks that place calls.
func (s *fakeSource) campaigns(n int) {
	for i := range n {
		s.set(fmt.Sprintf("t%02d", i), call.Calling, 2, 100)
	}
}

// breaks makes the readings of the tasks fail that which names.
func (s *fakeSource) breaks(which func(taskID string) bool) {
	s.change(func() {
		s.broken = func(taskID string, _ int) (int, error) {
			if which(taskID) {
				return 0, fakeUpstreamError{kind: "server"}
			}
			return 0, nil
		}
	})
}

func all(string) bool  { return true }
func none(string) bool { return false }

func TestAllTasksFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(t)
		source.campaigns(12)
		cfg := testConfig()
		cfg.PollMax = 30 * time.Second
		w := start(t, cfg, source, newFakeKafka())
		time.Sleep(10 * time.Minute)
		w.wantNotice("on a good day", causeTasksFailing, "")

		source.breaks(all)
		time.Sleep(55 * time.Second)
		w.wantNotice("after two rounds", causeTasksFailing, "12 of 12 tasks cannot be read, two times in a row or more; the error (server) is upstream: server")
		w.wantReady("within the first minute", "")
		time.Sleep(40 * time.Second)
		w.wantReady("after a minute", "no task can be read: 12 of 12 tasks failed; the error (server) is upstream: server; ")
		w.wantNotice("besides", causeTasksFailing, "")

		source.breaks(func(taskID string) bool { return taskID != "t00" })
		time.Sleep(time.Minute)
		w.wantReady("with one task readable", "")
		w.wantNotice("with one task readable", causeTasksFailing, "11 of 12 tasks")
		time.Sleep(time.Hour)
		w.wantReady("with one task readable for an hour", "")

		source.breaks(none)
		time.Sleep(time.Minute)
		w.wantNotice("once all can be read", causeTasksFailing, "")
		if said, over := w.told(causeTasksFailing), w.logs("level=INFO", "tasks_failing"); said != 1 || over != 1 {
			t.Errorf("the log tells of it %d times, and of its end %d times:\n%s", said, over, w.log)
		}
		w.stop()
	})
}

// A key that AIRudder refuses is one thing, however many tasks it keeps from being read:
// one line, repeated, and no fault of any task. No reading is promised before it goes.
func TestRefusedKeyIsOneThing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(t)
		source.campaigns(20)
		cfg := testConfig()
		cfg.SettingName = func(field string) string { return "THE_" + field }
		w := start(t, cfg, source, newFakeKafka())
		time.Sleep(10 * time.Minute)
		held := time.Now().Add(24 * time.Hour)
		source.change(func() {
			refused := fakeUpstreamError{kind: "auth"}
			source.listErr, source.flight.Held = refused, held
			source.broken = func(string, int) (int, error) { return 0, refused }
		})
		time.Sleep(58 * time.Minute)
		want := "the task list cannot be read, nor can 20 of 20 tasks: upstream: auth; set THE_AppKey and THE_AppSecret right"
		w.wantReady("with a refused key", want)
		s := w.Snapshot()
		if len(s.Notices) != 0 || !s.List.ErrorShared {
			t.Errorf("besides, it says %+v, and the list's error is its own: %v", s.Notices, !s.List.ErrorShared)
		}
		for _, task := range s.Tasks {
			if task.Error == "" || !task.ErrorShared || task.NextRead.Before(held) {
				t.Errorf("task %s: %q is its own: %v; next reading %s", task.TaskID, task.Error, !task.ErrorShared, task.NextRead)
			}
		}
		if n, again := w.logs("level=WARN"), w.logs("level=WARN", "not ready: "+want, " for="); n > 14 || again < 10 || n-again > 2 {
			t.Errorf("%d warnings in an hour, %d of them repeat the reason, want one for it, and at most one before it:\n%s", n, again, w.log)
		}
		source.change(func() { source.listErr, source.broken, source.flight.Held = nil, nil, time.Time{} })
		time.Sleep(10 * time.Minute)
		w.wantReady("with the right key", "")
		w.wantNotice("with the right key", causeTasksFailing, "")
		if n := w.logs("level=INFO", "ready again; the reason was: ", " lasted="); n != 1 {
			t.Errorf("the end is told %d times:\n%s", n, w.log)
		}
		w.stop()
	})
}

// Tasks that fail by themselves, for long, are told of and say nothing of the others.
func TestSomeTasksFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(t)
		source.campaigns(9)
		source.breaks(func(taskID string) bool { return taskID < "t04" })
		w := start(t, testConfig(), source, newFakeKafka())
		time.Sleep(time.Second)
		w.wantNotice("after one reading", causeTasksFailing, "")
		time.Sleep(20 * time.Second)
		w.wantNotice("after two", causeTasksFailing, "4 of 9 tasks cannot be read")
		for range 1000 {
			time.Sleep(17 * time.Second)
			w.wantReady("for hours", "")
		}
		source.breaks(func(taskID string) bool { return taskID == "t07" })
		time.Sleep(10 * time.Minute)
		w.wantNotice("with one left", causeTasksFailing, "1 of 9 tasks cannot be read, two times in a row or more; the error is upstream: server")
		source.breaks(all)
		time.Sleep(7 * time.Minute)
		w.wantReady("with none left", "no task can be read: 9 of 9 tasks failed")
		w.stop()
		w.wantNotice("after the end", causeTasksFailing, "")
	})
}

// That there is no such task is an answer.
func TestTasksThatAreGoneDoNotFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(t)
		source.campaigns(5)
		w := start(t, testConfig(), source, newFakeKafka())
		time.Sleep(time.Minute)
		source.change(func() {
			for _, task := range source.tasks {
				task.gone = true
			}
		})
		time.Sleep(time.Hour)
		w.wantNotice("with tasks that are gone", causeTasksFailing, "")
		w.wantReady("with tasks that are gone", "")
		w.stop()
	})
}

// A 429 is told by its own notice, until nothing else comes.
func TestTooManyRequestsAreNoFailingTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(t)
		source.campaigns(6)
		w := start(t, testConfig(), source, newFakeKafka())
		time.Sleep(time.Minute)
		var kind string
		source.change(func() {
			source.broken = func(taskID string, _ int) (int, error) {
				if taskID == "t00" && kind == "" {
					return 0, fakeUpstreamError{kind: "server"}
				}
				return 0, fakeUpstreamError{kind: tooMany}
			}
		})
		time.Sleep(2 * time.Minute)
		w.wantNotice("with one that fails otherwise", causeTasksFailing, "1 of 6 tasks cannot be read, two times in a row or more; the error is upstream: server")
		w.wantReady("with nothing but 429", "no task can be read: 6 of 6 tasks failed; the commonest error (rate_limited) is")
		source.change(func() { kind = tooMany })
		time.Sleep(20 * time.Minute)
		w.wantNotice("with nothing but 429", causeTasksFailing, "")
		w.stop()
	})
}

// A doubt of the producer is none of the upstream's: the tasks that failed before still
// do.
func TestFailingTasksOutliveAProducer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.campaigns(3)
		source.breaks(func(taskID string) bool { return taskID == "t01" })
		w := start(t, testConfig(), source, kafka)
		time.Sleep(time.Minute)
		w.wantNotice("before the doubt", causeTasksFailing, "1 of 3")
		kafka.mu.Lock()
		kafka.fault = func(commit int) (bool, error) { return commit != len(kafka.commits), fakeUpstreamError{kind: "lost"} }
		kafka.mu.Unlock()
		source.set("t00", call.Calling, 9, 3)
		time.Sleep(5 * time.Minute)
		kafka.mu.Lock()
		kafka.fault = nil
		kafka.mu.Unlock()
		time.Sleep(10 * time.Minute)
		if w.logs("producer ended") == 0 {
			t.Error("no producer ended")
		}
		if n := w.told(causeTasksFailing); n != 1 {
			t.Errorf("the log tells %d times of the failing task:\n%s", n, w.log)
		}
		w.stop()
	})
}

func TestUpstreamHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(t)
		source.campaigns(8)
		w := start(t, testConfig(), source, newFakeKafka())
		time.Sleep(10 * time.Minute)
		source.change(func() { source.hangs = true })
		asked := func() bool { return len(source.Flight().Waiting) > 0 }
		for !asked() {
			time.Sleep(time.Second)
		}
		time.Sleep(18 * time.Second)
		w.wantNotice("for 18 s", causeUpstreamHangs, "")
		time.Sleep(15 * time.Second)
		w.wantNotice("for half a minute", causeUpstreamHangs, "AIRudder has answered nothing since ")
		w.wantReady("for half a minute", "")
		for range 40 { // requests are given up and asked again
			time.Sleep(15 * time.Second)
			w.wantNotice("for minutes", causeUpstreamHangs, " under way ha")
		}
		w.wantReady("for minutes", "the task list cannot be read, nor can ")
		w.wantNotice("besides", causeTasksFailing, "")
		source.change(func() { source.hangs = false })
		time.Sleep(10 * time.Minute)
		w.wantNotice("once it answers", causeUpstreamHangs, "")
		w.wantNotice("once it answers", causeTasksFailing, "")
		w.wantReady("once it answers", "")
		if n := w.told(causeUpstreamHangs); n != 1 {
			t.Errorf("the log tells of it %d times:\n%s", n, w.log)
		}
		w.stop()
	})
}

// A task whose details have always taken 100 s to their first byte hangs no upstream,
// though nothing else is asked for meanwhile.
func TestSlowDetailsAreNoHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(t)
		source.set("slow", call.Calling, 9, 9)
		source.slow = func(string) time.Duration { return 100 * time.Second }
		cfg := testConfig()
		cfg.ListInterval = time.Hour
		w := start(t, cfg, source, newFakeKafka())
		time.Sleep(55 * time.Second)
		w.wantNotice("of a task that was never read", causeUpstreamHangs, "")
		time.Sleep(20 * time.Second)
		w.wantNotice("of a task that was never read, a minute later", causeUpstreamHangs, "the one request under way has waited far longer")
		time.Sleep(time.Minute)
		for range 300 {
			w.wantNotice("of a slow task", causeUpstreamHangs, "")
			time.Sleep(7 * time.Second)
		}
		w.stop()
	})
}

// A quiet account asks little: what was last answered long ago is no hang.
func TestQuietIsNoHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(t)
		source.set("a", call.Paused, 0, 9)
		source.slow = func(string) time.Duration { return 15 * time.Second }
		cfg := testConfig()
		cfg.ListInterval = time.Hour
		w := start(t, cfg, source, newFakeKafka())
		time.Sleep(24 * time.Hour)
		source.change(func() { source.slow = func(string) time.Duration { return 19 * time.Second } })
		time.Sleep(24 * time.Hour)
		if n := w.logs("level=WARN"); n != 0 {
			t.Errorf("a quiet day logs\n%s", w.log)
		}
		w.stop()
	})
}

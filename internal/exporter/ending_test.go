package exporter

import (
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// A task whose answers say for days that there is more than they show is not sealed.
// The operator hears of it, and it costs one request a day.
func TestUnsealedForDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Finished, 3, 0)
		source.change(func() { source.tasks["a"].total = 4 })
		cfg := testConfig()
		cfg.ListInterval = time.Hour
		w := start(t, cfg, source, kafka)
		const day = 24 * time.Hour
		time.Sleep(unsealedFor)
		w.wantMetrics("notice cause=task_unsealed 0")
		time.Sleep(day)
		w.wantMetrics("notice cause=task_unsealed 1", "seals_total 0")
		reads := source.count("a")
		time.Sleep(10 * day)
		if more := source.count("a") - reads; more < 9 || more > 12 {
			t.Errorf("it was read %d times in ten days", more)
		}
		source.change(func() { source.tasks["a"].total = 3 })
		time.Sleep(3 * day)
		w.wantMetrics("notice cause=task_unsealed 0", "seals_total 1")
		w.stop()
		if said, over := w.told(causeTaskUnsealed), w.logs(`level=INFO msg="notice is over: the task ended `); said != 1 || over != 1 {
			t.Errorf("the log tells of it %d times, and of its end %d times:\n%s", said, over, w.log)
		}
	})
}

// A single old, empty or damaged answer to a task that was not read before costs
// nothing: what the next ones show is published, and the seal tells all of it.
func TestFirstAnswerLies(t *testing.T) {
	for name, lie := range map[string]func(*fakeTask){
		"no rows":       func(t *fakeTask) { t.rows = nil },
		"fewer rows":    func(t *fakeTask) { t.rows = t.rows[:1] },
		"an old status": func(t *fakeTask) { t.task.Status = call.Some(call.Calling) },
		"no such task":  func(t *fakeTask) { t.gone = true },
		"a damaged row": func(t *fakeTask) {
			t.rejects = []call.Reject{{Reason: call.BrokenJSON, CallID: t.rows[2].CallID}}
			t.rows = t.rows[:2]
		},
		"rows with more": func(t *fakeTask) { t.total = 9; t.rows = t.rows[:2] },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source, kafka := newFakeSource(t), newFakeKafka()
				source.set("a", call.Finished, 3, 0)
				source.change(func() {
					source.tasks["a"].task.ScheduleEnd = time.Now().Add(-48 * time.Hour)
					truth := *source.tasks["a"]
					answer := truth
					lie(&answer)
					source.tasks["a"] = &answer
					source.answered = func(string, int) { source.tasks["a"] = &truth }
				})
				w := start(t, testConfig(), source, kafka)
				time.Sleep(3 * time.Hour)
				w.stop()
				once(t, kafka, 3, "call/")
				if got := kafka.replayed(t).Standing("a"); got.Phase != ledger.Sealed || got.State.SealedEvents != 3 || got.DeadLetters != 0 {
					t.Errorf("got %+v, want a seal of three events", got)
				}
			})
		})
	}
}

// What takes a second reading is read a second time soon, though the task is sealed.
func TestSecondReadingOfASealedTask(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*fakeTask)
		want   string
	}{
		"a damaged row": {func(t *fakeTask) { t.rejects = []call.Reject{{Reason: call.BrokenJSON, CallID: "x"}} }, "dead_letters_total reason=broken_json 1"},
		"resumed":       {func(t *fakeTask) { t.task.Status = call.Some(call.Calling) }, "status_changes_total 2"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source, kafka := newFakeSource(t), newFakeKafka()
				source.set("a", call.Finished, 3, 0)
				w := start(t, testConfig(), source, kafka)
				time.Sleep(3 * time.Hour)
				w.wantMetrics("seals_total 1")
				source.change(func() { tt.change(source.tasks["a"]); source.tasks["a"].print++ })
				time.Sleep(10 * time.Minute)
				w.wantMetrics(tt.want)
				w.stop()
			})
		})
	}
}

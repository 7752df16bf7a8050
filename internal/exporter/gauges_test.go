package exporter

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/call"
)

// A call that ended while its task was being watched shows how the exporter keeps up;
// one that ended before does not, after a restart as at the first start.
func TestLagOfCallsBeforeTheFirstReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		ended := func(i int, ago time.Duration) {
			source.change(func() { source.tasks["a"].rows[i].CallEnd = time.Now().Add(-ago) })
		}
		source.set("a", call.Calling, 2, 2)
		ended(0, time.Hour)
		ended(1, time.Second)
		w := start(t, testConfig(), source, kafka)
		time.Sleep(time.Minute)
		w.wantLags("at first", 2, 0)
		source.set("a", call.Calling, 3, 1)
		ended(2, 0)
		time.Sleep(time.Minute)
		w.wantLags("of a call since", 2, 1)
		w.stop()

		source.set("a", call.Calling, 4, 0)
		ended(3, 0)
		time.Sleep(10 * time.Minute) // nobody runs
		w = start(t, testConfig(), source, kafka)
		time.Sleep(time.Minute)
		w.wantLags("after a restart", 1, 0)
		w.stop()
	})
}

// wantLags counts the calls that were caught up with, and those that were detected.
func (w *world) wantLags(when string, caughtUp, detected uint64) {
	w.t.Helper()
	got := map[string]uint64{}
	families, err := w.metrics.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range families {
		got[f.GetName()] = f.GetMetric()[0].GetHistogram().GetSampleCount()
	}
	if got["airudder_catch_up_lag_seconds"] != caughtUp || got["airudder_detection_lag_seconds"] != detected {
		w.t.Errorf("%s: %d calls are caught up with and %d detected, want %d and %d", when,
			got["airudder_catch_up_lag_seconds"], got["airudder_detection_lag_seconds"], caughtUp, detected)
	}
}

// What waits for a commit does so over the ends of producers, and no longer than until
// it is committed, or its row is gone.
func TestUncommittedOutlivesProducers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Calling, 1, 9)
		w := start(t, testConfig(), source, kafka)
		time.Sleep(time.Minute)
		w.wantMetrics("uncommitted_seconds 0")
		bad := true
		kafka.change(func() {
			kafka.fault = func(int) (bool, error) {
				if bad {
					return false, errors.New("no leader")
				}
				return true, nil
			}
		})
		for _, rows := range [][2]int{{5, 5}, {7, 5}} { // of the second, the new rows go again
			finished, left := rows[0], rows[1]
			kafka.change(func() { bad = true })
			source.set("a", call.Calling, finished, 10-finished)
			time.Sleep(20 * time.Minute)
			if got := w.uncommittedFor(time.Now()); got < 14*time.Minute || got > 20*time.Minute {
				t.Errorf("the oldest plan waits for %s, want some 20 min", got)
			}
			source.set("a", call.Calling, left, 10-left)
			kafka.change(func() { bad = false })
			time.Sleep(10 * time.Minute)
			w.wantMetrics("uncommitted_seconds 0")
		}
		w.stop()
	})
}

// Tasks by state, readings that are late, and the last times.
func TestGauges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		for id, status := range map[string]string{"a": call.Calling, "b": call.Paused, "c": call.Finished} {
			source.set(id, status, 1, 0)
		}
		cfg := testConfig()
		cfg.Policy.AfterEnd = 24 * time.Hour
		cfg.Concurrency = 1
		w := start(t, cfg, source, kafka)
		time.Sleep(time.Minute)
		w.wantMetrics("tasks state=calling 1", "tasks state=open 1", "tasks state=ended 1", "tasks state=new 0",
			"shards 1", "shards_owned 1", "tasks_failing 0", "readings_overdue tasks=calling 0", "reading_delay_seconds tasks=others 0")
		for what, at := range map[string]time.Duration{"reading": w.sinceSeconds(&w.lastRead), "commit": w.sinceSeconds(&w.lastCommit)} {
			if at < 0 || at > time.Minute {
				t.Errorf("the last %s was %s ago", what, at)
			}
		}
		source.change(func() { source.took = time.Hour }) // each answer, and there is one slot
		source.set("d", call.Calling, 1, 0)
		time.Sleep(30 * time.Minute)
		w.wantMetrics("tasks state=new 1")
		all := w.tally(time.Now())
		if n, delay := all.calling.overdue+all.resting.overdue, max(all.calling.delay, all.resting.delay); n < 2 || delay < 20*time.Minute {
			t.Errorf("%d readings are overdue, the oldest by %s, want two or more, by 20 min or more", n, delay)
		}
		if all.resting.overdue == 0 {
			t.Error("no reading of a task that is not calling is overdue")
		}
		source.change(func() {
			source.took = 0
			source.broken = func(string, int) (int, error) { return 0, fakeUpstreamError{kind: "html"} }
		})
		time.Sleep(6 * time.Hour)
		w.wantMetrics("tasks_failing 4")
		w.stop()
	})
}

func (w *world) sinceSeconds(s *stamp) time.Duration {
	return time.Since(time.Unix(0, s.nanos.Load()))
}

package exporter

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// A task that breaks waits, and no other.
func TestABrokenTaskStopsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("good", call.Calling, 10, 10)
		source.set("cut", call.Calling, 10, 10)
		source.set("unencodable", call.Calling, 1, 0)
		source.set("large", call.Calling, 1, 0)
		source.tasks["large"].task.Name = call.Some(string(make([]byte, recordLimit)))
		source.broken = func(taskID string, _ int) (int, error) {
			if taskID == "cut" {
				return 5, fakeUpstreamError{kind: "cut"}
			}
			return 0, nil
		}
		w := start(t, testConfig(), source, kafka)
		for i := range 10 {
			time.Sleep(time.Minute)
			source.set("good", call.Calling, 11+i, 9-i)
		}
		time.Sleep(time.Minute)
		for id, kind := range map[string]string{"good": "", "cut": "cut", "unencodable": "other", "large": "topic_limit"} {
			if got := w.task(id); got.ErrorKind != kind || (got.Error == "") != (kind == "") {
				t.Errorf("task %s shows %q (%s), want %q", id, got.ErrorKind, got.Error, kind)
			}
			if got := testutil.ToFloat64(w.Exporter.metrics.polls.WithLabelValues(kind)); kind != "" && kind != "topic_limit" && got < 3 {
				t.Errorf("%v polls ended with %s", got, kind)
			}
		}
		if s := w.Totals(); !s.Healthy || !strings.HasPrefix(s.Why, "task large: ") {
			t.Errorf("not healthy, or not ready for another reason: %s", s.Why)
		}
		w.stop()
		if kafka.opens != 1 {
			t.Errorf("%d producers were started for it", kafka.opens)
		}
		once(t, kafka, 20, "call/good/")
		once(t, kafka, 5, "call/cut/") // what was whole
		once(t, kafka, 0, "change/cut/")
		once(t, kafka, 1, "call/large/") // its call fits, its transition does not
	})
}

func TestNoMoreReadsThanAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.took = 2 * time.Minute // slow ones starve nobody
		for i := range 9 {
			source.set(fmt.Sprint(i), call.Calling, 2, 2)
		}
		w := start(t, testConfig(), source, kafka)
		time.Sleep(time.Hour)
		w.stop()
		if source.most != 4 {
			t.Errorf("%d reads at once, want 4", source.most)
		}
		for i := range 9 {
			if n := source.count(fmt.Sprint(i)); n < 8 {
				t.Errorf("task %d was read %d times", i, n)
			}
		}
	})
}

// After a start every open task of the ledger is due at once, without any list.
func TestRestartWithoutAList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Calling, 1, 4)
		source.set("b", call.Finished, 2, 0)
		w := start(t, testConfig(), source, kafka)
		time.Sleep(10 * time.Minute)
		w.stop()
		source.list, source.listErr = false, fakeUpstreamError{kind: "server"}
		source.set("a", call.Calling, 5, 0)
		w = start(t, testConfig(), source, kafka)
		time.Sleep(time.Second)
		once(t, kafka, 5+2, "call/")
		time.Sleep(2 * time.Hour)
		if got := w.task("b").Phase; got != ledger.Sealed {
			t.Errorf("the task that ended is %s, want sealed", got)
		}
		w.stop()
	})
}

// Tasks named by hand are exported whatever becomes of the list.
func TestNamedByHandBesideABrokenList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Calling, 3, 0)
		source.set("b", call.Calling, 3, 0)
		source.named, source.listErr = []string{"a"}, fakeUpstreamError{kind: "client"}
		w := start(t, testConfig(), source, kafka)
		time.Sleep(time.Second)
		once(t, kafka, 3, "call/")
		source.change(func() { source.listErr = nil })
		time.Sleep(2 * time.Minute)
		once(t, kafka, 6, "call/")
		source.change(func() { source.listErr = errors.New("down again") })
		time.Sleep(2 * time.Minute)
		if got := w.Totals().List; got.Tasks != 2 || got.Error == "" {
			t.Errorf("the list shows %d tasks and the error %q, want those of the last good one", got.Tasks, got.Error)
		}
		w.stop()
	})
}

// A task that was passed over is exported once it is named, in the same process
// or the next.
func TestNamedAfterItWasPassedOver(t *testing.T) {
	for _, restart := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			source, kafka := newFakeSource(t), newFakeKafka()
			source.set("old", call.Finished, 3, 0)
			source.tasks["old"].task.ScheduleEnd = time.Now().Add(-1000 * time.Hour)
			source.bare = true
			w := start(t, testConfig(), source, kafka)
			time.Sleep(time.Hour)
			if got := w.task("old").Phase; got != ledger.BeforeExportSince {
				t.Errorf("the old task is %s", got)
			}
			if n := source.count("old"); n != 1 {
				t.Errorf("the old task was read %d times", n)
			}
			once(t, kafka, 0, "call/")
			if restart {
				w.stop()
				w = start(t, testConfig(), source, kafka)
				time.Sleep(time.Hour)
				if n := source.count("old"); n != 1 {
					t.Errorf("the old task was read %d times, the restart included", n)
				}
			}
			source.change(func() { source.named = []string{"old"} })
			time.Sleep(2 * time.Minute)
			once(t, kafka, 3, "call/")
			w.stop()
		})
	}
}

// What the list alone passes over is counted, until it is wanted; a task that is under
// way is not among it, however old its schedule.
func TestPassedOverByTheList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		for id, status := range map[string]string{"old": call.Finished, "older": call.Created, "calling": " Calling", "paused": "PAUSED"} {
			source.set(id, status, 3, 0)
			source.tasks[id].task.ScheduleEnd = time.Now().Add(-1000 * time.Hour)
		}
		w := start(t, testConfig(), source, kafka)
		time.Sleep(time.Hour)
		if got := w.Totals().PassedOver; got != 2 || source.count("old")+source.count("older") > 0 {
			t.Errorf("%d tasks are passed over, want 2 and both never read", got)
		}
		once(t, kafka, 6, "call/")
		source.change(func() { source.named = []string{"old"} })
		time.Sleep(2 * time.Minute)
		if got := w.Totals().PassedOver; got != 1 {
			t.Errorf("%d tasks are passed over once one of two is named, want 1", got)
		}
		once(t, kafka, 9, "call/")
		w.stop()
	})
}

// An earlier AIRUDDER_EXPORT_SINCE brings back what was passed over.
func TestBackfill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("old", call.Finished, 3, 0)
		source.tasks["old"].task.ScheduleEnd = time.Now().Add(-1000 * time.Hour)
		source.bare = true
		w := start(t, testConfig(), source, kafka)
		time.Sleep(time.Hour)
		w.stop()
		once(t, kafka, 0, "call/")
		source.list = false // the ledger knows of it
		cfg := testConfig()
		cfg.ExportSince = time.Now().Add(-2000 * time.Hour)
		w = start(t, cfg, source, kafka)
		time.Sleep(time.Minute)
		w.stop()
		once(t, kafka, 3, "call/")
	})
}

// A sealed task is read again when the list shows a change, and is closed when
// it has vanished by then. One that was not sealed is closed, too, some day, and the
// operator hears of it.
func TestSealedTaskThatVanishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Finished, 3, 0)
		source.set("b", call.Calling, 3, 1)
		cfg := testConfig()
		cfg.ListInterval = time.Hour
		w := start(t, cfg, source, kafka)
		time.Sleep(3 * time.Hour)
		source.change(func() { source.tasks["a"].gone, source.tasks["b"].gone = true, true })
		time.Sleep(10 * 24 * time.Hour)
		if got := w.task("b"); got.Phase != ledger.Open || got.ErrorKind != "not_found" {
			t.Errorf("the open task is %s (%s), want open and not found", got.Phase, got.ErrorKind)
		}
		reads := source.count("b")
		time.Sleep(10 * 24 * time.Hour)
		if more := source.count("b") - reads; more < 10 || more > 40 {
			t.Errorf("the task that vanished was asked for %d times in ten days", more)
		}
		time.Sleep(11 * 24 * time.Hour)
		if got := w.task("a"); got.Phase != ledger.Closed || got.Error != "" {
			t.Errorf("the sealed task is %s (%s), want closed", got.Phase, got.Error)
		}
		if got := w.task("b"); got.Phase != ledger.Closed {
			t.Errorf("the open task is %s, want closed once it was gone for as long as a sealed one is kept", got.Phase)
		}
		w.wantMetrics("tasks_closed_without_seal_total 1")
		if s := w.Totals(); !s.Ready {
			t.Errorf("not ready: %s", s.Why)
		}
		w.stop()
	})
}

// A row that finished since the last reading, while the exporter ran or while
// none did, is published before its task is closed.
func TestLateRowBeforeClosing(t *testing.T) {
	for _, down := range []bool{false, true} {
		t.Run(fmt.Sprintf("down %v", down), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source, kafka := newFakeSource(t), newFakeKafka()
				source.set("a", call.Finished, 3, 1)
				const day = 24 * time.Hour
				cfg := testConfig()
				cfg.Policy.Retention = 3 * day
				w := start(t, cfg, source, kafka)
				time.Sleep(3 * time.Hour)
				if got := w.task("a"); got.Phase != ledger.Sealed {
					t.Errorf("the task is %s, want sealed", got.Phase)
				}
				source.change(func() { source.list = false }) // nothing hints at it
				source.set("a", call.Finished, 4, 0)
				if down {
					w.stop()
					time.Sleep(4 * day)
					w = start(t, cfg, source, kafka)
				}
				time.Sleep(4 * day)
				once(t, kafka, 4, "call/")
				time.Sleep(4 * day)
				if got := w.task("a"); got.Phase != ledger.Closed {
					t.Errorf("the task is %s, want closed", got.Phase)
				}
				once(t, kafka, 4, "call/")
				w.stop()
			})
		})
	}
}

func TestAskingNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Calling, 3, 1)
		down := true
		kafka.openFault = func(int) error {
			if down {
				return errors.New("no broker")
			}
			return nil
		}
		w := start(t, testConfig(), source, kafka)
		time.Sleep(time.Hour)
		if source.lists != 0 || source.count("a") != 0 {
			t.Errorf("an exporter that restored nothing asked %d times for the list", source.lists)
		}
		kafka.mu.Lock()
		down = false
		kafka.mu.Unlock()
		time.Sleep(20 * time.Second)
		once(t, kafka, 3, "call/") // the list was asked for at once
		w.stop()
	})
}

// Producers that end do not make the list be asked for more often.
func TestListKeepsItsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Calling, 30, 1)
		kafka.fault = func(int) (bool, error) { return false, errors.New("lost") }
		w := start(t, testConfig(), source, kafka)
		time.Sleep(10*time.Minute + time.Second)
		w.stop()
		if kafka.opens < 20 || source.lists > 11 {
			t.Errorf("%d producers and %d lists in ten minutes, want a list a minute", kafka.opens, source.lists)
		}
	})
}

func TestShareOfTheBudget(t *testing.T) {
	source := newFakeSource(t)
	w := newWorld(t, testConfig(), source)
	if _, err := w.Start(t.Context(), begun(4, time.Now())); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 3, 4} {
		w.Owned(n)
	}
	if want := []float64{0, 0.25, 0.75, 1}; !slices.Equal(source.shared, want) {
		t.Errorf("the shares are %v, want %v", source.shared, want)
	}
}

package exporter

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

const small = 20_000 // bytes that a topic takes which is set too small

// A topic that is set too small gives nothing up: what it does not take waits, its
// task is not sealed, all else goes on, and the reading after the cure publishes it.
func TestTopicTooSmall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Calling, 3, 1)
		source.tasks["a"].rows[1].CallID = "big"
		source.set("b", call.Calling, 3, 1)
		kafka.limits = map[string]int{"events": small}
		w := start(t, quick(), source, kafka)
		time.Sleep(time.Minute)
		const why = "topic events takes batches of at most 20000 bytes (max.message.bytes), and this one needs 524288; " +
			"set max.message.bytes to 1048588 or more"
		w.wantReady("while a call waits", "task a: 1 records wait since 2000-01-01T00:00:00Z: "+why)
		if got := w.task("a"); got.Events != 2 || got.DeadLetters != 0 || got.ErrorKind != "topic_limit" || !strings.Contains(got.Error, why) {
			t.Errorf("while a call waits: %+v", got)
		}
		source.change(func() {
			for _, id := range []string{"a", "b"} {
				source.tasks[id].task.Status, source.tasks[id].rows[3].Status = call.Some(call.Finished), call.Finished
				source.tasks[id].print++
			}
		})
		time.Sleep(48 * time.Hour)
		if got := w.task("a"); got.Phase != ledger.Ended || got.Events != 3 || got.Seal != 0 {
			t.Errorf("two days after its end: %+v", got)
		}
		if got := w.task("b").Phase; got != ledger.Closed {
			t.Errorf("the other task is %s", got)
		}
		kafka.change(func() { kafka.limits = nil })
		time.Sleep(testConfig().PollMax)
		w.wantReady("after the cure", "")
		if got := w.task("a"); got.Events != 4 || got.Error != "" {
			t.Errorf("after the cure: %+v", got)
		}
		time.Sleep(24 * time.Hour)
		w.stop()
		once(t, kafka, 8, "call/")
		once(t, kafka, 0, "dead/")
		once(t, kafka, 6, "change/")
		if kafka.opens != 1 {
			t.Errorf("%d producers were started", kafka.opens)
		}
		for _, line := range []string{`level=WARN msg="not ready: task a: `, `level=INFO msg="ready again; the reason was: task a: `} {
			if n := strings.Count(w.log.String(), line) - w.logs(line, " for="); n != 1 {
				t.Errorf("%d times in the log: %s\n%s", n, line, w.log)
			}
		}
	})
}

// A sealed task that shows a new call is read again soon while that waits.
func TestTopicTooSmallForASealedTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Finished, 3, 1)
		w := start(t, testConfig(), source, kafka)
		time.Sleep(5 * time.Hour)
		if got := w.task("a").Seal; got != 1 {
			t.Fatalf("the task has %d seals", got)
		}
		kafka.change(func() { kafka.limits = map[string]int{"events": small} })
		time.Sleep(time.Minute) // until the producer has asked again
		source.change(func() {
			row := &source.tasks["a"].rows[3]
			row.Status, row.CallID = call.Finished, "big"
			source.tasks["a"].print++
		})
		time.Sleep(time.Hour)
		w.wantReady("while a call waits", "task a: ")
		kafka.change(func() { kafka.limits = nil })
		time.Sleep(testConfig().PollMax + time.Minute)
		w.wantReady("after the cure", "")
		time.Sleep(5 * time.Hour)
		if got := w.task("a"); got.Events != 4 || got.Seal != 2 {
			t.Errorf("after the cure: %+v", got)
		}
		w.stop()
	})
}

// No limit that was read long ago gives an event up, nor one that cannot be read.
func TestLimitIsAskedBeforeAnEventIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Calling, 3, 0)
		w := start(t, testConfig(), source, kafka)
		time.Sleep(90 * time.Second)
		var before, asked int
		kafka.change(func() { before, kafka.limits = kafka.asks, map[string]int{"events": 2 * recordLimit} })
		source.set("b", call.Calling, 3, 0)
		source.change(func() {
			source.tasks["b"].rows[0].CallID, source.tasks["b"].rows[1].CallID = "huge", "another-huge"
		})
		time.Sleep(35 * time.Second)
		if got := w.task("b"); got.Events != 3 || got.DeadLetters != 0 {
			t.Errorf("where the limit was raised: %+v", got)
		}
		if kafka.change(func() { asked = kafka.asks - before }); asked > 2 {
			t.Errorf("the limit was asked for %d times", asked)
		}
		kafka.change(func() { kafka.limits, kafka.limitErr = nil, errors.New("no answer") })
		kafka.Fence(0) // the next producer knows no limit
		source.set("c", call.Calling, 1, 0)
		time.Sleep(time.Minute)
		kafka.change(func() { kafka.limitErr = nil })
		time.Sleep(time.Minute)
		kafka.change(func() { kafka.limitErr = errors.New("no answer") })
		source.set("d", call.Calling, 1, 0)
		source.change(func() { source.tasks["d"].rows[0].CallID = "huge" })
		time.Sleep(3 * time.Minute)
		if got := w.task("d"); got.DeadLetters != 0 || !strings.Contains(got.Error, "ask what its topics take: no answer") {
			t.Errorf("where the limit cannot be read: %+v", got)
		}
		kafka.change(func() { kafka.limitErr = nil })
		time.Sleep(testConfig().PollMax)
		if got := w.task("d"); got.DeadLetters != 1 || got.Error != "" {
			t.Errorf("where the limit can be read again: %+v", got)
		}
		w.stop()
	})
}

// An event is given up only by a whole response.
func TestTooLargeInACutResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Calling, 5, 0)
		source.tasks["a"].rows[1].CallID = "huge"
		cut := true
		source.broken = func(string, int) (int, error) {
			if cut {
				return 4, fakeUpstreamError{kind: "cut"}
			}
			return 0, nil
		}
		w := start(t, testConfig(), source, kafka)
		time.Sleep(time.Minute)
		if got := w.task("a"); got.Events != 3 || got.DeadLetters != 0 {
			t.Errorf("after cut responses: %+v", got)
		}
		source.change(func() { cut = false })
		time.Sleep(testConfig().PollMax)
		if got := w.task("a"); got.Events != 4 || got.DeadLetters != 1 {
			t.Errorf("after a whole response: %+v", got)
		}
		w.stop()
		once(t, kafka, 1, "dead/")
	})
}

// The log has the first dead letter of a task and reason, then the tenth, and so on.
func TestDeadLettersAreTold(t *testing.T) {
	w := newWorld(t, testConfig(), newFakeSource(t))
	broken, large := &call.Reject{Reason: call.BrokenJSON, Detail: "no comma"}, &call.Reject{Reason: call.TooLarge}
	for range 150 {
		w.dead.note("a", broken)
	}
	w.dead.note("a", large)
	w.dead.note("b", broken)
	if n := strings.Count(w.log.String(), "level=WARN"); n != 5 {
		t.Errorf("%d lines, want 3 and 1 and 1:\n%s", n, w.log)
	}
	if want := `task=a reason=broken_json detail="no comma" so_far=100`; !strings.Contains(w.log.String(), want) {
		t.Errorf("no line %s:\n%s", want, w.log)
	}
	for i := range 2 * maxDeadNews {
		w.dead.note(strings.Repeat("x", i), broken)
	}
	if n := len(w.dead.counts); n > maxDeadNews+4 {
		t.Errorf("%d tasks are told apart", n)
	}
}

package exporter

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/exporter/fakekafka"
)

func (w *world) wantReady(when string, why string) {
	w.t.Helper()
	s := w.Totals()
	if s.Ready != (why == "") || s.Ready != (s.Why == "") || !strings.Contains(s.Why, why) {
		w.t.Errorf("%s: ready is %v (%q), want %q", when, s.Ready, s.Why, why)
	}
	if !s.Healthy {
		w.t.Errorf("%s: not healthy", when)
	}
}

func TestReadiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Calling, 3, 100)
		opens := errors.New("no broker")
		kafka.openFault = func(int) error { return opens }

		idle := newWorld(t, testConfig(), source)
		idle.wantReady("owning nothing", "")
		idle.Refused("the consumer group has a stranger")
		idle.wantReady("refused by the group", "the consumer group has a stranger")
		idle.Refused("")
		idle.wantReady("taken by the group", "")

		w := start(t, testConfig(), source, kafka)
		synctest.Wait()
		time.Sleep(time.Minute)
		w.wantReady("without a broker", "shard 0 is not restored: open shard 0: no broker")
		kafka.mu.Lock()
		opens = nil
		kafka.mu.Unlock()
		time.Sleep(time.Minute)
		w.wantReady("restored", "")

		source.change(func() { source.listErr = fakeUpstreamError{kind: "auth"} })
		time.Sleep(time.Minute)
		w.wantReady("with a list that fails once", "")
		time.Sleep(2 * time.Minute)
		w.wantReady("without a list", "the task list cannot be read: upstream: auth")
		source.change(func() { source.listErr = nil })
		time.Sleep(2 * time.Minute)
		w.wantReady("with a list again", "")

		source.change(func() {
			source.broken = func(string, int) (int, error) { return 0, fakeUpstreamError{kind: "timeout"} }
		})
		time.Sleep(12 * time.Minute)
		w.wantReady("with a failing task", "")
		source.change(func() { source.listErr = fakeUpstreamError{kind: "auth"} })
		time.Sleep(time.Minute)
		w.wantReady("with no list beside it", "no task can be read: the one task failed; the error is upstream: timeout")
		source.change(func() { source.listErr = nil })
		source.set("b", call.Calling, 1, 1)
		source.change(func() {
			source.broken = func(taskID string, _ int) (int, error) {
				if taskID == "a" {
					return 0, fakeUpstreamError{kind: "timeout"}
				}
				return 0, nil
			}
		})
		time.Sleep(time.Minute)
		w.wantReady("with one task readable", "")

		kafka.mu.Lock()
		kafka.committed = time.Hour
		kafka.mu.Unlock()
		source.set("b", call.Calling, 2, 1)
		time.Sleep(50 * time.Second)
		w.wantReady("while a plan waits", "")
		time.Sleep(3 * time.Minute)
		w.wantReady("while a plan waits for long", "shard 0 commits nothing since ")
		kafka.mu.Lock()
		kafka.committed = time.Millisecond
		kafka.mu.Unlock()
		time.Sleep(time.Hour + time.Minute)
		w.wantReady("once it is committed", "")
		w.stop()
		w.wantReady("after the end", "")
	})
}

// A Kafka that refuses every commit is not ready at any moment, though each producer
// is restored; one refusal that passes costs no longer than it lasts.
func TestNotReadyWhileEveryCommitFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Calling, 3, 3)
		source.took = 5 * time.Second
		bad := true
		kafka.fault = func(int) (bool, error) {
			if bad {
				return false, errors.New("[32] the clocks differ")
			}
			return true, nil
		}
		w := start(t, testConfig(), source, kafka)
		time.Sleep(30 * time.Second)
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			if s := w.Totals(); s.Ready || !strings.Contains(s.Why, "the clocks differ") {
				t.Fatalf("ready is %v: %q", s.Ready, s.Why)
			}
		}
		kafka.change(func() { bad = false })
		time.Sleep(30 * time.Second)
		w.wantReady("once a commit succeeds", "")
		kafka.change(func() { bad = true })
		source.set("a", call.Calling, 4, 2)
		time.Sleep(20 * time.Second)
		kafka.change(func() { bad = false })
		source.set("a", call.Calling, 3, 3) // nothing is left to commit
		time.Sleep(2 * time.Minute)
		w.wantReady("with nothing to commit", "")
		w.stop()
	})
}

// A wrong key shows at once, list or no list.
func TestNotReadyWithAWrongKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.list, source.named = false, []string{"a"}
		source.broken = func(string, int) (int, error) { return 0, fakeUpstreamError{kind: "auth"} }
		source.set("a", call.Calling, 1, 0)
		w := start(t, testConfig(), source, kafka)
		time.Sleep(time.Second)
		w.wantReady("with a wrong key", "no task can be read: the one task failed; the error is upstream: auth")
		time.Sleep(24 * time.Hour)
		if n := source.count("a"); n < 200 || n > 600 {
			t.Errorf("the task was asked for %d times in a day, want slowly", n)
		}
		w.stop()
	})
}

// waiting is a shard whose Kafka does not answer.
type waiting struct {
	Shard
	trouble *string
}

func (w waiting) Waiting() string { return *w.trouble }

func TestBeingRestored(t *testing.T) {
	w := newWorld(t, testConfig(), newFakeSource(t))
	trouble := ""
	kafka := fakekafka.New(ledgerTopic, 4)
	w.took(shard{kafka.Shard(3, fakekafka.Faults{})})
	w.took(waiting{shard{kafka.Shard(1, fakekafka.Faults{})}, &trouble})
	w.wantReady("while two shards are restored", "shard 1 is being restored")
	trouble = "waiting for Kafka"
	w.wantReady("while no broker answers", "shard 1 is not restored: waiting for Kafka")
	trouble = ""
	w.restored(1)
	w.wantReady("while one shard is restored", "shard 3 is being restored")
	w.ended(1, "first")
	first := w.Totals().Shards[0].ErrorAt
	w.ended(1, "second")
	if got := w.Totals().Shards[0]; got.Error != "second" || !got.ErrorAt.Equal(first) {
		t.Errorf("the shard shows %q since %s, want the last error and the first one's time", got.Error, got.ErrorAt)
	}
	w.dropShard(1)
	w.dropShard(3)
	w.wantReady("owning nothing any more", "")
}

// A shard that is restored each time and then cannot commit is not ready in
// between.
func TestCommitsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Calling, 3, 100)
		kafka.committed = 30 * time.Second
		gone := errors.New("no leader")
		kafka.fault = func(int) (bool, error) { return false, gone }
		w := start(t, testConfig(), source, kafka)
		time.Sleep(35 * time.Second) // into the second commit
		w.wantReady("while commits fail", "shard 0 commits nothing: publish: no leader")
		kafka.mu.Lock()
		gone = nil
		kafka.mu.Unlock()
		time.Sleep(time.Minute)
		w.wantReady("once they do not", "")
		if s := w.Totals().Shards[0]; !s.Committed.After(s.ErrorAt) || s.Error == "" {
			t.Errorf("the shard shows %+v, want a commit after the last error", s)
		}
		w.stop()
	})
}

// A loop that hangs is not healthy; one that waits is.
func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		w := start(t, testConfig(), source, kafka)
		time.Sleep(24 * time.Hour)
		if !w.Totals().Healthy {
			t.Error("an exporter with nothing to do is not healthy")
		}
		r := w.running()[0]
		r.beat.Store(time.Now().Add(-61 * time.Second).UnixNano())
		if w.Totals().Healthy {
			t.Error("an exporter whose loop has stood for a minute is healthy")
		}
		time.Sleep(11 * time.Second) // two rounds are 10 s apart at most
		if !w.Totals().Healthy {
			t.Error("an exporter whose loop goes on is not healthy")
		}
		w.stop()
	})
}

func TestSnapshotOfATask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Calling, 6, 3)
		source.tasks["a"].rejects = []call.Reject{{Reason: call.BrokenJSON, RowID: call.Some(int64(99)), Hash: 7}}
		w := start(t, testConfig(), source, kafka)
		time.Sleep(6 * time.Second) // a dead letter takes two readings
		got := w.task("a")
		if got.NextRead.Before(time.Now()) || time.Since(got.ReadAt) > 2*time.Second {
			t.Errorf("read at %s, next at %s", got.ReadAt, got.NextRead)
		}
		got.ReadAt, got.NextRead = time.Time{}, time.Time{}
		want := TaskStatus{
			TaskID: "a", Name: "name of a", Status: call.Calling, Phase: "open",
			Rows: 9, Finished: 6, Open: 3, Events: 6, DeadLetters: 1,
		}
		if got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		s := w.Snapshot()
		if s.LedgerEntries != 2+1+6+1 || s.Partitions != 1 || s.LedgerID == "" || s.List.Tasks != 1 || len(s.Shards) != 1 {
			t.Errorf("the snapshot is %+v", s)
		}
		if len(s.Recent) != 6 || s.Recent[0].CallID != "a-call-5" || s.Recent[5].CallID != "a-call-0" {
			t.Errorf("recent events are %+v, want six, the newest first", s.Recent)
		}
		w.stop()
	})
}

func TestRecentKeepsTheLast(t *testing.T) {
	var r recent
	for i := range 120 {
		r.add(Published{Bytes: i})
	}
	got := r.newestFirst()
	if len(got) != 50 || got[0].Bytes != 119 || got[49].Bytes != 70 {
		t.Errorf("%d events are kept, from %d to %d", len(got), got[0].Bytes, got[len(got)-1].Bytes)
	}
}

// Marked personal data goes in wherever there is any; none comes out in the log,
// the page or the metrics.
func TestNoPersonalData(t *testing.T) {
	const secret = "PERSONAL"
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Calling, 6, 3)
		source.set("unencodable", call.Calling, 6, 3)
		some := call.Some(secret)
		for _, task := range source.tasks {
			for i := range task.rows {
				r := &task.rows[i]
				r.CalleeName, r.CalleeNumber, r.CallerNumber, r.Comments, r.CallNotes = some, some, some, some, some
				r.ExtraA, r.ExtraB, r.ExtraC, r.MultiIntention, r.Raw = some, some, some, some, []byte(secret)
				r.AsrResult = []call.Turn{{RobotText: some, Text: some}}
				r.NerSlots, r.Additional = map[string]string{secret: secret}, map[string]string{secret: secret}
				r.Redials = []call.Redial{{CallerNumber: some, CalleeNumber: some}}
			}
			task.rows[2].CallID = "huge"
			task.rejects = []call.Reject{{Reason: call.BrokenJSON, Raw: []byte(secret), Detail: "where"}}
		}
		kafka.fault = func(commit int) (bool, error) {
			if commit == 3 {
				return true, errors.New("no answer")
			}
			return true, nil
		}
		w := start(t, testConfig(), source, kafka)
		time.Sleep(10 * time.Minute)
		shown, err := json.Marshal(w.Snapshot())
		if err != nil {
			t.Fatal(err)
		}
		metrics := w.gathered()
		w.stop()
		for name, text := range map[string]string{"snapshot": string(shown), "log": w.log.String(), "metrics": metrics} {
			if strings.Contains(text, secret) {
				t.Errorf("the %s holds personal data: %s", name, text)
			}
		}
		for _, want := range []string{"tasks cannot be read", "producer ended"} {
			if !strings.Contains(w.log.String(), want) {
				t.Errorf("the log lacks %q, so the test has not been where it should", want)
			}
		}
	})
}

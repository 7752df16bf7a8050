package exporter

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// once fails unless there are n keys of a kind, each published once.
func once(t *testing.T, kafka *fakeKafka, n int, prefix string) {
	t.Helper()
	got := 0
	for key, times := range kafka.counts() {
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		if got++; times != 1 {
			t.Errorf("%s was published %d times", key, times)
		}
	}
	if got != n {
		t.Errorf("%d keys begin with %s, want %d", got, prefix, n)
	}
}

// quick closes tasks within a day, so that a test sees a task's whole life.
func quick() Config {
	cfg := testConfig()
	cfg.ListInterval = 5 * time.Minute
	cfg.Policy.AfterEnd, cfg.Policy.Retention, cfg.Policy.OpenFor = 20*time.Minute, time.Hour, 15*time.Minute
	return cfg
}

// life plays a campaign's whole life: it is called, paused, called, finishes,
// shows a late row, is sealed, sealed again, closed and cleaned. No status is
// shorter than the longest pause between two readings.
func life(s *fakeSource) {
	s.set("a", call.Calling, 6, 9)
	time.Sleep(10 * time.Minute)
	s.set("a", call.Paused, 6, 9)
	time.Sleep(10 * time.Minute)
	s.set("a", call.Calling, 9, 6)
	time.Sleep(10 * time.Minute)
	s.set("a", call.Finished, 13, 2)
	time.Sleep(40 * time.Minute)
	s.set("a", call.Finished, 15, 0)
	s.change(func() { s.tasks["a"].print++ })
	time.Sleep(3 * time.Hour)
}

// lived fails unless a life left what it should: each event and each change
// once, and in the ledger what a closed task leaves.
func lived(t *testing.T, k *fakeKafka) {
	t.Helper()
	once(t, k, 15, "call/a/")
	once(t, k, 6, "change/a/") // calling, paused, calling, finished, two seals
	l := k.replayed(t)
	got := l.Standing("a")
	if got.Phase != ledger.Closed || got.Leftover || got.State.Seal != 2 {
		t.Errorf("after its life the task is %+v", got)
	}
	if n, _ := l.Size(); n != 3 {
		t.Errorf("%d ledger entries are left, want meta, producer and the task's own", n)
	}
}

func TestLifeOfATask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		w := start(t, quick(), source, kafka)
		life(source)
		if got := w.task("a").Phase; got != ledger.Closed {
			t.Errorf("the page says %s, want closed", got)
		}
		if n := len(w.running()[0].schedule.jobs); n != 0 {
			t.Errorf("the schedule keeps %d jobs for closed tasks", n)
		}
		reads := source.count("a")
		time.Sleep(48 * time.Hour)
		if more := source.count("a") - reads; more != 0 {
			t.Errorf("the closed task was read %d times more", more)
		}
		w.stop()
		lived(t, kafka)
	})
}

// trial is one life under one fault.
func trial(t *testing.T, fault func(*fakeSource, *fakeKafka)) (commits int) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		fault(source, kafka)
		w := start(t, quick(), source, kafka)
		life(source)
		w.stop()
		lived(t, kafka)
		commits = kafka.tried()
	})
	return commits
}

// Every commit of a life is tried as lost, as stored but reported as failed, and
// as fenced by another writer.
func TestEachCommitFails(t *testing.T) {
	commits := trial(t, func(*fakeSource, *fakeKafka) {})
	if commits < 10 {
		t.Fatalf("a life took %d commits only", commits)
	}
	for at := 1; at <= commits; at++ {
		for name, fault := range map[string]func(k *fakeKafka) (bool, error){
			"lost":   func(*fakeKafka) (bool, error) { return false, errors.New("lost") },
			"stored": func(*fakeKafka) (bool, error) { return true, errors.New("stored, but reported as failed") },
			"fenced": func(k *fakeKafka) (bool, error) { k.Fence(0); return true, nil },
			"fenced after": func(k *fakeKafka) (bool, error) {
				k.stored = func(int) { k.Fence(0); k.stored = nil }
				return true, nil
			},
		} {
			t.Run(fmt.Sprintf("%d %s", at, name), func(t *testing.T) {
				trial(t, func(_ *fakeSource, k *fakeKafka) {
					k.fault = func(commit int) (bool, error) {
						if commit == at {
							return fault(k)
						}
						return true, nil
					}
				})
			})
		}
	}
}

// Every reading of the first minutes is cut after each number of rows.
func TestEachReadingIsCut(t *testing.T) {
	for read := 1; read <= 4; read++ {
		for rows := range 15 {
			t.Run(fmt.Sprintf("reading %d after %d rows", read, rows), func(t *testing.T) {
				trial(t, func(s *fakeSource, _ *fakeKafka) {
					s.broken = func(_ string, n int) (int, error) {
						if n == read {
							return rows, fakeUpstreamError{kind: "cut"}
						}
						return 0, nil
					}
				})
			})
		}
	}
}

// Opening the shard fails several times before and after a doubt.
func TestReplayFails(t *testing.T) {
	for fails := range 5 {
		trial(t, func(_ *fakeSource, k *fakeKafka) {
			k.openFault = func(open int) error {
				if open != fails+2 && open <= 2*fails+2 {
					return errors.New("no answer")
				}
				return nil
			}
			k.fault = func(commit int) (bool, error) {
				if commit == 3 {
					return true, errors.New("no answer")
				}
				return true, nil
			}
		})
	}
}

// The exporter is told to end at every millisecond of its first moments: in the
// middle of a reading, of a commit, between them. What is under way is finished
// or left, and the next process goes on from there.
func TestEndsAtAnyMoment(t *testing.T) {
	for ms := range 120 {
		synctest.Test(t, func(t *testing.T) {
			source, kafka := newFakeSource(t), newFakeKafka()
			source.perRow = time.Millisecond
			source.set("a", call.Calling, 12, 3)
			source.set("b", call.Finished, 4, 0)
			w := start(t, quick(), source, kafka)
			time.Sleep(time.Duration(ms) * time.Millisecond)
			began := time.Now()
			w.stop()
			if took := time.Since(began); took > kafka.committed {
				t.Errorf("after %d ms: the end took %s, longer than a commit", ms, took)
			}
			if replayed, published := kafka.replayed(t), kafka.counts(); true {
				entries := replayed.Standing("a").Events + replayed.Standing("b").Events
				var events int64
				for key := range published {
					if strings.HasPrefix(key, "call/") {
						events++
					}
				}
				if entries != events {
					t.Errorf("after %d ms: %d events, but %d entries", ms, events, entries)
				}
			}
			w = start(t, quick(), source, kafka)
			time.Sleep(time.Minute)
			w.stop()
			once(t, kafka, 12+4, "call/")
			once(t, kafka, 1+1, "change/")
		})
	}
}

// Two exporters believe that they own the same shard, and fence each other all
// the time.
func TestTwoOwners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		other := newFakeSource(t) // of the same upstream
		one, two := start(t, quick(), source, kafka), start(t, quick(), other, kafka)
		for n := range 61 {
			source.set("a", call.Calling, n, 60-n)
			other.change(func() { other.tasks["a"] = source.tasks["a"] })
			time.Sleep(10 * time.Second)
		}
		time.Sleep(10 * time.Minute)
		one.stop()
		two.stop()
		if kafka.opens < 10 {
			t.Errorf("only %d producers were started: nobody was fenced", kafka.opens)
		}
		once(t, kafka, 60, "call/")
		once(t, kafka, 1, "change/")
	})
}

// Every commit and every reading fails at random.
func TestRandomFaults(t *testing.T) {
	for seed := range uint64(8) {
		synctest.Test(t, func(t *testing.T) {
			intN := dice(seed)
			source, kafka := newFakeSource(t), newFakeKafka()
			kafka.fault = func(int) (bool, error) {
				switch intN(4) {
				case 0:
					return false, errors.New("lost")
				case 1:
					return true, errors.New("stored, but reported as failed")
				}
				return true, nil
			}
			source.broken = func(string, int) (int, error) {
				if intN(3) == 0 {
					return intN(30), fakeUpstreamError{kind: "cut"}
				}
				return 0, nil
			}
			for i := range 5 {
				source.set(fmt.Sprint(i), call.Calling, 10*i, 40)
			}
			w := start(t, testConfig(), source, kafka)
			time.Sleep(time.Hour)
			for i := range 5 {
				source.set(fmt.Sprint(i), call.Finished, 10*i+40, 0)
			}
			time.Sleep(3 * time.Hour)
			w.stop()
			once(t, kafka, source.finished(), "call/")
			once(t, kafka, 5*3, "change/") // first sight, finished, sealed
		})
	}
}

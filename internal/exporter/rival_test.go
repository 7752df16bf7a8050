package exporter

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/exporter/fakekafka"
	"airudder-exporter/internal/ledger"
)

// showing is a shard whose ledger shows entries, and no more.
type showing struct {
	Shard
	entries []ledger.Entry
}

func (showing) Number() int { return 0 }

func (s showing) Later(ctx context.Context, visit func(key, value []byte) bool) error {
	for _, e := range s.entries {
		if visit(e.AppendKey(nil), e.AppendValue(nil)) {
			return nil
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

// The operator reads in one line which two exporters fight for a shard.
func TestTakenOverNamesBoth(t *testing.T) {
	own := ledger.Writer{Host: "here", PID: 10, Producer: 7, Instance: "aaa"}
	entry := func(w ledger.Writer, epoch int16) ledger.Entry {
		w.Epoch = epoch
		if w.Producer == 0 {
			w.Producer = own.Producer
		}
		return ledger.Entry{Kind: ledger.KindProducer, Writer: w}
	}
	before := entry(ledger.Writer{Host: "gone", PID: 5, Instance: "zzz"}, 3)
	task := ledger.Entry{Kind: ledger.KindTask, TaskID: "t"}
	rival := ledger.Writer{Host: "there", PID: 20, Instance: "bbb"}
	tool := ledger.Writer{Host: "desk", PID: 30, Instance: "ccc", Role: ledger.Tool}
	renewed := ledger.Writer{Host: "desk", PID: 31, Instance: "eee", Role: ledger.Tool, Producer: 8}
	third := ledger.Writer{Host: "third", PID: 40, Instance: "ddd"}
	for _, test := range []struct {
		name    string
		epoch   int16
		entries []ledger.Entry
		want    []string
	}{
		{"another exporter", 4, []ledger.Entry{before, entry(own, 4), task, entry(rival, 5)},
			[]string{"host there, pid 20, instance bbb", "host here, pid 10, instance aaa", "Assignment=group", "fenced"}},
		{"two of them", 4, []ledger.Entry{entry(own, 4), entry(rival, 5), entry(third, 6)}, []string{"pid 20", "pid 10"}},
		{"a tool", 4, []ledger.Entry{entry(own, 4), entry(tool, 5)}, []string{"a tool", "pid 30", "pid 10", "waits until that is done"}},
		{"a tool with a new producer id", 4, []ledger.Entry{entry(own, 4), entry(renewed, 0)}, []string{"a tool", "pid 31"}},
		{"nobody: the transaction's time-out", 4, []ledger.Entry{before, entry(own, 4), task}, []string{"nobody else", "fenced"}},
		{"no epoch of our own", -1, []ledger.Entry{before}, []string{"nobody else", "fenced"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &Exporter{process: own, log: slog.New(slog.DiscardHandler)}
				self := own
				self.Epoch = test.epoch
				err := e.takenOver(t.Context(), showing{entries: test.entries}, self, fakekafka.ErrFenced)
				if !errors.Is(err, fakekafka.ErrFenced) {
					t.Errorf("got %v, want it to wrap the fence", err)
				}
				for _, part := range test.want {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("got %q, want %q in it", err, part)
					}
				}
			})
		})
	}
}

// fixed claims a shard again after every fence, as an owner that takes all shards does:
// each time it waits twice as long, up to 5 min.
type fixed struct{ wait time.Duration }

func (*fixed) AfterDoubt(ctx context.Context) error { return ctx.Err() }

func (f *fixed) AfterFence(ctx context.Context) error {
	f.wait = min(max(2*f.wait, 5*time.Second), 5*time.Minute)
	sleep(ctx, f.wait)
	return ctx.Err()
}

// Two exporters that take all shards both tell of each other for as long as they do, and
// for a while after it; a single take-over is no contest.
func TestTwoRivalsTellOfEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kafka := newFakeKafka()
		rows := 0
		sources := []*fakeSource{newFakeSource(t), newFakeSource(t)}
		another := func() { // so that each has something to commit, and learns of its fence
			rows++
			for _, source := range sources {
				source.set("a", call.Calling, rows, 100)
			}
			time.Sleep(10 * time.Second)
		}
		worlds := map[string]*world{}
		begin := func(name string, source Source) {
			w := newWorld(t, testConfig(), source)
			w.process.Host, w.process.PID, w.process.Instance = name, 7, name
			ctx, cancel := context.WithCancel(t.Context())
			w.cancel = cancel
			if _, err := w.Start(ctx, kafka); err != nil {
				t.Fatal(err)
			}
			w.group.Go(func() { w.err = w.RunShard(ctx, kafka.shard(), &fixed{}) })
			w.group.Go(func() { _ = w.List(ctx) })
			worlds[name] = w
		}
		told := func(name string) string {
			for _, n := range worlds[name].Totals().Notices {
				if n.Cause == causeContested {
					return n.Example + ": " + n.Text + ". " + n.Cure
				}
			}
			return ""
		}
		begin("here", sources[0])
		another()
		begin("there", sources[1])
		another()
		if a, b := told("here"), told("there"); a+b != "" {
			t.Errorf("after one take-over: %q, %q", a, b)
		}
		for range 30 {
			another()
		}
		for name, rival := range map[string]string{"here": "there", "there": "here"} {
			if got := told(name); !strings.Contains(got, "shard 0, its owner: ") || !strings.Contains(got, "(host "+rival+", pid 7, ") ||
				!strings.Contains(got, "Assignment=group") {
				t.Errorf("%s tells %q", name, got)
			}
		}
		for range 180 { // half an hour: the waits are 5 min by now
			another()
		}
		if a, b := told("here"), told("there"); !strings.Contains(a, "times in ") || !strings.Contains(b, "times in ") {
			t.Errorf("while it lasts: %q, %q", a, b)
		}
		worlds["there"].stop()
		for range 21 * 6 {
			another()
		}
		if got := told("here"); got != "" {
			t.Errorf("when the other is gone: %q", got)
		}
		if s := worlds["here"].Totals(); !s.Ready || len(s.Notices) > 0 {
			t.Errorf("when the other is gone: %+v", s)
		}
		worlds["here"].stop()
	})
}

package exporter

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

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

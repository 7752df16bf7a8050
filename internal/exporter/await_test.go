package exporter

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// TestWaitsForATool begins beside a tool that was the last to write the shard.
func TestWaitsForATool(t *testing.T) {
	tool := ledger.Writer{Host: "desk", PID: 30, Instance: "tool", Role: ledger.Tool}
	fast := tool
	fast.Beat = 1000
	done := tool
	done.Done = true
	type step struct {
		after time.Duration
		by    ledger.Writer
	}
	for _, tt := range []struct {
		name   string
		first  ledger.Writer
		others []step
		want   time.Duration // until the exporter fences, to the second
	}{
		{"one that is done", done, nil, 0},
		{"an exporter", ledger.Writer{Host: "there", Instance: "other"}, nil, 0},
		{"one that says that it is done", tool, []step{{4 * time.Second, done}}, 4 * time.Second},
		{"one that was killed", tool, nil, 30 * time.Second},
		{"one that is killed after it has beaten twice", tool, []step{{9 * time.Second, tool}, {9 * time.Second, tool}}, 48 * time.Second},
		{"one that beats faster, and was killed", fast, nil, 3 * time.Second},
		{"one that works for long", tool, []step{
			{20 * time.Second, tool}, {20 * time.Second, tool}, {20 * time.Second, tool}, {time.Second, done},
		}, 61 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source, kafka := newFakeSource(t), newFakeKafka()
				source.set("t", call.Calling, 3, 1)
				kafka.Append(ProducerRecord(ledgerTopic, tt.first))
				began := time.Now()
				var fenced atomic.Int64 // after how long
				kafka.openFault = func(open int) error {
					fenced.Store(int64(time.Since(began)))
					return nil
				}
				w := start(t, testConfig(), source, kafka)
				synctest.Wait()
				waits := tt.want > 0
				if got := w.Totals(); strings.Contains(got.Why, "a tool writes the ledger (host desk, pid 30") != waits || got.Ready == waits && waits {
					t.Errorf("ready %v, %q, though it waits: %v", got.Ready, got.Why, waits)
				}
				for _, s := range tt.others {
					time.Sleep(s.after)
					kafka.Append(ProducerRecord(ledgerTopic, s.by))
				}
				time.Sleep(2 * time.Minute)
				if got := time.Duration(fenced.Load()).Round(time.Second); got < tt.want || got > tt.want+2*time.Second {
					t.Errorf("it fences after %s, want %s", got, tt.want)
				}
				if got := w.Totals(); !got.Ready {
					t.Errorf("not ready: %s", got.Why)
				}
				if got := strings.Count(w.log.String(), "waiting until it is done"); got != map[bool]int{true: 1}[waits] {
					t.Errorf("the log says %d times that it waits:\n%s", got, w.log)
				}
				w.stop()
				once(t, kafka, 3, "call/t/")
			})
		})
	}
}

// TestAToolWaitsForNoOneOfItsOwn begins again, as a tool does after a doubt.
func TestAToolWaitsForNoOneOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kafka := newFakeKafka()
		tool := ledger.Writer{Instance: "tool", Role: ledger.Tool}
		kafka.Append(ProducerRecord(ledgerTopic, tool))
		began := time.Now()
		if err := AwaitTool(t.Context(), kafka.shard(), tool, slog.New(slog.DiscardHandler), func(string) { t.Error("it waits") }); err != nil {
			t.Error(err)
		}
		if waited := time.Since(began); waited > 0 {
			t.Errorf("it waited %s for itself", waited)
		}
	})
}

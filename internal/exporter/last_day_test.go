package exporter

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// TestLastDayIsToldOnce restarts an exporter: what the one before published in the last day
// is told by the minute, once, however often the shard is restored.
func TestLastDayIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Calling, 3, 4)
		cfg := testConfig()
		cfg.LastDay = func(day ledger.Day) {
			if len(day.Events)+len(day.Starts) != 0 {
				t.Errorf("an empty ledger has a past: %v", day)
			}
		}
		first := start(t, cfg, source, kafka)
		time.Sleep(10 * time.Minute)
		first.stop()
		time.Sleep(26 * time.Hour)
		first = start(t, cfg, source, kafka)
		source.set("a", call.Calling, 5, 2)
		time.Sleep(10 * time.Minute)
		first.stop()

		var mu sync.Mutex
		var told []int
		var starts int
		cfg.LastDay = func(day ledger.Day) {
			mu.Lock()
			defer mu.Unlock()
			events := 0
			starts += len(day.Starts)
			for minute, n := range day.Events {
				events += n
				if ago := time.Since(time.Unix(60*minute, 0)); ago < 0 || ago > 24*time.Hour {
					t.Errorf("%d events of %v ago", n, ago)
				}
			}
			told = append(told, events)
		}
		second := start(t, cfg, source, kafka)
		time.Sleep(time.Minute)
		kafka.Fence(0) // so that the shard is restored again
		source.set("a", call.Calling, 7, 0)
		time.Sleep(10 * time.Minute)
		second.stop()
		if len(told) != 1 || told[0] != 2 {
			t.Errorf("told were %v events, want 2, once", told)
		}
		if starts != 1 {
			t.Errorf("told were %d starts of others in the last day, want that of the process before", starts)
		}
	})
}

package ledger

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"airudder-exporter/internal/call"
)

// TestAtOnce is for the race detector: one goroutine a reading, one that
// applies, and the page looking on.
func TestAtOnce(t *testing.T) {
	l := New()
	l.Apply(Entry{Kind: KindMeta, Meta: meta})
	const tasks, rows = 4, 200
	committed := make(chan Unit)
	var readers, others sync.WaitGroup
	for i := range tasks {
		readers.Go(func() {
			task := header(fmt.Sprintf("task-%d", i), call.Finished)
			for round := range 3 {
				r := l.Begin(task.ID, false)
				for n := range rows {
					row := done(fmt.Sprintf("call-%d", n))
					if knows(r, row[0].CallID, uint64(round+1)<<8) {
						continue
					}
					for _, u := range rowsOf(r, call.Part{Task: task, Started: noon, Rows: row}).Units {
						committed <- u
					}
				}
				for _, u := range r.End(call.Reading{Task: task, Started: noon}, Policy{AfterEnd: time.Hour}).Units {
					committed <- u
				}
				r.Remember()
			}
		})
	}
	others.Go(func() {
		for u := range committed {
			for _, e := range u.Entries {
				l.Apply(e)
			}
		}
	})
	stop := make(chan struct{})
	others.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				l.Standings()
				l.Size()
				l.Tombstones("task-0", 10)
				l.Begin("task-1", false).Gone(noon, policy)
				l.Wants(call.Listed{TaskID: "task-2"}, false)
			}
		}
	})
	readers.Wait()
	close(committed)
	close(stop)
	others.Wait()
	for i := range tasks {
		if got := l.Standing(fmt.Sprintf("task-%d", i)); got.Events != rows {
			t.Errorf("task-%d: got %d events, want %d", i, got.Events, rows)
		}
	}
}

package exporter

import (
	"fmt"
	"testing"
	"time"

	"airudder-exporter/internal/ledger"
)

// BenchmarkSchedule is one decision: how long to wait, which task is next, and
// where it stands once it was read.
func BenchmarkSchedule(b *testing.B) {
	for _, n := range []int{100, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			now := time.Now()
			s := newSchedule(testConfig(), &prints{})
			for i := range n {
				s.known(ledger.Standing{TaskID: fmt.Sprint(i), Phase: ledger.Open}, now)
			}
			for b.Loop() {
				if s.wait(now) > 0 {
					b.Fatal("nothing is due")
				}
				taskID, _ := s.next(now)
				now = now.Add(time.Millisecond)
				s.finish(outcome{taskID: taskID, began: now.Add(-time.Hour)}, now)
			}
		})
	}
}

// BenchmarkTasks is one look at every task, as the page takes it at most once a
// second.
func BenchmarkTasks(b *testing.B) {
	for _, n := range []int{100, 200_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			e := &Exporter{cfg: testConfig(), runs: map[int]*run{}}
			r := &run{Exporter: e, shard: newFakeKafka().shard(), ledger: ledger.New(), schedule: newSchedule(e.cfg, &e.prints)}
			e.runs[0] = r
			for i := range n {
				id := fmt.Sprintf("%032x", i*7919)
				if err := r.ledger.Replay([]byte("task/"+id), []byte(`{"status":"calling","sequence":1}`)); err != nil {
					b.Fatal(err)
				}
			}
			r.resume()
			b.ReportAllocs()
			for b.Loop() {
				for _, id := range e.TaskIDs() {
					if _, known := e.Task(id); !known {
						b.Fatal(id)
					}
				}
			}
		})
	}
}

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
				v, _ := s.next(now, false)
				now = now.Add(time.Millisecond)
				s.finish(outcome{visit: v, began: now.Add(-time.Hour)}, now)
			}
		})
	}
}

// BenchmarkTasks is one look at every task, as the page takes it at most once a
// second.
func BenchmarkTasks(b *testing.B) {
	for _, n := range []int{100, 200_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			_, e := manyTasks(b, n)
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

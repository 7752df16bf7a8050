package history

import (
	"fmt"
	"math"
	"testing"
	"time"
)

func TestPaces(t *testing.T) {
	p := NewPaces()
	if steps, rate := p.Of("a"); steps != nil || !math.IsNaN(rate) {
		t.Errorf("of a task that was not seen: %v, %v", steps, rate)
	}
	start := time.Date(2026, 3, 14, 3, 2, 0, 0, time.UTC)
	total := int64(1000) // before this process looked
	p.Observe(start, map[string]int64{"a": total})
	if steps, rate := p.Of("a"); sum(steps) != 0 || !math.IsNaN(rate) {
		t.Errorf("after one look: %v, %v", steps, rate)
	}
	for minute := 1; minute <= 300; minute++ {
		if total += 3; minute > 290 {
			total += 3
		}
		p.Observe(start.Add(time.Duration(minute)*time.Minute), map[string]int64{"a": total})
		if _, rate := p.Of("a"); minute < 290 && math.Abs(rate-3) > 1e-9 {
			t.Fatalf("after %d minutes the pace is %v a minute, want 3", minute, rate)
		}
	}
	steps, rate := p.Of("a")
	if len(steps) != paceCells || steps[0] != 15 || steps[paceCells-1] != 18 || math.Abs(rate-5.5) > 1 {
		t.Errorf("in the end: %v, %v", steps, rate)
	}
	// Nobody looked for half an hour; and a ledger that was rebuilt has fewer.
	p.Observe(start.Add(330*time.Minute), map[string]int64{"a": total + 60})
	p.Observe(start.Add(336*time.Minute), map[string]int64{"a": 10})
	if steps, _ := p.Of("a"); steps[paceCells-1] != 0 || steps[paceCells-2] != 60 || sum(steps[paceCells-6:]) != 60 {
		t.Errorf("after a gap: %v", steps)
	}
	p.Observe(start.Add(336*time.Minute+2*time.Hour), map[string]int64{"b": 1})
	if steps, _ := p.Of("a"); steps != nil {
		t.Error("a task that was not seen for two hours is still known")
	}
}

func TestPacesAreFew(t *testing.T) {
	p := NewPaces()
	now := time.Date(2026, 3, 14, 3, 2, 0, 0, time.UTC)
	for round := range 10 {
		shown := map[string]int64{}
		for i := range 200 {
			shown[fmt.Sprint("task ", 150*round+i)] = 1
		}
		now = now.Add(time.Minute)
		p.Observe(now, shown)
		if n := len(p.tasks); n < 200 || n > maxPaces {
			t.Errorf("%d tasks are kept", n)
		}
		for id := range shown {
			if p.tasks[id] == nil {
				t.Fatal("a task that is shown is not kept")
			}
		}
	}
}

func sum(values []float64) (all float64) {
	for _, v := range values {
		all += v
	}
	return all
}

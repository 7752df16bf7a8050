package history

import (
	"math"
	"sync"
	"time"
)

// How the pace of tasks is kept: two hours by five minutes, of so many tasks.
const (
	PaceStep  = 5 * time.Minute
	paceCells = 24
	maxPaces  = 400
)

// Paces keeps how many events each of some tasks had, step by step: of those that a page
// shows, which are few among many. It takes 130 bytes a task. Several goroutines may use it.
type Paces struct {
	mu    sync.Mutex
	tasks map[string]*pace
	looks [paceCells + 1]time.Time // the last one in each step
}

// pace is how many events one task had when each step ended.
type pace struct {
	seen  int64 // step of the last look
	began time.Time
	total [paceCells + 1]uint32
}

// NewPaces returns one that has seen no task.
func NewPaces() *Paces { return &Paces{tasks: map[string]*pace{}} }

// Observe notes how many events tasks have now. A task that was not observed for two hours
// is forgotten, and at once where there are more than fit.
func (p *Paces) Observe(now time.Time, events map[string]int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	step := now.UnixNano() / int64(PaceStep)
	p.looks[step%int64(len(p.looks))] = now
	for id, old := range p.tasks {
		if _, again := events[id]; !again && (step-old.seen >= paceCells || len(p.tasks)+len(events) > maxPaces) {
			delete(p.tasks, id)
		}
	}
	for id, n := range events {
		t := p.tasks[id]
		if t == nil {
			if len(p.tasks) >= maxPaces {
				continue
			}
			t = &pace{seen: step - paceCells - 1, began: now}
			p.tasks[id] = t
		}
		before := uint32(n) // a first look says nothing of the time before
		if step-t.seen <= paceCells {
			before = t.total[t.seen%int64(len(t.total))]
		}
		for s := max(t.seen+1, step-paceCells); s < step; s++ {
			t.total[s%int64(len(t.total))] = before
		}
		t.total[step%int64(len(t.total))] = uint32(n)
		t.seen = max(t.seen, step)
	}
}

// Of is how many events a task had in each of the last steps, oldest first, the one under
// way last; and how many a minute in the last ten minutes or a little more. nil and NaN: not
// known.
func (p *Paces) Of(taskID string) (steps []float64, perMinute float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.tasks[taskID]
	if t == nil {
		return nil, math.NaN()
	}
	at := func(step int64) float64 { return float64(t.total[step%int64(len(t.total))]) }
	for s := t.seen - paceCells + 1; s <= t.seen; s++ {
		steps = append(steps, max(0, at(s)-at(s-1)))
	}
	look := func(step int64) time.Time { return p.looks[step%int64(len(p.looks))] }
	for back := int64(3); back > 0; back-- {
		from := look(t.seen - back)
		inIt := from.UnixNano()/int64(PaceStep) == t.seen-back // else nobody looked in that step
		if known := look(t.seen).Sub(from); inIt && !from.Before(t.began) && known >= time.Minute {
			return steps, max(0, at(t.seen)-at(t.seen-back)) / known.Minutes()
		}
	}
	if known := look(t.seen).Sub(t.began); known >= time.Minute { // within the first step
		return steps, steps[paceCells-1] / known.Minutes()
	}
	return steps, math.NaN()
}

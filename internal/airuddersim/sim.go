package airuddersim

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Sim is a simulated AIRudder. Its methods may be called at the same time.
type Sim struct {
	cfg      Config
	products []product

	mu      sync.Mutex
	now     time.Time
	stopped bool
	tasks   []*task // by number; tasks[i].No == i+1
	byID    map[string]*task
	events  eventHeap
	eventNo int
	drift   bool

	access   access
	odd      oddities
	second   second
	faults   faults
	requests map[string]int // by endpoint and answer: "detail 200"
	drawn    *rand.Rand     // decides what happens to responses, never to campaigns
}

// New starts a simulation whose campaigns begin at its clock's start.
func New(cfg Config) *Sim {
	s := empty(cfg)
	s.now = s.cfg.Start.Add(-s.cfg.WarmUp)
	s.plan()
	s.play(s.cfg.Start)
	return s
}

// plan schedules what the configuration asks for and is not there already: the
// campaigns, one after the other, and the drift.
func (s *Sim) plan() {
	campaigns, drifts := 0, s.drift
	for _, t := range s.tasks {
		if t.Plays && !t.ended() {
			campaigns++
		}
	}
	for _, e := range s.events {
		if e.Kind == evCreate {
			campaigns++
		}
		drifts = drifts || e.Kind == evDrift
	}
	for i := range s.cfg.Tasks - campaigns {
		s.schedule(event{At: s.now.Add(time.Duration(i) * s.cfg.Lead / 2), Kind: evCreate})
	}
	if s.cfg.DriftAfter > 0 && !drifts {
		s.schedule(event{At: s.cfg.Start.Add(s.cfg.DriftAfter), Kind: evDrift})
	}
}

// empty is a simulation in which nothing has happened.
func empty(cfg Config) *Sim {
	s := &Sim{cfg: cfg.withDefaults(), products: products()}
	s.now = s.cfg.Start
	s.byID = map[string]*task{}
	s.requests = map[string]int{}
	s.faults = newFaults(s.cfg.FaultRates)
	odd, err := readOddities(s.cfg.Oddities)
	if err != nil {
		panic("airuddersim: " + err.Error())
	}
	s.odd = odd
	s.drawn = random(s.cfg.Seed, forResponses)
	return s
}

// Now is what the simulation's clock shows.
func (s *Sim) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// Advance plays the campaigns for so long.
func (s *Sim) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.play(s.now.Add(d))
}

// SetNow plays the campaigns up to a time; one that has passed changes nothing.
func (s *Sim) SetNow(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.play(now)
}

// Run plays in real time, speed seconds of the simulation in one of the wall
// clock, until ctx ends. At a speed above 1 the simulation's clock runs ahead of
// the wall's, and calls end in the future; a fast demo raises Config.Rate.
func (s *Sim) Run(ctx context.Context, speed float64) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	from, began := s.Now(), time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.SetNow(from.Add(time.Duration(speed * float64(time.Since(began)))))
		}
	}
}

// Stop finishes no more calls: the campaigns stand still, whatever the clock
// shows, while every request is answered as before.
func (s *Sim) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
}

// Resume moves the clock to now without playing what lies between, and lets
// the campaigns continue from where they stood: what was to happen later, open
// attempts and the schedules of open tasks move along. It is for a state that
// was loaded long after it was saved. It undoes Stop.
func (s *Sim) Resume(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	by := now.UTC().Round(0).Sub(s.now)
	s.stopped = false
	if by <= 0 {
		return
	}
	s.now = s.now.Add(by)
	for i := range s.events {
		s.events[i].At = s.events[i].At.Add(by)
	}
	for _, t := range s.tasks {
		if !t.ended() {
			t.Start, t.End = t.Start.Add(by), t.End.Add(by)
		}
		t.shift(by)
	}
}

// shift moves a task's open attempts and redials.
func (t *task) shift(by time.Duration) {
	for i := range t.Redials {
		t.Redials[i].Due = t.Redials[i].Due.Add(by)
	}
	for _, r := range t.Rows {
		if a := r.current(); a != nil && a.End.IsZero() {
			a.Start, r.shown = a.Start.Add(by).Truncate(time.Second), nil
		}
	}
}

// play lets everything happen that is due until a time, in order.
func (s *Sim) play(until time.Time) {
	until = until.UTC().Round(0)
	for !s.stopped && len(s.events) > 0 && !s.events[0].At.After(until) {
		e := heap.Pop(&s.events).(event)
		if e.At.After(s.now) {
			s.now = e.At
		}
		s.happen(e)
	}
	if until.After(s.now) {
		s.now = until
	}
}

package status

import (
	"cmp"
	"sync"
	"time"

	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/notice"
)

// Exporter is what there is to show. There may be very many tasks: Totals is without
// them, and Task looks at one.
type Exporter interface {
	Totals() exporter.Snapshot
	Recent() []exporter.Published // newest first
	TaskIDs() []string            // sorted
	Task(taskID string) (t exporter.TaskStatus, known bool)
}

// Info is what does not change while the program runs. All but Started may be
// empty.
type Info struct {
	Version string    `json:"version,omitempty"`
	Host    string    `json:"host,omitempty"`
	Started time.Time `json:"started_at"`
}

// State is what the program is doing: waiting, then running, then stopping. The
// zero value waits for nothing in particular. Several goroutines may use it at
// once.
type State struct {
	mu       sync.Mutex
	waiting  string
	exporter Exporter
	stopping bool
}

// Waiting says why there is no exporter yet, such as "waiting for Kafka: …". It
// is shown until Running.
func (s *State) Waiting(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = why
}

// Running shows e from now on.
func (s *State) Running(e Exporter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exporter = e
}

// Stopping says that the program is about to end: it is not ready any more.
func (s *State) Stopping() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopping = true
}

// ready reports whether events can flow, and else why not.
func (s *State) ready() (ready bool, why string) {
	t := s.totals()
	return t.Ready, t.Why
}

// Line says whether the exporter makes progress, and in a line how it fares.
func (s *State) Line() (healthy bool, line string) {
	t := s.totals()
	switch {
	case !t.Ready:
		return t.Healthy, "not ready: " + t.Why
	case len(t.Notices) > 0:
		return t.Healthy, "ready, but " + needs(len(t.Notices))
	}
	return t.Healthy, "ready"
}

// totals is the exporter's snapshot without tasks and events, or one that says why
// there is no exporter.
func (s *State) totals() exporter.Snapshot {
	snap, _ := s.look()
	return snap
}

// look also returns the exporter; nil: there is none yet.
func (s *State) look() (exporter.Snapshot, Exporter) {
	s.mu.Lock()
	e, why, stopping := s.exporter, s.waiting, s.stopping
	s.mu.Unlock()
	var snap exporter.Snapshot
	if e != nil {
		snap = e.Totals()
	} else { // healthy: it waits and tries again, and a restart would do the same
		why = cmp.Or(why, "starting")
		snap = exporter.Snapshot{Healthy: true, Why: why, At: time.Now(), Down: []exporter.Down{{Component: exporter.ComponentStart, Why: why}}}
	}
	if stopping {
		snap.Ready, snap.Why = false, "stopping"
	}
	return noNulls(snap), e
}

// noNulls replaces missing lists by empty ones, which are [] in JSON.
func noNulls(s exporter.Snapshot) exporter.Snapshot {
	if s.Notices == nil {
		s.Notices = []notice.Notice{}
	}
	if s.Topics == nil {
		s.Topics = []exporter.TopicStatus{}
	}
	if s.Owners == nil {
		s.Owners = []exporter.Owner{}
	}
	if s.Shards == nil {
		s.Shards = []exporter.ShardStatus{}
	}
	if s.Tasks == nil {
		s.Tasks = []exporter.TaskStatus{}
	}
	if s.Recent == nil {
		s.Recent = []exporter.Published{}
	}
	return s
}

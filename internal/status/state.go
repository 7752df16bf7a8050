package status

import (
	"cmp"
	"sync"
	"time"

	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/notice"
)

// Exporter is what there is to show. Totals is Snapshot without tasks and
// events, and much cheaper.
type Exporter interface {
	Snapshot() exporter.Snapshot
	Totals() exporter.Snapshot
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

// snapshot is the exporter's whole snapshot, or one that says why there is none.
func (s *State) snapshot() exporter.Snapshot { return s.take(Exporter.Snapshot) }

// totals is snapshot without tasks and events.
func (s *State) totals() exporter.Snapshot { return s.take(Exporter.Totals) }

func (s *State) take(from func(Exporter) exporter.Snapshot) exporter.Snapshot {
	s.mu.Lock()
	e, why, stopping := s.exporter, s.waiting, s.stopping
	s.mu.Unlock()
	var snap exporter.Snapshot
	if e != nil {
		snap = from(e)
	} else { // healthy: it waits and tries again, and a restart would do the same
		snap = exporter.Snapshot{Healthy: true, Why: cmp.Or(why, "starting"), At: time.Now()}
	}
	if stopping {
		snap.Ready, snap.Why = false, "stopping"
	}
	return noNulls(snap)
}

// noNulls replaces missing lists by empty ones, which are [] in JSON.
func noNulls(s exporter.Snapshot) exporter.Snapshot {
	if s.Notices == nil {
		s.Notices = []notice.Notice{}
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

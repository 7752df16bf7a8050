package prooftest

import (
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// watch follows the events as a read_committed consumer sees them, past the
// proxies. It is for waiting; the checker reads everything anew.
type watch struct {
	mu    sync.Mutex
	calls []airuddersim.CallKey
	dead  map[airuddersim.CallKey]bool // dead letters, by CallID or by row id
	last  time.Time                    // when the newest event was written
	on    func(*kgo.Record)
}

// newWatch begins to follow a world's events and dead letters.
func newWatch(w *rig.World) *watch {
	seen := &watch{dead: map[airuddersim.CallKey]bool{}}
	own := func(add func(*kgo.Record)) func(*kgo.Record) {
		return func(r *kgo.Record) {
			if w.Own(r) {
				add(r)
			}
		}
	}
	w.Follow(w.Topics.Events, own(seen.add))
	w.Follow(w.Topics.Dead, own(seen.addDead))
	return seen
}

func (s *watch) addDead(r *kgo.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead[rig.KeyOf(r)] = true
}

func (s *watch) add(r *kgo.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, rig.KeyOf(r))
	if r.Timestamp.After(s.last) {
		s.last = r.Timestamp
	}
	if s.on != nil {
		s.on(r)
	}
}

// onEvent has a function called for every event from now on.
func (s *watch) onEvent(on func(*kgo.Record)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = on
}

func (s *watch) keys() []airuddersim.CallKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// unsettled are the calls that are neither an event nor, where a response
// damaged their row, a dead letter.
func (s *watch) unsettled(truth airuddersim.Truth) []airuddersim.CallKey {
	calls := s.keys()
	missing := truth.Check(calls).Missing
	s.mu.Lock()
	defer s.mu.Unlock()
	settled := maps.Clone(s.dead)
	for _, key := range calls {
		settled[key] = true
	}
	for _, task := range truth.Tasks {
		for _, of := range task.Calls {
			key := airuddersim.CallKey{TaskID: task.TaskID, CallID: of.CallID}
			row := airuddersim.CallKey{TaskID: task.TaskID, CallID: strconv.FormatInt(of.RowID, 10)}
			if of.Current && len(of.Damaged) > 0 && !task.Waits(of) && !settled[key] && !settled[row] {
				missing = append(missing, key)
			}
		}
	}
	return missing
}

func (s *watch) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

// newest is when the newest event was written, by the exporter's own clock.
func (s *watch) newest() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

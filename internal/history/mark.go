package history

import (
	"fmt"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// Mark is something that happened, which explains what the plots show.
type Mark struct {
	At    time.Time
	Until time.Time // of an outage; zero: it lasts
	Kind  Kind
	Why   string // of an outage
	Count int    // of producers that ended within HourStep
}

// Kind is what a mark tells of.
type Kind string

// The kinds of marks.
const (
	Start  Kind = "start"  // this process did
	Fenced Kind = "fenced" // another writer took a shard over
	Doubt  Kind = "doubt"  // a producer began again, since a transaction was in doubt
	Outage Kind = "outage" // the exporter was not ready
)

// String says what happened, and when, UTC.
func (m Mark) String() string {
	at := m.At.UTC().Format("15:04:05")
	switch {
	case m.Kind == Start:
		return "this process started at " + at
	case m.Kind == Fenced:
		return fmt.Sprintf("%s taken over by another writer, up to %s", times(m.Count, "time"), at)
	case m.Kind == Doubt:
		return fmt.Sprintf("%s began again up to %s, since a transaction was in doubt", times(m.Count, "producer"), at)
	case m.Until.IsZero():
		return "not ready since " + at + ": " + m.Why
	}
	return "not ready from " + at + " to " + m.Until.UTC().Format("15:04:05") + ": " + m.Why
}

func times(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprint(n, " ", what, "s")
}

// keptMarks is how many marks of each kind are kept.
const keptMarks = 10

// Marks are those of the last day, oldest first, at most ten of a kind.
func (r *Recorder) Marks(now time.Time) (all []Mark) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.marks {
		if m.At.After(now.Add(-Day)) || m.Kind == Outage && (m.Until.IsZero() || m.Until.After(now.Add(-Day))) {
			all = append(all, m)
		}
	}
	return all
}

// note adds a mark. r.mu is held.
func (r *Recorder) note(m Mark) {
	same := 0
	for _, other := range r.marks {
		if other.Kind == m.Kind {
			same++
		}
	}
	for i, other := range r.marks {
		if same >= keptMarks && other.Kind == m.Kind {
			r.marks = append(r.marks[:i:i], r.marks[i+1:]...)
			break
		}
	}
	r.marks = append(r.marks, m)
}

// judge begins an outage, or ends one. The wait before the exporter is ready for the
// first time belongs to its start. r.mu is held.
func (r *Recorder) judge(now time.Time, ready bool, why string) {
	for i := range r.marks {
		if m := &r.marks[i]; m.Kind == Outage && m.Until.IsZero() {
			if ready {
				m.Until = now
			} else {
				m.Why = why
			}
			return
		}
	}
	if r.ready && !ready {
		r.note(Mark{At: now, Kind: Outage, Why: why})
	}
	r.ready = r.ready || ready
}

// watchProducers notes those that were fenced, or ended in a doubt. r.mu is held.
func (r *Recorder) watchProducers(now time.Time, family *dto.MetricFamily) {
	for _, kind := range []Kind{Fenced, Doubt} {
		n := Rate("", "").Where("reason", string(kind)).read(family).sum
		if grew := n - r.producers[kind]; grew > 0 {
			r.note(Mark{At: now, Kind: kind, Count: int(grew)})
		}
		r.producers[kind] = n
	}
}

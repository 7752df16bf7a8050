package history

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// Mark is something that happened, which explains what the plots show.
type Mark struct {
	At    time.Time
	Until time.Time // of an outage; zero: it lasts
	Kind  Kind
	Why   string // of an outage; of dead letters: their reason; of a start: which process, empty: this one
	Count int    // of what was counted within HourStep
}

// Kind is what a mark tells of.
type Kind string

// The kinds of marks.
const (
	Start  Kind = "start"  // of a process
	Fenced Kind = "fenced" // another writer took a shard over
	Doubt  Kind = "doubt"  // a producer began again, since a transaction was in doubt
	Outage Kind = "outage" // the exporter was not ready

	DeadLetter Kind = "dead letter" // rows that cannot become events
)

// String says what happened, and when, UTC.
func (m Mark) String() string {
	at := m.At.UTC().Format(time.TimeOnly)
	switch {
	case m.Lasts():
		return "not ready since " + at + ": " + m.Why
	case m.Kind == Outage:
		return "not ready from " + at + " to " + m.Until.UTC().Format(time.TimeOnly) + ": " + m.Why
	case m.Kind == Start:
		return m.Text() + " at " + at
	}
	return m.Text() + ", up to " + at
}

// Text says what happened, without when.
func (m Mark) Text() string {
	switch m.Kind {
	case Start:
		return cmp.Or(m.Why, "this process") + " started"
	case Fenced:
		return times(m.Count, "time") + " taken over by another writer"
	case Doubt:
		return times(m.Count, "producer") + " began again, since a transaction was in doubt"
	case DeadLetter:
		return times(m.Count, "dead letter") + ": " + m.Why
	}
	return "not ready: " + m.Why
}

// Lasts reports whether this is an outage that is not over.
func (m Mark) Lasts() bool { return m.Kind == Outage && m.Until.IsZero() }

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
		if m.At.After(now.Add(-Day)) || m.Lasts() || m.Until.After(now.Add(-Day)) {
			all = append(all, m)
		}
	}
	return all
}

// Started notes that another process did, once, however often it is told.
func (r *Recorder) Started(at time.Time, who string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := Mark{At: at, Kind: Start, Why: who}
	if !slices.Contains(r.marks, m) {
		r.note(m)
		slices.SortStableFunc(r.marks, func(a, b Mark) int { return a.At.Compare(b.At) })
	}
}

// note adds a mark, in place of the oldest of its kind where there are enough. r.mu is held.
func (r *Recorder) note(m Mark) {
	ofKind := func(other Mark) bool { return other.Kind == m.Kind }
	same := 0
	for _, other := range r.marks {
		if ofKind(other) {
			same++
		}
	}
	if oldest := slices.IndexFunc(r.marks, ofKind); same >= keptMarks {
		if m.At.Before(r.marks[oldest].At) {
			return
		}
		r.marks = slices.Delete(r.marks, oldest, oldest+1)
	}
	r.marks = append(r.marks, m)
}

// judge begins an outage, or ends one. The wait before the exporter is ready for the
// first time belongs to its start. r.mu is held.
func (r *Recorder) judge(now time.Time, ready bool, why string) {
	for i := range r.marks {
		if m := &r.marks[i]; m.Lasts() {
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

// watch notes by how much counters grew, which tell of something by a label. r.mu is held.
func (r *Recorder) watch(now time.Time, families map[string]*dto.MetricFamily) {
	note := func(m Mark, family, label, value string) {
		n := Rate("", "").Where(label, value).read(families[family]).sum
		if grew := n - r.counted[family+value]; grew > 0 {
			m.At, m.Count = now, int(grew)
			r.note(m)
		}
		r.counted[family+value] = n
	}
	for _, kind := range []Kind{Fenced, Doubt} {
		note(Mark{Kind: kind}, "airudder_producers_started_total", "reason", string(kind))
	}
	const letters = "airudder_dead_letters_total"
	for _, m := range families[letters].GetMetric() {
		for _, l := range m.GetLabel() {
			note(Mark{Kind: DeadLetter, Why: l.GetValue()}, letters, l.GetName(), l.GetValue())
		}
	}
}

// Package notice holds what the operator should know while events flow: each cause
// once, since when, on how many subjects, and what to do.
//
// A notice tells of now. It comes once a subject has shown its cause in as many
// observations in a row as the cause asks for, and it goes with the first
// observation that no longer shows it. What was is in the counters and the log, where
// a Voice tells of notices and of what keeps the program from being ready.
package notice

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Cause is why there may be a notice.
type Cause struct {
	Name  string // stable: the metric's label
	After int    // observations of one subject in a row that must show it; at least 1
}

// Sighting is what one observation shows: a cause, in words.
type Sighting struct {
	Cause string // a Cause's name
	Text  string // what was seen; no personal data
	Cure  string // what to do about it
}

// Notice is a cause that holds now.
type Notice struct {
	Cause    string    `json:"cause"`
	Since    time.Time `json:"since"`
	Subjects int       `json:"subjects"`          // how many show it
	Example  string    `json:"example,omitempty"` // one of them
	Text     string    `json:"text"`              // what the example shows
	Cure     string    `json:"cure"`
}

// Others is how many subjects show the cause besides the example.
func (n Notice) Others() int { return n.Subjects - 1 }

// Board is where observations are noted. It may be used by several goroutines at
// once.
type Board struct {
	gauge *prometheus.GaugeVec

	mu     sync.Mutex
	causes []*cause // in the order of their names
}

// cause is what the board holds of one.
type cause struct {
	Cause
	seen  map[string]*sightings // by subject
	since time.Time             // zero: it does not hold
	left  bool                  // it ended since its last subjects were forgotten
}

// sightings are those of one subject in a row.
type sightings struct {
	n int
	Sighting
}

// New returns a board without a notice. Its gauge has all causes from the start.
func New(reg prometheus.Registerer, causes ...Cause) *Board {
	b := &Board{gauge: prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "airudder", Name: "notice",
		Help: "1 while events flow, but something needs the operator, by cause; else 0.",
	}, []string{"cause"})}
	reg.MustRegister(b.gauge)
	for _, c := range causes {
		b.causes = append(b.causes, &cause{Cause: c, seen: map[string]*sightings{}})
		b.gauge.WithLabelValues(c.Name).Set(0)
	}
	slices.SortFunc(b.causes, func(a, c *cause) int { return strings.Compare(a.Name, c.Name) })
	return b
}

// Observe notes a complete observation of a subject: all that it shows. A cause that
// it no longer shows is over for this subject; so an observation without a sighting
// ends all of the subject's.
func (b *Board) Observe(subject string, seen ...Sighting) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.causes {
		i := slices.IndexFunc(seen, func(s Sighting) bool { return s.Cause == c.Name })
		was := c.seen[subject]
		switch {
		case i < 0 && was == nil:
			continue
		case i < 0:
			delete(c.seen, subject)
		case was == nil:
			c.seen[subject] = &sightings{1, seen[i]}
		default:
			was.n, was.Sighting = was.n+1, seen[i]
		}
		b.update(c, false)
	}
}

// Forget drops the subjects that match: this process observes them no more. What they
// showed may last, and is another process's to tell.
func (b *Board) Forget(match func(subject string) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.causes {
		for subject := range c.seen {
			if match(subject) {
				delete(c.seen, subject)
			}
		}
		b.update(c, true)
	}
}

// Notices are the causes that hold now, in the order of their names.
func (b *Board) Notices() []Notice {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := []Notice{}
	for _, c := range b.causes {
		if !c.since.IsZero() {
			all = append(all, c.notice())
		}
	}
	return all
}

// Left reports whether a cause's notice ended since this process no longer observes its
// subjects: the cause may last.
func (b *Board) Left(name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.causes, func(c *cause) bool { return c.Name == name && c.left })
}

// update brings a cause's notice up to date with its sightings, of which some were
// forgotten or not. b.mu is held.
func (b *Board) update(c *cause, forgotten bool) {
	switch holds := c.notice().Subjects > 0; {
	case holds && c.since.IsZero():
		c.since, c.left = time.Now(), false
		b.gauge.WithLabelValues(c.Name).Set(1)
	case !holds && !c.since.IsZero():
		c.since, c.left = time.Time{}, forgotten
		b.gauge.WithLabelValues(c.Name).Set(0)
	}
}

// notice counts the subjects that have shown the cause often enough; none: it does
// not hold.
func (c *cause) notice() Notice {
	n := Notice{Cause: c.Name, Since: c.since}
	for subject, s := range c.seen {
		if s.n < c.After {
			continue
		}
		if n.Subjects++; n.Example == "" || subject < n.Example {
			n.Example, n.Text, n.Cure = subject, s.Text, s.Cure
		}
	}
	return n
}

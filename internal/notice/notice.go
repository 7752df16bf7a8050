// Package notice holds what the operator should know while events flow: each cause
// once, since when, on how many subjects, and what to do.
//
// A notice tells of now. It comes once a subject has shown its cause in as many
// observations in a row as the cause asks for, and it goes with the first
// observation that no longer shows it. What was is in the counters and the log: one
// line when it comes, one when it goes.
package notice

import (
	"log/slog"
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
	log   *slog.Logger
	gauge *prometheus.GaugeVec

	mu     sync.Mutex
	causes []*cause // in the order of their names
}

// cause is what the board holds of one.
type cause struct {
	Cause
	seen  map[string]*sightings // by subject
	since time.Time             // zero: it does not hold
	last  Notice                // while it held, for the line when it goes
}

// sightings are those of one subject in a row.
type sightings struct {
	n int
	Sighting
}

// New returns a board without a notice. Its gauge has all causes from the start.
func New(log *slog.Logger, reg prometheus.Registerer, causes ...Cause) *Board {
	b := &Board{log: log, gauge: prometheus.NewGaugeVec(prometheus.GaugeOpts{
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
		b.update(c, "notice is over: ")
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
		b.update(c, "notice dropped, since this process no longer observes it: ")
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

// update brings a cause's notice up to date with its sightings. ended begins the line
// where that ends it. b.mu is held.
func (b *Board) update(c *cause, ended string) {
	now := c.notice()
	switch holds := now.Subjects > 0; {
	case holds && c.since.IsZero():
		c.since = time.Now()
		b.gauge.WithLabelValues(c.Name).Set(1)
		b.log.Warn(now.Text, "notice", c.Name, "subject", now.Example, "subjects", now.Subjects, "cure", now.Cure)
	case !holds && !c.since.IsZero():
		b.log.Info(ended+c.last.Text, "notice", c.Name, "lasted", time.Since(c.since).Round(time.Second))
		c.since = time.Time{}
		b.gauge.WithLabelValues(c.Name).Set(0)
	}
	c.last = now
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

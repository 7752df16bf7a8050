package notice

import (
	"cmp"
	"context"
	"log/slog"
	"regexp"
	"slices"
	"time"
)

const (
	// again is how often the log repeats what lasts, and another how soon after a line
	// it gives another reason for the same thing.
	again   = 5 * time.Minute
	another = time.Minute

	// grace is how long anything lasts before the log tells of it: brokers and leaders
	// move in less, and what a notice counts is more by then.
	grace = 5 * time.Second

	// aftermath is how long a notice may outlast the reason that told of it before it is
	// told by itself.
	aftermath = 15 * time.Second

	// calm is how often the log says that all is well.
	calm = 15 * time.Minute

	// maxReasons is how many reasons are told apart while the program is not ready.
	maxReasons = 20
)

// Health is how the program fares at one moment.
type Health struct {
	Why     string        // why it is not ready; empty: it is
	Usual   time.Duration // for how long that is part of a good start
	Notices []Notice
	Covered string                  // the cause of a notice that Why tells of, and Notices has not; empty: of none
	Left    func(cause string) bool // see Board; nil: none was left
	Standby bool                    // others do the work
}

// Voice tells the log how the program fares: what keeps it from being ready and each
// notice, once when it begins, every five minutes while it lasts, and once when it is
// over; and every fifteen minutes of good health a summary.
type Voice struct {
	Log     *slog.Logger
	Look    func() Health
	Summary func() []any  // attributes of the line; what has happened since it was last called
	Every   time.Duration // between two looks; 0: a second

	unready *spell               // nil: it is ready
	notices map[string]*spell    // by cause
	covered map[string]time.Time // by cause: when the reason last told of the notice
	calm    time.Time            // when the log last said that all is well, or the voice began
}

// spell is something that lasts.
type spell struct {
	since   time.Time
	told    time.Time       // when a line last told of it; zero: none has
	text    string          // as it is, or last was
	reasons map[string]bool // that were told, figures aside
}

// Run looks again and again until ctx ends.
func (v *Voice) Run(ctx context.Context) {
	v.notices, v.covered, v.calm = map[string]*spell{}, map[string]time.Time{}, time.Now()
	tick := time.NewTicker(cmp.Or(v.Every, time.Second))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if h := v.Look(); ctx.Err() == nil { // at its end the program is not ready, of course
				v.tell(h, now)
			}
		}
	}
}

func (v *Voice) tell(h Health, now time.Time) {
	v.readiness(h, now)
	v.begun(h, now)
	v.ended(h, now)
	if h.Why == "" && len(h.Notices) == 0 && now.Sub(v.calm) >= calm {
		v.calm = now
		v.well(h)
	}
}

// begun tells of the notices that there are. One that the same trouble outlasts by a
// little, as a group does that joins again, is never told.
func (v *Voice) begun(h Health, now time.Time) {
	if h.Covered != "" {
		v.covered[h.Covered] = now
	}
	for _, n := range h.Notices {
		s := v.notices[n.Cause]
		if s == nil {
			s = &spell{since: n.Since}
			v.notices[n.Cause] = s
		}
		s.text = n.Text
		if s.told.IsZero() && now.Sub(v.covered[n.Cause]) < aftermath {
			continue
		}
		if lasts, due := s.due(again, now); due {
			attrs := []any{"notice", n.Cause, "subject", n.Example, "subjects", n.Subjects, "cure", n.Cure}
			v.Log.Warn(n.Text, append(attrs, lasts...)...)
		}
	}
}

// ended tells of the notices that are over, if it has told of them.
func (v *Voice) ended(h Health, now time.Time) {
	for cause, s := range v.notices {
		if cause == h.Covered || slices.ContainsFunc(h.Notices, func(n Notice) bool { return n.Cause == cause }) {
			continue
		}
		delete(v.notices, cause)
		if s.told.IsZero() {
			continue
		}
		ended := "notice is over: "
		if h.Left != nil && h.Left(cause) {
			ended = "notice dropped, since this process no longer observes it: "
		}
		v.Log.Info(ended+s.text, "notice", cause, "lasted", s.lasted(now))
	}
}

// readiness tells of what keeps the program from being ready. Another reason for that is
// told soon, but once alone: two may alternate for hours.
func (v *Voice) readiness(h Health, now time.Time) {
	s := v.unready
	switch {
	case h.Why == "":
		if s != nil && !s.told.IsZero() {
			v.Log.Info("ready again; the reason was: "+s.text, "lasted", s.lasted(now))
		}
		v.unready = nil
		return
	case s == nil:
		s = &spell{since: now, reasons: map[string]bool{}}
		v.unready = s
	}
	s.text = h.Why
	if s.told.IsZero() && s.lasted(now) < h.Usual {
		return
	}
	reason, apart := figures.ReplaceAllString(h.Why, ""), again
	if !s.reasons[reason] && len(s.reasons) < maxReasons {
		apart = another
	}
	if lasts, due := s.due(apart, now); due {
		s.reasons[reason] = true
		v.Log.Warn("not ready: "+h.Why, lasts...)
	}
}

// well says that all is.
func (v *Voice) well(h Health) {
	if h.Standby {
		v.Log.Info("standing by: another exporter does the work")
		return
	}
	v.Log.Info("all is well", v.Summary()...)
}

// due reports whether a line is to tell of it, so long after the one before, and notes
// that it does. lasts are the attributes that say for how long, in all lines but the
// first.
func (s *spell) due(apart time.Duration, now time.Time) (lasts []any, due bool) {
	if now.Sub(s.told) < apart || s.lasted(now) < grace {
		return nil, false
	}
	if !s.told.IsZero() {
		lasts = []any{"for", s.lasted(now)}
	}
	s.told = now
	return lasts, true
}

func (s *spell) lasted(now time.Time) time.Duration { return now.Sub(s.since).Round(time.Second) }

// figures are left aside where two reasons are compared: times, counts, shards.
var figures = regexp.MustCompile(`[0-9]+`)

package audit

import (
	"cmp"
	"fmt"
	"slices"

	"airudder-exporter/internal/ledger"
)

// seals holds a task's seals against its calls, and against what the ledger says of the
// last one.
func (j *judge) seals(of *calls) {
	slices.SortFunc(of.task.seals, func(a, b seal) int { return cmp.Compare(a.number, b.number) })
	for i, s := range of.task.seals {
		if !j.holds(s.at) {
			continue
		}
		text, judged := "", true
		last := i == len(of.task.seals)-1
		switch {
		case i > 0 && of.task.seals[i-1].number == s.number:
			text = "there is more than one of this number"
		case s.number > of.state.Seal:
			text = fmt.Sprintf("the ledger knows the task's seals up to number %d alone", of.state.Seal)
		case last && s.number == of.state.Seal && !of.state.SealedAt.IsZero() && of.state.SealedEvents != s.events:
			text = fmt.Sprintf("it tells of %d events, and by the ledger it does of %d", s.events, of.state.SealedEvents)
		case s.events > of.last:
			text = fmt.Sprintf("it tells of %d events, and the last number is %d", s.events, of.last)
		default:
			if text, judged = j.seal(of, s, last); text == "" {
				text = j.ends(of, s)
			}
		}
		if judged {
			j.report.Seals++
		} else {
			j.report.Unjudged++
		}
		if text != "" {
			j.find(Finding{Class: SealMismatch, TaskID: of.id, SealNumber: s.number, ObservedAt: s.at,
				Text: fmt.Sprintf("%s (status record %d of partition %d)", text, s.offset, s.partition)})
		}
	}
	if of.closed && len(of.task.seals) == 0 && j.holds(of.state.ClosedAt) {
		j.unsealed(of)
	}
}

// unsealed holds a closed task whose seal's record is gone, or that has none, against the
// last number that the ledger says it had.
func (j *judge) unsealed(of *calls) {
	if lost, expired := j.gone(of, of.last); lost != nil {
		j.find(Finding{Class: SealMismatch, TaskID: of.id, ObservedAt: of.state.ClosedAt,
			Text: fmt.Sprintf("the task is closed with %d events, and %s", of.last, lost)})
	} else {
		j.report.Counts[Expired] += expired
	}
}

// seal holds a seal's count and digest against the calls that it tells of. It is not
// judged where it cannot be: some of them expired, or their numbers are findings already.
func (j *judge) seal(of *calls, s seal, last bool) (text string, judged bool) {
	if of.closed {
		lost, expired := j.gone(of, s.events)
		if last {
			j.report.Counts[Expired] += expired
		}
		if lost != nil {
			return fmt.Sprintf("it tells of %d events, and %s", s.events, lost), true
		}
		if expired > 0 {
			return "", false
		}
	}
	if slices.ContainsFunc(of.trouble, func(n int64) bool { return n <= s.events }) {
		return "", false
	}
	ids, before := make([]string, 0, s.events), int64(0)
	for _, now := range of.numbers {
		if now.n > s.events {
			break
		}
		if now.n == before && !now.known { // an event without an entry, with another call's number
			continue
		}
		ids, before = append(ids, of.texts.CallID(now.key)), now.n
	}
	if ledger.Digest(ids) != s.digest {
		return fmt.Sprintf("its digest is not that of the %d events that it tells of", s.events), true
	}
	return "", true
}

// gone are the numbers up to a last one of a closed task whose events are not there:
// first those that must be, in words, else how many may have expired.
func (j *judge) gone(of *calls, last int64) (lost fmt.Stringer, expired int64) {
	for _, g := range of.gaps(last) {
		if j.expired.IsZero() || !g.after.IsZero() && !g.after.Before(j.expired) {
			return g, 0
		}
		expired += g.last - g.first + 1
	}
	return nil, expired
}

func (g gap) String() string {
	if g.first == g.last {
		return fmt.Sprintf("number %d is missing", g.first)
	}
	return fmt.Sprintf("the numbers %d to %d are missing", g.first, g.last)
}

// ends holds where a seal says that the events end against where they stand. Whoever
// waits for an end that is too high waits for ever.
func (j *judge) ends(of *calls, s seal) string {
	for _, e := range s.early {
		c := of.task.calls[e.key]
		if c.seen&twice != 0 || !c.event() || c.standing&entered == 0 && !of.closed || of.several[e.key] {
			continue // it has a fault of its own
		}
		if _, differs := of.differs[e.key]; differs {
			continue
		}
		return fmt.Sprintf("its offsets end before an event that it tells of: partition %d, offset %d, call %s",
			e.Partition, e.Offset, of.texts.CallID(e.key))
	}
	for p, end := range s.ends {
		is := int64(0)
		if p < len(j.Partitions) {
			is = max(j.Partitions[p].Last, j.Partitions[p].Start)
		}
		if end > is {
			return fmt.Sprintf("its offset %d of partition %d is after the last event, which ends at %d", end, p, is)
		}
	}
	return ""
}

// Wanted are the calls of which a report has to say where the events stand, by task.
func (r *Report) Wanted() *Wanted {
	w := &Wanted{tasks: map[string]map[ledger.CallKey][]*Finding{}}
	for i := range r.Findings {
		f := &r.Findings[i]
		for _, k := range f.keys {
			of := w.tasks[f.TaskID]
			put(&of, k, append(of[k], f))
			w.tasks[f.TaskID] = of
		}
	}
	return w
}

// Wanted fills in where the events of findings stand. It is used by one goroutine at a
// time.
type Wanted struct {
	tasks map[string]map[ledger.CallKey][]*Finding
}

// None reports whether nothing has to be filled in.
func (w *Wanted) None() bool { return len(w.tasks) == 0 }

// Event takes in an event, which may be any.
func (w *Wanted) Event(e Event) {
	of := w.tasks[string(e.TaskID)]
	if of == nil {
		return
	}
	k, _ := ledger.KeyOf(e.CallID)
	for _, f := range of[k] {
		f.Events = append(f.Events, e.Place)
	}
}

// sortPlaces brings the places into order.
func (r *Report) sortPlaces() {
	for i := range r.Findings {
		slices.SortFunc(r.Findings[i].Events, func(a, b Place) int {
			return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
		})
	}
}

package audit

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"airudder-exporter/internal/ledger"
)

// Window says which calls are judged, by when the response began that showed them.
type Window struct{ Since, Until time.Time }

func (w Window) holds(t time.Time) bool {
	return (w.Since.IsZero() || !t.Before(w.Since)) && (w.Until.IsZero() || t.Before(w.Until))
}

// Scope is what a judgement needs to know beside entries, seals and events.
type Scope struct {
	Window
	Partitions []Partition // of the event topic
	Now        time.Time   // when all entries but the later ones had been read
	Reach      time.Time   // of a rebuilt ledger, which does not know what was published before

	Lags // where AIRudder was asked
}

// Lags say when a call that AIRudder shows must have been published.
type Lags struct {
	Late   time.Duration // how long after a call's end AIRudder may first show it finished
	Export time.Duration // how long an exporter may take after that
}

// Judge says what is wrong. Where the events of a finding stand has still to be filled
// in; see Wanted.
func (c *Checker) Judge(of Scope) *Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	j := judge{Scope: of, expired: fullSince(of.Partitions, of.Now), report: &Report{
		Counts: map[Class]int64{OK: 0}, Partitions: of.Partitions, Findings: []Finding{}, Noted: []Finding{},
	}}
	j.report.FullSince = j.expired
	for _, class := range slices.Concat(Findings, Noted) {
		j.report.Counts[class] = 0
	}
	for _, id := range slices.Sorted(maps.Keys(c.tasks)) {
		j.task(c.tasks[id])
	}
	j.report.Clean = len(j.report.Findings) == 0
	return j.report
}

// judge makes a report.
type judge struct {
	Scope
	expired time.Time // before, an event may be gone; zero: none is
	report  *Report
}

func (j *judge) find(f Finding) {
	j.report.Counts[f.Class] += max(1, f.Through-f.Number+1)
	if slices.Contains(Noted, f.Class) {
		j.report.Noted = append(j.report.Noted, f)
	} else {
		j.report.Findings = append(j.report.Findings, f)
	}
}

// calls are a task's, as they are judged together.
type calls struct {
	*task
	closed  bool
	several map[ledger.CallKey]bool // calls that share a number
	numbers []numbered              // of the events that are known, by number
	trouble []int64                 // numbers that are findings, or expired
}

// numbered is an event with its number.
type numbered struct {
	n     int64
	key   ledger.CallKey
	known bool // the ledger knows it, or knew it before its task was closed
	at    time.Time
	sure  bool // that is the event's time, and no later one
}

func (j *judge) task(t *task) {
	of := &calls{task: t, closed: !t.state.ClosedAt.IsZero()}
	for k, s := range t.calls {
		if s.n == 0 || s.standing&late != 0 && int64(s.n) > t.last {
			continue // of those read later, not all were read
		}
		entry := s.standing&(entered|dead) == entered
		of.numbers = append(of.numbers, numbered{int64(s.n), k, of.closed || entry, s.at(), s.standing&revised == 0})
	}
	slices.SortFunc(of.numbers, func(a, b numbered) int {
		if a.n == b.n && a.known != b.known {
			return map[bool]int{true: -1, false: 1}[a.known]
		}
		return cmp.Or(cmp.Compare(a.n, b.n), slices.Compare(a.key[:], b.key[:]))
	})
	if len(t.calls) > 0 || t.state != (ledger.State{}) {
		j.report.Tasks++
	}
	if of.closed {
		j.report.Closed++
	}
	of.several = of.sharing()
	findings, noted := len(j.report.Findings), len(j.report.Noted)
	for k, s := range t.calls {
		j.call(of, k, s)
	}
	byCallID(j.report.Findings[findings:])
	byCallID(j.report.Noted[noted:])
	for _, row := range slices.Sorted(maps.Keys(t.rows)) {
		j.letter(t, Finding{Text: "row " + row + ": "}, t.rows[row].At, t.rows[row].Letter)
	}
	if t.moving {
		return
	}
	if !of.closed {
		j.missing(of)
	}
	j.doubled(of)
	j.seals(of)
	j.unpublished(of)
}

func byCallID(of []Finding) {
	slices.SortFunc(of, func(a, b Finding) int { return cmp.Compare(a.CallID, b.CallID) })
}

// call says what a call's class is.
func (j *judge) call(of *calls, k ledger.CallKey, s slot) {
	at := s.at()
	if !j.holds(at) {
		return
	}
	f := Finding{
		TaskID: of.id, CallID: of.texts.CallID(k), Number: int64(s.n), ObservedAt: at,
	}
	if s.seen != 0 {
		f.keys = []ledger.CallKey{k}
	}
	number, differs := of.differs[k]
	switch {
	case of.moving && s.standing&(entered|dead) != entered && s.seen == once:
		j.report.Counts[OK]++
		return
	case s.seen&once != 0 && !of.closed && s.standing&(entered|dead) != entered:
		f.Class, f.Text = EventWithoutEntry, "the ledger does not know that it was published, and it may be published again"
		if !s.event() {
			f.Text = "the ledger knows it as a dead letter, and it may be published again"
		}
	case s.seen&once != 0 && s.standing&entered == 0 && int64(s.n) > of.last:
		f.Class, f.Text = EventWithoutEntry, fmt.Sprintf("the task is closed with %d events, and this has a higher number", of.last)
	case s.seen&twice != 0:
		f.Class, f.Text = DoubledEvent, "more than one event"
	case differs:
		f.Class, f.Text = NumberDiffers, fmt.Sprintf("the event has the number %d, and its entry %d", number, s.n)
	case !s.event() && s.seen == 0:
		j.letter(of.task, f, at, of.letters[k])
		return
	case s.seen == 0 && of.since(s).Before(j.expired):
		j.report.Counts[Expired]++
		return
	case s.seen == 0:
		f.Class, f.Text = MissingEvent, "the ledger says that it was published, and there is no event"
	case of.several[k]: // counted with its number
		return
	case of.source.changed[k]:
		f.Class, f.Text, f.keys = Changed, "AIRudder says something else of it than when it was published", nil
	default:
		j.report.Counts[OK]++
		return
	}
	j.find(f)
}

func (j *judge) letter(t *task, f Finding, at time.Time, l ledger.Letter) {
	if !j.holds(at) {
		return
	}
	f.Class, f.TaskID, f.ObservedAt, f.Number, f.keys = DeadLetter, t.id, at, 0, nil
	f.Text += cmp.Or(string(l.Reason), "no reason is known")
	j.find(f)
}

// sharing are the calls that share a number with another one that the ledger knows.
func (of *calls) sharing() map[ledger.CallKey]bool {
	var all map[ledger.CallKey]bool
	for i, now := range of.numbers {
		shares := func(o numbered) bool { return now.n == o.n && now.known && o.known }
		if i > 0 && shares(of.numbers[i-1]) || i+1 < len(of.numbers) && shares(of.numbers[i+1]) {
			put(&all, now.key, true)
		}
	}
	return all
}

// doubled finds the numbers that several calls have that the ledger knows. A
// number that an event without an entry has, too, is that event's fault.
func (j *judge) doubled(of *calls) {
	for i := 0; i < len(of.numbers) && len(of.several) > 0; {
		f := Finding{Class: NumberDoubled, TaskID: of.id, Number: of.numbers[i].n}
		for ; i < len(of.numbers) && of.numbers[i].n == f.Number; i++ {
			if of.several[of.numbers[i].key] {
				f.Calls, f.ObservedAt = append(f.Calls, of.texts.CallID(of.numbers[i].key)), of.numbers[i].at
				f.keys = append(f.keys, of.numbers[i].key)
			}
		}
		if len(f.Calls) > 1 {
			of.trouble = append(of.trouble, f.Number)
			if j.holds(f.ObservedAt) {
				f.Text = fmt.Sprintf("%d calls have this number", len(f.Calls))
				j.find(f)
			}
		}
	}
}

// since is when an event was published that is not there, at the earliest: the time of
// its entry or, where that may be a later one, of the last call before it.
func (of *calls) since(s slot) (at time.Time) {
	if s.standing&revised == 0 {
		return s.at()
	}
	for _, now := range of.numbers {
		if now.n >= int64(s.n) {
			break
		}
		if now.sure && now.at.After(at) {
			at = now.at
		}
	}
	return at
}

// gap are numbers that nothing has.
type gap struct {
	first, last int64
	after       time.Time // when the call before them was seen; zero: there is none
}

// gaps are those among a task's numbers up to a last one.
func (of *calls) gaps(last int64) (all []gap) {
	next, after := int64(1), time.Time{}
	for _, now := range of.numbers {
		if now.n > last {
			break
		}
		if now.n > next {
			all = append(all, gap{next, now.n - 1, after})
		}
		if next = now.n + 1; now.sure && now.at.After(after) {
			after = now.at
		}
	}
	if next <= last {
		all = append(all, gap{next, last, after})
	}
	return all
}

// missing finds the numbers that neither an entry nor an event has. A ledger that was
// rebuilt does not know those of before its reach.
func (j *judge) missing(of *calls) {
	for _, g := range of.gaps(of.last) {
		of.trouble = append(of.trouble, g.first)
		switch {
		case !j.holds(g.after):
		case g.after.Before(j.Reach):
			j.report.Counts[Expired] += g.last - g.first + 1
		default:
			j.find(Finding{Class: NumberMissing, TaskID: of.id, Number: g.first, Through: g.last, ObservedAt: g.after,
				Text: "no entry and no event has it"})
		}
	}
}

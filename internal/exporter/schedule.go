package exporter

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// schedule says when which task of a shard is to be read next.
type schedule struct {
	cfg    Config
	prints *prints

	mu    sync.Mutex
	jobs  map[string]*job
	lanes [ranks]lane // the jobs that are due some time
	turn  int
	read  int // jobs whose task was read
}

// prints holds, by TaskID, the fingerprint (uint64) of the list's entry when the
// task was last read, or first listed. It outlives the producers, so that a
// change is not forgotten with the one that was about to look at it.
type prints = sync.Map

// job is one task in the schedule. A task that is closed and cleaned has none,
// nor has one that was passed over before this producer began: there may be
// years of them.
type job struct {
	taskID string
	due    time.Time // zero: not until a listing shows a change
	rank   rank

	waits bool // stands in a lane, at place
	lane  rank
	place int

	reading bool
	hinted  bool // it is due, or is to be read again, since a hint says so

	hintApart   time.Duration // between readings that hints ask for; 0: the shortest
	again       bool          // a listing showed a change while the task was being read
	named       bool          // by hand, as the last listing said
	interval    time.Duration
	fingerprint uint64 // of the task in the last listing; 0: not known

	name   string
	begins time.Time // the task's schedule
	ends   time.Time
	counts call.Counts
	readAt time.Time     // last complete reading; zero: none yet
	took   time.Duration // that reading's answer
	err    error         // of the last reading
	errAt  time.Time
	retry  *backoff.ExponentialBackOff
}

func newSchedule(cfg Config, p *prints) *schedule {
	return &schedule{cfg: cfg, prints: p, jobs: map[string]*job{}}
}

// known takes up a task that the ledger speaks of: at once when it is open or a
// clean-up is unfinished, at the time of its closing when its seal holds.
func (s *schedule) known(standing ledger.Standing, now time.Time) {
	due := now
	switch standing.Phase {
	case ledger.BeforeExportSince:
		return
	case ledger.Closed:
		if !standing.Leftover {
			return
		}
	case ledger.Sealed:
		closing, _ := s.cfg.Policy.ClosingDue(standing.State)
		if standing.State.Unconfirmed == "" {
			due = later(now, closing)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	j := &job{
		taskID: standing.TaskID, fingerprint: standing.State.ListPrint,
		rank: rankOf(standing.State.Status, call.Counts{}),
	}
	if p, ok := s.prints.Load(j.taskID); ok {
		j.fingerprint = p.(uint64)
	}
	s.jobs[j.taskID] = j
	s.put(j, due, now)
}

// listed takes up what the list says: a task that is new, that was named by hand
// since, or of which the list shows another status or other words than last
// time, is due at once.
func (s *schedule) listed(l call.Listed, named bool, standing ledger.Standing, now time.Time) {
	if standing.Phase == ledger.Closed {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.jobs[l.TaskID]
	if j == nil {
		j = &job{taskID: l.TaskID, rank: rankOf(l.Status, call.Counts{}), named: named, fingerprint: l.Fingerprint}
		s.jobs[j.taskID] = j
		s.put(j, now, now)
		return
	}
	changed := named && !j.named || l.Fingerprint != 0 && j.fingerprint != 0 && l.Fingerprint != j.fingerprint
	moved := l.Status != "" && call.Fold(l.Status) != call.Fold(standing.State.Status) && j.readAt.IsZero() && j.err == nil
	j.named = named
	if j.fingerprint == 0 {
		s.prints.Store(l.TaskID, l.Fingerprint)
	}
	if l.Fingerprint != 0 {
		j.fingerprint = l.Fingerprint
	}
	switch {
	case !changed && !moved:
	case j.reading:
		j.again = true
	case j.waits && !j.due.After(now): // it keeps its place
	case j.err == nil, errors.Is(j.err, call.ErrNoTask): // any other back-off continues
		s.put(j, now, now)
	}
}

// fingerprint is that of a task in the last listing; 0: not known.
func (s *schedule) fingerprint(taskID string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.jobs[taskID].fingerprint
}

// tally adds what the jobs say.
func (s *schedule) tally(now time.Time, all *tally) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jobs {
		if j.err != nil {
			all.failing++
		}
		all.open += j.counts.Open()
		if !j.waits {
			continue
		}
		of := &all.resting
		if j.lane != resting {
			of = &all.calling
		}
		delay := now.Sub(j.due)
		if delay >= time.Minute {
			of.overdue++
		}
		of.delay = max(of.delay, delay)
	}
}

// taskIDs are the tasks that have a job, but not those that are known already; in no
// order.
func (s *schedule) taskIDs(known func(taskID string) bool) (ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.jobs {
		if !known(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// wait is how long it is until a task falls due; never more than a day.
func (s *schedule) wait(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait := 24 * time.Hour
	for _, l := range s.lanes {
		if j := l.due(); j != nil {
			wait = min(wait, j.due.Sub(now))
		}
	}
	return wait
}

// next takes the task that is most overdue, from the lane whose turn it is, or of the
// hinted ones alone; false when none is due.
func (s *schedule) next(now time.Time, hints bool) (v visit, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range turns {
		lane := s.lanes[turns[s.turn%len(turns)]]
		if hints {
			lane = s.lanes[told]
		}
		s.turn++
		if j := lane.due(); j != nil && !j.due.After(now) {
			s.take(j)
			v = visit{taskID: j.taskID, hinted: j.hinted}
			j.reading, j.hinted = true, false
			return v, true
		}
	}
	return v, false
}

// finish takes a reading's outcome and sets the next one's time.
func (s *schedule) finish(d outcome, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.jobs[d.taskID]
	again := j.again
	j.reading, j.again = false, false
	if j.readAt.IsZero() && j.err == nil {
		s.read++
	}
	if d.err != nil {
		j.hinted = false
		s.put(j, now.Add(j.failed(d, s.cfg, now)), now)
		return
	}
	standing := d.seen.standing
	if standing.Phase == ledger.Closed && !standing.Leftover {
		delete(s.jobs, d.taskID)
		s.prints.Delete(d.taskID)
		s.read--
		return
	}
	j.err, j.retry = nil, nil
	j.name, j.counts, j.readAt, j.took = d.seen.task.Name.Value, d.seen.counts, d.began, d.seen.took
	j.begins, j.ends = d.seen.task.ScheduleStart, d.seen.task.ScheduleEnd
	j.rank = rankOf(d.seen.task.Status.Value, d.seen.counts)
	if d.hinted {
		j.heeded(d.seen.published, s.cfg.PollMax)
	}
	interval, due := s.cfg.pace(d, j.interval)
	if again {
		due = now
	} else {
		s.prints.Store(j.taskID, j.fingerprint)
	}
	j.interval = interval
	if j.hinted {
		s.hasten(j, due, now)
		return
	}
	s.put(j, due, now)
}

// tried is how many of the tasks that have a job were read, whatever came of it.
func (s *schedule) tried() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read
}

// took is how long a task's last complete answer took; 0: not known.
func (s *schedule) took(taskID string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.jobs[taskID]; j != nil {
		return j.took
	}
	return 0
}

// rarely is how far apart, at most, a task is asked for that the upstream does not
// know: it may never be sealed, and such tasks must not eat up the budget over the
// years. On the way there the waits grow with the absence: a task that returns is
// read again after at most half as long as it was away.
const rarely = 12 * time.Hour

// failed notes a failed reading and returns the wait until the next one.
func (j *job) failed(d outcome, cfg Config, now time.Time) time.Duration {
	gone := errors.Is(d.err, call.ErrNoTask)
	longest := cfg.PollMax
	if gone {
		longest = max(longest, rarely)
	}
	if j.retry == nil || gone != errors.Is(j.err, call.ErrNoTask) || d.seen.published > 0 {
		j.retry = newBackoff(cfg.PollMin, longest)
	}
	j.err, j.errAt = d.err, now
	return retryIn(j.retry, d.err)
}

// retryIn is the back-off's next wait, or longer where the upstream asks for it.
func retryIn(b *backoff.ExponentialBackOff, err error) time.Duration {
	wait := b.NextBackOff()
	var upstream UpstreamError
	if errors.As(err, &upstream) {
		wait = max(wait, upstream.RetryAfter())
	}
	return wait
}

// spread shortens a wait by up to a tenth, so that tasks made due together do
// not stay together.
func spread(d time.Duration) time.Duration {
	return d - time.Duration(rand.Float64()*0.1*float64(d))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

package exporter

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/notice"
)

const (
	// silence is for how long nothing at all was answered when the upstream hangs,
	// unread how long a request may wait of which no answer is known, and slower how
	// many times as long as the last answer took any other.
	silence = 20 * time.Second
	unread  = time.Minute
	slower  = 3

	// outage is how long every reading fails before events count as not flowing, and
	// several how many tasks have to say so while the list can be read: one or two
	// may be those tasks' own trouble.
	outage  = time.Minute
	several = 3
)

// tooMany is the kind of a 429. It has a notice of its own, with another cure; but
// where every reading ends so, no task can be read.
const tooMany = "rate_limited"

// upstreamSubject is how notices name AIRudder.
const upstreamSubject = "the upstream"

// upstream is how AIRudder answers, over all shards and producers. That it knows no
// such task is an answer.
type upstream struct {
	mu      sync.Mutex
	failing map[string]failure // by TaskID: the last reading failed
	reasons map[reason]trouble // of those, by the last one
	twice   int                // of those, with two failed readings in a row or more
	newly   int                // of those, since any reading was last answered
	since   time.Time          // when the first reading failed after the last answer; zero: none has
	ever    bool               // anything was ever answered

	hung   *notice.Sighting // nil: it answers
	hungAt time.Time        // when that was found
	looked time.Time        // when the requests under way were last looked at
}

type failure struct {
	times int // in a row, those apart that ended with tooMany
	why   reason
}

// trouble is what befalls tasks for one reason.
type trouble struct {
	tasks int
	last  string // the last error's text, without its task
}

// failed notes a reading that failed.
func (u *upstream) failed(taskID string, err error, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f, was := u.failing[taskID]
	if !was {
		u.newly++
	}
	u.drop(f.why)
	if f.why = reasonOf(err); f.why.kind != tooMany {
		f.times++
	}
	if u.failing == nil {
		u.failing, u.reasons = map[string]failure{}, map[reason]trouble{}
	}
	u.failing[taskID] = f
	u.reasons[f.why] = trouble{u.reasons[f.why].tasks + 1, causeOf(err)}
	if f.times == 2 && f.why.kind != tooMany {
		u.twice++
	}
	if u.since.IsZero() {
		u.since = now
	}
}

// answered notes a reading that was answered, or with an empty TaskID the list.
func (u *upstream) answered(taskID string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ever = true
	if taskID != "" {
		u.since, u.newly = time.Time{}, 0
		u.forget(taskID)
	}
}

// release drops the tasks that match: nobody reads them any more.
func (u *upstream) release(match func(taskID string) bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for taskID := range u.failing {
		if match(taskID) {
			u.forget(taskID)
		}
	}
	u.newly = min(u.newly, len(u.failing))
	if len(u.failing) == 0 {
		u.since = time.Time{}
	}
}

// forget drops a task. u.mu is held.
func (u *upstream) forget(taskID string) {
	f := u.failing[taskID]
	delete(u.failing, taskID)
	u.drop(f.why)
	if f.times >= 2 {
		u.twice--
	}
}

// drop takes a task out of those that fail for a reason; empty: for none.
func (u *upstream) drop(why reason) {
	t := u.reasons[why]
	if t.tasks--; t.tasks > 0 {
		u.reasons[why] = t
		return
	}
	delete(u.reasons, why)
}

// commonest is why most tasks fail, one kind left aside. u.mu is held.
func (u *upstream) commonest(aside string) (why reason, t trouble) {
	for _, r := range slices.SortedFunc(maps.Keys(u.reasons), reason.compare) {
		if r.kind != aside && u.reasons[r].tasks > t.tasks {
			why, t = r, u.reasons[r]
		}
	}
	return why, t
}

// down reports why no task can be read; empty: some can, for all that is known. of is the
// cause of the notice that gives the same reason; empty: none does. list
// says whether the list can be.
// Tasks that failed before the last answer prove nothing until they have all been
// tried again.
func (u *upstream) down(c Config, now time.Time, list bool, tasks int) (why, of string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	lasts := now.Sub(u.since)
	if u.since.IsZero() || u.ever && lasts <= outage {
		return "", ""
	}
	say := u.newly
	if lasts > c.PollMax+outage {
		say = len(u.failing)
	}
	if say == 0 || say < several && list {
		return "", ""
	}
	most, t := u.commonest("")
	if noticed, _ := u.commonest(tooMany); noticed == most {
		of = causeTasksFailing
	}
	return c.noTask(len(u.failing), tasks, most, t), of
}

// look takes up what the requests under way wait for. took is how long the last
// answer to such a request took; 0: not known. Whether the upstream answers again is
// told by an answer alone: a request that was given up and asked again has not waited
// long.
func (u *upstream) look(c Config, f call.Flight, took func(taskID string) time.Duration, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.looked = now
	switch {
	case u.hung != nil && f.Answered.After(u.hungAt):
		u.hung = nil
	case u.hung == nil && silent(f, took, now):
		hung := c.upstreamHangs(f)
		u.hung, u.hungAt = &hung, now
	}
}

// silent reports whether nothing is answered.
func silent(f call.Flight, took func(taskID string) time.Duration, now time.Time) bool {
	if len(f.Waiting) == 0 || now.Sub(later(f.Answered, first(f))) < silence {
		return false
	}
	for _, w := range f.Waiting {
		limit := slower * took(w.TaskID)
		if limit == 0 {
			limit = unread
		}
		if now.Sub(w.Since) < limit {
			return false
		}
	}
	return true
}

// first is since when the request waits that waits longest.
func first(f call.Flight) time.Time {
	return slices.MinFunc(f.Waiting, func(a, b call.Waiting) int { return a.Since.Compare(b.Since) }).Since
}

// tell shows on the board how the upstream answers. tasks is how many are read.
func (u *upstream) tell(c Config, board *notice.Board, tasks int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	var seen []notice.Sighting
	if why, t := u.commonest(tooMany); u.twice > 0 && t.tasks > 0 {
		seen = append(seen, c.tasksFailing(u.twice, tasks, why, t))
	}
	if u.hung != nil {
		seen = append(seen, *u.hung)
	}
	board.Observe(upstreamSubject, seen...)
}

// due reports whether the requests under way are to be looked at again.
func (u *upstream) due(now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return now.Sub(u.looked) >= time.Second
}

// reset begins again: this process reads nothing any more.
func (u *upstream) reset(board *notice.Board) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.failing, u.reasons, u.twice, u.newly, u.since = nil, nil, 0, 0, time.Time{}
	u.hung = nil
	board.Observe(upstreamSubject)
}

// noted takes a reading's outcome into what is known of the upstream.
func (e *Exporter) noted(d outcome, now time.Time) {
	switch {
	case !d.asked:
	case d.err == nil, errors.Is(d.err, call.ErrNoTask):
		e.upstream.answered(d.taskID)
	default:
		e.upstream.failed(d.taskID, d.err, now)
		e.log.Debug("task cannot be read; trying again", "task", d.taskID, "kind", kindOf(d.err), "error", d.err)
	}
}

// watch looks at how the upstream answers. Each shard's loop does so as it goes round.
func (e *Exporter) watch(now time.Time) {
	e.mu.Lock()
	list, shards, runs := e.listing.took, e.meta.Partitions, maps.Clone(e.runs)
	e.mu.Unlock()
	if e.upstream.due(now) {
		e.upstream.look(e.cfg, e.source.Flight(), func(taskID string) time.Duration {
			if taskID == "" {
				return list
			}
			if r := runs[e.cfg.ShardOf(taskID, shards)]; r != nil {
				return r.schedule.took(taskID)
			}
			return 0
		}, now)
	}
	e.upstream.tell(e.cfg, e.notices, tasksRead(runs))
}

// tasksRead is how many tasks have been read in some runs, whatever came of it.
func tasksRead(runs map[int]*run) (n int) {
	for _, r := range runs {
		n += r.schedule.tried()
	}
	return n
}

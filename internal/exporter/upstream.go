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
	kinds   map[string]trouble // of those, by the kind of the last error
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
	kind  string
}

// trouble is one kind of error.
type trouble struct {
	tasks int
	last  string // its text
}

// failed notes a reading that failed.
func (u *upstream) failed(taskID string, err error, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f, was := u.failing[taskID]
	if !was {
		u.newly++
	}
	u.drop(f.kind)
	if f.kind = kindOf(err); f.kind != tooMany {
		f.times++
	}
	if u.failing == nil {
		u.failing, u.kinds = map[string]failure{}, map[string]trouble{}
	}
	u.failing[taskID] = f
	u.kinds[f.kind] = trouble{u.kinds[f.kind].tasks + 1, err.Error()}
	if f.times == 2 && f.kind != tooMany {
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
	u.drop(f.kind)
	if f.times >= 2 {
		u.twice--
	}
}

// drop takes a task out of those with an error of a kind; empty: of none.
func (u *upstream) drop(kind string) {
	t := u.kinds[kind]
	if t.tasks--; t.tasks > 0 {
		u.kinds[kind] = t
		return
	}
	delete(u.kinds, kind)
}

// commonest is the kind of error that most tasks have, one left aside. u.mu is held.
func (u *upstream) commonest(aside string) (kind string, t trouble) {
	for _, k := range slices.Sorted(maps.Keys(u.kinds)) {
		if k != aside && u.kinds[k].tasks > t.tasks {
			kind, t = k, u.kinds[k]
		}
	}
	return kind, t
}

// down reports why no task can be read; empty: some can, for all that is known. list
// says whether the list can be; longest is how far apart readings of a task are.
// Tasks that failed before the last answer prove nothing until they have all been
// tried again.
func (u *upstream) down(now time.Time, list bool, longest time.Duration, tasks int) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	lasts := now.Sub(u.since)
	if u.since.IsZero() || u.ever && lasts <= outage {
		return ""
	}
	say := u.newly
	if lasts > longest+outage {
		say = len(u.failing)
	}
	if say == 0 || say < several && list {
		return ""
	}
	kind, t := u.commonest("")
	return noTask(len(u.failing), tasks, kind, t.last)
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
	if kind, t := u.commonest(tooMany); u.twice > 0 && t.tasks > 0 {
		seen = append(seen, c.tasksFailing(u.twice, tasks, kind, t.last))
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
	u.failing, u.kinds, u.twice, u.newly, u.since = nil, nil, 0, 0, time.Time{}
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

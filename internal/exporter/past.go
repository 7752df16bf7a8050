package exporter

import (
	"maps"
	"slices"
	"strings"
	"time"

	"airudder-exporter/internal/ledger"
)

// past is what the page shows of a shard whose producer has ended, until the next one
// has restored the shard: what was known at that time. It has nothing of the calls,
// which are what makes a ledger large, so that the next replay does not hold two.
type past struct {
	shard int
	at    time.Time
	tasks []pastTask // by TaskID

	entries, bytes, passedOver int64
}

// pastTask is a task of a past. Most have long ended, and no more is known of them
// than what the ledger says; one in the schedule has all that the page shows.
type pastTask struct {
	taskID, status            string
	phase                     ledger.Phase
	events, deadLetters, seal int64

	full *TaskStatus // nil: the above is all
}

// past is what is known of the shard now.
func (r *run) past(now time.Time) *past {
	p := &past{shard: r.shard.Number(), at: now, passedOver: r.passedOver.Load()}
	p.entries, p.bytes = r.ledger.Size()
	standings := r.ledger.Standings()
	for _, id := range r.schedule.taskIDs(r.ledger.Knows) {
		standings = append(standings, r.ledger.Standing(id))
	}
	p.tasks = make([]pastTask, len(standings))
	r.schedule.mu.Lock()
	defer r.schedule.mu.Unlock()
	for i, s := range standings {
		p.tasks[i] = pastTask{
			taskID: s.TaskID, status: s.State.Status, phase: s.Phase,
			events: s.Events, deadLetters: s.DeadLetters, seal: s.State.Seal,
		}
		if j := r.schedule.jobs[s.TaskID]; j != nil {
			full := r.status(s, j)
			full.NextRead = time.Time{} // nobody reads it now
			p.tasks[i].full = &full
		}
	}
	slices.SortFunc(p.tasks, func(a, b pastTask) int { return strings.Compare(a.taskID, b.taskID) })
	return p
}

// task is what was known of a task; false: nothing was. p may be nil.
func (p *past) task(taskID string) (t TaskStatus, known bool) {
	if p == nil {
		return t, false
	}
	i, known := slices.BinarySearchFunc(p.tasks, taskID, func(t pastTask, id string) int { return strings.Compare(t.taskID, id) })
	if !known {
		return t, false
	}
	of := p.tasks[i]
	if of.full != nil {
		t = *of.full
	} else {
		t = TaskStatus{
			TaskID: of.taskID, Shard: p.shard, Status: of.status, Phase: of.phase,
			Events: of.events, DeadLetters: of.deadLetters, Seal: of.seal,
		}
	}
	t.AsOf = p.at
	return t, true
}

// keep has the page show what is known of a shard whose producer has ended.
func (e *Exporter) keep(r *run) {
	p := r.past(time.Now())
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pasts[p.shard] = p
}

// addPast counts what was known of a shard that is to be restored again.
func (s *Snapshot) addPast(p *past) {
	s.LedgerEntries += p.entries
	s.LedgerBytes += p.bytes
	s.PassedOver += p.passedOver
	s.pastEntries += p.entries
	s.pastBytes += p.bytes
	if s.AsOf.IsZero() || p.at.Before(s.AsOf) {
		s.AsOf = p.at
	}
}

// shown are the shards at work, and what was known of those that are to be restored
// again.
func (e *Exporter) shown() (runs []*run, pasts []*past) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for shard, p := range e.pasts {
		if e.runs[shard] == nil {
			pasts = append(pasts, p)
		}
	}
	return slices.Collect(maps.Values(e.runs)), pasts
}

// recall gives tasks the names that they had for the producer before, since it may be
// weeks until a sealed one is read again. p may be nil.
func (s *schedule) recall(p *past) {
	if p == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range p.tasks {
		if j := s.jobs[t.taskID]; j != nil && t.full != nil {
			j.name = t.full.Name
		}
	}
}

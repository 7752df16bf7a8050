package exporter

import (
	"context"
	"errors"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// visit is a task that is to be read now.
type visit struct {
	taskID string
	hinted bool // since a hint says so
	extra  bool // in one of the slots for these
}

// outcome is how a reading of a task ended.
type outcome struct {
	visit
	began time.Time
	asked bool // the upstream, for the task's detail
	seen  observation
	err   error
}

// poll reads the shard's tasks as they fall due, up to Concurrency at once over
// all shards, until ctx ends or a producer's error does it.
func (r *run) poll(ctx context.Context) error {
	r.resume()
	r.consider()
	results := make(chan outcome)
	reading := 0
	begin := func(extra bool) {
		v, ok := r.schedule.next(time.Now(), extra)
		v.extra = extra
		if !ok {
			<-r.slotsOf(v)
			return
		}
		reading++
		go func() { results <- r.visit(ctx, v) }()
	}
	defer func() {
		for ; reading > 0; reading-- { // ctx has ended, and so do they
			<-r.slotsOf((<-results).visit)
		}
	}()
	for {
		now := time.Now()
		wait := r.schedule.wait(now)
		var slots, hintSlots chan<- struct{}
		if wait <= 0 {
			slots = r.slots
		}
		if r.schedule.hintDue(now) {
			hintSlots = r.hintSlots
		}
		timer := time.NewTimer(idle(wait))
		select {
		case slots <- struct{}{}:
			begin(false)
		case hintSlots <- struct{}{}:
			begin(true)
		case d := <-results:
			reading--
			<-r.slotsOf(d.visit)
			if ctx.Err() == nil {
				r.finish(d)
			}
		case <-r.woken:
			r.consider()
		case <-r.taskHinted:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		timer.Stop()
		now = time.Now()
		r.watch(now)
		r.beat.Store(now.UnixNano())
	}
}

// slotsOf are the slots of which a visit has taken one.
func (r *run) slotsOf(v visit) chan struct{} {
	if v.extra {
		return r.hintSlots
	}
	return r.slots
}

// visit does what is due about a task.
func (r *run) visit(ctx context.Context, v visit) outcome {
	if v.hinted {
		ctx = call.Hinted(ctx)
	}
	taskID, d := v.taskID, outcome{visit: v, began: time.Now()}
	if r.ledger.Standing(taskID).Phase != ledger.Closed {
		d.asked = true
		d.seen, d.err = r.export(ctx, taskID)
		if s := r.ledger.Standing(taskID); s.Phase == ledger.Closed && s.State.SealedAt.IsZero() {
			r.metrics.unsealed.Inc()
			r.log.Warn("task closed without a seal: AIRudder has shown nothing of it for as long as a sealed task is kept; "+
				"what was published of it stands, but nothing says that it was all",
				"task", taskID, "events", s.Events, "gone_since", s.State.GoneSince)
		}
	}
	if d.err == nil && r.ledger.Standing(taskID).Leftover {
		d.err = r.clean(ctx, taskID)
	}
	if d.seen.standing = r.ledger.Standing(taskID); d.seen.standing.Phase == ledger.Closed {
		r.notices.Observe(taskSubject(taskID))
		r.holds.note(taskID, 0, nil)
	}
	return d
}

// idle is how long the loop may wait for something to happen: until a task falls
// due, and not so long that it would look dead.
func idle(wait time.Duration) time.Duration {
	if wait <= 0 { // due, and waiting for a free slot
		return 10 * time.Second
	}
	return min(wait, 10*time.Second)
}

// finish takes a reading's outcome into the schedule. An error makes the task
// wait, and no other.
func (r *run) finish(d outcome) {
	r.metrics.polls.WithLabelValues(kindOf(d.err)).Inc()
	now := time.Now()
	r.schedule.finish(d, now)
	r.noted(d, now)
	if d.err != nil {
		return
	}
	r.uncommitted.done(d.taskID)
	switch {
	case d.seen.standing.Phase == ledger.Closed:
		r.watched.Delete(d.taskID)
	case d.asked:
		r.watched.LoadOrStore(d.taskID, d.began)
		r.lastRead.set(now)
	}
}

// resume makes due what the ledger calls for, list or no list.
func (r *run) resume() {
	now := time.Now()
	for _, s := range r.ledger.Standings() {
		r.schedule.known(s, now)
	}
	r.schedule.recall(r.before)
	r.before = nil
}

// consider makes due what the last listing calls for in this shard.
func (r *run) consider() {
	now, listed, shards := time.Now(), r.listed(), r.partitions()
	var overlooked overlooked
	for _, l := range listed {
		if r.cfg.ShardOf(l.TaskID, shards) != r.shard.Number() {
			continue
		}
		named := r.source.Named(l.TaskID)
		standing := r.ledger.Standing(l.TaskID)
		if r.ledger.Wants(l, named) {
			r.schedule.listed(l, named, standing, now)
		} else {
			overlooked.note(l, standing.Phase)
		}
	}
	r.passedOver.Store(overlooked.tooOld)
	r.notices.Observe(listedSubject(r.shard.Number()), overlooked.sightings(r.cfg)...)
}

// kindOf is an error's code, for metrics and the page.
func kindOf(err error) string {
	var upstream UpstreamError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &upstream):
		return upstream.Kind()
	case errors.Is(err, call.ErrNoTask):
		return "not_found"
	}
	return "other"
}

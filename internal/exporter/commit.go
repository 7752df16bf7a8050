package exporter

import (
	"context"
	"fmt"
	"iter"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/record"
)

// pending is a plan on its way into Kafka.
type pending struct {
	plan    ledger.Plan
	rest    []record.Encoded // units that no transaction has taken yet
	left    int              // units not applied yet
	applied chan struct{}    // closed once none is left
}

// transaction is what one commit writes, and what is applied after it.
type transaction struct {
	*batch.Txn
	parts []part
}

// part is the units of one plan in a transaction.
type part struct {
	of    *pending
	units []record.Encoded
}

// submit hands a plan to the transactions.
func (r *run) submit(ctx context.Context, p *pending) error {
	p.left = len(p.rest)
	r.uncommitted.put(p.plan.Task.ID, r)
	select {
	case r.queue <- p:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// markersWait is how long more plans are waited for while the coordinator is busy
// with the markers of the transaction before, which take as long.
const markersWait = 20 * time.Millisecond

// prepare builds the next transaction from what is waiting, while the last
// one's commit is under way. An idle shard commits one plan at once; a busy one
// groups what comes until that commit is done. With a busy coordinator it waits
// a moment longer: the tasks of that commit have their next plans then.
func (r *run) prepare(ctx context.Context, out chan<- *transaction) error {
	var waiting backlog
	var tx *transaction       // of the first of them; nil: to be built
	var hold <-chan time.Time // nil: nothing more is waited for
	for {
		if tx == nil && waiting.units > 0 {
			txn, err := r.producer.Prepare(waiting.first(maxUnits))
			if err != nil {
				return fmt.Errorf("prepare transaction: %w", err)
			}
			tx = &transaction{Txn: txn, parts: waiting.parts(txn.Units)}
		}
		more, ready := r.queue, out
		switch {
		case tx == nil:
			ready = nil
		case waiting.units >= maxUnits || tx.Units < waiting.units: // it is full
			more = nil
		case hold != nil:
			ready = nil
		}
		select {
		case p := <-more:
			if waiting.units == 0 && r.producer.Concurrent() > 0 {
				hold = time.After(markersWait)
			}
			waiting.add(p)
			r.gather(&waiting)
			tx = nil // to be built again, with this
		case <-hold:
			hold = nil
		case ready <- tx:
			waiting.drop(tx.parts)
			tx, hold = nil, nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// gather takes what else is waiting by now.
func (r *run) gather(waiting *backlog) {
	for {
		select {
		case p := <-r.queue:
			waiting.add(p)
		default:
			return
		}
	}
}

// backlog is the plans that wait for a transaction, in the order of their
// coming.
type backlog struct {
	plans []*pending
	units int // of all of them
}

func (b *backlog) add(p *pending) {
	b.plans = append(b.plans, p)
	b.units += len(p.rest)
}

// first are the records of the first n units.
func (b *backlog) first(n int) iter.Seq[[]batch.Record] {
	return func(yield func([]batch.Record) bool) {
		for _, part := range b.parts(n) {
			for i := range part.units {
				if !yield(part.units[i].Records) {
					return
				}
			}
		}
	}
}

// parts are the first n units, by the plans that they are of.
func (b *backlog) parts(n int) (parts []part) {
	for _, p := range b.plans {
		if n == 0 {
			break
		}
		units := p.rest[:min(n, len(p.rest))]
		parts = append(parts, part{p, units})
		n -= len(units)
	}
	return parts
}

// drop removes what a transaction has taken: the first units.
func (b *backlog) drop(parts []part) {
	for _, part := range parts {
		part.of.rest = part.of.rest[len(part.units):]
		b.units -= len(part.units)
		if len(part.of.rest) == 0 {
			b.plans = b.plans[1:]
		}
	}
}

// commit commits one transaction after the other, and applies each only once
// Kafka has acknowledged it. The first error ends the producer. A quota that Kafka
// throttles us by is waited out.
func (r *run) commit(ctx context.Context, in <-chan *transaction) error {
	for {
		asked, rest := r.throttled(time.Now())
		r.notices.Observe(shardSubject(r.shard.Number()), ofCommit(asked, rest)...)
		if rest > 0 {
			sleep(ctx, rest)
		}
		if err := ctx.Err(); err != nil {
			return err // though another transaction may be ready
		}
		select {
		case tx := <-in:
			// The commit is not cut off when ctx ends: it is finished, within
			// the producer's own deadlines, or left in doubt.
			if err := r.producer.Commit(context.WithoutCancel(ctx), tx.Txn); err != nil {
				return fmt.Errorf("publish: %w", err)
			}
			r.committed = true
			r.apply(tx)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// apply is what a replay would find: the entries of a committed transaction.
func (r *run) apply(tx *transaction) {
	now := time.Now()
	r.went(r.shard.Number(), now)
	for _, part := range tx.parts {
		for i := range part.units {
			for _, entry := range part.units[i].Entries {
				r.ledger.Apply(entry)
			}
			r.observe(&part.of.plan, &part.units[i], now)
		}
		if part.of.left -= len(part.units); part.of.left == 0 {
			r.finished(part.of)
		}
	}
}

// finished tells whoever waits for a plan that all of it is applied.
func (r *run) finished(p *pending) {
	r.uncommitted.done(p.plan.Task.ID)
	close(p.applied)
}

// observe counts what became visible to read_committed consumers.
func (r *run) observe(plan *ledger.Plan, u *record.Encoded, now time.Time) {
	observed := plan.ObservedAt
	switch {
	case u.Call != nil:
		r.metrics.events.Inc()
		r.metrics.publishing.Observe(now.Sub(observed).Seconds())
		r.lag(plan.Task.ID, u.Call.CallEnd, now)
		r.recent.add(Published{
			CallID: u.Call.CallID, TaskID: plan.Task.ID, Ended: u.Call.CallEnd,
			Observed: observed, Committed: now, Bytes: size(u.Records),
		})
	case u.Revised != nil:
		r.metrics.revisions.Inc()
	case u.Dead != nil:
		r.metrics.deadLetters.WithLabelValues(string(u.Dead.Reason)).Inc()
		r.dead.note(plan.Task.ID, &u.Dead.Reject)
	}
	r.metrics.resolved.Add(float64(len(u.Resolved)))
	for _, c := range u.Changes {
		if c.Seal != nil {
			r.metrics.seals.Inc()
		} else {
			r.metrics.statusChanges.Inc()
		}
	}
}

func size(records []batch.Record) (n int) {
	for _, rec := range records {
		n += len(rec.Key) + len(rec.Value)
	}
	return n
}

// lag counts how long after its end a call was committed; an end of zero is not known.
// A call that ended before this process had read its task for the first time could not
// be detected sooner: it is caught up with, and says nothing of how the exporter keeps
// up.
func (r *run) lag(taskID string, end, now time.Time) {
	if end.IsZero() {
		return
	}
	of := r.metrics.catchUp
	if since, watched := r.watched.Load(taskID); watched && end.After(since.(time.Time)) {
		of = r.metrics.lag
	}
	of.Observe(max(0, now.Sub(end).Seconds()))
}

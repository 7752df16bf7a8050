package exporter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/ledger"
)

// pending is a plan on its way into Kafka.
type pending struct {
	plan    ledger.Plan
	units   []ledger.Unit
	records [][]batch.Record
	left    int           // units not applied yet
	applied chan struct{} // closed once none is left
}

// transaction is what one commit writes, and what is applied after it.
type transaction struct {
	units  []unit
	commit func(context.Context) error
}

type unit struct {
	ledger.Unit
	of      *pending
	records []batch.Record
}

// submit hands a plan to the transactions.
func (r *run) submit(ctx context.Context, p *pending) error {
	p.left = len(p.units)
	r.waitingMu.Lock()
	r.waiting[p] = time.Now()
	r.waitingMu.Unlock()
	select {
	case r.queue <- p:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// patience is how long more plans are waited for while the coordinator is busy
// with the markers of the transaction before, which take as long.
const patience = 20 * time.Millisecond

// prepare builds the next transaction from what is waiting, while the last
// one's commit is under way. An idle shard commits one plan at once; a busy one
// groups what comes until that commit is done. With a busy coordinator it waits
// a moment longer: the tasks of that commit have their next plans then.
func (r *run) prepare(ctx context.Context, out chan<- *transaction) error {
	var waiting []unit
	var tx *transaction       // of the first of them; nil: to be built
	var hold <-chan time.Time // nil: nothing more is waited for
	for {
		if tx == nil && len(waiting) > 0 {
			var err error
			if tx, err = r.build(waiting[:min(len(waiting), maxUnits)]); err != nil {
				return fmt.Errorf("prepare transaction: %w", err)
			}
		}
		more, ready := r.queue, out
		switch {
		case tx == nil:
			ready = nil
		case len(waiting) >= maxUnits || len(tx.units) < len(waiting): // it is full
			more = nil
		case hold != nil:
			ready = nil
		}
		select {
		case p := <-more:
			if len(waiting) == 0 && r.producer.Concurrent() > 0 {
				hold = time.After(patience)
			}
			waiting = r.gather(appendUnits(waiting, p))
			tx = nil // built anew, with this
		case <-hold:
			hold = nil
		case ready <- tx:
			waiting = waiting[len(tx.units):]
			tx, hold = nil, nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// gather takes what else is waiting by now.
func (r *run) gather(waiting []unit) []unit {
	for {
		select {
		case p := <-r.queue:
			waiting = appendUnits(waiting, p)
		default:
			return waiting
		}
	}
}

func appendUnits(units []unit, p *pending) []unit {
	for i, u := range p.units {
		units = append(units, unit{Unit: u, of: p, records: p.records[i]})
	}
	return units
}

var errTooLarge = errors.New("too large")

// fits reports whether each unit can go into a transaction at all. The encoder
// keeps every record within its topic's limit, but a unit may hold two for one
// partition; without a transaction for it, the task must wait, and no other.
func (r *run) fits(taskID string, units [][]batch.Record) error {
	for _, records := range units {
		for _, first := range records {
			size, limit := 0, r.producer.Limit(first.Topic)
			for _, rec := range records {
				if rec.Topic == first.Topic {
					size += rec.Size()
				}
			}
			if limit > 0 && size > limit {
				return fmt.Errorf("publish task %s: %d bytes for %s at once, which takes %d: %w", taskID, size, first.Topic, limit, errTooLarge)
			}
		}
	}
	return nil
}

func (r *run) build(units []unit) (*transaction, error) {
	records := make([][]batch.Record, len(units))
	for i, u := range units {
		records[i] = u.records
	}
	n, commit, err := r.producer.Prepare(records)
	if err != nil {
		return nil, err
	}
	return &transaction{units: units[:n], commit: commit}, nil
}

// commit commits one transaction after the other, and applies each only once
// Kafka has acknowledged it. The first error ends the producer.
func (r *run) commit(ctx context.Context, in <-chan *transaction) error {
	for {
		if err := ctx.Err(); err != nil {
			return err // though another transaction may be ready
		}
		select {
		case tx := <-in:
			// The commit is not cut off when ctx ends: it is finished, within
			// the producer's own deadlines, or left in doubt.
			if err := tx.commit(context.WithoutCancel(ctx)); err != nil {
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
	r.went(r.shard.Number, now)
	for _, u := range tx.units {
		for _, entry := range u.Entries {
			r.ledger.Apply(entry)
		}
		r.observe(u, now)
		if u.of.left--; u.of.left == 0 {
			r.waitingMu.Lock()
			delete(r.waiting, u.of)
			r.waitingMu.Unlock()
			close(u.of.applied)
		}
	}
}

// observe counts what became visible to read_committed consumers.
func (r *run) observe(u unit, now time.Time) {
	observed := u.of.plan.ObservedAt
	switch {
	case u.Call != nil:
		r.metrics.events.Inc()
		r.metrics.lag.WithLabelValues("first_sight").Observe(now.Sub(observed).Seconds())
		if end := u.Call.CallEnd; !end.IsZero() {
			r.metrics.lag.WithLabelValues("call_end").Observe(max(0, now.Sub(end).Seconds()))
		}
		r.recent.add(Published{
			CallID: u.Call.CallID, TaskID: u.of.plan.Task.ID, Ended: u.Call.CallEnd,
			Observed: observed, Committed: now, Bytes: size(u.records),
		})
	case u.Dead != nil:
		r.metrics.deadLetters.WithLabelValues(string(u.Dead.Reason)).Inc()
	}
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

// oldestWaiting says since when the oldest plan waits for its commit; zero when
// none does.
func (r *run) oldestWaiting() (oldest time.Time) {
	r.waitingMu.Lock()
	defer r.waitingMu.Unlock()
	for _, since := range r.waiting {
		if oldest.IsZero() || since.Before(oldest) {
			oldest = since
		}
	}
	return oldest
}

package exporter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// maxUnits bounds a transaction, and a step of a closed task's clean-up.
const maxUnits = 1000

// observation is what one reading of a task showed, for the schedule and the page.
type observation struct {
	task      call.Task
	counts    call.Counts
	took      time.Duration   // the answer, from the request on
	published int             // calls and dead letters
	waits     bool            // for another reading, or for a topic that does not take it
	standing  ledger.Standing // once all that was due about it is done
}

// export is the product: read a task, plan, commit, apply.
//
// New rows are published while the response still streams. What the response
// says of the task itself waits for its end, and for the rows to be committed.
func (r *run) export(ctx context.Context, taskID string) (observation, error) {
	reading := r.ledger.Begin(taskID, r.source.Named(taskID))
	reading.Listed(r.schedule.fingerprint(taskID))
	reading.Limit(r.producer.Limit(r.cfg.EventTopic))
	publish := r.publisher()
	defer publish.close()
	defer func() {
		r.metrics.repeats.Add(float64(reading.Repeats()))
		r.metrics.adopted.Add(float64(reading.Adopted()))
	}()

	asked := time.Now()
	complete, err := r.source.Read(ctx, taskID, reading.Verdict, func(part call.Part) error {
		events, err := publish.send(ctx, reading.Rows(part))
		reading.Gave(events)
		return err
	})
	took := time.Since(complete.Started)
	if committed := publish.wait(ctx); committed != nil {
		return observation{}, committed
	}
	if publish.held > 0 {
		r.holds.note(taskID, publish.held, publish.why)
	}
	if errors.Is(err, call.ErrNoTask) {
		return r.gone(ctx, reading, taskID, asked, err)
	}
	if err != nil {
		return observation{published: publish.sent}, err
	}
	reading.GiveUp(publish.tooLarge)
	reading.Hold(publish.held + publish.more)
	end := reading.End(complete, r.cfg.Policy)
	if err := r.sealAt(ctx, &end); err != nil {
		return observation{}, err
	}
	if err := publish.sendAndWait(ctx, end); err != nil {
		return observation{}, err
	}
	r.holds.note(taskID, publish.held, publish.why)
	held, rejected := reading.Held()
	if beyond := reading.Beyond(); beyond > 0 {
		r.metrics.beyond.Add(float64(beyond))
		r.dead.leftOut(taskID, beyond)
	}
	for _, entry := range publish.unfit {
		reading.LeaveOut(entry)
	}
	r.metrics.unrevised.Add(float64(reading.LeftOut()))
	r.metrics.lateChanges.Add(float64(reading.Remember()))
	standing := r.ledger.Standing(taskID)
	r.notices.Observe(taskSubject(taskID), append(r.cfg.ofReading(complete, rejected), r.cfg.ofStanding(standing, asked)...)...)
	return observation{
		task: complete.Task, took: took, counts: complete.Counts, published: publish.sent,
		waits: held > 0 || standing.State.Unconfirmed != "",
	}, nil
}

// sealAt notes in a plan's seal, if it has one, where the events that it tells of end
// in their topic. They are committed by now.
func (r *run) sealAt(ctx context.Context, plan *ledger.Plan) error {
	for _, u := range plan.Units {
		for _, c := range u.Changes {
			if c.Seal == nil {
				continue
			}
			ends, err := r.producer.Ends(ctx)
			if err != nil {
				return fmt.Errorf("seal task %s: %w", plan.Task.ID, err)
			}
			c.Seal.Ends = ends
		}
	}
	return nil
}

// gone does what there is to do about a task that the upstream does not know: it is
// closed when its time has come.
func (r *run) gone(ctx context.Context, reading *ledger.Reading, taskID string, asked time.Time, err error) (observation, error) {
	publish := r.publisher()
	defer publish.close()
	if err := publish.sendAndWait(ctx, reading.Gone(asked, r.cfg.Policy)); err != nil {
		return observation{}, err
	}
	reading.Remember()
	standing := r.ledger.Standing(taskID)
	r.notices.Observe(taskSubject(taskID), r.cfg.ofStanding(standing, asked)...)
	if standing.Phase == ledger.Closed {
		return observation{}, nil
	}
	return observation{}, err
}

// clean writes the tombstones of a closed task. The closed mark is committed by
// now; a crash on the way is finished after the next replay.
func (r *run) clean(ctx context.Context, taskID string) error {
	publish := r.publisher()
	defer publish.close()
	for {
		plan := r.ledger.Tombstones(taskID, maxUnits)
		if len(plan.Units) == 0 {
			return nil
		}
		if err := publish.sendAndWait(ctx, plan); err != nil {
			return err
		}
		if publish.held > 0 {
			return fmt.Errorf("clean task %s: %w", taskID, publish.why)
		}
	}
}

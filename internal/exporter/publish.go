package exporter

import (
	"context"
	"fmt"
	"slices"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/record"
)

// publisher sends one task's plans to the transactions, one at a time: while
// one is being committed, the next is being read and encoded.
type publisher struct {
	run     *run
	encoder Encoder
	last    *pending // nil: nothing under way
	sent    int      // calls and dead letters

	asked    bool                 // what the topics take, again, during this reading
	tooLarge []call.Reject        // rows whose events are given up if the response is whole
	unfit    []ledger.Entry       // of revisions that their topic does not take
	more     int                  // that were too many to keep: the next reading shows them
	held     int                  // units that wait, since their topics do not take them
	why      *batch.TooLargeError // of the last of them
}

func (r *run) publisher() *publisher { return &publisher{run: r} }

// send encodes a plan and hands it over once the one before it is applied. It returns
// how many events of it are on their way, each with a number.
func (p *publisher) send(ctx context.Context, plan ledger.Plan) (events int, err error) {
	if len(plan.Units) == 0 {
		return 0, nil
	}
	units, err := p.encode(ctx, plan)
	if err != nil {
		return 0, fmt.Errorf("publish task %s: %w", plan.Task.ID, err)
	}
	if units = p.sort(units); len(units) == 0 {
		return 0, nil
	}
	if err := p.wait(ctx); err != nil {
		return 0, err
	}
	next := &pending{plan: plan, rest: units, applied: make(chan struct{})}
	if err := p.run.submit(ctx, next); err != nil {
		return 0, err
	}
	p.last = next
	for i := range units {
		switch {
		case units[i].Call != nil:
			events++
		case units[i].Dead != nil:
			p.sent++
		}
	}
	p.sent += events
	return events, nil
}

// encode encodes a plan's units. Before the first of a reading is found too large,
// Kafka is asked what its topics take, so that no limit of an hour ago decides.
func (p *publisher) encode(ctx context.Context, plan ledger.Plan) (units []record.Encoded, err error) {
	if p.encoder == nil {
		if p.encoder, err = p.run.takeEncoder(); err != nil {
			return nil, err
		}
	}
	for {
		if units, err = p.encoder.Plan(plan); err != nil {
			return nil, err
		}
		if p.asked || !slices.ContainsFunc(units, func(u record.Encoded) bool { return u.TooLarge != nil }) {
			return units, nil
		}
		if err := p.run.producer.Renew(ctx); err != nil {
			return nil, fmt.Errorf("ask what its topics take: %w", err)
		}
		p.asked = true
	}
}

// maxTooLarge bounds the events of one reading that are given up.
const maxTooLarge = 200

// sort keeps the units that are to be committed now. Those that their topics do not
// take wait, and with one of them what the same plan says of the task. Events
// that are given up wait for the end of the response.
func (p *publisher) sort(units []record.Encoded) (now []record.Encoded) {
	before := p.held
	for i := range units {
		u := &units[i]
		switch {
		case u.TooLarge == nil && (p.held == before || !ofTask(u)):
			now = append(now, *u)
		case u.TooLarge == nil:
			p.held++
		case u.Revised != nil: // only its like wait: the task has it all in its events
			p.unfit = append(p.unfit, u.Entries[0])
		case len(u.Records) == 0:
			p.held++
			p.why = u.TooLarge
		case len(p.tooLarge) < maxTooLarge:
			p.tooLarge = append(p.tooLarge, u.Dead.Reject)
		default:
			p.more++
		}
	}
	return now
}

// ofTask reports whether a unit says something of its task.
func ofTask(u *record.Encoded) bool {
	return slices.ContainsFunc(u.Entries, func(e ledger.Entry) bool { return e.Kind == ledger.KindTask })
}

// wait returns once nothing is under way.
func (p *publisher) wait(ctx context.Context) error {
	if p.last != nil {
		select {
		case <-p.last.applied:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	p.last = nil
	return nil
}

func (p *publisher) sendAndWait(ctx context.Context, plan ledger.Plan) error {
	if _, err := p.send(ctx, plan); err != nil {
		return err
	}
	return p.wait(ctx)
}

// close gives the encoder back.
func (p *publisher) close() {
	if p.encoder != nil {
		p.run.encoders.Put(p.encoder)
	}
}

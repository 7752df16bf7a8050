package audit

import (
	"context"
	"errors"
	"sync"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/ledger"
)

// readEvents reads the events that there are now.
func (a *Audit) readEvents(ctx context.Context) ([]Partition, error) {
	topic := a.cfg.Topics.CallCompleted
	ranges, err := a.client.Settled(ctx, topic)
	if err != nil {
		return nil, err
	}
	parts := make([]Partition, len(ranges))
	work := a.cfg.Progress.Start("reading "+topic, "records", total(ranges))
	defer work.Done()
	return parts, a.each(ctx, ranges, func(ctx context.Context, r kafka.Range) error {
		part := &parts[r.Partition]
		part.Start, part.End, part.Decided = r.Start, r.End, r.Decided
		return a.scanEvents(ctx, r, func(m *batch.Stored) {
			if part.First.IsZero() {
				part.First = time.UnixMilli(m.Timestamp)
			}
			part.Last = m.Offset + 1
			work.Add(1)
		}, a.checker.Event, func(from int64) { part.Start, part.First = from, time.Time{} })
	})
}

// scanEvents shows all records of a partition, and those that are events of ours.
func (a *Audit) scanEvents(
	ctx context.Context, r kafka.Range, all func(*batch.Stored), visit func(Event), cut func(from int64),
) error {
	topic := a.cfg.Topics.CallCompleted
	return a.client.ScanStored(ctx, topic, r, func(m *batch.Stored) error {
		all(m)
		h, err := readHeaders(m)
		if err == nil && !a.ours(h.ledgerID) {
			return nil
		}
		if err == nil {
			if e, ok := h.event(); ok {
				e.Place = Place{r.Partition, m.Offset}
				visit(e)
				return nil
			}
			var e Event
			if e, err = a.decode(ctx, m, topic); err == nil {
				e.Place = Place{r.Partition, m.Offset}
				visit(e)
				return nil
			}
			if len(h.ledgerID) == 0 {
				a.foreign.Add(1)
				return nil
			}
		}
		return at(topic, r.Partition, m.Offset, err)
	}, cut)
}

// decode reads what an event's headers do not say from its value.
func (a *Audit) decode(ctx context.Context, m *batch.Stored, topic string) (e Event, err error) {
	r, err := m.Record(topic)
	if err != nil {
		return e, err
	}
	fact, err := a.decoder.Fact(ctx, r)
	if err == nil && (fact.As != ledger.Event || fact.Revision > 0) {
		err = errors.New("it is no event")
	}
	if err != nil {
		return e, err
	}
	return Event{
		TaskID: []byte(fact.TaskID), CallID: []byte(fact.CallID), N: fact.N,
		Recorded: fact.ObservedAt.UTC().AppendFormat(nil, time.RFC3339Nano),
	}, nil
}

// place fills in where the events of findings stand: they are read once more, for a
// first event leaves a mark alone.
func (a *Audit) place(ctx context.Context, report *Report) error {
	wanted := report.Wanted()
	if wanted.None() {
		return nil
	}
	ranges := make([]kafka.Range, len(report.Partitions))
	for i, p := range report.Partitions {
		ranges[i] = kafka.Range{Partition: i, Start: p.Start, End: p.End}
	}
	work := a.cfg.Progress.Start("looking up the findings' events", "records", total(ranges))
	defer work.Done()
	var one sync.Mutex
	err := a.each(ctx, ranges, func(ctx context.Context, r kafka.Range) error {
		return a.scanEvents(ctx, r, func(*batch.Stored) { work.Add(1) }, func(e Event) {
			one.Lock()
			defer one.Unlock()
			wanted.Event(e)
		}, func(int64) {})
	})
	report.sortPlaces()
	return err
}

package rebuild

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/record"
)

// kept takes in what the ledger's topic holds, and notes what is not a ledger's.
type kept struct {
	past      *past
	strangers []ledger.Strangers
}

func (k *kept) take(shard int, key, value []byte) error {
	e, err := ledger.ParseEntry(key, value)
	k.strangers[shard].Note(key, value, err)
	if err == nil && e.TaskID != "" {
		k.past.keep(e)
	}
	return nil
}

func (k *kept) check(topics ledger.Topics) error {
	for shard := range k.strangers {
		if err := k.strangers[shard].Check(shard, topics); err != nil {
			return err
		}
	}
	return nil
}

// peek reads what the ledger's topic holds, if it is there, without a fence.
func (r *Rebuild) peek(ctx context.Context) error {
	if !r.exists {
		return nil
	}
	_, err := r.client.Look(ctx, r.cfg.Topics.Ledger, func(shard int, key, value []byte) (bool, error) {
		return false, r.kept.take(shard, key, value)
	})
	return err
}

// source is one of the topics, and what was read of it.
type source struct {
	topic   string
	what    string
	as      ledger.As
	revised bool
	records int
	since   time.Time // from when on it holds everything; zero: from its first record
}

// readAll reads the topics to the ends that they have now. What became of events is no
// reason for doubt: where it is not held any more, the events are not, either.
func (r *Rebuild) readAll(ctx context.Context) ([]source, error) {
	all := []source{
		{topic: r.cfg.Topics.CallCompleted, what: "events", as: ledger.Event},
		{topic: r.cfg.Topics.DeadLetter, what: "dead letters", as: ledger.DeadLetter},
		{topic: r.cfg.Topics.TaskStatus, what: "status changes"},
	}
	for i, since := range []*time.Time{&r.reach.events, &r.reach.deadLetters, &r.reach.changes} {
		r.log.Info("reading what was published", "topic", all[i].topic)
		if err := r.read(ctx, &all[i]); err != nil {
			return nil, err
		}
		*since = all[i].since
	}
	if topic := r.cfg.Topics.CallRevised; topic != "" {
		revised := source{topic: topic, what: "revisions", as: ledger.Event, revised: true}
		if err := r.read(ctx, &revised); err != nil {
			return nil, err
		}
		all = append(all, revised)
	}
	return all, nil
}

// read takes in one topic. A record that cannot be read ends the rebuild: the call
// that it is about would be published again.
func (r *Rebuild) read(ctx context.Context, s *source) error {
	ranges, err := r.client.Settled(ctx, s.topic)
	if err != nil {
		return err
	}
	firsts := make([]time.Time, len(ranges))
	newest := make([][]batch.Record, len(ranges))
	var one sync.Mutex
	group, scanning := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i, part := range ranges {
		group.Go(func() error {
			return r.client.Scan(scanning, s.topic, part.Partition, part.Start, part.End, func(m kafka.Message) error {
				one.Lock()
				if firsts[i].IsZero() {
					firsts[i] = m.Time
				}
				by := record.OriginOf(m.Headers)
				ours := by.LedgerID == "" || r.origins.ours(by, m.Time)
				one.Unlock()
				if !ours {
					return nil
				}
				fact, err := r.fact(scanning, s, m, by)
				if err != nil {
					return err
				}
				one.Lock()
				defer one.Unlock()
				s.records++
				r.past.add(fact)
				if s.as == ledger.Event && !s.revised {
					newest[i] = append(newest[i], m.Record)
					newest[i] = newest[i][max(0, len(newest[i])-newestEvents):]
				}
				return nil
			})
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	r.newest = append(r.newest, slices.Concat(newest...)...)
	for i, part := range ranges {
		if part.Start == 0 {
			continue
		}
		since, err := r.since(ctx, s, firsts[i])
		if err != nil {
			return err
		}
		if since.After(s.since) {
			s.since = since.UTC()
		}
	}
	return nil
}

func (r *Rebuild) fact(ctx context.Context, s *source, m kafka.Message, by record.Origin) (ledger.Fact, error) {
	fact, err := r.decoder.Fact(ctx, m.Record)
	as := fact.As
	if as == ledger.Resolved { // the end of a dead letter
		as = ledger.DeadLetter
	}
	switch {
	case err != nil:
	case as != s.as, (fact.Revision > 0) != s.revised:
		err = fmt.Errorf("%w: the topic of the %s holds something else", errRefused, s.what)
	case by.LedgerID == "":
		err = fmt.Errorf("%w: it does not say of which ledger it is (%s)", errRefused, record.LedgerHeader)
	}
	if err != nil {
		return ledger.Fact{}, fmt.Errorf("%s[%d]@%d: %w", s.topic, m.Partition, m.Offset, err)
	}
	return fact, nil
}

// since is from when on a partition that has lost its beginning holds all that was
// written: its first record. Where none is left, an operator may have deleted
// them, and what was deleted may be of any age. Of dead letters, which are rare,
// that is the usual state: there the topic's retention is believed, since a row
// that is dead-lettered again is no second event.
func (r *Rebuild) since(ctx context.Context, s *source, first time.Time) (time.Time, error) {
	switch {
	case !first.IsZero():
		return first, nil
	case s.as != ledger.DeadLetter:
		return r.now, nil
	}
	retention, known, err := r.client.Retention(ctx, s.topic)
	if err != nil || !known {
		return r.now, err
	}
	return r.now.Add(-retention), nil
}

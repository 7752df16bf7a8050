package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/ledger"
)

// settlePatience is how long an open transaction is waited for: longer than any
// that an exporter leaves behind, which the fence has ended besides.
const settlePatience = 2 * time.Minute

// take fences every exporter of this ledger and takes in what its topic holds.
// In a dry run nobody is fenced.
func (r *rebuilder) take(ctx context.Context) error {
	for shard := range r.shards {
		var strangers ledger.Strangers
		keep := func(key, value []byte) {
			e, err := ledger.ParseEntry(key, value)
			strangers.Note(key, value, err)
			if err == nil && e.TaskID != "" {
				r.past.Keep(e)
			}
		}
		if err := r.takeShard(ctx, shard, keep); err != nil {
			return err
		}
		if err := strangers.Check(shard, loop(r.cfg).LedgerTopics()); err != nil {
			return err
		}
	}
	return nil
}

func (r *rebuilder) takeShard(ctx context.Context, shard int, keep func(key, value []byte)) error {
	topic := r.cfg.Kafka.Topics.Ledger
	if !r.dryRun {
		producer, err := r.client.Producer(ctx, shard, r.barrier, func(_ int64, key, value []byte) error { keep(key, value); return nil })
		r.producers = append(r.producers, producer)
		return err
	}
	if !r.exists {
		return nil
	}
	ranges, err := r.client.Ends(ctx, topic)
	if err != nil {
		return err
	}
	return r.client.Scan(ctx, topic, shard, ranges[shard].Start, ranges[shard].End, func(m kafka.Message) error { keep(m.Key, m.Value); return nil })
}

// barrier says who fenced the shard: a tool, which an exporter has not to fear.
func (r *rebuilder) barrier(epoch int16) batch.Record {
	entry := ledger.Entry{Kind: ledger.KindProducer, Writer: process()}
	entry.Writer.Epoch, entry.Writer.Role = epoch, "tool"
	return r.record(entry)
}

func (r *rebuilder) record(e ledger.Entry) batch.Record {
	return batch.Record{Topic: r.cfg.Kafka.Topics.Ledger, Key: e.AppendKey(nil), Value: e.AppendValue(nil)}
}

// topicRead is what was read of one topic.
type topicRead struct {
	topic   string
	what    string
	as      ledger.As
	records int
	since   time.Time // from when on it holds everything; zero: from its first record
}

// readAll reads the three topics to the ends that they have now.
func (r *rebuilder) readAll(ctx context.Context) ([]topicRead, error) {
	names := r.cfg.Kafka.Topics
	all := []topicRead{
		{topic: names.CallCompleted, what: "events", as: ledger.Event},
		{topic: names.DeadLetter, what: "dead letters", as: ledger.DeadLetter},
		{topic: names.TaskStatus, what: "status changes"},
	}
	for i, reach := range []*time.Time{&r.reach.Events, &r.reach.DeadLetters, &r.reach.Changes} {
		r.log.Info("reading", "topic", all[i].topic)
		if err := r.read(ctx, &all[i]); err != nil {
			return nil, err
		}
		*reach = all[i].since
	}
	return all, nil
}

// read takes in one topic. A record that cannot be read ends it: what it says
// was published would be published again.
func (r *rebuilder) read(ctx context.Context, t *topicRead) error {
	ranges, err := r.client.Settled(ctx, t.topic, settlePatience)
	if err != nil {
		return err
	}
	firsts := make([]time.Time, len(ranges))
	var one sync.Mutex
	group, scanning := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i, part := range ranges {
		group.Go(func() error {
			return r.client.Scan(scanning, t.topic, part.Partition, part.Start, part.End, func(m kafka.Message) error {
				fact, err := r.decoder.Fact(scanning, m.Record)
				if err == nil && fact.As != t.as {
					err = fmt.Errorf("the topic of the %s holds something else", t.what)
				}
				if err != nil {
					return fmt.Errorf("%s[%d]@%d: %w", t.topic, m.Partition, m.Offset, err)
				}
				one.Lock()
				defer one.Unlock()
				if firsts[i].IsZero() {
					firsts[i] = m.Time
				}
				t.records++
				r.past.Add(fact)
				return nil
			})
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, part := range ranges {
		if part.Start == 0 {
			continue
		}
		since, err := r.since(ctx, t, firsts[i])
		if err != nil {
			return err
		}
		if since.After(t.since) {
			t.since = since.UTC()
		}
	}
	return nil
}

// since is from when on a partition that has lost its beginning holds all that
// was written: its first record. Where none is left, the deletion may have been
// anybody's, and what it took may be of any age. Of dead letters, which are rare,
// that is the usual state: there the topic's retention is believed, since a row
// that is dead-lettered again is no event twice.
func (r *rebuilder) since(ctx context.Context, t *topicRead, first time.Time) (time.Time, error) {
	switch {
	case !first.IsZero():
		return first, nil
	case t.as != ledger.DeadLetter:
		return r.now, nil
	}
	retention, known, err := r.client.Retention(ctx, t.topic)
	if err != nil || !known {
		return r.now, err
	}
	return r.now.Add(-retention), nil
}

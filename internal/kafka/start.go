package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka/access"
)

// Producer makes this process the one that writes a shard, and shows replay
// every committed record of its ledger partition: fence, barrier, replay.
//
// barrier makes the record whose transaction marks where the replay ends, for
// the producer id and the epoch that the fence brought; every producer of a ledger uses the same
// key for it. Its topic is the ledger's, whatever it says. key and value are
// valid only during the call of replay; a nil value is a tombstone. An error of
// replay ends everything and is returned.
//
// The event topics' partitions are counted here and not again: when one of
// them grows, records still go to the partitions that existed, until the next
// producer starts. What a topic takes is asked again by Renew.
//
// It asks until ctx ends where the cluster cannot be reached. The error may be
// ErrFenced or ErrLedgerMoved.
func (c *Client) Producer(
	ctx context.Context, shard int, barrier func(id int64, epoch int16) batch.Record,
	replay func(offset int64, key, value []byte) error,
) (*Producer, error) {
	p, err := c.start(ctx, shard, barrier, replay)
	if err != nil {
		return nil, fmt.Errorf("start the producer of shard %d: %w", shard, err)
	}
	c.wrote.Store(true)
	return p, nil
}

func (c *Client) start(
	ctx context.Context, shard int, barrier func(id int64, epoch int16) batch.Record,
	visit func(offset int64, key, value []byte) error,
) (*Producer, error) {
	p := &Producer{client: c, layout: batch.Layout{Ledger: c.cfg.LedgerTopic, Shard: shard, Codec: c.codec}}
	if err := p.survey(ctx); err != nil {
		return nil, err
	}
	began := time.Now()
	session, err := c.fence(ctx, c.cfg.LedgerTopic+"-"+strconv.Itoa(shard), shard)
	if err != nil {
		return nil, err
	}
	p.session = session
	fenced := time.Now()
	mark := barrier(session.producerID, session.epoch)
	at, err := p.raise(ctx, mark)
	if err != nil {
		return nil, fmt.Errorf("barrier: %w", err)
	}
	raised := time.Now()
	r, err := p.replay(ctx, at, mark.Key, visit)
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	c.log.Info("producer started", "shard", shard, "producer_id", session.producerID, "epoch", session.epoch,
		"barrier", at, "end", r.end, "records", r.records,
		"fence", fenced.Sub(began), "write", raised.Sub(fenced), "replay", time.Since(raised))
	return p, nil
}

// survey counts the topics' partitions and asks how large a batch may be.
func (p *Producer) survey(ctx context.Context) error {
	topics := p.client.cfg.topics()
	p.layout.Partitions = make(map[string]int, len(topics))
	for _, topic := range topics {
		n, err := p.client.Partitions(ctx, topic)
		switch {
		case code(err) == kafkago.UnknownTopicOrPartition && topic == p.layout.Ledger:
			return fmt.Errorf("the ledger topic %s is missing: it was deleted. Restore it with all its records, or make it again "+
				"from what was published: stop the exporters and run `airudder-exporter ledger rebuild` "+
				"(a new one is refused, since it does not say what was published): %w", topic, err)
		case code(err) == kafkago.UnknownTopicOrPartition:
			return fmt.Errorf("topic %s is missing: it was deleted. Create it again, or restart the exporter with %s=true: %w",
				topic, p.client.cfg.Setting("CreateTopics"), err)
		case err != nil:
			return access.OnTopic(err, "Write", topic) // which includes Describe
		}
		p.layout.Partitions[topic] = n
	}
	if n := p.layout.Partitions[p.layout.Ledger]; p.layout.Shard >= n {
		return fmt.Errorf("%w: %s has %d partitions, and shard %d was one of them: the topic was deleted and created "+
			"again with fewer; "+
			"restore the ledger before exporting on", ErrLedgerMoved, p.layout.Ledger, n, p.layout.Shard)
	}
	return p.Renew(ctx)
}

// at is the shard's ledger partition.
func (p *Producer) at() batch.Place {
	return batch.Place{Topic: p.layout.Ledger, Partition: p.layout.Shard}
}

// raise writes the barrier in a transaction of its own and returns its offset.
func (p *Producer) raise(ctx context.Context, barrier batch.Record) (int64, error) {
	at := p.at()
	if len(barrier.Key) == 0 {
		return 0, errors.New("it has no key")
	}
	b, err := batch.EncodeAt(at, []batch.Record{barrier}, batch.Uncompressed)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	offsets, err := p.session.write(ctx, []batch.Placed{b}, p.unmoved)
	p.client.metrics.outcome(err, time.Since(start))
	if err != nil {
		return 0, err
	}
	p.client.raiseEnds(p.layout.Ledger, []batch.Placed{b}, offsets)
	return offsets[at], nil
}

// replay reads the shard's partition up to the barrier.
func (p *Producer) replay(
	ctx context.Context, barrier int64, key []byte, visit func(offset int64, key, value []byte) error,
) (*replay, error) {
	start := time.Now()
	r := &replay{
		Place:      p.at(),
		producerID: p.session.producerID,
		epoch:      p.session.epoch,
		barrier:    barrier,
		key:        key,
		visit:      visit,
	}
	err := p.client.replayUntil(ctx, r)
	if errors.Is(err, errUnmarked) {
		err = p.confirm(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	p.client.raiseEnd(p.layout.Shard, r.end)
	p.client.metrics.replaySeconds.Observe(time.Since(start).Seconds())
	p.client.metrics.replayedRecord.Add(float64(r.records))
	return r, nil
}

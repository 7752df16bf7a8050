package kafka

import (
	"context"
	"fmt"
	"time"

	"airudder-exporter/internal/batch"
)

// Message is a record as it was read. Its slices are its own.
type Message struct {
	batch.Record
	Partition int
	Offset    int64
	Time      time.Time
}

// Scan shows the committed records of a partition with from <= offset < to, in
// order. A record whose transaction has no outcome among the offsets below to
// is not committed. An error of visit ends the scan and is returned.
func (c *Client) Scan(
	ctx context.Context, topic string, partition int, from, to int64, visit func(Message) error,
) error {
	if from >= to {
		return nil
	}
	at := batch.Place{Topic: topic, Partition: partition}
	s := &scan{Place: at, from: from, to: to, visit: messages(at, visit)}
	if err := c.stream(ctx, reading{Place: at, from: from}, s.take); err != nil {
		return fmt.Errorf("scan %s: %w", at, err)
	}
	return nil
}

// messages shows stored records as Messages.
func messages(at batch.Place, visit func(Message) error) func(*batch.Stored) error {
	return func(r *batch.Stored) error {
		own, err := r.Record(at.Topic)
		if err != nil {
			return err
		}
		return visit(Message{Record: own, Partition: at.Partition, Offset: r.Offset, Time: time.UnixMilli(r.Timestamp)})
	}
}

// ScanStored is Scan without a copy of each record: what visit is shown is valid only
// during the call. Where retention is faster than the reader, cut is told the offset
// that it continues with.
func (c *Client) ScanStored(
	ctx context.Context, topic string, r Range, visit func(*batch.Stored) error, cut func(from int64),
) error {
	if r.Start >= r.End {
		return nil
	}
	if err := c.follow(ctx, topic, r, visit, cut); err != nil {
		return fmt.Errorf("scan %s: %w", batch.Place{Topic: topic, Partition: r.Partition}, err)
	}
	return nil
}

// scan turns a stream of chunks into records.
type scan struct {
	batch.Place
	from, to int64 // to: the end, exclusive; 0: none
	visit    func(*batch.Stored) error
	all      bool // what is not committed, too: as it stands in the log
	decider  batch.Decider
	records  batch.Reader
}

func (s *scan) take(c *chunk) error {
	for _, b := range c.batches {
		if s.to > 0 && b.BaseOffset >= s.to {
			break
		}
		var err error
		switch {
		case !s.all:
			err = s.decider.Add(b, s.show)
		case !b.Control() && b.Count > 0:
			err = s.show(&b)
		}
		if err != nil {
			return err
		}
	}
	// A broker that has everything below to and sends nothing has nothing
	// more: compaction took the rest.
	emptied := len(c.batches) == 0 && c.HighWatermark >= s.to
	if s.to > 0 && (c.next >= s.to || emptied) {
		if err := s.decider.Finish(s.show); err != nil {
			return err
		}
		return errEnough
	}
	s.decider.Keep()
	return nil
}

func (s *scan) show(b *batch.Batch) error {
	return s.records.Each(b, func(r *batch.Stored) error {
		if r.Offset < s.from || s.to > 0 && r.Offset >= s.to {
			return nil
		}
		return s.visit(r)
	})
}

package kafka

import (
	"context"
	"fmt"
	"time"

	"airudder-exporter/internal/record"
)

// Message is a record as it was read. Its slices are its own.
type Message struct {
	record.Record
	Partition int
	Offset    int64
	Time      time.Time
}

// Scan shows the committed records of a partition with from <= offset < to, in
// order. A record whose transaction has no outcome among the offsets below to
// is not committed. An error of visit ends the scan and is returned.
func (c *Client) Scan(ctx context.Context, topic string, partition int, from, to int64, visit func(Message) error) error {
	if from >= to {
		return nil
	}
	s := &scan{place: place{topic, partition}, from: from, to: to, visit: visit}
	if err := c.stream(ctx, reading{place: s.place, from: from}, s.take); err != nil {
		return fmt.Errorf("scan %s: %w", s.place, err)
	}
	return nil
}

// scan turns a stream of chunks into Messages.
type scan struct {
	place
	from, to int64 // to: not beyond; 0: for ever
	visit    func(Message) error
	decider  decider
	buf      []byte
}

func (s *scan) take(c *chunk) error {
	for _, b := range c.batches {
		if s.to > 0 && b.baseOffset >= s.to {
			break
		}
		if err := s.decider.add(b, s.show); err != nil {
			return err
		}
	}
	// A broker that has everything below to and sends nothing has nothing
	// more: compaction took the rest.
	emptied := len(c.batches) == 0 && c.highWatermark >= s.to
	if s.to > 0 && (c.next >= s.to || emptied) {
		if err := s.decider.finish(s.show); err != nil {
			return err
		}
		return errEnough
	}
	s.decider.keep()
	return nil
}

func (s *scan) show(b *rawBatch) error {
	records, buf, err := b.decompress(s.buf)
	if err != nil {
		return err
	}
	s.buf = buf
	return b.each(records, func(r *rawRecord) error {
		if r.offset < s.from || s.to > 0 && r.offset >= s.to {
			return nil
		}
		m, err := r.message(s.place)
		if err != nil {
			return err
		}
		return s.visit(m)
	})
}

// message copies a record out of its batch.
func (r *rawRecord) message(at place) (Message, error) {
	own := append(make([]byte, 0, len(r.key)+len(r.value)+len(r.headers)), r.key...)
	own = append(append(own, r.value...), r.headers...)
	piece := func(of []byte) (b []byte) {
		b, own = own[:len(of):len(of)], own[len(of):]
		if of == nil {
			return nil
		}
		return b
	}
	m := Message{
		Record:    record.Record{Topic: at.topic, Key: piece(r.key), Value: piece(r.value)},
		Partition: at.partition,
		Offset:    r.offset,
		Time:      time.UnixMilli(r.timestamp),
	}
	in := decoder{data: own}
	for range r.nheaders {
		key, value := in.bytes(), in.bytes()
		if in.bad {
			return m, fmt.Errorf("the headers of the record at offset %d cannot be read", r.offset)
		}
		m.Headers = append(m.Headers, record.Header{Key: string(key), Value: value})
	}
	return m, nil
}

package replay

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka"
)

const (
	atOnce = 16 // partitions that are read side by side
	ahead  = 2  // encoded batches of each partition that wait to be written
)

// piece is a batch of the target, ready to be written.
type piece struct {
	batch.Placed
	last int64 // the source's offset of its last record
}

// copier copies what a plan says, once.
type copier struct {
	*Replay
	writer *kafka.Writer
	codec  batch.Codec
	limit  int // bytes of a batch, before compression
	most   int // records of a batch; 0: as many as fit
	mark   batch.Header

	room []chan struct{} // a place for each batch of a partition that may wait
	queue
}

// copy writes what the target lacks.
func (r *Replay) copy(ctx context.Context, w *kafka.Writer, limit int) error {
	c := &copier{
		Replay: r, writer: w, codec: r.codec, limit: limit / 5 * 4,
		mark: batch.Header{Key: MarkHeader, Value: []byte(r.cfg.Name + "/" + r.selection.Digest())},
		room: make([]chan struct{}, len(r.plan.parts)),
	}
	pieces := make(chan piece)
	c.queue = queue{in: pieces, waiting: make([][]piece, len(r.plan.parts))}
	if r.cfg.Rate > 0 {
		c.most = max(1, r.cfg.Rate/smoothly/len(r.plan.parts))
	}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	var failed error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer close(pieces)
		failed = c.readAll(reading, pieces)
	}()
	err := c.write(ctx)
	stop()
	for range pieces { // readers that wait to hand one over
	}
	<-ended
	if err == nil {
		err = failed
	}
	return err
}

// readAll makes batches of what is left of each partition.
func (c *copier) readAll(ctx context.Context, to chan<- piece) error {
	readers, ctx := errgroup.WithContext(ctx)
	readers.SetLimit(atOnce)
	for i := range c.plan.parts {
		c.room[i] = make(chan struct{}, ahead)
		readers.Go(func() error {
			r := reader{
				copier: c, part: &c.plan.parts[i], to: to, room: c.room[i], at: batch.Place{Topic: c.cfg.Target, Partition: i},
				from: origin{Place: batch.Place{Topic: c.selection.Topic, Partition: i}}, header: batch.Header{Key: OriginHeader},
			}
			return r.read(ctx, c.target.parts[i].last)
		})
	}
	return readers.Wait()
}

// reader makes batches of one partition's records.
type reader struct {
	*copier
	part   *part
	to     chan<- piece
	room   chan struct{}
	at     batch.Place
	made   batch.Copy
	from   origin // of the last record in made
	header batch.Header
}

// read reads what comes after the last offset that was copied.
func (r *reader) read(ctx context.Context, last int64) error {
	start, of := max(r.part.first.offset, last+1), r.part.of
	if r.part.records == 0 || start > r.part.last.offset {
		return nil
	}
	of.End = r.part.last.offset + 1
	r.from.offset = start - 1
	f := r.filter()
	err := r.client.ScanDecided(ctx, f.Topic, of, start, func(s *batch.Stored) error {
		is, err := f.takes(ctx, s)
		if err != nil || !is {
			return err
		}
		return r.add(ctx, s)
	}, func(to int64) {
		r.log.Warn("records were deleted before they were copied", "partition", r.at.Partition, "from", r.from.offset+1, "resume", to)
		r.part.lose(r.from.offset+1, min(to, of.End))
	})
	if err == nil && r.made.Records() > 0 {
		err = r.hand(ctx)
	}
	return err
}

// add takes a record into the batch, or into the next one.
func (r *reader) add(ctx context.Context, s *batch.Stored) error {
	full := batch.Needs(r.made.Size()+s.Size()+most) > r.limit
	if n := r.made.Records(); n > 0 && (full || n == r.most) {
		if err := r.hand(ctx); err != nil {
			return err
		}
	}
	r.from.offset = s.Offset
	r.header.Value = r.from.append(r.header.Value[:0])
	r.made.Add(s, r.mark, r.header)
	return nil
}

// hand hands the batch over, once there is a place for it.
func (r *reader) hand(ctx context.Context) error {
	encoded, err := r.made.Encode(r.codec)
	if err != nil {
		return fmt.Errorf("encode a batch of %s: %w", r.at, err)
	}
	select {
	case r.room <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case r.to <- piece{batch.Placed{Place: r.at, Encoded: encoded}, r.from.offset}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

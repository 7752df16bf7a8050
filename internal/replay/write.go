package replay

import (
	"context"
	"iter"
	"time"

	"airudder-exporter/internal/batch"
)

const (
	openFor    = 500 * time.Millisecond // a transaction takes in more; readers of the target wait for its end
	roundBytes = 32 << 20               // of a round: a broker refuses requests above 100 MiB
	smoothly   = 4                      // transactions a second, where there is a rate
)

// queue is the batches that wait to be written.
type queue struct {
	in      <-chan piece // nil: all have come
	waiting [][]piece    // by partition, in order
	n       int          // in all
}

// more waits for a batch; false: there are no more, or none came before over.
func (q *queue) more(ctx context.Context, over <-chan time.Time) bool {
	for q.n == 0 && q.in != nil {
		select {
		case p, ok := <-q.in:
			q.take(p, ok)
		case <-over:
			return false
		case <-ctx.Done():
			return false
		}
	}
	for q.in != nil { // what is there besides
		select {
		case p, ok := <-q.in:
			q.take(p, ok)
			continue
		default:
		}
		break
	}
	return q.n > 0 && ctx.Err() == nil
}

func (q *queue) take(p piece, ok bool) {
	if !ok {
		q.in = nil
		return
	}
	q.waiting[p.Partition] = append(q.waiting[p.Partition], p)
	q.n++
}

// write commits the batches until there are no more.
func (c *copier) write(ctx context.Context) error {
	began, before := time.Now(), c.copied
	for c.more(ctx, nil) {
		var written []piece
		if err := c.writer.Commit(ctx, c.transaction(ctx, &written)); err != nil {
			return err
		}
		c.committed(written)
		if c.cfg.Rate > 0 {
			due := began.Add(time.Duration(float64(c.copied-before) / float64(c.cfg.Rate) * float64(time.Second)))
			if !sleep(ctx, time.Until(due)) {
				break
			}
		}
	}
	return ctx.Err()
}

// transaction gives the rounds of one transaction, as long as it may be open.
func (c *copier) transaction(ctx context.Context, written *[]piece) iter.Seq2[[]batch.Placed, error] {
	return func(yield func([]batch.Placed, error) bool) {
		end := time.NewTimer(openFor)
		defer end.Stop()
		bytes, records := 0, 0
		for c.more(ctx, end.C) {
			batches, size := c.round(c.left(bytes), written)
			last := 0
			for _, b := range batches {
				last += b.Records
			}
			records += last
			if bytes += size; len(batches) == 0 || !yield(batches, nil) {
				return
			}
			select {
			case <-end.C:
				return
			default:
			}
			if c.cfg.Rate > 0 && records+last > c.cfg.Rate/smoothly {
				return
			}
		}
	}
}

// left is how many bytes a transaction takes in that has some.
func (c *copier) left(has int) int {
	if room := c.writer.Room(); room > 0 {
		return min(roundBytes, room-has)
	}
	return roundBytes
}

// round takes a batch of each partition that has one, as many as there is room for: of a
// transaction's first round one at least.
func (c *copier) round(room int, written *[]piece) (batches []batch.Placed, size int) {
	for i, waiting := range c.waiting {
		if len(waiting) == 0 || size+len(waiting[0].Data) > room && len(*written) > 0 {
			continue
		}
		p := waiting[0]
		c.waiting[i] = waiting[1:]
		c.n--
		<-c.room[i]
		batches, size = append(batches, p.Placed), size+len(p.Data)
		*written = append(*written, p)
	}
	return batches, size
}

// committed notes what the target holds now.
func (c *copier) committed(written []piece) {
	for _, p := range written {
		part := &c.target.parts[p.Partition]
		part.last = p.last
		part.records += int64(p.Records)
		c.copied += int64(p.Records)
		c.work.Add(p.Records)
	}
	for i, end := range c.writer.Ends() {
		c.target.parts[i].next = end
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

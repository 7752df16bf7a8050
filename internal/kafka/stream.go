package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/fetch"
	"golang.org/x/sync/errgroup"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka/access"
	"airudder-exporter/internal/kafka/rawfetch"
)

// reading says what stream reads, and how.
type reading struct {
	batch.Place
	from          int64
	readCommitted bool // not beyond the first open transaction
	maxBytes      int32
}

// chunk is what one fetch brought.
type chunk struct {
	rawfetch.Fetched
	batches []batch.Batch
	next    int64 // the offset after the last batch; where nothing came, as before
	buf     []byte
}

// errEnough ends a stream from inside its visit; stream then returns nil.
var errEnough = errors.New("read enough")

const (
	fetchBytes = 4 << 20                // requested at a time
	fetchWait  = 500 * time.Millisecond // for the broker to wait for something new
)

// stream fetches a partition's batches in order, the next ones while visit
// looks at the last, until visit or ctx ends it. A chunk may hold no batch; it
// is valid only during the call. An answer OFFSET_OUT_OF_RANGE ends the
// stream; a leader that moves or cannot be reached does not.
func (c *Client) stream(ctx context.Context, r reading, visit func(*chunk) error) error {
	group, ctx := errgroup.WithContext(ctx)
	ready := make(chan *chunk)
	free := make(chan *chunk, 2)
	free <- new(chunk)
	free <- new(chunk)
	group.Go(func() error { return c.fetchAhead(ctx, r, free, ready) })
	group.Go(func() error {
		for {
			select {
			case got := <-ready:
				if err := visit(got); err != nil {
					return err
				}
				free <- got
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	if err := group.Wait(); !errors.Is(err, errEnough) {
		return err
	}
	return nil
}

// fetchError says at which offset a partition could not be read.
type fetchError struct {
	at   batch.Place
	from int64
	err  error
}

func (e *fetchError) Error() string {
	return fmt.Sprintf("fetch %s from offset %d: %v", e.at, e.from, e.err)
}

func (e *fetchError) Unwrap() error { return e.err }

// fetchAhead fetches into free chunks and hands them on.
func (c *Client) fetchAhead(ctx context.Context, r reading, free <-chan *chunk, ready chan<- *chunk) error {
	for {
		var into *chunk
		select {
		case into = <-free:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := c.fetchWhole(ctx, &r, into); err != nil {
			return &fetchError{r.Place, r.from, err}
		}
		r.from = into.next
		select {
		case ready <- into:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// fetchWhole fetches at least one whole batch, if there is any. Brokers send
// the first batch whole even where it is larger than requested; from one that
// does not, more is requested.
func (c *Client) fetchWhole(ctx context.Context, r *reading, into *chunk) error {
	if r.maxBytes == 0 {
		r.maxBytes = fetchBytes
	}
	for {
		err := c.again(ctx, "Fetch",
			c.shardOf(r.Place), leaderAgain, func(ctx context.Context) error { return c.fetch(ctx, *r, into) })
		if err != nil || len(into.batches) > 0 || len(into.Records) == 0 {
			return err
		}
		if r.maxBytes > rawfetch.MaxResponse/4 {
			return fmt.Errorf("the broker sends no whole batch in %d bytes", r.maxBytes)
		}
		r.maxBytes *= 2
	}
}

// shardOf is the shard on whose behalf a partition is read.
func (c *Client) shardOf(at batch.Place) int {
	if at.Topic == c.cfg.LedgerTopic {
		return at.Partition
	}
	return everyShard
}

// fetch asks once for what stands at r.from.
func (c *Client) fetch(ctx context.Context, r reading, into *chunk) error {
	req := &rawfetch.Request{ClientID: c.cfg.ClientID, Buf: into.buf}
	into.buf = nil // the request's, until it is answered
	req.Request = fetch.Request{
		ReplicaID:    -1,
		MaxWaitTime:  int32(fetchWait.Milliseconds()),
		MinBytes:     1,
		MaxBytes:     r.maxBytes,
		SessionEpoch: -1,
		Topics: []fetch.RequestTopic{{Topic: r.Topic, Partitions: []fetch.RequestPartition{{
			Partition:          int32(r.Partition),
			CurrentLeaderEpoch: -1,
			FetchOffset:        r.from,
			LogStartOffset:     -1,
			PartitionMaxBytes:  r.maxBytes,
		}}}},
	}
	if r.readCommitted {
		req.IsolationLevel = 1
	}
	res, err := ask[*rawfetch.Response](ctx, c, req)
	if err != nil {
		var routing *fetch.Error
		if errors.As(err, &routing) {
			return unsentError{err} // the Transport knows no leader: its metadata are old, or not there yet
		}
		return err
	}
	return access.OnTopic(into.fill(res.Data, r.from), "Read", r.Topic)
}

// fill takes the batches out of a response. The first may begin before from, and
// comes whole: a fetch gets the batch that holds its offset.
func (c *chunk) fill(response []byte, from int64) (err error) {
	c.buf = response
	if c.Fetched, err = rawfetch.Parse(response); err != nil {
		return err
	}
	if c.Code != 0 {
		return kafkago.Error(c.Code)
	}
	if c.batches, err = batch.ReadAll(c.Records, c.batches); err != nil {
		return err
	}
	c.next = from
	for _, b := range c.batches {
		if b.LastOffset < c.next {
			return fmt.Errorf("the batch up to offset %d comes after offset %d", b.LastOffset, c.next)
		}
		c.next = b.LastOffset + 1
	}
	return nil
}

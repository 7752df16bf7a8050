package kafka

import (
	"context"
	"fmt"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka/rawfetch"
)

// Log is a piece of a partition's log as a broker sends it, markers and all.
type Log struct {
	HighWatermark int64
	LastStable    int64
	Batches       []Logged
	Aborted       []rawfetch.Aborted // transactions that a read_committed consumer leaves out
}

// Logged is one batch.
type Logged struct {
	First, Last    int64 // offsets
	Records        int
	ProducerID     int64
	Epoch          int16
	Commits, Abort bool // it is a marker, and of which kind; neither: it holds records
}

// Log is what a partition holds from an offset on: as a read_committed consumer gets it,
// or all that there is.
func (c *Client) Log(ctx context.Context, at batch.Place, from int64, committed bool) (l Log, err error) {
	r := reading{Place: at, from: from, readCommitted: committed}
	for {
		var got chunk
		if err := c.fetchWhole(ctx, &r, &got); err != nil {
			return Log{}, fmt.Errorf("fetch %s: %w", at, err)
		}
		l.HighWatermark, l.LastStable = got.HighWatermark, got.LastStable
		l.Aborted = append(l.Aborted, got.AbortedList()...)
		for i := range got.batches {
			l.Batches = append(l.Batches, logged(&got.batches[i]))
		}
		// An answer may be no more than a batch, or the rest of a segment.
		if r.from = got.next; len(got.batches) == 0 || r.from >= l.HighWatermark {
			return l, nil
		}
	}
}

func logged(b *batch.Batch) Logged {
	one := Logged{First: b.BaseOffset, Last: b.LastOffset, Records: b.Count, ProducerID: b.ProducerID, Epoch: b.Epoch}
	if b.Control() {
		commits, ok := b.Marker()
		one.Commits, one.Abort = ok && commits, ok && !commits
	}
	return one
}

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

// Log is what one answer brings from an offset on: as a read_committed consumer gets it,
// or all that there is.
func (c *Client) Log(ctx context.Context, at batch.Place, from int64, committed bool) (Log, error) {
	var got chunk
	r := reading{Place: at, from: from, readCommitted: committed}
	if err := c.fetchWhole(ctx, &r, &got); err != nil {
		return Log{}, fmt.Errorf("fetch %s: %w", at, err)
	}
	l := Log{HighWatermark: got.HighWatermark, LastStable: got.LastStable, Aborted: got.AbortedList()}
	for _, b := range got.batches {
		one := Logged{First: b.BaseOffset, Last: b.LastOffset, Records: b.Count, ProducerID: b.ProducerID, Epoch: b.Epoch}
		if b.Control() {
			commits, ok := b.Marker()
			one.Commits, one.Abort = ok && commits, ok && !commits
		}
		l.Batches = append(l.Batches, one)
	}
	return l, nil
}

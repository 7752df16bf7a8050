// Package seals reads which tasks are sealed, and which of the seals a consumer group has
// read to their end.
package seals

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/record"
)

// Config says which seals are meant.
type Config struct {
	StatusTopic string
	EventTopic  string
	Account     string // others' tasks in the topic are passed over
	TaskID      string // empty: all tasks
	Group       string // empty: none is asked about
}

// Seal is the last seal of a task.
type Seal struct {
	TaskID     string    `json:"task_id"`
	Number     int64     `json:"seal_number"`
	Events     int64     `json:"exported"` // the last task_sequence that it tells of
	Unexported int64     `json:"unexported"`
	At         time.Time `json:"observed_at"`
	Ends       []int64   `json:"event_offsets"` // of the event topic, by partition

	// Stale says that a status published since tells of more events: the seal does not
	// hold any more.
	Stale bool `json:"stale,omitempty"`

	// Behind is the partition in which the group has most left to read of the seal; nil: it
	// has read all of it, or no group is asked about.
	Behind *Behind `json:"behind,omitempty"`
}

// Behind is how far a group is in a partition. Offset -1: it has committed none.
type Behind struct {
	Partition int   `json:"partition"`
	Offset    int64 `json:"offset"`
	End       int64 `json:"end"`
}

// Report is what a status topic tells of seals.
type Report struct {
	Tasks int // of which it has a status, or of which one is meant
	Seals []Seal
}

// Behind is how many of the seals the group has not read to their end.
func (r Report) Behind() (n int) {
	for _, s := range r.Seals {
		if s.Behind != nil {
			n++
		}
	}
	return n
}

// Read reads a status topic to the end that it has now, and the group's offsets after
// that.
func Read(ctx context.Context, client *kafka.Client, decoder *record.Decoder, cfg Config) (Report, error) {
	ranges, err := client.Settled(ctx, cfg.StatusTopic)
	if err != nil {
		return Report{}, err
	}
	var one sync.Mutex
	last := map[string]*Seal{}
	exported := map[string]int64{} // by task: the most that any status tells of
	group, scanning := errgroup.WithContext(ctx)
	for _, part := range ranges {
		group.Go(func() error {
			return client.Scan(scanning, cfg.StatusTopic, part.Partition, part.Start, part.End, func(m kafka.Message) error {
				if record.OriginOf(m.Headers).Account != cfg.Account || cfg.TaskID != "" && string(m.Key) != cfg.TaskID {
					return nil
				}
				fact, err := decoder.Fact(scanning, m.Record)
				if err != nil {
					return fmt.Errorf("%s[%d]@%d: %w", m.Topic, m.Partition, m.Offset, err)
				}
				one.Lock()
				defer one.Unlock()
				exported[fact.TaskID] = max(exported[fact.TaskID], fact.Change.Exported)
				note(last, fact)
				return nil
			})
		})
	}
	if err := group.Wait(); err != nil {
		return Report{}, err
	}
	report := Report{Tasks: len(exported)}
	for _, taskID := range slices.Sorted(maps.Keys(last)) {
		s := last[taskID]
		s.Stale = exported[taskID] > s.Events
		report.Seals = append(report.Seals, *s)
	}
	if cfg.Group == "" {
		return report, nil
	}
	offsets, err := client.GroupOffsets(ctx, cfg.Group, cfg.EventTopic)
	if err != nil {
		return Report{}, err
	}
	for i := range report.Seals {
		report.Seals[i].Behind = behind(report.Seals[i].Ends, offsets)
	}
	return report, nil
}

// note keeps the last seal of a task.
func note(last map[string]*Seal, f ledger.Fact) {
	s := f.Change.Seal
	if s == nil || last[f.TaskID] != nil && last[f.TaskID].Number > s.Number {
		return
	}
	last[f.TaskID] = &Seal{
		TaskID: f.TaskID, Number: s.Number, Events: f.Change.Exported, Unexported: f.Change.Unexported,
		At: f.ObservedAt, Ends: s.Ends,
	}
}

// behind is the partition in which most is left to read of what a seal tells of; nil:
// nothing is. A partition that the group's topic does not have any more is never read.
func behind(ends, offsets []int64) (most *Behind) {
	for p, end := range ends {
		at := int64(-1)
		if p < len(offsets) {
			at = offsets[p]
		}
		if at < end && end > 0 && (most == nil || end-at > most.End-most.Offset) {
			most = &Behind{Partition: p, Offset: at, End: end}
		}
	}
	return most
}

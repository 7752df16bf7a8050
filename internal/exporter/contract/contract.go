// Package contract is what the loop relies on at its seams to Kafka, as tests:
// the fake that the loop's own tests use, the in-process broker and Apache Kafka
// all pass them, the latter two through the real client. So what the loop's tests
// assume of a Producer is proved of the real one.
package contract

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/exporter"
)

// Subject is a Kafka with topics of the test's own.
type Subject struct {
	Ledger string // the ledger topic, which has Shards partitions
	Events string // a topic that is published to, which nothing was written to
	Shards int

	Topics exporter.Topics

	// Shard is a shard as another process sees it each time.
	Shard func(n int) exporter.Shard

	// Committed are the keys of the events topic's records as a reader sees them
	// that shares nothing with the subject, if there is one.
	Committed func() []string

	// Ends are where that reader finds the events topic's partitions to end, each
	// the offset after its last record.
	Ends func() []int64
}

// Test runs the suite. open makes a fresh Subject with so many shards.
func Test(t *testing.T, open func(t *testing.T, shards int) Subject) {
	for _, tt := range []struct {
		name string
		run  func(*trial)
	}{
		{"an empty shard shows its barrier alone", (*trial).empty},
		{"what is committed is replayed in order, and read once", (*trial).committed},
		{"what is only prepared is nothing", (*trial).prepared},
		{"the next transaction is prepared while the last is committed", (*trial).overlapping},
		{"a transaction takes the leading units that fit", (*trial).leading},
		{"whoever opens last fences the others", (*trial).fenced},
		{"a producer that has failed stays finished", (*trial).finished},
		{"a unit that is too large ends nothing", (*trial).tooLarge},
		{"a barrier tells of the epoch, and an error of the replay is returned", (*trial).barrier},
		{"who came after is seen", (*trial).later},
		{"the newest record that counts is found, and where the shard ends", (*trial).newest},
		{"shards are apart", (*trial).apart},
		{"where the events end is known, committed ones alone", (*trial).ends},
		{"a look shows each partition, as far as it is asked", (*trial).look},
		{"what is written once is there once", (*trial).once},
		{"of several that write once, one writes", (*trial).race},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			tt.run(&trial{T: t, ctx: ctx, Subject: open(t, 2)})
		})
	}
}

// trial is one test of one Subject.
type trial struct {
	*testing.T
	Subject
	ctx context.Context
}

// entry is a ledger record.
func (t *trial) entry(key, value string) batch.Record {
	return batch.Record{Topic: t.Ledger, Key: []byte(key), Value: []byte(value)}
}

// unit is one call's records: an event and its ledger entry.
func (t *trial) unit(call string) []batch.Record {
	return []batch.Record{{Topic: t.Events, Key: []byte(call), Value: []byte("event")}, t.entry("call/"+call, "entry")}
}

func (t *trial) units(from, to int) (all [][]batch.Record) {
	for i := from; i < to; i++ {
		all = append(all, t.unit(fmt.Sprint(i)))
	}
	return all
}

const barrierKey = "producer"

// open begins a producer and returns the keys that its replay showed; those of
// tombstones begin with a minus.
func (t *trial) open(s exporter.Shard, who string) (exporter.Producer, []string) {
	t.Helper()
	var shown []string
	p, err := s.Open(t.ctx, func(int64, int16) batch.Record { return t.entry(barrierKey, who) }, func(key, value []byte) error {
		switch {
		case value == nil:
			shown = append(shown, "-"+string(key))
		case string(key) == barrierKey:
			shown = append(shown, barrierKey+" "+string(value))
		default:
			shown = append(shown, string(key))
		}
		return nil
	})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return p, shown
}

// write commits units, in as many transactions as they take.
func (t *trial) write(p exporter.Producer, units ...[]batch.Record) {
	t.Helper()
	for len(units) > 0 {
		txn := t.prepare(p, units...)
		if err := p.Commit(t.ctx, txn); err != nil {
			t.Fatalf("commit: %v", err)
		}
		units = units[txn.Units:]
	}
}

func (t *trial) prepare(p exporter.Producer, units ...[]batch.Record) *batch.Txn {
	t.Helper()
	txn, err := p.Prepare(slices.Values(units))
	if err != nil {
		t.Fatalf("prepare: %v", err)
	}
	if txn.Units < 1 || txn.Units > len(units) {
		t.Fatalf("a transaction of %d of %d units", txn.Units, len(units))
	}
	return txn
}

// want holds the events, each read once in any order, and a replay in its order.
func (t *trial) want(shard exporter.Shard, replay string, events ...string) {
	t.Helper()
	got := t.Committed()
	slices.Sort(got)
	slices.Sort(events)
	if !slices.Equal(got, events) {
		t.Errorf("the events are %v, want %v", got, events)
	}
	_, shown := t.open(shard, "reader")
	if want := strings.TrimSpace(replay + " " + barrierKey + " reader"); strings.Join(shown, " ") != want {
		t.Errorf("the replay shows %q, want %q", strings.Join(shown, " "), want)
	}
}

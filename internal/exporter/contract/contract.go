// Package contract is what the loop relies on at its seams to Kafka, as tests:
// the fake that the loop's own tests use, the in-process broker and Apache Kafka
// all pass them, the latter two through the real client. So what the loop's tests
// assume of a Producer is proved of the real one.
package contract

import (
	"bytes"
	"context"
	"errors"
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

func (t *trial) empty() {
	t.want(t.Shard(0), "")
}

func (t *trial) committed() {
	p, _ := t.open(t.Shard(0), "a")
	if asked, until := p.Throttled(); asked != 0 || !until.IsZero() {
		t.Errorf("it is throttled for %v until %v", asked, until)
	}
	t.write(p, t.unit("1"), t.unit("2"))
	t.write(p, []batch.Record{t.entry("task/x", "")}, []batch.Record{{Topic: t.Ledger, Key: []byte("call/1")}})
	t.write(p, t.unit("3"))
	t.want(t.Shard(0), "producer a call/1 call/2 task/x -call/1 call/3", "1", "2", "3")
}

func (t *trial) prepared() {
	p, _ := t.open(t.Shard(0), "a")
	t.prepare(p, t.unit("1"))
	again := t.prepare(p, t.unit("1"), t.unit("2"))
	if err := p.Commit(t.ctx, again); err != nil {
		t.Fatal(err)
	}
	t.prepare(p, t.unit("3"))
	t.want(t.Shard(0), "producer a call/1 call/2", "1", "2")
}

func (t *trial) overlapping() {
	p, _ := t.open(t.Shard(0), "a")
	committing := make(chan error, 1)
	var events, entries []string
	txn := t.prepare(p, t.unit("0"))
	for i := range 20 {
		events, entries = append(events, fmt.Sprint(i)), append(entries, fmt.Sprint("call/", i))
		go func(txn *batch.Txn) { committing <- p.Commit(t.ctx, txn) }(txn)
		txn = t.prepare(p, t.unit(fmt.Sprint(i+1)))
		if err := <-committing; err != nil {
			t.Fatal(err)
		}
	}
	t.want(t.Shard(0), "producer a "+strings.Join(entries, " "), events...)
}

func (t *trial) leading() {
	p, _ := t.open(t.Shard(0), "a")
	units := t.units(0, 3000)
	var events, entries []string
	for i := range units {
		events, entries = append(events, fmt.Sprint(i)), append(entries, fmt.Sprint("call/", i))
		units[i][0].Value = bytes.Repeat([]byte("e"), 1000) // more than one batch holds
	}
	if txn := t.prepare(p, units...); txn.Units == len(units) {
		t.Errorf("one transaction takes %d units", txn.Units)
	}
	t.write(p, units...)
	t.want(t.Shard(0), "producer a "+strings.Join(entries, " "), events...)
}

func (t *trial) fenced() {
	old := t.Shard(0)
	p, _ := t.open(old, "old")
	t.write(p, t.unit("1"))
	ready := t.prepare(p, t.unit("2"))
	young, shown := t.open(t.Shard(0), "young")
	if got := strings.Join(shown, " "); got != "producer old call/1 producer young" {
		t.Errorf("the replay shows %q", got)
	}
	err := p.Commit(t.ctx, ready)
	if err == nil || !old.Fenced(err) || old.Lasting(err) || old.Explain(err) == "" {
		t.Errorf("the older producer's commit: %v, want a fence", err)
	}
	if _, err := p.Prepare(slices.Values(t.units(3, 4))); err == nil || !old.Fenced(err) {
		t.Errorf("the older producer prepares: %v, want the same error", err)
	}
	t.write(young, t.unit("4"))
	t.want(t.Shard(0), "producer old call/1 producer young call/4", "1", "4")
}

func (t *trial) finished() {
	shard := t.Shard(0)
	p, _ := t.open(shard, "a")
	first, second := t.prepare(p, t.unit("1")), t.prepare(p, t.unit("2"))
	if err := p.Commit(t.ctx, second); err != nil {
		t.Fatal(err)
	}
	out := p.Commit(t.ctx, first)
	if out == nil || shard.Fenced(out) {
		t.Errorf("a commit out of order: %v, want an error that is no fence", out)
	}
	if _, err := p.Prepare(slices.Values(t.units(3, 4))); err == nil {
		t.Error("a finished producer prepares")
	}
	p, _ = t.open(t.Shard(0), "b")
	ended, cancel := context.WithCancel(t.ctx)
	cancel()
	if err := p.Commit(ended, t.prepare(p, t.unit("5"))); !errors.Is(err, context.Canceled) {
		t.Errorf("a commit whose context has ended: %v", err)
	}
	p, _ = t.open(t.Shard(0), "c")
	if _, err := p.Prepare(slices.Values([][]batch.Record{{{Topic: "another", Key: []byte("k")}}})); err == nil {
		t.Error("a record for a topic that is none of the producer's is taken")
	}
	t.want(t.Shard(0), "producer a call/2 producer b producer c", "2")
}

func (t *trial) tooLarge() {
	p, _ := t.open(t.Shard(0), "a")
	sized := func(call string, n int) []batch.Record {
		unit := t.unit(call)
		unit[0].Value = bytes.Repeat([]byte("v"), n-unit[0].Size()+len(unit[0].Value))
		return unit
	}
	if err := p.Renew(t.ctx); err != nil {
		t.Errorf("renew: %v", err)
	}
	limit := p.Limit(t.Events)
	if limit <= 0 || p.Limit("another") != 0 {
		t.Fatalf("limits of %d bytes, and %d of a topic that is none of the producer's", limit, p.Limit("another"))
	}
	if p.Partitions(t.Events) <= 0 || p.Partitions("another") != 0 {
		t.Fatalf("%d partitions, and %d of a topic that is none of the producer's", p.Partitions(t.Events), p.Partitions("another"))
	}
	most := limit
	for batch.Needs(most) > limit {
		most--
	}
	if err := p.Fits(sized("1", most)); err != nil {
		t.Errorf("a record of the limit's size: %v", err)
	}
	large := sized("2", most+1)
	_, err := p.Prepare(slices.Values([][]batch.Record{large}))
	for _, err := range []error{err, p.Fits(large)} {
		if found, is := errors.AsType[*batch.TooLargeError](err); !is || found.Topic != t.Events || found.Limit != limit {
			t.Errorf("a record above the limit: %v", err)
		}
	}
	t.write(p, sized("3", most))
	t.want(t.Shard(0), "producer a call/3", "3")
}

func (t *trial) barrier() {
	last := int16(-1)
	for range 3 {
		_, err := t.Shard(0).Open(t.ctx, func(id int64, epoch int16) batch.Record {
			if epoch <= last {
				t.Errorf("epoch %d comes after %d", epoch, last)
			}
			last = epoch
			return t.entry(barrierKey, "a")
		}, func([]byte, []byte) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	boom := errors.New("boom")
	_, err := t.Shard(0).Open(t.ctx, func(int64, int16) batch.Record { return t.entry(barrierKey, "b") }, func([]byte, []byte) error { return boom })
	if !errors.Is(err, boom) {
		t.Errorf("a replay whose visitor fails: %v, want its error", err)
	}
	t.want(t.Shard(0), "producer a producer a producer a producer b")
}

func (t *trial) later() {
	old := t.Shard(0)
	p, _ := t.open(old, "old")
	t.write(p, t.unit("1"))
	t.open(t.Shard(0), "rival")
	if err := p.Commit(t.ctx, t.prepare(p, t.unit("2"))); err == nil {
		t.Error("the older producer commits")
	}
	found := false
	err := old.Later(t.ctx, func(key, value []byte) bool {
		found = found || string(key) == barrierKey && string(value) == "rival"
		return found
	})
	if err != nil || !found {
		t.Errorf("the rival's barrier is seen: %v, %v", found, err)
	}
	ctx, cancel := context.WithTimeout(t.ctx, 50*time.Millisecond)
	defer cancel()
	if err := old.Later(ctx, func([]byte, []byte) bool { return false }); err == nil {
		t.Error("a look that never sees enough ends without an error")
	}
}

func (t *trial) newest() {
	meta := func(key []byte) bool { return string(key) != "meta" }
	end := int64(-1)
	look := func(want string) {
		t.Helper()
		key, _, now, err := t.Shard(1).Newest(t.ctx, meta)
		if err != nil || string(key) != want {
			t.Errorf("the newest record is %q, %v; want %q", key, err, want)
		}
		if now <= end {
			t.Errorf("the end is %d after %d", now, end)
		}
		end = now
	}
	look("")
	p, _ := t.open(t.Shard(1), "one")
	look(barrierKey)
	t.write(p, []batch.Record{t.entry("call/1", "x")}, []batch.Record{t.entry("call/2", "x")})
	look("call/2")
	for range 40 {
		t.write(p, []batch.Record{t.entry("meta", "x")})
	}
	look("call/2")
	if _, _, now, err := t.Shard(1).Newest(t.ctx, meta); err != nil || now != end {
		t.Errorf("the end moved from %d to %d, %v, though nobody wrote", end, now, err)
	}
}

func (t *trial) apart() {
	one, _ := t.open(t.Shard(0), "one")
	two, _ := t.open(t.Shard(1), "two")
	t.write(one, t.unit("1"))
	t.write(two, t.unit("2"))
	t.write(one, t.unit("3"))
	t.want(t.Shard(0), "producer one call/1 call/3", "1", "2", "3")
	t.want(t.Shard(1), "producer two call/2", "1", "2", "3")
	if got := []int{t.Shard(0).Number(), t.Shard(1).Number()}; !slices.Equal(got, []int{0, 1}) {
		t.Errorf("the shards are called %v", got)
	}
}

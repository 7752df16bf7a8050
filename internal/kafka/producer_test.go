package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"airudder-exporter/internal/batch"
)

// entries is what a replay showed: key → value, and how many records in all.
type entries struct {
	byKey map[string]string
	shown int
	last  int64
}

func (e *entries) take(offset int64, key, value []byte) error {
	if e.byKey == nil {
		e.byKey = make(map[string]string)
		e.last = -1
	}
	if offset <= e.last {
		return fmt.Errorf("offset %d after %d", offset, e.last)
	}
	e.last = offset
	e.shown++
	if value == nil {
		delete(e.byKey, string(key))
		return nil
	}
	e.byKey[string(key)] = string(value)
	return nil
}

// barrier is a `producer` entry, told apart by its value.
func barrier(who string) func(id int64, epoch int16) batch.Record {
	return func(int64, int16) batch.Record { return batch.Record{Key: []byte("producer"), Value: []byte(who)} }
}

// start begins a producer and returns what its replay showed.
func (s *shop) start(t testing.TB, c *Client, shard int, who string) (*Producer, *entries) {
	t.Helper()
	var seen entries
	p, err := c.Producer(soon(t), shard, barrier(who), seen.take)
	if err != nil {
		t.Fatal(err)
	}
	if got := seen.byKey["producer"]; got != who {
		t.Fatalf("the replay ended with the barrier of %q, want %q", got, who)
	}
	delete(seen.byKey, "producer")
	return p, &seen
}

// unit is one call's records: an event and its ledger entry.
func (s *shop) unit(call string) []batch.Record {
	return []batch.Record{
		{Topic: s.config.EventTopic, Key: []byte(call), Value: []byte("event of " + call), Headers: []batch.Header{{Key: "ce_id", Value: []byte(call)}}},
		{Topic: s.config.LedgerTopic, Key: []byte("call/" + call), Value: []byte(`{"call":"` + call + `"}`)},
	}
}

func (s *shop) units(prefix string, n int) (units [][]batch.Record) {
	for i := range n {
		units = append(units, s.unit(fmt.Sprintf("%s%d", prefix, i)))
	}
	return units
}

// publish commits units in one transaction.
func publish(p *Producer, units [][]batch.Record) error {
	txn, err := p.Prepare(slices.Values(units))
	if err != nil {
		return err
	}
	if txn.Units != len(units) {
		return fmt.Errorf("%d of %d units prepared", txn.Units, len(units))
	}
	return p.Commit(context.Background(), txn)
}

// checkOnce holds the event topic, read by another client, against the calls
// that must be there, each once.
func (s *shop) checkOnce(t testing.TB, want ...string) {
	t.Helper()
	counts := make(map[string]int)
	for _, r := range s.Read(s.config.EventTopic).Committed {
		counts[string(r.Key)]++
	}
	for _, call := range want {
		if counts[call] != 1 {
			t.Errorf("%d events of %s, want 1", counts[call], call)
		}
		delete(counts, call)
	}
	for call, n := range counts {
		t.Errorf("%d events of %s, which should not be there", n, call)
	}
}

func TestProducerCommitsAndReplays(t *testing.T) {
	checkLeaks(t)
	s := newShop(t, 2, 3)
	c := s.dial(t)
	p, seen := s.start(t, c, 1, "first")
	if seen.shown != 1 {
		t.Errorf("the first replay showed %d records, want the barrier alone", seen.shown)
	}
	var calls []string
	for i := range 3 {
		units := s.units(fmt.Sprintf("call-%d-", i), 10)
		if err := publish(p, units); err != nil {
			t.Fatal(err)
		}
		for _, u := range units {
			calls = append(calls, string(u[0].Key))
		}
	}
	if err := publish(p, [][]batch.Record{{{Topic: s.config.LedgerTopic, Key: []byte("call/" + calls[0])}}}); err != nil {
		t.Fatal(err)
	}
	s.checkOnce(t, calls...)

	_, seen = s.start(t, s.dial(t), 1, "second")
	if got, want := len(seen.byKey), len(calls)-1; got != want {
		t.Errorf("%d entries replayed, want %d: one is a tombstone", got, want)
	}
	if got, want := seen.shown, len(calls)+3; got != want {
		t.Errorf("%d records replayed, want %d", got, want)
	}
	for _, call := range calls[1:] {
		if got, want := seen.byKey["call/"+call], `{"call":"`+call+`"}`; got != want {
			t.Errorf("entry of %s: %q, want %q", call, got, want)
		}
	}
	if _, other := s.start(t, s.dial(t), 0, "other shard"); other.shown != 1 {
		t.Errorf("shard 0 shows %d records, want 1", other.shown)
	}
}

func TestZombieIsRefused(t *testing.T) {
	checkLeaks(t)
	s := newShop(t, 1, 2)
	old, _ := s.start(t, s.dial(t), 0, "old")
	if err := publish(old, s.units("a", 3)); err != nil {
		t.Fatal(err)
	}
	young, seen := s.start(t, s.dial(t), 0, "young")
	if len(seen.byKey) != 3 {
		t.Errorf("%d entries replayed, want 3", len(seen.byKey))
	}
	err := publish(old, s.units("zombie", 3))
	if !errors.Is(err, ErrFenced) {
		t.Errorf("the old producer's commit: %v, want ErrFenced", err)
	}
	if _, again := old.Prepare(slices.Values(s.units("zombie", 1))); again == nil || again.Error() != err.Error() {
		t.Errorf("after its end the producer says %v, want %v", again, err)
	}
	if err := publish(young, s.units("b", 3)); err != nil {
		t.Fatal(err)
	}
	s.checkOnce(t, "a0", "a1", "a2", "b0", "b1", "b2")
}

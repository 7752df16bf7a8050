package kafka

import (
	"testing"
	"time"
)

// A look at a partition shows the last record that counts, from wherever it stands, and
// each later look reads what is new alone.
func TestLatest(t *testing.T) {
	checkLeaks(t)
	s := newShop(t, 2, 1)
	c, onlooker := s.dial(t), s.dial(t)
	isProducer := func(key []byte) bool { return string(key) == "producer" }
	type seen struct {
		value string
		end   int64
	}
	look := func(since map[int]int64) map[int]seen {
		t.Helper()
		got := map[int]seen{}
		err := onlooker.Latest(soon(t), since, isProducer, func(shard int, key, value []byte, at time.Time, end int64) {
			if key != nil && time.Since(at).Abs() > time.Minute {
				t.Errorf("shard %d: the record was written at %s", shard, at)
			}
			got[shard] = seen{string(value), end}
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := look(map[int]int64{0: -1, 1: -1}); len(got) != 2 || got[0] != (seen{}) {
		t.Errorf("nobody has written: %+v", got)
	}
	p, _ := s.start(t, c, 0, "first")
	for range 9 {
		if err := publish(p, s.units("a-", 30)); err != nil {
			t.Fatal(err)
		}
	}
	first := look(map[int]int64{0: -1})
	if first[0].value != "first" || first[0].end < 9 || len(first) != 1 {
		t.Errorf("far before the end: %+v", first)
	}
	if got := look(map[int]int64{0: first[0].end}); got[0] != (seen{"", first[0].end}) {
		t.Errorf("nothing is new: %+v", got)
	}
	s.start(t, c, 0, "second")
	if got := look(map[int]int64{0: first[0].end, 1: 0}); got[0].value != "second" || got[1] != (seen{}) {
		t.Errorf("a new owner: %+v", got)
	}
	if got := look(map[int]int64{0: 1 << 40}); got[0].value != "second" {
		t.Errorf("a ledger that was made again: %+v", got)
	}
	if got := onlooker.Waiting(0) + onlooker.Waiting(1); got != "" {
		t.Errorf("it waits for %q", got)
	}
}

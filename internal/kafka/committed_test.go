package kafka

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestDeciderAgainstModel feeds random logs of several producers, thinned out
// as the cleaner may, and compares with what the outcome of each transaction
// says.
func TestDeciderAgainstModel(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		log, want := randomLog(rng)
		var got []int64
		deliver := func(b *rawBatch) error {
			return b.each(b.records, func(r *rawRecord) error {
				got = append(got, r.offset)
				return nil
			})
		}
		var d decider
		for _, m := range log {
			memory := m.encode(t)
			b, _, err := readBatch(memory)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.add(b, deliver); err != nil {
				t.Fatal(err)
			}
			if rng.IntN(3) == 0 { // the response ends here
				d.keep()
				clear(memory)
			} else {
				d.keep()
			}
		}
		if err := d.finish(deliver); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: offsets %v, want %v", seed, got, want)
		}
		if len(d.queue) != 0 {
			t.Fatalf("seed %d: %d batches left", seed, len(d.queue))
		}
	}
}

// randomLog is a log and the offsets of its committed records. Data whose
// record the cleaner took leave a gap, an empty batch, or nothing.
func randomLog(rng *rand.Rand) (log []made, committed []int64) {
	open := make(map[int64][]int64) // producer → offsets of its open transaction
	next := int64(0)
	for range 60 {
		producer := int64(rng.IntN(4))
		switch kind := rng.IntN(10); {
		case kind < 6:
			m := made{base: next, last: 2, producer: producer}
			for delta := range int32(3) {
				if rng.IntN(4) > 0 {
					m.keys, m.at = append(m.keys, fmt.Sprint("k", next)), append(m.at, delta)
				}
			}
			for _, delta := range m.at {
				if producer == 0 {
					committed = append(committed, next+int64(delta))
				} else {
					open[producer] = append(open[producer], next+int64(delta))
				}
			}
			if len(m.keys) > 0 || rng.IntN(2) == 0 {
				log = append(log, m)
			}
			next += 3
		case producer > 0:
			commit := kind < 9
			if commit {
				committed = append(committed, open[producer]...)
			}
			if len(open[producer]) > 0 || rng.IntN(2) == 0 {
				log = append(log, marker(next, producer, map[bool]string{true: "commit", false: "abort"}[commit]))
			}
			delete(open, producer)
			next++
		}
	}
	slices.Sort(committed)
	return log, committed
}

// A transaction that stays open must not make the rest slow.
func TestDeciderBehindOpenTransaction(t *testing.T) {
	var d decider
	shown := 0
	deliver := func(b *rawBatch) error { shown += b.count; return nil }
	feed := func(m made) {
		b, _, err := readBatch(m.encode(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.add(b, deliver); err != nil {
			t.Fatal(err)
		}
	}
	feed(data(0, foreign, "x"))
	for i := range int64(20_000) {
		feed(data(1+2*i, own, "k"))
		feed(marker(2+2*i, own, "commit"))
	}
	if shown != 0 {
		t.Errorf("%d records shown before the open transaction's", shown)
	}
	feed(marker(40_001, foreign, "abort"))
	if shown != 20_000 {
		t.Errorf("%d records shown, want 20000", shown)
	}
}

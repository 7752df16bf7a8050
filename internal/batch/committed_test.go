package batch

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"airudder-exporter/internal/batch/handmade"
)

// TestDeciderAgainstModel feeds random logs of several producers, thinned out
// as the cleaner may, and compares with what the outcome of each transaction
// says.
func TestDeciderAgainstModel(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		log, want := randomLog(rng)
		var got []int64
		deliver := func(b *Batch) error {
			return b.each(b.records, func(r *Stored) error {
				got = append(got, r.Offset)
				return nil
			})
		}
		var d Decider
		for _, m := range log {
			memory := m.Encode(t)
			b, _, err := read(memory)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Add(b, deliver); err != nil {
				t.Fatal(err)
			}
			if rng.IntN(3) == 0 { // the response ends here
				d.Keep()
				clear(memory)
			} else {
				d.Keep()
			}
		}
		if err := d.Finish(deliver); err != nil {
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
func randomLog(rng *rand.Rand) (log []handmade.Batch, committed []int64) {
	open := make(map[int64][]int64) // producer → offsets of its open transaction
	next := int64(0)
	for range 60 {
		producer := int64(rng.IntN(4))
		switch kind := rng.IntN(10); {
		case kind < 6:
			m := handmade.Batch{Base: next, Last: 2, Producer: producer}
			for delta := range int32(3) {
				if rng.IntN(4) > 0 {
					m.Keys, m.At = append(m.Keys, fmt.Sprint("k", next)), append(m.At, delta)
				}
			}
			for _, delta := range m.At {
				if producer == 0 {
					committed = append(committed, next+int64(delta))
				} else {
					open[producer] = append(open[producer], next+int64(delta))
				}
			}
			if len(m.Keys) > 0 || rng.IntN(2) == 0 {
				log = append(log, m)
			}
			next += 3
		case producer > 0:
			commit := kind < 9
			if commit {
				committed = append(committed, open[producer]...)
			}
			if len(open[producer]) > 0 || rng.IntN(2) == 0 {
				log = append(log, handmade.Marker(next, producer, map[bool]string{true: "commit", false: "abort"}[commit]))
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
	var d Decider
	shown := 0
	deliver := func(b *Batch) error { shown += b.Count; return nil }
	feed := func(m handmade.Batch) {
		b, _, err := read(m.Encode(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Add(b, deliver); err != nil {
			t.Fatal(err)
		}
	}
	feed(handmade.Data(0, 8, "x"))
	for i := range int64(20_000) {
		feed(handmade.Data(1+2*i, 7, "k"))
		feed(handmade.Marker(2+2*i, 7, "commit"))
	}
	if shown != 0 {
		t.Errorf("%d records shown before the open transaction's", shown)
	}
	feed(handmade.Marker(40_001, 8, "abort"))
	if shown != 20_000 {
		t.Errorf("%d records shown, want 20000", shown)
	}
}

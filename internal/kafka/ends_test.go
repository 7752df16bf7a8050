package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/batch/handmade"
)

// tailOf is what lastIn finds in a hand-made log, each fetch of up to max bytes,
// and how often it began to read.
func tailOf(t *testing.T, log []handmade.Batch, r Range, max int) (last int64, scans int) {
	t.Helper()
	last, err := lastIn(r, func(from int64, found func(offset int64)) error {
		scans++
		if from >= r.End {
			return nil // as Scan
		}
		at := batch.Place{Topic: "events"}
		s := &scan{Place: at, from: from, to: r.End, visit: func(r *batch.Stored) error {
			found(r.Offset)
			return nil
		}}
		for c := (chunk{next: from}); ; {
			if err := c.fill(response(t, log, c.next, r.Start, max), c.next); err != nil {
				return err
			}
			if err := s.take(&c); err != nil {
				if errors.Is(err, errEnough) {
					return nil
				}
				return err
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return last, scans
}

// aborted is n transactions of one record that were given up.
func aborted(base int64, n int) (log []handmade.Batch) {
	for i := range int64(n) {
		log = append(log, handmade.Data(base+2*i, foreign, "given up"), handmade.Marker(base+2*i+1, foreign, "abort"))
	}
	return log
}

// TestTailLayouts looks for the last committed record in what may stand at the end
// of a partition.
func TestTailLayouts(t *testing.T) {
	committed := []handmade.Batch{handmade.Data(0, own, "a", "b"), handmade.Marker(2, own, "commit")}
	many := make([]string, 40)
	tests := []struct {
		name  string
		log   []handmade.Batch
		start int64
		end   int64 // 0: the log's
		want  int64
		scans int // 0: any number
	}{
		{name: "a marker", log: committed, want: 2},
		{name: "many records before the marker", log: []handmade.Batch{handmade.Data(0, own, many...), handmade.Marker(40, own, "commit")}, want: 40, scans: 1},
		{name: "not transactional", log: append(slices.Clone(committed), handmade.Data(3, 0, "c")), want: 4},
		{name: "an aborted transaction", log: append(slices.Clone(committed), aborted(3, 1)...), want: 2},
		{name: "aborted ones as far as the first step", log: append(slices.Clone(committed), aborted(3, 8)...), want: 2, scans: 2},
		{name: "many aborted ones", log: append(slices.Clone(committed), aborted(3, 300)...), want: 2, scans: 3},
		{name: "nothing but aborted ones", log: aborted(0, 20), want: 0, scans: 2},
		{
			name: "a transaction as long as several steps, and its marker at the end",
			log:  slices.Concat([]handmade.Batch{handmade.Data(0, own, "a")}, aborted(1, 40), []handmade.Batch{handmade.Marker(81, own, "commit")}),
			want: 1, scans: 2,
		},
		{name: "committed after the end that was told", log: append(slices.Clone(committed), handmade.Data(3, own, "c"), handmade.Marker(4, own, "commit")), end: 4, want: 2},
		{name: "an open transaction", log: append(slices.Clone(committed), handmade.Data(3, foreign, "open")), want: 2},
		{
			name: "committed behind an open transaction",
			log:  slices.Concat([]handmade.Batch{handmade.Data(0, foreign, "open"), handmade.Data(1, own, "a"), handmade.Marker(2, own, "commit"), handmade.Data(3, foreign, "open")}),
			want: 2,
		},
		{name: "an open transaction alone", log: []handmade.Batch{handmade.Data(0, foreign, "open")}, want: 0},
		{
			name: "the last record compacted away", want: 3,
			log: []handmade.Batch{{Base: 0, Last: 10, Producer: own, Keys: []string{"a"}, At: []int32{2}}, handmade.Marker(11, own, "commit")},
		},
		{
			name: "all of the last batch compacted away", want: 2,
			log: append(slices.Clone(committed), handmade.Batch{Base: 3, Last: 4, Producer: own}, handmade.Marker(8, own, "commit")),
		},
		{
			name: "the beginning expired", start: 500, want: 502,
			log: []handmade.Batch{handmade.Data(500, own, "a", "b"), handmade.Marker(502, own, "commit")},
		},
		{name: "all but a marker expired", start: 500, log: []handmade.Batch{handmade.Marker(500, own, "commit")}, want: 0},
		{name: "all expired", start: 500, end: 500, want: 0, scans: 1},
		{name: "empty", want: 0, scans: 1},
	}
	for _, test := range tests {
		for _, max := range []int{1, 200, 1 << 20} {
			t.Run(fmt.Sprintf("%s/%d", test.name, max), func(t *testing.T) {
				end := test.end
				if n := len(test.log); n > 0 && end == 0 {
					end = test.log[n-1].Base + int64(test.log[n-1].Last) + 1
				}
				got, scans := tailOf(t, test.log, Range{Start: test.start, End: end}, max)
				if got != test.want {
					t.Errorf("the last record ends at %d, want %d", got, test.want)
				}
				if test.scans > 0 && scans != test.scans {
					t.Errorf("%d scans, want %d", scans, test.scans)
				}
			})
		}
	}
}

func TestEndsOfMovedTopic(t *testing.T) {
	var e ends
	at := func(partition int) batch.Place { return batch.Place{Topic: "events", Partition: partition} }
	commit := func(offsets map[batch.Place]int64) {
		var batches []batch.Placed
		for place := range offsets {
			batches = append(batches, batch.Placed{Place: place, Encoded: batch.Encoded{Records: 10}})
		}
		e.committed("events", batches, offsets)
	}
	want := func(what string, want []int64) {
		t.Helper()
		if got := e.all(nil); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	commit(map[batch.Place]int64{at(0): 100, {Topic: "status"}: 900})
	want("before a question", nil)
	if got, want := e.all([]int64{50, 60}), []int64{110, 60}; !slices.Equal(got, want) {
		t.Errorf("the tails were read: %v, want %v", got, want)
	}
	commit(map[batch.Place]int64{at(1): 20}) // below what was read: another's records, or none
	want("another partition", []int64{110, 60})
	commit(map[batch.Place]int64{at(0): 111, at(1): 61})
	want("both", []int64{121, 71})
	commit(map[batch.Place]int64{at(0): 0, at(1): 80})
	want("a topic that begins again", nil)
	if got, want := e.all([]int64{0, 0}), []int64{10, 90}; !slices.Equal(got, want) {
		t.Errorf("its tails were read: %v, want %v", got, want)
	}
}

// TestEnds asks on a broker: what earlier producers left counts, what somebody has
// open does not, and only the first question is one to Kafka.
func TestEnds(t *testing.T) {
	checkLeaks(t)
	s := newShop(t, 1, 2)
	w := newWire(t)
	watched := s.config
	watched.Dial = w.dial
	first, _ := s.start(t, s.dial(t), 0, "first")
	if err := publish(first, s.units("a", 30)); err != nil {
		t.Fatal(err)
	}
	dead, _ := s.start(t, dialWith(t, watched), 0, "dead")
	w.add(apiEndTxn, 0, lost)
	if err := publish(dead, s.units("dead", 30)); err == nil {
		t.Fatal("a lost EndTxn was reported as a commit")
	}
	if err := publish(first, s.units("b", 1)); !errors.Is(err, ErrFenced) {
		t.Fatalf("the older producer: %v, want a fence", err)
	}
	p, _ := s.start(t, dialWith(t, watched), 0, "second") // aborts what the dead one left
	want := s.lastEvents()
	s.foreigner(t, s.config.EventTopic, "open")
	w.add(apiListOffsets, 0, answers(6))
	w.add(apiFetch, 0, lost)
	s.wantEnds(t, p, "the first question", want)

	units := s.units("c", 20)
	if err := publish(p, units); err != nil {
		t.Fatal(err)
	}
	before := w.count(apiListOffsets) + w.count(apiFetch)
	got, err := p.Ends(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if got[i] <= want[i] {
			t.Errorf("partition %d still ends at %d", i, got[i])
		}
	}
	if after := w.count(apiListOffsets) + w.count(apiFetch); after != before {
		t.Errorf("a later question took %d requests", after-before)
	}
	// The records behind the open transaction count for the next producer, too.
	next, _ := s.start(t, s.dial(t), 0, "next")
	s.wantEnds(t, next, "behind an open transaction", got)
}

// An error ends no producer, and the next question is asked again.
func TestEndsAfterError(t *testing.T) {
	checkLeaks(t)
	s := newShop(t, 1, 2)
	w := newWire(t)
	watched := s.config
	watched.Dial = w.dial
	p, _ := s.start(t, dialWith(t, watched), 0, "first")
	if err := publish(p, s.units("a", 30)); err != nil {
		t.Fatal(err)
	}
	for _, api := range []int16{apiListOffsets, apiFetch} {
		w.add(api, 0, answers(29))
		if ends, err := p.Ends(soon(t)); code(err) != 29 || ends != nil {
			t.Errorf("without a right: %v, %v", ends, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Ends(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
	if err := publish(p, s.units("b", 30)); err != nil {
		t.Fatal(err)
	}
	s.wantEnds(t, p, "after errors", s.lastEvents())
}

// A partition that is added is told of from the first question on, and none is
// forgotten. The next producer is the first that writes to it.
func TestEndsOfGrownTopic(t *testing.T) {
	s := newShop(t, 1, 2)
	p, _ := s.start(t, s.dial(t), 0, "first")
	if err := publish(p, s.units("a", 30)); err != nil {
		t.Fatal(err)
	}
	want := s.lastEvents()
	s.Grow(s.config.EventTopic, 3)
	s.wantEnds(t, p, "grown before the first question", append(want, 0))
	if n := p.Partitions(s.config.EventTopic); n != 2 {
		t.Errorf("the producer writes to %d partitions of a topic that had 2 when it began", n)
	}
	next, _ := s.start(t, s.dial(t), 0, "second")
	if n := next.Partitions(s.config.EventTopic); n != 3 {
		t.Errorf("the next producer writes to %d partitions of 3", n)
	}
}

// lastEvents is where each partition of the event topic ends, as another client sees it.
func (s *shop) lastEvents() []int64 {
	h := s.Read(s.config.EventTopic)
	ends := make([]int64, h.Parts)
	for _, r := range h.Committed {
		ends[r.Partition] = r.Offset + 1
	}
	return ends
}

func (s *shop) wantEnds(t *testing.T, p *Producer, what string, want []int64) {
	t.Helper()
	got, err := p.Ends(soon(t))
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%s: the events end at %v, %v; want %v", what, got, err, want)
	}
}

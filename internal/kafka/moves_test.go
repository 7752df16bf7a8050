package kafka

import (
	"fmt"
	"testing"

	kafkago "github.com/segmentio/kafka-go"
)

func TestLeaderMoves(t *testing.T) {
	s := newShop(t, 1, 1)
	w := newWire(t)
	faulty := s.config
	faulty.Dial = w.dial
	c := dialWith(t, faulty)
	for _, code := range []int16{78, 5, 6} {
		w.add(apiListOffsets, 0, answers(code))
		before := w.count(apiListOffsets)
		ranges, err := c.Ends(soon(t), s.config.EventTopic)
		if err != nil || len(ranges) != 1 || ranges[0] != (Range{}) {
			t.Errorf("ends after code %d: %v, %v", code, ranges, err)
		}
		if got, want := w.count(apiListOffsets)-before, 3; got != want { // both ends, one of them twice
			t.Errorf("code %d: %d requests, want %d", code, got, want)
		}
	}
	if _, err := c.Ends(soon(t), "no-such-topic"); err == nil {
		t.Error("ends of a topic that is not there")
	}
}

// TestMovingCluster moves leaders and coordinators about between commits. A
// coordinator that moved is found again in place; a leader that moved ends the
// producer, and the next one goes on.
func TestMovingCluster(t *testing.T) {
	checkLeaks(t)
	s := newShop(t, 1, 4)
	if s.fake == nil {
		t.Skip("one broker, which keeps what it has")
	}
	c := s.dial(t)
	p, _ := s.start(t, c, 0, "first")
	var calls []string
	ended := 0
	for round := range 30 {
		switch round % 3 {
		case 0:
			s.fake.RehashCoordinators()
		case 1:
			s.fake.ShufflePartitionLeaders()
		}
		units := s.units(fmt.Sprint(round, "-"), 3)
		for _, u := range units {
			calls = append(calls, string(u[0].Key))
		}
		for {
			err := publish(p, units)
			if err == nil {
				break
			}
			if code(err) != kafkago.NotLeaderForPartition { // a leader that moved; perhaps rounds ago, for a partition not written to since
				t.Errorf("round %d: %v", round, err)
			}
			ended++
			var seen *entries
			if p, seen = s.start(t, c, 0, fmt.Sprint("round ", round)); seen.byKey["call/"+calls[len(calls)-1]] != "" {
				break
			}
		}
	}
	if ended == 0 {
		t.Error("no producer ended though leaders moved")
	}
	s.checkOnce(t, calls...)
}

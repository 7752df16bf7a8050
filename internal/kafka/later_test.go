package kafka

import (
	"context"
	"errors"
	"testing"
	"time"
)

// A producer that was fenced finds its successor's barrier, and nothing from
// before its own last commit.
func TestLaterShowsTheSuccessor(t *testing.T) {
	checkLeaks(t)
	s := newShop(t, 1, 1)
	first, second := s.dial(t), s.dial(t)
	p, _ := s.start(t, first, 0, "first")
	if err := publish(p, s.units("a-", 3)); err != nil {
		t.Fatal(err)
	}
	quiet, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := first.Later(quiet, 0, func(key, _ []byte) bool {
		t.Errorf("got %s before anybody wrote", key)
		return true
	})
	if !waited(err) {
		t.Errorf("got %v where nothing stands, want it to wait", err)
	}

	q, _ := s.start(t, second, 0, "second")
	if err := publish(q, s.units("b-", 1)); err != nil {
		t.Fatal(err)
	}
	var got []string
	err = first.Later(soon(t), 0, func(key, value []byte) bool {
		got = append(got, string(key))
		return len(got) == 2
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0] != "producer" {
		t.Errorf("got %q, want the second's barrier and its ledger entry", got)
	}
	if err := publish(p, s.units("c-", 1)); !errors.Is(err, ErrFenced) {
		t.Errorf("got %v, want the first to be fenced", err)
	}
}

package shards

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

func TestAfterFenceIsConfirmedByHeartbeat(t *testing.T) {
	onSites(t, func(t *testing.T, s site) {
		a := s.join(t, s.ledger(t, 1), 1)
		a.await(1)
		start := time.Now()
		if err := a.shards[0].AfterFence(t.Context()); err != nil {
			t.Errorf("got %v, want nil", err)
		}
		t.Logf("one short wait and a heartbeat took %v", time.Since(start))
	})
}

func TestHeartbeatOfAnotherGeneration(t *testing.T) {
	onSites(t, func(t *testing.T, s site) {
		m := s.join(t, s.ledger(t, 1), 1)
		m.await(1)
		present, _ := m.group.now()
		for _, test := range []struct {
			name string
			m    membership
			want error
		}{
			{"present", present, nil},
			{"earlier generation", membership{present.generation - 1, present.member}, kafkago.IllegalGeneration},
			{"another member", membership{present.generation, present.member + "x"}, kafkago.UnknownMemberId},
		} {
			err := m.group.heartbeat(t.Context(), test.m)
			if !errors.Is(err, test.want) {
				t.Errorf("%s: got %v, want %v", test.name, err, test.want)
			}
			if outdated(err) != (test.want != nil) {
				t.Errorf("%s: %v counts as outdated: %v", test.name, err, outdated(err))
			}
		}
	})
}

func TestFenceBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFenceBackoff(fixedOwner)
		wait := func() time.Duration {
			start := time.Now()
			if err := b.wait(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			return time.Since(start)
		}
		want := 5 * time.Second
		for i := range 12 {
			if got := wait(); got < want*8/10 || got > want*12/10 {
				t.Errorf("wait %d: got %v, want %v give or take a fifth", i, got, want)
			}
			want = min(2*want, 5*time.Minute)
		}
		time.Sleep(9 * time.Minute)
		if got := wait(); got < 4*time.Minute {
			t.Errorf("9 min later: got %v, want about 5 min", got)
		}
		time.Sleep(10*time.Minute + time.Second)
		if got := wait(); got > 6*time.Second {
			t.Errorf("after 10 healthy min: got %v, want about 5 s", got)
		}
	})
}

func TestFenceBackoffEndsEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFenceBackoff(fixedOwner)
		next := make(chan struct{})
		close(next)
		start := time.Now()
		if err := b.wait(t.Context(), next); err != nil || time.Since(start) != 0 {
			t.Errorf("got %v after %v, want nil at once", err, time.Since(start))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.wait(ctx, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
}

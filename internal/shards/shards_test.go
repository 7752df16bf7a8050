package shards

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"airudder-exporter/internal/kafka"
)

func TestAssignAll(t *testing.T) {
	verifyGoroutines(t)
	s := site{brokers: []string{"127.0.0.1:1"}}
	c, log := s.client(t, kafka.Config{}), slog.New(slog.DiscardHandler)
	m := newMember(t)
	m.run(func(ctx context.Context) error {
		return Assign(ctx, s.config(All, "ledger", 3), c, log, m.own, m.changed)
	})
	if got, want := m.await(3), []int{0, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("owned: got %v, want %v", got, want)
	}
	m.leave()
}

func TestAssignEndsWithAnOwn(t *testing.T) {
	refused := errors.New("the ledger is refused")
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"error", refused, "shard 1: the ledger is refused"},
		{"nil", nil, "shard 1 ended although it is still owned"},
	} {
		t.Run(test.name, func(t *testing.T) {
			verifyGoroutines(t)
			s := site{brokers: []string{"127.0.0.1:1"}}
			c, log := s.client(t, kafka.Config{}), slog.New(slog.DiscardHandler)
			var ended sync.Map
			err := Assign(t.Context(), s.config(All, "ledger", 3), c, log, func(ctx context.Context, s *Shard) error {
				if s.Partition == 1 {
					return test.err
				}
				<-ctx.Done()
				ended.Store(s.Partition, true)
				return errors.New("not asked for")
			}, nil)
			if err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if test.err != nil && !errors.Is(err, test.err) {
				t.Errorf("got %v, want it to wrap %v", err, test.err)
			}
			for _, p := range []int{0, 2} {
				if _, ok := ended.Load(p); !ok {
					t.Errorf("shard %d was not waited for", p)
				}
			}
		})
	}
}

func TestAssignUnknownMode(t *testing.T) {
	s := site{brokers: []string{"127.0.0.1:1"}}
	c, log := s.client(t, kafka.Config{}), slog.New(slog.DiscardHandler)
	err := Assign(t.Context(), s.config("some", "ledger", 1), c, log, nil, nil)
	if want := `assign shards: "some" is not one of them: give group or all`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A shard that is taken away and given back while its own still ends is begun
// again when that has ended, never beside it.
func TestGivenBackWhileEnding(t *testing.T) {
	verifyGoroutines(t)
	given := make(chan gift)
	started, release := make(chan context.Context), make(chan struct{})
	o := &owners{
		own: func(ctx context.Context, s *Shard) error {
			started <- ctx
			<-ctx.Done()
			<-release
			return errors.New("cut off in the middle of something")
		},
		changed: func([]int) {},
		shard:   func(p int) *Shard { return &Shard{Partition: p} },
		log:     slog.New(slog.DiscardHandler),
		ended:   make(chan ended),
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- o.run(ctx, given) }()
	give := func(shards ...int) { given <- gift{shards, func() {}} }

	give(7)
	first := <-started
	give()
	<-first.Done()
	give(7)
	give(7) // acted upon, so the one before is too
	select {
	case <-started:
		t.Fatal("a second own began while the first was still ending")
	default:
	}
	release <- struct{}{}
	if second := <-started; second.Err() != nil {
		t.Errorf("second context: got %v, want it alive", second.Err())
	}
	cancel()
	release <- struct{}{}
	if err := <-done; err != nil {
		t.Errorf("got %v, want nil: the errors came after the contexts ended", err)
	}
}

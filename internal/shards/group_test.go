package shards

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

func TestGroupGivesAllToOneMember(t *testing.T) {
	onSites(t, func(t *testing.T, s site) {
		a := s.join(t, s.ledger(t, 4), 4)
		if got, want := a.await(4), []int{0, 1, 2, 3}; !slices.Equal(got, want) {
			t.Errorf("owned: got %v, want %v", got, want)
		}
		a.leave()
		if got := a.running(); len(got) != 0 {
			t.Errorf("running after the end: got %v, want none", got)
		}
	})
}

func TestGroupIgnoresPartitionsBeyondThePinnedCount(t *testing.T) {
	onSites(t, func(t *testing.T, s site) {
		a := s.join(t, s.ledger(t, 6), 2)
		if got, want := a.await(2), []int{0, 1}; !slices.Equal(got, want) {
			t.Errorf("owned: got %v, want %v", got, want)
		}
	})
}

// A second member takes half, and only what moves is stopped; when it leaves,
// the first has everything again, soon, and what it kept never noticed.
func TestGroupMovesOnlyWhatMust(t *testing.T) {
	onSites(t, func(t *testing.T, s site) {
		ledger := s.ledger(t, 4)
		a := s.join(t, ledger, 4)
		a.await(4)
		b := s.join(t, ledger, 4)
		kept, moved := a.await(2), b.await(2)
		if all := slices.Sorted(slices.Values(slices.Concat(kept, moved))); !slices.Equal(all, []int{0, 1, 2, 3}) {
			t.Errorf("split: got %v and %v, want each shard once", kept, moved)
		}
		left := time.Now()
		b.leave()
		a.await(4)
		t.Logf("after a leave, the other member took over in %v", time.Since(left))
		for _, p := range kept {
			if a.starts[p] != 1 || a.ends[p] != 0 {
				t.Errorf("kept shard %d: got %d starts and %d ends, want 1 and 0", p, a.starts[p], a.ends[p])
			}
		}
		for _, p := range moved {
			if a.starts[p] != 2 || a.ends[p] != 1 {
				t.Errorf("moved shard %d: got %d starts and %d ends, want 2 and 1", p, a.starts[p], a.ends[p])
			}
		}
	})
}

func TestGroupHasStandby(t *testing.T) {
	onSites(t, func(t *testing.T, s site) {
		ledger := s.ledger(t, 1)
		members := []*member{s.join(t, ledger, 1), s.join(t, ledger, 1)}
		owner, standby := awaitOwner(t, members)
		standby.await(0)
		owner.leave()
		standby.await(1)
		if owner.starts[0] != 1 {
			t.Errorf("got %d starts at the first owner, want 1", owner.starts[0])
		}
	})
}

// A process keeps its place in the order of the members when it joins anew, and
// one that starts later stands behind it.
func TestMemberPrefix(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	older, newer := memberPrefix("exporter", start), memberPrefix("exporter", start.Add(time.Second))
	if older >= newer {
		t.Errorf("got %q for the older and %q for the newer, want them in order", older, newer)
	}
	if other := memberPrefix("exporter", start); other == older {
		t.Errorf("two processes that started in one second share %q", other)
	}
}

func TestGroupKeepsShardsWhenAllJoinAnew(t *testing.T) {
	onSites(t, func(t *testing.T, s site) {
		ledger := s.ledger(t, 2)
		a, b := s.join(t, ledger, 2), s.join(t, ledger, 2)
		a.await(1)
		b.await(1)
		ctxs := []context.Context{a.ctxs[a.running()[0]], b.ctxs[b.running()[0]]}
		before := a.group.generation()
		for _, m := range []*member{a, b} {
			m.network.set(true)
		}
		for _, m := range []*member{a, b} { // the join that fails makes the library drop its member id
			<-m.network.refused
		}
		for _, m := range []*member{a, b} {
			m.network.set(false)
		}
		a.awaitGeneration(before)
		b.awaitGeneration(before)
		a.await(1)
		b.await(1)
		for i, ctx := range ctxs {
			if ctx.Err() != nil {
				t.Errorf("the shard of member %d moved", i)
			}
		}
	})
}

// A member that is cut off is replaced after its session. It does not know and
// goes on; when it is back, it learns, and neither its fence nor its doubt is
// confirmed.
func TestGroupReplacesDeadMember(t *testing.T) {
	for _, test := range []struct {
		name  string
		after func(s *Shard, ctx context.Context) error
	}{
		{"AfterFence", (*Shard).AfterFence}, {"AfterDoubt", (*Shard).AfterDoubt},
	} {
		t.Run(test.name, func(t *testing.T) {
			onSites(t, func(t *testing.T, s site) { replaceDeadMember(t, s, test.after) })
		})
	}
}

func replaceDeadMember(t *testing.T, s site, after func(s *Shard, ctx context.Context) error) {
	ledger := s.ledger(t, 1)
	a := s.join(t, ledger, 1)
	a.await(1)
	a.mu.Lock()
	shard, ctx := a.shards[0], a.ctxs[0]
	a.mu.Unlock()

	a.network.set(true)
	b := s.join(t, ledger, 1)
	b.await(1)
	if err := ctx.Err(); err != nil {
		t.Errorf("the cut-off member's shard: got %v, want it to run on", err)
	}
	a.network.set(false)
	ended := make(chan error, 1)
	go func() { ended <- after(shard, ctx) }()

	// Back in the group, either may be the owner; never both in the end.
	owner, _ := awaitOwner(t, []*member{a, b})
	err := <-ended
	if owner == b && err == nil {
		t.Error("got nil, want an error for a shard that another member has")
	}
	if owner == a && err != nil {
		t.Errorf("got %v, want nil for a shard that was given back", err)
	}
}

// Without a broker everything owned stays owned, and a new generation that
// gives it again changes nothing.
func TestGroupOutlivesItsCoordinator(t *testing.T) {
	onSites(t, func(t *testing.T, s site) {
		a := s.join(t, s.ledger(t, 2), 2)
		a.await(2)
		a.mu.Lock()
		shard, ctx := a.shards[1], a.ctxs[1]
		a.mu.Unlock()
		a.network.set(true)
		short, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		if err := shard.AfterFence(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("AfterFence without a coordinator: got %v, want it to wait", err)
		}
		if err := shard.AfterDoubt(ctx); err != nil {
			t.Errorf("AfterDoubt without a coordinator: got %v, want nil: what is owned stays owned", err)
		}
		a.network.set(false)
		if err := shard.AfterFence(ctx); err != nil {
			t.Errorf("AfterFence with the coordinator back: got %v, want nil", err)
		}
		a.await(2)
		for p := range 2 {
			if a.starts[p] != 1 || a.ends[p] != 0 {
				t.Errorf("shard %d: got %d starts and %d ends, want 1 and 0", p, a.starts[p], a.ends[p])
			}
		}
	})
}

package shards

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"airudder-exporter/internal/kafka"
)

// member is one process that runs Assign.
type member struct {
	t       *testing.T
	network lifeline
	group   *group
	stop    context.CancelFunc
	done    chan error

	mu     sync.Mutex
	news   chan struct{} // closed at every change of what follows
	owned  []int         // as told; nil: not told yet
	starts map[int]int   // by shard
	ends   map[int]int
	shards map[int]*Shard
	ctxs   map[int]context.Context
}

func (s site) join(t *testing.T, ledger string, shards int) *member {
	t.Helper()
	m := newMember(t)
	c := s.client(t, kafka.Config{Dial: m.network.dial})
	m.group = newGroup(s.config(Group, ledger, shards), s.timing, c, slog.New(slog.DiscardHandler))
	m.run(func(ctx context.Context) error { return m.owners().assignGroup(ctx, m.group) })
	return m
}

func (m *member) owners() *owners {
	return &owners{own: m.own, changed: m.changed, log: slog.New(slog.DiscardHandler), ended: make(chan ended)}
}

func (g *group) generation() int32 {
	present, _ := g.now()
	return present.generation
}

func newMember(t *testing.T) *member {
	return &member{t: t, network: lifeline{refused: make(chan struct{}, 1)}, news: make(chan struct{}), done: make(chan error, 1),
		starts: map[int]int{}, ends: map[int]int{}, shards: map[int]*Shard{}, ctxs: map[int]context.Context{}}
}

func (m *member) run(assign func(context.Context) error) {
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	go func() { m.done <- assign(ctx) }()
	m.t.Cleanup(func() { m.leave() })
}

// leave stops Assign and waits for it.
func (m *member) leave() {
	m.t.Helper()
	m.stop()
	select {
	case err := <-m.done:
		if err != nil {
			m.t.Errorf("Assign: got %v, want nil", err)
		}
		m.done <- nil // for the cleanup
	case <-time.After(90 * time.Second):
		m.t.Fatal("Assign did not end")
	}
}

func (m *member) own(ctx context.Context, s *Shard) error {
	m.change(func() {
		m.starts[s.Partition]++
		m.shards[s.Partition], m.ctxs[s.Partition] = s, ctx
	})
	<-ctx.Done()
	m.change(func() { m.ends[s.Partition]++ })
	return ctx.Err()
}

func (m *member) changed(owned []int) {
	m.change(func() { m.owned = append([]int{}, owned...) })
}

func (m *member) change(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
	close(m.news)
	m.news = make(chan struct{})
}

// running are the shards whose own runs and was not told to end.
func (m *member) running() []int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.runningLocked()
}

func (m *member) runningLocked() []int {
	running := []int{}
	for _, p := range slices.Sorted(maps.Keys(m.starts)) {
		if m.starts[p] > m.ends[p] && m.ctxs[p].Err() == nil {
			running = append(running, p)
		}
	}
	return running
}

// state is what the member was told to own, whether it runs just that, and what
// is closed when either changes.
func (m *member) state() (owned []int, settled bool, news <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.owned, m.owned != nil && slices.Equal(m.owned, m.runningLocked()), m.news
}

// await waits until the member was told to own n shards and runs just those.
func (m *member) await(n int) []int {
	m.t.Helper()
	deadline := time.After(90 * time.Second)
	for {
		owned, settled, news := m.state()
		if settled && len(owned) == n {
			return owned
		}
		select {
		case <-news:
		case <-deadline:
			m.t.Fatalf("got owned %v, running %v, want %d shards", owned, m.running(), n)
		}
	}
}

// awaitGeneration waits for a later one.
func (m *member) awaitGeneration(before int32) {
	m.t.Helper()
	deadline := time.After(90 * time.Second)
	for {
		present, changed := m.group.now()
		if present.generation > before {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			m.t.Fatalf("got generation %d, want a later one than %d", present.generation, before)
		}
	}
}

// awaitOwner waits until one of two members owns the one shard and the other is
// a standby. What a member was told counts, not only what it runs: between two
// generations the new owner knows before the old one has heard.
func awaitOwner(t *testing.T, members []*member) (owner, standby *member) {
	t.Helper()
	deadline := time.After(90 * time.Second)
	for {
		a, b := members[0], members[1]
		aOwned, aSettled, aNews := a.state()
		bOwned, bSettled, bNews := b.state()
		if aSettled && bSettled && len(aOwned)+len(bOwned) == 1 {
			if len(aOwned) == 1 {
				return a, b
			}
			return b, a
		}
		select {
		case <-aNews:
		case <-bNews:
		case <-deadline:
			t.Fatalf("got %v and %v owned, want one shard in all", aOwned, bOwned)
		}
	}
}

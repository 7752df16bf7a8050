package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"airudder-exporter/internal/batch"
)

// TestChaos lets several processes publish the same calls through one shard,
// fencing each other, while requests are lost, answers are lost, and some
// requests arrive long after they were given up. It continues until each of these
// has happened; then each call must be there once.
func TestChaos(t *testing.T) {
	checkLeaks(t)
	s := newShop(t, 1, 3)
	s.config.TransactionTimeout = time.Second
	book := &book{met: make(map[string]int), reported: make(map[string]int), want: map[string]int{
		"lost": 3, "unanswered": 3, "answered 51": 1, "answered 16": 1, "answered 6": 1, "late": 3,
		"start": 4, "commit": 20, "fenced": 3, "failed": 3, "there at the next start": 1,
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	for i := range uint64(3) {
		life := &life{shop: s, book: book, rng: rand.New(rand.NewPCG(i, 42))}
		group.Go(func() error { return life.run(ctx, t) })
	}
	if err := group.Wait(); err != nil {
		t.Errorf("%v; what happened: %v, want at least %v", err, book.met, book.want)
	}
	for call, n := range book.reported {
		if n > 1 {
			t.Errorf("%s was reported as committed %d times", call, n)
		}
	}
	t.Logf("%d calls: %v", len(book.calls), book.met)
	s.checkOnce(t, book.calls...)
}

// book is what the processes have to do, and what they say they did.
type book struct {
	want map[string]int // how often each thing must happen before the test ends

	mu       sync.Mutex
	calls    []string
	met      map[string]int // how often each thing has happened
	reported map[string]int // call → how often a commit of it succeeded
}

func (b *book) note(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.met[what]++
}

// todo is up to four calls that are not in a process's memory; new ones for as long
// as something has not happened often enough; none: the process is done.
func (b *book) todo(seen map[string]string) (todo []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, call := range b.calls {
		if seen["call/"+call] == "" && len(todo) < 4 {
			todo = append(todo, call)
		}
	}
	if len(todo) > 0 || !b.missing() {
		return todo
	}
	for range 4 {
		todo = append(todo, fmt.Sprint("call-", len(b.calls)))
		b.calls = append(b.calls, todo[len(todo)-1])
	}
	return todo
}

func (b *book) missing() bool {
	return slices.ContainsFunc(slices.Collect(maps.Keys(b.want)), func(what string) bool { return b.met[what] < b.want[what] })
}

// life is one process on a bad network.
type life struct {
	*shop
	book  *book
	rng   *rand.Rand // of run alone
	tried []string   // in the last commit, which failed
}

func (l *life) run(ctx context.Context, t *testing.T) error {
	var late sync.WaitGroup
	defer late.Wait()
	w := newWire(t)
	w.chaos = l.chaos(&late)
	config := l.config
	config.Dial = w.dial
	c := dialWith(t, config)
	for ctx.Err() == nil {
		if l.live(ctx, c) {
			return nil
		}
		if !sleep(ctx, time.Duration(l.rng.IntN(100))*time.Millisecond) {
			break
		}
	}
	return ctx.Err()
}

// live runs one producer until its first error; done: nothing is left to do.
func (l *life) live(ctx context.Context, c *Client) (done bool) {
	var seen entries
	p, err := c.Producer(ctx, 0, barrier(fmt.Sprint(l.rng.Uint64())), seen.take)
	if err != nil {
		l.failed(err)
		return false
	}
	l.book.note("start")
	if slices.ContainsFunc(l.tried, func(call string) bool { return seen.byKey["call/"+call] != "" }) {
		l.book.note("there at the next start")
	}
	l.tried = nil
	for {
		todo := l.book.todo(seen.byKey)
		if len(todo) == 0 {
			return true
		}
		if err := l.publish(p, todo); err != nil {
			l.failed(err)
			l.tried = todo
			return false
		}
		for _, call := range todo {
			seen.byKey["call/"+call] = "published"
		}
	}
}

func (l *life) failed(err error) {
	if errors.Is(err, ErrFenced) {
		l.book.note("fenced")
		return
	}
	l.book.note("failed")
}

func (l *life) publish(p *Producer, calls []string) error {
	var units [][]batch.Record
	for _, call := range calls {
		units = append(units, l.unit(call))
	}
	if err := publish(p, units); err != nil {
		return err
	}
	l.book.note("commit")
	l.book.mu.Lock()
	defer l.book.mu.Unlock()
	for _, call := range calls {
		l.book.reported[call]++
	}
	return nil
}

// chaos chooses faults. It is called under the wire's lock.
func (l *life) chaos(late *sync.WaitGroup) func(api int16) func(*wireConn, []byte) error {
	rng := rand.New(rand.NewPCG(l.rng.Uint64(), 7))
	kinds := []struct {
		name string
		how  func(*wireConn, []byte) error
	}{
		{"lost", lost}, {"unanswered", unanswered}, {"unanswered", unanswered},
		{"answered 51", answers(51)}, {"answered 16", answers(16)}, {"answered 6", answers(6)},
	}
	return func(api int16) func(*wireConn, []byte) error {
		switch api {
		case apiProduce, apiAddPartitionsToTxn, apiEndTxn, apiInitProducerID, apiFetch:
		default:
			return nil
		}
		if rng.IntN(12) > 0 {
			return nil
		}
		if rng.IntN(4) > 0 || api == apiFetch {
			kind := kinds[rng.IntN(len(kinds))]
			l.book.note(kind.name)
			return kind.how
		}
		h, wait := &held{}, time.Duration(rng.IntN(100))*time.Millisecond
		return func(c *wireConn, request []byte) error {
			defer late.Go(func() {
				<-time.After(wait)
				if h.deliver() == nil {
					l.book.note("late")
				}
			})
			return h.hold(c, request)
		}
	}
}

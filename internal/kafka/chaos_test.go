package kafka

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"airudder-exporter/internal/batch"
)

// TestChaos lets several processes publish the same calls through one shard,
// fencing each other, while requests are lost, answers are lost, and some
// requests arrive long after they were given up. Each call must be there once.
func TestChaos(t *testing.T) {
	checkLeaks(t)
	s := newShop(t, 1, 3)
	s.config.TransactionTimeout = time.Second
	book := &book{reported: make(map[string]int)}
	const calls = 80
	for i := range calls {
		book.calls = append(book.calls, fmt.Sprint("call-", i))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	for i := range uint64(3) {
		life := &life{shop: s, book: book, rng: rand.New(rand.NewPCG(i, 42))}
		group.Go(func() error { return life.run(ctx, t) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for call, n := range book.reported {
		if n > 1 {
			t.Errorf("%s was reported as committed %d times", call, n)
		}
	}
	t.Logf("%d producers, %d failed commits of which %d were there, %d late requests", book.starts, book.failed, book.doubts, book.late)
	s.checkOnce(t, book.calls...)
}

// book is what the processes have to do, and what they say they did.
type book struct {
	calls []string

	mu                           sync.Mutex
	reported                     map[string]int
	starts, failed, doubts, late int
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
	w := &wire{chaos: l.chaos(&late)}
	config := l.config
	config.Dial = w.dial
	c := dialWith(t, config)
	for ctx.Err() == nil {
		done, err := l.live(ctx, c)
		if done || err != nil {
			return err
		}
		if !sleep(ctx, time.Duration(l.rng.IntN(100))*time.Millisecond) {
			break
		}
	}
	return ctx.Err()
}

// live runs one producer until its first error; done: every call is published.
func (l *life) live(ctx context.Context, c *Client) (done bool, err error) {
	var seen entries
	p, err := c.Producer(ctx, 0, barrier(fmt.Sprint(l.rng.Uint64())), seen.take)
	if err != nil {
		return false, nil
	}
	l.book.mu.Lock()
	l.book.starts++
	for _, call := range l.tried {
		if seen.byKey["call/"+call] != "" {
			l.book.doubts++
			break
		}
	}
	l.book.mu.Unlock()
	l.tried = nil
	for {
		var todo []string
		for _, call := range l.book.calls {
			if seen.byKey["call/"+call] == "" && len(todo) < 4 {
				todo = append(todo, call)
			}
		}
		if len(todo) == 0 {
			return true, nil
		}
		if err := l.publish(p, todo); err != nil {
			l.tried = todo
			return false, nil
		}
		for _, call := range todo {
			seen.byKey["call/"+call] = "published"
		}
	}
}

func (l *life) publish(p *Producer, calls []string) error {
	var units [][]batch.Record
	for _, call := range calls {
		units = append(units, l.unit(call))
	}
	err := publish(p, units)
	l.book.mu.Lock()
	defer l.book.mu.Unlock()
	if err != nil {
		l.book.failed++
		return err
	}
	for _, call := range calls {
		l.book.reported[call]++
	}
	return nil
}

// chaos chooses faults. It is called under the wire's lock.
func (l *life) chaos(late *sync.WaitGroup) func(api int16) func(*wireConn, []byte) error {
	rng := rand.New(rand.NewPCG(l.rng.Uint64(), 7))
	kinds := []func(*wireConn, []byte) error{lost, unanswered, unanswered, answers(51), answers(16), answers(6)}
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
			return kinds[rng.IntN(len(kinds))]
		}
		h, wait := &held{}, time.Duration(rng.IntN(100))*time.Millisecond
		return func(c *wireConn, request []byte) error {
			defer late.Go(func() {
				<-time.After(wait)
				if h.deliver() == nil {
					l.book.mu.Lock()
					l.book.late++
					l.book.mu.Unlock()
				}
			})
			return h.hold(c, request)
		}
	}
}

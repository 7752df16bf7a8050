//go:build unix

package prooftest

import (
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"airudder-exporter/internal/airuddersim"
)

// TestTerminated ends the exporter with SIGTERM at each step of a transaction:
// it ends in good order, within its deadline.
func TestTerminated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, renewed(21), nil)
	one := w.exporter("one", "KAFKA_TRANSACTION_TIMEOUT=2s")
	seen := w.watch(t)
	stop := w.play(10)
	for _, s := range workSteps {
		for _, early := range []bool{true, false} {
			took := terminateAt(t, one, s, early, false)
			t.Logf("SIGTERM in %s, before the broker %v: ended after %s", s, early, took.Round(time.Millisecond))
		}
	}
	// The answer never comes: the transaction is left to the next producer.
	took := terminateAt(t, one, stepProduce, false, true)
	t.Logf("SIGTERM in %s, which is never answered: ended after %s", stepProduce, took.Round(time.Millisecond))
	one.start()
	stop()
	w.awaitEvents(seen, patience)
	one.terminate(grace)
	w.check(nil)
}

// terminateAt runs an exporter, sends it SIGTERM in a step of its third
// transaction, and waits for its end, no longer than two transactions may last.
func terminateAt(t *testing.T, c *child, s step, early, silent bool) time.Duration {
	t.Helper()
	reached := make(chan *process, 1)
	release := make(chan struct{})
	var once sync.Once
	now := func() {
		once.Do(func() {
			p := c.expect()
			c.signal(syscall.SIGTERM)
			reached <- p
			if silent {
				<-release
			}
		})
	}
	var mu sync.Mutex
	n := 0
	c.net.arm(func(r *request) fate {
		mu.Lock()
		defer mu.Unlock()
		if r.step == s {
			n++
		}
		switch {
		case r.step != s || n != 3:
			return fate{}
		case early:
			return fate{before: now}
		}
		return fate{after: now}
	})
	defer c.net.arm(nil)
	defer close(release)
	c.start()
	select {
	case p := <-reached:
		return c.awaitExit(p, time.Now(), grace)
	case <-time.After(patience):
		t.Fatalf("no third %s", s)
		return 0
	}
}

// TestPausedForTooLong stops an exporter in the middle of a transaction for
// longer than its session and its transaction last. Another takes over; what
// the first still has under way must not count when it goes on.
func TestPausedForTooLong(t *testing.T) {
	t.Parallel()
	for _, s := range []step{stepProduce, stepEnd} {
		t.Run(fmt.Sprint("in ", s), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, renewed(31), nil)
			settings := []string{"KAFKA_ASSIGNMENT=group", "KAFKA_TRANSACTION_TIMEOUT=2s"}
			one, two := w.exporter("one", settings...), w.exporter("two", settings...)
			seen := w.watch(t)
			stop := w.play(10)
			one.start()
			eventually(t, "events of the first", patience, func() bool { return seen.count() > 0 })
			two.start()
			stopped, goOn := pauseAt(t, one, s)
			eventually(t, "events of the second", patience, func() bool { return seen.newest().After(stopped) })
			paused := time.Since(stopped)
			one.signal(syscall.SIGCONT)
			goOn()
			eventually(t, "the end of the first's producer", patience, func() bool {
				log := string(one.logged())
				return strings.Contains(log, "producer ended") || strings.Contains(log, "another exporter took the shard over")
			})
			before := seen.count()
			eventually(t, "events after it came back", patience, func() bool { return seen.count() > before+20 })
			stop()
			w.awaitEvents(seen, patience)
			for _, c := range w.children {
				c.terminate(grace)
			}
			t.Logf("paused for %s; the brokers refused %d requests of the paused one, %d of the other as those of a dead producer",
				paused.Round(time.Millisecond), one.net.refusals(), two.net.refusals())
			if s == stepEnd && one.net.refusals() == 0 {
				t.Errorf("the late EndTxn of the paused exporter was not refused:\n%s", strings.Join(one.net.around([]time.Time{time.Now()}, 3*time.Second), "\n"))
			}
			w.check(nil)
		})
	}
}

// pauseAt stops an exporter in its next step of a kind, with the answer of a
// Produce or the request of an EndTxn on its way, and returns when it stands
// still. What was on its way goes on when goOn is called.
func pauseAt(t *testing.T, c *child, s step) (stopped time.Time, goOn func()) {
	t.Helper()
	still, held := make(chan struct{}), make(chan struct{})
	var once sync.Once
	now := func() {
		once.Do(func() {
			c.signal(syscall.SIGSTOP)
			close(still)
			<-held
		})
	}
	c.net.arm(func(r *request) fate {
		switch {
		case r.step != s:
			return fate{}
		case s == stepEnd:
			return fate{before: now}
		}
		return fate{after: now}
	})
	goOn = sync.OnceFunc(func() {
		c.net.arm(nil)
		close(held)
	})
	t.Cleanup(goOn)
	select {
	case <-still:
	case <-time.After(patience):
		t.Fatalf("no %s", s)
	}
	return time.Now(), goOn
}

// renewed are campaigns that go on for as long as a test wants them to.
func renewed(seed uint64) airuddersim.Config {
	cfg := campaigns(seed, 5, 40, 3)
	cfg.Renew = true
	return cfg
}

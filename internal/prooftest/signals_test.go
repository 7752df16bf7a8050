//go:build unix

package prooftest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// TestTerminated ends the exporter with SIGTERM at each step of a producer's
// start and of a transaction: it ends in good order, within its deadline.
func TestTerminated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, renewed(21), nil)
	one := w.exporter("one", "KAFKA_TRANSACTION_TIMEOUT=2s")
	w.play(10)
	for _, s := range slices.Concat(startSteps, workSteps) {
		for _, early := range []bool{true, false} {
			took := terminateAt(t, one, s, early, false)
			t.Logf("SIGTERM in %s, before the broker %v: ended after %s", s, early, took.Round(time.Millisecond))
		}
	}
	// The answer never comes: the transaction is left to the next producer.
	took := terminateAt(t, one, stepProduce, false, true)
	t.Logf("SIGTERM in %s, which is never answered: ended after %s", stepProduce, took.Round(time.Millisecond))
	one.Start()
	w.settle()
	w.check(nil)
}

// terminateAt runs an exporter, sends it SIGTERM in a step of its start or of its
// third transaction, and waits for its end.
func terminateAt(t *testing.T, c *child, s step, early, silent bool) time.Duration {
	t.Helper()
	reached := make(chan *rig.Process, 1)
	release := make(chan struct{})
	var once sync.Once
	now := func() {
		once.Do(func() {
			p := c.Expect()
			c.Signal(syscall.SIGTERM)
			reached <- p
			if silent {
				<-release
			}
		})
	}
	var mu sync.Mutex
	skip := 0
	if slices.Contains(workSteps, s) {
		skip = 2
	}
	c.net.arm(func(r *request) fate {
		mu.Lock()
		defer mu.Unlock()
		if r.step != s {
			return fate{}
		}
		skip--
		switch {
		case skip != -1:
			return fate{}
		case early:
			return fate{before: now}
		}
		return fate{after: now}
	})
	defer c.net.arm(nil)
	defer close(release)
	c.Start()
	select {
	case p := <-reached:
		began := time.Now()
		c.AwaitExit(p, rig.Grace, 0)
		return time.Since(began)
	case <-time.After(rig.Patience):
		t.Fatalf("%s never came", s)
		return 0
	}
}

// TestPausedForTooLong stops an exporter in its replay, or in the middle of a
// transaction, for longer than its session and its transaction last. Another
// takes over; what the first still has under way must not count when it goes on,
// and it fences nobody before the group has heard of it again.
func TestPausedForTooLong(t *testing.T) {
	t.Parallel()
	for _, s := range []step{stepReplay, stepAdd, stepProduce, stepEnd} {
		t.Run(fmt.Sprint("in ", s), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, renewed(31), nil)
			settings := []string{"KAFKA_ASSIGNMENT=group", "KAFKA_TRANSACTION_TIMEOUT=2s"}
			one, two := w.exporter("one", settings...), w.exporter("two", settings...)
			w.play(10)
			if s != stepReplay {
				one.Start()
				w.awaitMore(1)
			}
			p := pauseAt(t, one, s)
			two.Start()
			w.awaitNext(p.stopped, "of the second")
			paused, known := time.Since(p.stopped), len(one.Logged())
			p.goOn()
			rig.Eventually(t, "the end of the first's producer", rig.Patience, func() bool {
				log := string(one.Logged()[known:])
				return strings.Contains(log, "producer ended") || strings.Contains(log, "producer fenced") ||
					strings.Contains(log, `"msg":"shards assigned"`)
			})
			w.awaitMore(20)
			w.settle()
			t.Logf("paused for %s; the brokers refused %d requests of the paused one, %d of the other as those of a dead producer",
				paused.Round(time.Millisecond), one.net.refusals(), two.net.refusals())
			if s == stepEnd && one.net.refusals() == 0 {
				t.Errorf("the late EndTxn of the paused exporter was not refused:\n%s", strings.Join(one.net.around([]time.Time{time.Now()}, 3*time.Second), "\n"))
			}
			if p.early.Load() {
				t.Error("the paused exporter fenced the other before it had joined the group again")
			}
			w.check(nil)
		})
	}
}

// pause is an exporter that stands still.
type pause struct {
	stopped time.Time
	goOn    func()      // lets it go on, and what was on its way
	early   atomic.Bool // since it went on, it fenced somebody before it joined its group
}

// pauseAt stops an exporter in its next step of a kind, with the answer or, of
// an EndTxn, the request on its way, and returns when it stands still. One that
// does not run yet is started for it.
func pauseAt(t *testing.T, c *child, s step) *pause {
	t.Helper()
	still, held := make(chan struct{}), make(chan struct{})
	var once sync.Once
	now := func() {
		once.Do(func() {
			c.Signal(syscall.SIGSTOP)
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
	p := &pause{}
	p.goOn = sync.OnceFunc(func() {
		var joined atomic.Bool
		c.net.arm(func(r *request) fate {
			switch {
			case r.step == "JoinGroup":
				joined.Store(true)
			case r.step == stepFence && !joined.Load():
				p.early.Store(true)
			}
			return fate{}
		})
		c.Signal(syscall.SIGCONT)
		close(held)
	})
	t.Cleanup(p.goOn)
	if slices.Contains(startSteps, s) {
		c.Start()
	}
	select {
	case <-still:
	case <-time.After(rig.Patience):
		t.Fatalf("no %s", s)
	}
	p.stopped = time.Now()
	return p
}

// renewed are campaigns that go on for as long as a test wants them to.
func renewed(seed uint64) airuddersim.Config {
	cfg := campaigns(seed, 5, 40, 3)
	cfg.Renew = true
	return cfg
}

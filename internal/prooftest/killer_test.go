package prooftest

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"airudder-exporter/internal/rig"

	"github.com/twmb/franz-go/pkg/kgo"
)

// killer kills exporters, one at a time, and starts them again at once.
type killer struct {
	w     *world
	rnd   *rand.Rand
	deck  []moment // still to come
	tally map[string]tally
	kills int
	open  int  // of them inside an open transaction
	calm  bool // waits for an event after each kill

	mu      sync.Mutex
	killed  time.Time // the last kill that no event has followed; zero: none
	resumed []time.Duration
}

// tally counts the kills at one step.
type tally struct{ kills, open int }

func newKiller(w *world, seed uint64) *killer {
	k := &killer{w: w, rnd: rand.New(rand.NewPCG(seed, 1)), tally: map[string]tally{}}
	k.w.seen.onEvent(k.event)
	return k
}

// event takes the time from a kill to the first event that was written, and so
// committed, after it.
func (k *killer) event(r *kgo.Record) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.killed.IsZero() && r.Timestamp.After(k.killed) {
		k.resumed = append(k.resumed, time.Since(k.killed))
		k.killed = time.Time{}
	}
}

// killsOr is how many kills were asked for.
func killsOr(t testing.TB, here, real int) int {
	n := here
	if os.Getenv("TEST_KAFKA_BROKERS") != "" {
		n = real
	}
	if text := os.Getenv("PROOF_KILLS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatalf("PROOF_KILLS: %v", err)
		}
	}
	return n
}

// run starts all exporters, and kills n times.
func (k *killer) run(n int) {
	for _, c := range k.w.children[1:] {
		c.Start()
	}
	dead := k.w.children[0]
	if k.calm {
		dead.Start()
		dead = nil
		k.w.awaitMore(1)
	}
	for k.kills < n {
		// What is to happen is arranged before the dead one starts again, so that
		// its start can be the moment.
		happen := k.arrange()
		if dead != nil {
			dead.Start()
		}
		if dead = happen(); k.calm {
			dead.Start()
			dead = nil
			k.awaitResumed()
		}
	}
	if dead != nil {
		dead.Start()
	}
	k.w.awaitMet()
}

// awaitResumed waits for the first event that was written after the last kill.
func (k *killer) awaitResumed() {
	k.w.T.Helper()
	rig.Eventually(k.w.T, "an event after a kill", rig.Patience, func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.killed.IsZero()
	})
}

// moment is where an exporter can be killed.
type moment struct {
	step step // empty: any time
	on   way
}

// way is what becomes of what was on its way when an exporter was killed.
type way string

const (
	lost    way = "request lost"
	arrives way = "request arrives"
	late    way = "request arrives in the next transaction"
	silent  way = "answer lost"
)

// named are the moments at a step.
func named() []moment {
	var all []moment
	for _, s := range slices.Concat(startSteps, workSteps) {
		for _, on := range []way{lost, arrives, silent} {
			all = append(all, moment{s, on})
		}
	}
	return append(all, moment{stepProduce, late}, moment{stepEnd, late})
}

// arrange chooses the next moment, each in its turn. What it returns waits for
// that moment, and returns the exporter that was killed in it.
func (k *killer) arrange() func() *child {
	if len(k.deck) == 0 {
		k.deck = named()
		k.deck = append(k.deck, make([]moment, len(k.deck)/2)...) // at random
		k.rnd.Shuffle(len(k.deck), func(i, j int) { k.deck[i], k.deck[j] = k.deck[j], k.deck[i] })
	}
	next := k.deck[0]
	k.deck = k.deck[1:]
	switch {
	case next.step == "":
		wait := time.Duration(k.rnd.IntN(900)) * time.Millisecond
		return func() *child { return k.after(wait) }
	case slices.Contains(workSteps, next.step):
		return k.at(next, k.rnd.IntN(6))
	case !k.calm:
		return k.at(next, 0)
	}
	start := k.at(next, 0)
	return func() *child { // of the one that takes over
		k.after(0).Start()
		return start()
	}
}

// after kills one of the exporters after a while; where several run, one that
// is at work.
func (k *killer) after(wait time.Duration) *child {
	<-time.After(wait)
	working := slices.DeleteFunc(slices.Clone(k.w.children), func(c *child) bool { return !c.net.writes() })
	if len(working) == 0 {
		working = k.w.children
	}
	c := pick(k.rnd, working)
	at, open := c.net.where()
	k.kill(c, "at random: "+at, open)
	return c
}

// at arranges that the exporter that comes to a step, after so many others have,
// is killed in it, with its request or the answer on the way.
func (k *killer) at(m moment, skip int) func() *child {
	killed := make(chan *child, 1)
	var once sync.Once
	var mu sync.Mutex
	for _, c := range k.w.children {
		now := func() {
			once.Do(func() {
				_, open := c.net.where()
				k.kill(c, fmt.Sprintf("%s, %s", m.step, m.on), open)
				killed <- c
			})
		}
		c.net.arm(func(r *request) fate {
			mu.Lock()
			defer mu.Unlock()
			if r.step != m.step {
				return fate{}
			}
			if skip--; skip != -1 {
				return fate{}
			}
			switch m.on {
			case silent:
				return fate{after: now, drop: true}
			case late:
				return fate{before: func() { now(); k.w.awaitSuccessor(r.txn) }}
			}
			return fate{before: now, lose: m.on == lost}
		})
	}
	return func() *child {
		defer func() {
			for _, c := range k.w.children {
				c.net.arm(nil)
			}
		}()
		select {
		case c := <-killed:
			return c
		case <-time.After(rig.Patience):
			k.w.T.Fatalf("%s, %s: no exporter came to it", m.step, m.on)
			return nil
		}
	}
}

// lateness counts what was to come late: behind the beginning of a later
// producer's transaction.
type lateness struct{ held, met atomic.Int64 }

// awaitMet waits until all of it did, else it was not late. Exporters still have
// work to do.
func (w *world) awaitMet() {
	w.T.Helper()
	rig.Eventually(w.T, "a later producer's transaction for all that was held until then", rig.Patience, func() bool { return w.late.met.Load() == w.late.held.Load() })
}

// awaitSuccessor waits until a later producer of a transactional id has opened a
// transaction, or the test is over.
func (w *world) awaitSuccessor(id string) {
	w.late.held.Add(1)
	opened := make(chan struct{}, 1)
	for _, c := range w.children {
		defer c.net.listen(id, opened)()
	}
	select {
	case <-opened:
		w.late.met.Add(1)
	case <-w.T.Context().Done():
	}
}

func (k *killer) kill(c *child, moment string, open bool) {
	c.Kill()
	k.mu.Lock()
	k.killed = time.Now()
	k.mu.Unlock()
	k.kills++
	t := k.tally[moment]
	t.kills++
	if open {
		t.open++
		k.open++
	}
	k.tally[moment] = t
}

// add takes what another killer came to.
func (k *killer) add(other *killer) {
	for moment, t := range other.tally {
		sum := k.tally[moment]
		k.tally[moment] = tally{sum.kills + t.kills, sum.open + t.open}
	}
	k.kills, k.open = k.kills+other.kills, k.open+other.open
	other.mu.Lock()
	defer other.mu.Unlock()
	k.resumed = append(k.resumed, other.resumed...)
}

// report shows where the kills fell, and how long it took to go on.
func (k *killer) report(t testing.TB) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	lines := []string{fmt.Sprintf("%-68s %6s %8s", "kills at", "", "open txn")}
	for _, at := range slices.Sorted(maps.Keys(k.tally)) {
		lines = append(lines, fmt.Sprintf("%-68s %6d %8d", at, k.tally[at].kills, k.tally[at].open))
	}
	lines = append(lines, fmt.Sprintf("%-68s %6d %8d", "all", k.kills, k.open))
	slices.SortFunc(k.resumed, cmp.Compare)
	if n := len(k.resumed); n > 0 {
		lines = append(lines, fmt.Sprintf("from kill to the first new event, %d times: median %s, longest %s",
			n, k.resumed[n/2].Round(time.Millisecond), k.resumed[n-1].Round(time.Millisecond)))
	}
	t.Log("\n" + strings.Join(lines, "\n"))
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

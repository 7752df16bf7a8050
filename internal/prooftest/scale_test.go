//go:build unix

package prooftest

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"airudder-exporter/internal/rig"
)

// TestExportersComeAndGo has one to three exporters of a group start, end, die,
// stand still and go on at random under load, for the time that PROOF_SCALE
// says (5 s in process, a minute on real brokers). Then they come to rest, and
// one after the other hands its shards over.
func TestExportersComeAndGo(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{1, 4} {
		t.Run(fmt.Sprintf("%d shards", shards), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, renewed(uint64(70+shards)), nil)
			if shards == 1 && !w.Real {
				t.Skip("only with TEST_KAFKA_BROKERS")
			}
			for i := range 3 {
				w.exporter(fmt.Sprint("exporter-", i+1), "KAFKA_ASSIGNMENT=group", fmt.Sprint("KAFKA_LEDGER_PARTITIONS=", shards))
			}
			c := newCrowd(w, uint64(shards))
			w.play(5)
			c.mingle(scaleTime(t, w.Real))
			c.rest()
			c.handOver()
			w.settle()
			c.report()
			w.check(nil)
		})
	}
}

// scaleTime is how long exporters come and go.
func scaleTime(t *testing.T, real bool) time.Duration {
	t.Helper()
	text := os.Getenv("PROOF_SCALE")
	switch {
	case text == "" && real:
		return time.Minute
	case text == "":
		return 5 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("PROOF_SCALE: %v", err)
	}
	return d
}

// crowd are the exporters of one ledger, and what happens to each.
type crowd struct {
	*world
	rnd   *rand.Rand
	state map[*child]condition
	tally map[string]int

	longestEnd time.Duration   // from SIGTERM to the exit
	handovers  []time.Duration // from SIGTERM until others had restored all its shards
}

// condition is how an exporter is; the zero value: it does not run.
type condition int

const (
	down condition = iota
	up
	still // stopped by SIGSTOP
)

func newCrowd(w *world, seed uint64) *crowd {
	return &crowd{world: w, rnd: rand.New(rand.NewPCG(seed, 7)), state: map[*child]condition{}, tally: map[string]int{}}
}

// mingle lets something happen every two seconds or so. One exporter at least
// is up at any time.
func (c *crowd) mingle(d time.Duration) {
	c.start(c.children[0])
	rig.Eventually(c.T, "the first event", rig.Patience, func() bool { return c.seen.count() > 0 })
	for end := time.Now().Add(d); time.Now().Before(end); {
		one := pick(c.rnd, c.children)
		switch lonely := c.in(up) == 1; {
		case c.state[one] == down:
			c.start(one)
		case c.state[one] == still:
			c.wake(one)
		case lonely:
			c.start(pick(c.rnd, slices.DeleteFunc(slices.Clone(c.children), func(o *child) bool { return c.state[o] == up })))
		default:
			pick(c.rnd, []func(*child){c.terminate, c.kill, c.stop})(one)
		}
		<-time.After(time.Duration(500+c.rnd.IntN(3000)) * time.Millisecond)
	}
}

func (c *crowd) in(s condition) (n int) {
	for _, one := range c.children {
		if c.state[one] == s {
			n++
		}
	}
	return n
}

// start starts an exporter, or lets one that stands still go on.
func (c *crowd) start(one *child) {
	if c.state[one] == still {
		c.wake(one)
		return
	}
	one.Start()
	c.become(one, up, "started")
}

func (c *crowd) wake(one *child) {
	one.Signal(syscall.SIGCONT)
	c.become(one, up, "SIGCONT")
}

func (c *crowd) stop(one *child) {
	one.Signal(syscall.SIGSTOP)
	c.become(one, still, "SIGSTOP")
}

func (c *crowd) kill(one *child) {
	one.Kill()
	c.become(one, down, "SIGKILL")
}

func (c *crowd) terminate(one *child) {
	c.longestEnd = max(c.longestEnd, one.Terminate())
	c.become(one, down, "SIGTERM")
}

func (c *crowd) become(one *child, s condition, how string) {
	c.state[one] = s
	c.tally[how]++
}

// rest has all exporters run, and waits until each shard is owned and restored
// once, evenly, and the request budget follows.
func (c *crowd) rest() {
	c.T.Helper()
	for _, one := range c.children {
		if c.state[one] != up {
			c.start(one)
		}
	}
	c.awaitEven()
}

func (c *crowd) awaitEven() {
	c.T.Helper()
	var last string
	defer func() {
		if c.T.Failed() {
			c.T.Logf("at last: %s", last)
		}
	}()
	rig.Eventually(c.T, "shards that are shared out evenly, and the budget with them", rig.Patience, func() (even bool) {
		even, last = c.even()
		return even
	})
}

// even reports whether each shard is restored in one exporter of those that are
// up, in no two counts that differ by more than one, and whether the budgets are
// as the shards are.
func (c *crowd) even() (bool, string) {
	owners := map[int]int{}
	least, most, budgets, said := math.MaxInt, 0, 0.0, ""
	for _, one := range c.children {
		if c.state[one] != up {
			continue
		}
		owned, ok := ownedBy(one)
		budget := budgetOf(one)
		said += fmt.Sprintf("%s owns %d shards and may make %v requests a second; ", one.Name, len(owned), budget)
		if want := 200 * float64(len(owned)) / float64(c.Shards); !ok || math.Abs(budget-want) > 0.01 {
			return false, said
		}
		for shard := range owned {
			owners[shard]++
		}
		least, most, budgets = min(least, len(owned)), max(most, len(owned)), budgets+budget
	}
	once := len(owners) == c.Shards && !slices.ContainsFunc(slices.Collect(maps.Values(owners)), func(n int) bool { return n != 1 })
	return once && most-least <= 1 && math.Abs(budgets-200) < 0.01, said
}

// handOver ends each owner in good order, one after the other, and takes the
// time until others have restored all of its shards, and counts what that took.
func (c *crowd) handOver() {
	c.T.Helper()
	for _, one := range c.children {
		if owned, _ := ownedBy(one); len(owned) == 0 {
			continue
		}
		cost := c.count(one)
		began := time.Now()
		c.terminate(one)
		c.awaitEven()
		cost.check(c)
		var last time.Time
		for _, other := range c.children {
			since, _ := ownedBy(other)
			for _, at := range since {
				if at.After(last) {
					last = at
				}
			}
		}
		c.handovers = append(c.handovers, last.Sub(began).Round(time.Millisecond))
		c.start(one)
		c.awaitEven()
	}
}

// report shows what happened.
func (c *crowd) report() {
	c.T.Helper()
	text := ""
	for _, how := range slices.Sorted(maps.Keys(c.tally)) {
		text += fmt.Sprintf(" · %s %d", how, c.tally[how])
	}
	refused := 0
	for _, one := range c.children {
		refused += one.net.refusals()
	}
	c.T.Logf("exporters came and went%s; the longest end took %s; requests refused as those of a dead producer: %d; "+
		"shards handed over in good order, from SIGTERM until the next owner had restored them: %v", text, c.longestEnd.Round(time.Millisecond), refused, c.handovers)
}

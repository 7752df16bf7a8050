package soaktest

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/rig"
)

var (
	minutes = flag.Int("minutes", 250, "of virtual time in each world of the soak")
	worlds  = flag.Int("worlds", 4, "that are soaked")
	seed    = flag.Uint64("seed", 1, "of the first world; the others follow")
)

// Everything goes wrong at once, for days. Each finished call is published
// exactly once all the same.
func TestSoak(t *testing.T) {
	if rig.Race && *minutes == 250 {
		*minutes, *worlds = 60, 1
	}
	var mu sync.Mutex
	did := map[string]int{}
	t.Run("worlds", func(t *testing.T) {
		for i := range *worlds {
			t.Run(fmt.Sprintf("seed %d", *seed+uint64(i)), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := soak(t, *seed+uint64(i), time.Duration(*minutes)*time.Minute)
					e := check(w, w.broker.Log())
					e.Report(t, nil)
					mu.Lock()
					defer mu.Unlock()
					for _, m := range []map[string]int{w.did, saw(e)} {
						for what, times := range m {
							did[what] += times
						}
					}
				})
			})
		}
	})
	for _, what := range slices.Sorted(maps.Keys(did)) {
		t.Logf("%6d × %s", did[what], what)
	}
	for _, what := range scenarios() {
		if did[what] == 0 && *worlds**minutes >= 1000 {
			t.Errorf("this never happened: %s", what)
		}
	}
}

// scenarios must all have happened in the soak.
func scenarios() []string {
	all := []string{
		"row changed after it was finished", "changed row restored", "labels went and returned", "late change counted", "late change counted after a restart",
		"rows went and returned", "finished task began again", "finished task seen calling again",
		"list forgot a task", "task vanished and returned", "poll not_found", "row damaged", "fields drifted", "field mismatch",
		"call finished after its task", "one CallID in two tasks", "upstream's clock wrong by hours", "clock jumped",
		"process stopped", "process killed", "two processes at once", "ledger cleaned",
		"open: not fenced", "open: fenced, no barrier", "open: replay cut", "open: fenced another process",
		"commit: good", "commit: slow", "commit: lost", "commit: applied, its answer lost", "commit: fenced by a stranger",
		"commit: killed before it", "commit: killed after it",
		"event", "transition", "seal", "seal once more", "task closed", "tombstone",
		"dead letter broken_json", "dead letter invalid_utf8", "dead letter no_call_id", "dead letter too_large",
	}
	for _, kind := range kinds() {
		all = append(all, "response "+string(kind))
	}
	return all
}

// soak lets one world live for so long.
func soak(t *testing.T, seed uint64, d time.Duration) *world {
	w := &world{
		t: t, upstream: openUpstream(seed), broker: newBroker(seed), dice: rand.New(rand.NewPCG(seed, 3)),
		did: map[string]int{}, everHidden: map[string]bool{},
	}
	defer w.server.Close()
	if w.skew != 0 {
		w.did["upstream's clock wrong by hours"]++
	}
	w.start()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(5 * time.Second) {
		w.tick()
		w.due(false)
		if w.dice.IntN(12) == 0 {
			w.mischief()
		}
		if w.dice.IntN(120) == 0 {
			w.turn()
		}
		if w.dice.IntN(300) == 0 {
			w.broker.clean()
		}
	}
	w.quiet()
	w.collect()
	return w
}

// start starts a process.
func (w *world) start() { w.running = append(w.running, startProcess(w.t, w.upstream, w.broker)) }

// turn ends the processes that run, one way or another, and starts the next.
func (w *world) turn() {
	switch w.dice.IntN(4) {
	case 0:
		w.end((*process).stop, "process stopped")
	case 1:
		w.end((*process).kill, "process killed")
	case 2: // doubled: from the next turn on it is one again
		w.did["two processes at once"]++
	case 3:
		w.end((*process).kill, "process killed")
		w.away()
	}
	w.start()
}

func (w *world) end(how func(*process), what string) {
	for _, p := range w.running {
		how(p)
		w.count(p)
		w.did[what]++
	}
	w.running = nil
}

// away is a time in which no exporter runs: the campaigns go on, rows change,
// and perhaps the clock is set.
func (w *world) away() {
	for range w.dice.IntN(60) {
		time.Sleep(15 * time.Second)
		w.tick()
		w.due(false)
	}
	for range 5 {
		w.change()
	}
	if w.dice.IntN(2) == 0 {
		w.broker.shiftClocks(time.Duration(w.dice.IntN(9)-4) * time.Hour)
	}
}

// quiet mends everything, and gives a process the time to find that out; then
// another, whose clock is so far ahead that each sealed task is due to be closed.
func (w *world) quiet() {
	w.end((*process).kill, "process killed")
	w.due(true)
	w.ClearFaults()
	w.Stop()
	w.broker.mu.Lock()
	w.broker.calm = true
	w.broker.mu.Unlock()
	for range 2 {
		w.start()
		for end := time.Now().Add(3 * time.Hour); time.Now().Before(end); time.Sleep(time.Minute) {
			w.tick()
		}
		w.end((*process).stop, "process stopped")
		w.broker.shiftClocks(1000 * time.Hour)
	}
}

// count keeps what a process counted.
func (w *world) count(p *process) {
	if n := p.counter("airudder_late_changes_total"); n > 0 {
		w.did["late change counted"] += int(n)
		if p.later {
			w.did["late change counted after a restart"]++
		}
	}
	w.did["poll not_found"] += int(p.counter("airudder_polls_total", "not_found"))
	w.did["field mismatch"] += int(p.counter("airudder_field_mismatch_total"))
}

// collect adds what the upstream and the broker did.
func (w *world) collect() {
	for what, n := range w.broker.did {
		w.did[what] += n
	}
	for kind, n := range w.Faults().Injected {
		w.did["response "+string(kind)] += n
	}
	w.did["requests"] += w.Requests()["detail"]
}

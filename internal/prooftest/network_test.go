package prooftest

import (
	"airudder-exporter/internal/rig"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestNetworkFails loses, repeats and delays single requests of an exporter that
// lives on: at each step of its protocol the request, then the answer; a
// Produce and an EndTxn also come when the next producer is in a transaction.
func TestNetworkFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, renewed(51), nil)
	one := w.exporter("one", "KAFKA_TRANSACTION_TIMEOUT=3s")
	seen := w.watch(t)
	stop := w.play(10)
	one.Start()
	lines := []string{fmt.Sprintf("%-68s %s", "fault at", "next event after")}
	faults := slices.DeleteFunc(named(), func(m moment) bool { return m.on == arrives }) // nothing happens to it
	for i, m := range faults {
		if i%2 == 0 && i > 0 { // an exporter in doubt again and again waits longer each time
			one.net.arm(nil)
			one.Terminate()
			one.Start()
		}
		hit := w.fail(one, m)
		select {
		case <-hit:
		case <-time.After(rig.Patience):
			t.Fatalf("%s never came", m.step)
		}
		at := time.Now()
		rig.Eventually(t, fmt.Sprintf("an event after %s, %s", m.step, m.on), rig.Patience, func() bool { return seen.newest().After(at) })
		lines = append(lines, fmt.Sprintf("%-68s %s", fmt.Sprintf("%s, %s", m.step, m.on), time.Since(at).Round(time.Millisecond)))
	}
	one.net.arm(nil)
	w.awaitMet()
	stop()
	w.awaitEvents(seen, rig.Patience)
	one.Terminate()
	t.Log("\n" + strings.Join(lines, "\n"))
	w.check(nil)
}

// fail has one request fail; hit is closed when it does. So that a producer
// starts, the answer to an EndTxn is lost first.
func (w *world) fail(c *child, m moment) (hit <-chan struct{}) {
	happened := make(chan struct{})
	doubt := slices.Contains(startSteps, m.step)
	var mu sync.Mutex
	over := false
	c.net.arm(func(r *request) fate {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case over:
			return fate{}
		case doubt && r.step == stepEnd:
			doubt = false
			return fate{drop: true}
		case doubt || r.step != m.step:
			return fate{}
		}
		over = true
		close(happened)
		switch m.on {
		case silent:
			return fate{drop: true}
		case late:
			return fate{hangUp: true, before: func() { w.awaitSuccessor(r.txn) }}
		}
		return fate{lose: true}
	})
	return happened
}

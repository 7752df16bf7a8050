package prooftest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// deployment are the exporters of one ledger, and what they say of themselves.
type deployment struct {
	*world
	name   string
	health []*health // of each exporter
	logged []int     // how much of each one's log is known

	mu      sync.Mutex
	before  time.Time     // when the newest event was seen
	gap     time.Duration // the longest time without one, since it was last asked for
	healed  time.Time     // since when events have to come again; zero: they had to all along
	resumed time.Duration // from there to the first event that was written after; 0: none yet
}

// deploy starts exporters under load that lasts until the test ends. Behind the
// proxy their network can be cut; else they see what really happens to a broker.
func deploy(t testing.TB, name string, seed uint64, exporters int, proxied bool, settings ...string) *deployment {
	t.Helper()
	d := &deployment{world: newWorld(t, renewed(seed), nil), name: name}
	d.seen.onEvent(d.event)
	if !proxied {
		settings = append(settings, "KAFKA_BROKERS="+strings.Join(d.Brokers, ","))
	}
	for i := range exporters {
		c := d.exporter(fmt.Sprintf("%s-%d", name, i+1), settings...)
		d.health = append(d.health, watchHealth(c))
	}
	for _, c := range d.children {
		c.Start()
	}
	d.play(10)
	return d
}

// event takes the times without one.
func (d *deployment) event(r *kgo.Record) {
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gap = max(d.gap, now.Sub(d.before))
	d.before = now
	if !d.healed.IsZero() && d.resumed == 0 && r.Timestamp.After(d.healed) {
		d.resumed = now.Sub(d.healed)
	}
}

// heal says that nothing keeps events from coming any more.
func (d *deployment) heal() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.healed, d.resumed = time.Now(), 0
}

// takeTimes returns the longest time without an event since it was last called,
// and how long it took from heal to the next one; 0: nothing had to heal.
func (d *deployment) takeTimes() (gap, resumed time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	gap, resumed = d.gap, d.resumed
	d.gap, d.resumed, d.before, d.healed = 0, 0, time.Now(), time.Time{}
	return gap, resumed
}

// awaitNow waits for an event that is written from now on.
func (d *deployment) awaitNow(why string) {
	d.T.Helper()
	d.awaitNext(time.Now(), "of "+d.name+" "+why)
}

// awaitReady waits until every exporter says that it is.
func (d *deployment) awaitReady(why string) {
	d.T.Helper()
	rig.Eventually(d.T, "readiness of "+d.name+" "+why, 2*time.Minute, func() bool {
		return !slices.ContainsFunc(d.health, func(h *health) bool { return !h.ready() })
	})
}

// awaitRed waits until one of the exporters says that it is not ready.
func (d *deployment) awaitRed(why string) {
	d.T.Helper()
	rig.Eventually(d.T, "red readiness of "+d.name+" "+why, time.Minute, func() bool {
		return slices.ContainsFunc(d.health, func(h *health) bool { return !h.ready() })
	})
}

// awaitCaughtUp waits until the calls that have finished by now are published,
// and counts those that are not and those that were published again.
func (d *deployment) awaitCaughtUp() (losses, duplicates int) {
	due := map[airuddersim.CallKey]bool{}
	for _, task := range d.Sim.Truth().Tasks {
		for _, call := range task.Calls {
			due[airuddersim.CallKey{TaskID: task.TaskID, CallID: call.CallID}] = true
		}
	}
	patience := time.NewTimer(time.Minute)
	defer patience.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		proof, before := d.Sim.Truth().Check(d.seen.keys()), losses
		losses = 0
		for _, key := range proof.Missing { // what a redial has overtaken meanwhile is not missing
			if due[key] {
				losses++
			}
		}
		if losses == 0 {
			return 0, len(proof.Duplicates)
		}
		if losses < before { // how many there are to catch up with is the machine's business
			patience.Reset(time.Minute)
		}
		select {
		case <-tick.C:
		case <-patience.C:
			return losses, len(proof.Duplicates)
		}
	}
}

// forget begins anew: what was shown and said up to now is known.
func (d *deployment) forget() {
	d.takeTimes()
	d.logged = nil
	for i, c := range d.children {
		d.logged = append(d.logged, len(c.Logged()))
		d.health[i].takeRed()
	}
}

// fared says how it fared since forget.
func (d *deployment) fared() row {
	r := row{deployment: d.name}
	r.gap, r.resumed = d.takeTimes()
	r.losses, r.duplicates = d.awaitCaughtUp()
	for i, c := range d.children {
		if said := warnings(c, d.logged[i]); len(said) > len(r.warnings) {
			r.warnings = said
		}
		r.red = append(r.red, d.health[i].takeRed()...)
	}
	return r
}

// warnings are the log's lines from an offset on that say what is wrong with
// Kafka. What a busy machine makes of the upstream is another matter.
func warnings(c *child, from int) (lines []string) {
	for line := range bytes.Lines(c.Logged()[from:]) {
		var said struct{ Level, Msg, Error string }
		if json.Unmarshal(line, &said) != nil {
			continue // not whole yet
		}
		if (said.Level == "WARN" || said.Level == "ERROR") && !strings.HasPrefix(said.Msg, "task") {
			lines = append(lines, said.Msg+": "+said.Error)
		}
	}
	return lines
}

// health is what an exporter's /readyz has said.
type health struct {
	mu   sync.Mutex
	now  verdict
	said []verdict // the red ones since they were last taken, each once
}

type verdict struct {
	code int // 0: none
	text string
}

// watchHealth asks an exporter again and again until the test ends.
func watchHealth(c *child) *health {
	h := &health{}
	rig.Repeat(c.T, 50*time.Millisecond, func() {
		code, text := c.Page("/readyz")
		h.take(verdict{code, strings.TrimSpace(text)})
	})
	return h
}

func (h *health) take(a verdict) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a.code != http.StatusOK && a.code != 0 && !slices.Contains(h.said, a) {
		h.said = append(h.said, a)
	}
	h.now = a
}

func (h *health) ready() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now.code == http.StatusOK
}

// takeRed returns what it said while it was not ready, since it was last called.
func (h *health) takeRed() (said []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.said {
		said = append(said, a.text)
	}
	h.said = nil
	return said
}

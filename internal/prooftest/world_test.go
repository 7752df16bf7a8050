package prooftest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// world is what one test's exporters live in, each behind a network of its own.
type world struct {
	*rig.World
	rates    map[airuddersim.FaultKind]float64 // of the upstream's faults
	seen     *watch
	children []*child
	late     lateness
	stop     func() // lets the campaigns stand still
}

// child is an exporter, and the network between it and the brokers.
type child struct {
	*rig.Exporter
	net *proxy
}

// newWorld opens a world around a simulation. wrap, unless nil, stands before
// the simulated AIRudder.
func newWorld(t testing.TB, cfg airuddersim.Config, wrap func(http.Handler) http.Handler) *world {
	t.Helper()
	return openWorld(rig.OpenKafka(t), cfg, wrap)
}

// openWorld opens a world around a Kafka.
func openWorld(k *rig.Kafka, cfg airuddersim.Config, wrap func(http.Handler) http.Handler) *world {
	w := &world{World: rig.NewWorld(k, cfg, wrap), rates: cfg.FaultRates, stop: func() {}}
	w.seen = newWatch(w.World)
	return w
}

// exporter describes an exporter of this world, and starts nothing. settings
// are environment variables that differ from the usual ones.
func (w *world) exporter(name string, settings ...string) *child {
	w.T.Helper()
	net := newProxy(w.T, w.Topics.Ledger)
	var brokers []string
	for _, real := range w.Brokers {
		address, err := net.address(real)
		if err != nil {
			w.T.Fatal(err)
		}
		brokers = append(brokers, address)
	}
	settings = append([]string{"KAFKA_BROKERS=" + strings.Join(brokers, ",")}, settings...)
	c := &child{rig.NewExporter(w.T, name, w.Environment(settings...)), net}
	c.OnEnd = net.forget
	w.children = append(w.children, c)
	return c
}

// check reads everything back and holds it against the truth; captured are the
// responses that were served, where every field is to be compared. An audit, which does
// not know the truth, has to find nothing either.
func (w *world) check(captured *rig.Capture) *rig.Evidence {
	w.T.Helper()
	e := w.Check(captured, w.asked)
	if said := audit(w.auditor(), 0); said.Counts["ok"] != int64(len(e.Calls)) {
		w.T.Errorf("an audit counts %v, and there are %d events", said.Counts, len(e.Calls))
	}
	return e
}

// asked is what the exporters asked the brokers around some moments.
func (w *world) asked(times []time.Time) (lines []string) {
	for _, c := range w.children {
		for _, line := range c.net.around(times, 60*time.Millisecond) {
			lines = append(lines, c.Name+": "+line)
		}
	}
	return lines
}

// play lets the campaigns run, so many seconds of theirs in one of ours, until
// stop is called or the test ends.
func (w *world) play(speed float64) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { w.Sim.Run(ctx, speed) })
	w.stop = func() {
		cancel()
		running.Wait()
		w.Sim.Stop()
	}
	w.T.Cleanup(w.stop)
}

// checkFaults fails a test that did not meet a fault of the upstream where so many
// answers were asked for that it must have: twenty were to be expected.
func (w *world) checkFaults() {
	w.T.Helper()
	report := w.Sim.Faults()
	details := 0
	for request, n := range report.Requests {
		if strings.HasPrefix(request, "detail ") {
			details += n
		}
	}
	met, expected := 0, 0.0
	for kind, rate := range w.rates {
		met += report.Injected[kind]
		expected += rate * float64(details)
		if report.Injected[kind] == 0 && rate*float64(details) >= 20 {
			w.T.Errorf("none of %d answers was %s", details, kind)
		}
	}
	if met == 0 && expected >= 20 {
		w.T.Errorf("none of %d answers had a fault", details)
	}
}

// settle lets the campaigns stand still, waits until all that has finished is
// published, and ends the exporters that run in good order. The upstream's faults
// have to be met by then.
func (w *world) settle() {
	w.T.Helper()
	w.stop()
	w.awaitEvents()
	w.checkFaults()
	for _, c := range w.children {
		if c.Running() {
			c.Terminate()
		}
	}
}

// campaigns is a simulation of campaigns that play at a speed above 1 without
// leaving the present: its clock begins in the past.
func campaigns(seed uint64, tasks, rows int, rate float64) airuddersim.Config {
	return airuddersim.Config{
		Seed: seed, Start: time.Now().Add(-2 * time.Hour).Truncate(time.Second), Window: 4 * time.Hour,
		Tasks: tasks, RowsPerTask: rows, Rate: rate, WarmUp: time.Minute,
		Lead: 2 * time.Second, Pause: 5 * time.Second, RedialWait: 10 * time.Second, Overtake: 0.1, Gzip: true,
	}
}

// awaitEvents waits until each call that has to be an event is one, and each
// whose row was damaged is that or a dead letter. A response that was cut off
// publishes no dead letter, and so the first to show the damage may not.
// Patience ends where none came for so long: how many there are to catch up with
// is the machine's business.
func (w *world) awaitEvents() {
	w.T.Helper()
	missing := w.seen.unsettled(w.Sim.Truth())
	defer func() {
		if len(missing) > 0 {
			w.T.Logf("%d calls are not published yet, the first of them %v", len(missing), missing[0])
		}
	}()
	for len(missing) > 0 {
		before := len(missing)
		rig.Eventually(w.T, "the calls that are left", rig.Patience, func() bool {
			missing = w.seen.unsettled(w.Sim.Truth())
			return len(missing) < before
		})
	}
}

// awaitMore waits for so many events more.
func (w *world) awaitMore(n int) {
	w.T.Helper()
	want := w.seen.count() + n
	rig.Eventually(w.T, fmt.Sprintf("%d more events", n), rig.Patience, func() bool { return w.seen.count() >= want })
}

// awaitNext waits for an event that was written after a time.
func (w *world) awaitNext(after time.Time, why string) {
	w.T.Helper()
	rig.Eventually(w.T, "an event "+why, rig.Patience, func() bool { return w.seen.newest().After(after) })
}

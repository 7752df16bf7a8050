package prooftest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestBrokersDie lets brokers of a three-broker cluster end, die, hang and
// disappear while exporters are at work: one that takes every shard, and a group
// of two of which one stands by. They need no help to go on, say what they wait
// for while they cannot, and publish each call once.
func TestBrokersDie(t *testing.T) {
	c := openCluster(t)
	alone, stopAlone := deploy(t, "alone", 61, 1, true)
	pair, stopPair := deploy(t, "group", 62, 2, false, "KAFKA_ASSIGNMENT=group")
	f := &fire{cluster: c, deployments: []*deployment{alone, pair}}
	for _, d := range f.deployments {
		d.awaitNext("at the start")
	}
	for _, test := range []struct {
		name string
		what func(*fire)
	}{
		{"nothing", func(*fire) {}},
		{"rolling restart", (*fire).rollingRestart},
		{"kill -9: leader of the ledger", func(f *fire) { f.kill(c.leader(f.target().topics.ledger, 0)) }},
		{"kill -9: transaction coordinator", func(f *fire) { f.kill(c.coordinator(ofTransaction, f.target().topics.ledger+"-0")) }},
		{"kill -9: group coordinator", func(f *fire) { f.kill(c.coordinator(ofGroup, pair.topics.ledger+"-exporters")) }},
		{"kill -9: controller", func(f *fire) { f.kill(c.controller()) }},
		{"a broker hangs", (*fire).hang},
		{"network cut, nothing comes through", func(f *fire) { f.cut(alone, true) }},
		{"network cut, connections are refused", func(f *fire) { f.cut(alone, false) }},
		{"too few replicas in sync", (*fire).tooFewInSync},
		{"two of three brokers gone", func(f *fire) { f.gone(others(c.leader(f.target().topics.ledger, 0))...) }},
		{"all brokers gone", func(f *fire) { f.gone(1, 2, 3) }},
	} {
		if !f.run(test.name, test.what) {
			break
		}
	}
	t.Log(f.table())
	stopAlone()
	stopPair()
	for _, d := range f.deployments {
		d.awaitEvents(d.seen, time.Minute)
		for _, c := range d.children {
			c.terminate(30 * time.Second)
		}
		d.check(nil)
	}
}

// fire is what the cluster goes through.
type fire struct {
	*cluster
	deployments []*deployment
	rows        []row

	turn   int       // which deployment is hit, where a fault is for one
	began  time.Time // the fault
	healed time.Time // its end; zero: the exporters had to go on before it
	victim string    // who was hit
}

// row is a line of the table: a fault, and how one deployment fared.
type row struct {
	fault, deployment string
	gap, resumed      time.Duration // the longest time without an event; from the fault's end to the next one
	duplicates        int
	losses            int
	warnings          []string
	red               []string
}

// target is the deployment whose turn it is.
func (f *fire) target() *deployment { return f.deployments[f.turn%len(f.deployments)] }

// run has one fault happen and takes down how everybody fared; false: there is
// no use in going on.
func (f *fire) run(name string, what func(*fire)) bool {
	f.t.Helper()
	f.spread()
	f.awaitInSync()
	var logged [][]int
	for _, d := range f.deployments {
		d.awaitNext("before: " + name)
		d.awaitReady("before: " + name)
		d.takeGap()
		var at []int
		for i, c := range d.children {
			at = append(at, len(c.logged()))
			d.health[i].takeRed()
		}
		logged = append(logged, at)
	}
	f.began, f.healed, f.victim = time.Now(), time.Time{}, ""
	what(f)
	ok := true
	for i, d := range f.deployments {
		d.awaitNext("after: " + name)
		d.awaitReady("after: " + name)
		r := row{fault: strings.TrimSpace(name + " " + f.victim), deployment: d.name, gap: d.takeGap()}
		r.losses, r.duplicates = d.awaitCaughtUp()
		for j, c := range d.children {
			r.warnings = append(r.warnings, warnings(c, logged[i][j])...)
			r.red = append(r.red, d.health[j].takeRed()...)
		}
		f.rows = append(f.rows, r)
		f.t.Logf("%s, %s: longest without an event %s\nwarnings:\n\t%s\nred:\n\t%s", r.fault, d.name, r.gap.Round(time.Millisecond), strings.Join(r.warnings, "\n\t"), strings.Join(r.red, "\n\t"))
		ok = ok && r.losses == 0 && r.duplicates == 0
	}
	f.turn++
	return ok && !f.t.Failed()
}

// table shows all rows.
func (f *fire) table() string {
	lines := []string{fmt.Sprintf("%-60s %-6s %9s %6s %5s %6s", "broker fault", "", "longest", "dupli-", "", "log")}
	lines = append(lines, fmt.Sprintf("%-60s %-6s %9s %6s %5s %6s", "", "", "gap", "cates", "lost", "lines"))
	for _, r := range f.rows {
		lines = append(lines, fmt.Sprintf("%-60s %-6s %9s %6d %5d %6d", r.fault, r.deployment, r.gap.Round(10*time.Millisecond), r.duplicates, r.losses, len(r.warnings)))
	}
	return "\n" + strings.Join(lines, "\n")
}

// kill kills a broker, which comes back only once everybody goes on without it.
func (f *fire) kill(n int) {
	f.t.Helper()
	f.hit(n)
	f.do("kill", n)
	f.awaitOn("without the dead broker")
	f.revive(n)
}

// hit says who is hit.
func (f *fire) hit(which ...int) {
	f.t.Helper()
	roles := []string{}
	for _, n := range which {
		roles = append(roles, fmt.Sprintf("%d", n))
		for _, d := range f.deployments {
			if f.leader(d.topics.ledger, 0) == n {
				roles = append(roles, "leads "+d.name)
			}
			if f.coordinator(ofTransaction, d.topics.ledger+"-0") == n {
				roles = append(roles, "coordinates "+d.name)
			}
		}
		if f.controller() == n {
			roles = append(roles, "controller")
		}
	}
	f.victim = fmt.Sprint(roles)
	f.began = time.Now()
}

// awaitOn waits until everybody publishes.
func (f *fire) awaitOn(why string) {
	f.t.Helper()
	for _, d := range f.deployments {
		d.awaitNext(why)
	}
}

// rollingRestart is an upgrade: one broker after the other, each in good order,
// the next one once all replicas are back.
func (f *fire) rollingRestart() {
	f.t.Helper()
	for n := range brokers {
		f.do("stop", n)
		f.revive(n)
		f.awaitInSync()
	}
}

// timeouts is longer than a session, a transaction and a request last.
const timeouts = 15 * time.Second

// hang stops the leader of a ledger for longer than anybody waits for it.
func (f *fire) hang() {
	f.t.Helper()
	n := f.leader(f.target().topics.ledger, 0)
	f.hit(n)
	f.do("pause", n)
	long := time.After(timeouts)
	f.awaitOn("without the broker that hangs")
	<-long
	f.do("resume", n)
}

// cut cuts a deployment off the broker that leads its ledger, which nobody else
// misses: it has to wait.
func (f *fire) cut(d *deployment, silent bool) {
	f.t.Helper()
	n := f.leader(d.topics.ledger, 0)
	f.hit(n)
	address := f.addresses()[n]
	back := make(chan struct{})
	for _, c := range d.children {
		c.net.arm(func(r *request) fate {
			switch {
			case r.broker != address:
				return fate{}
			case silent:
				return fate{before: func() { <-back }}
			}
			return fate{lose: true}
		})
	}
	long := time.After(timeouts)
	d.awaitRed("cut off from its ledger")
	<-long
	for _, c := range d.children {
		c.net.arm(nil)
	}
	close(back)
	f.healed = time.Now()
}

// tooFewInSync has the event topics want all three replicas while one broker is
// gone: produce requests are refused, everything else works.
func (f *fire) tooFewInSync() {
	f.t.Helper()
	d := f.target()
	f.setInSync(d.topics.events, "3")
	n := others(f.leader(d.topics.ledger, 0))[0]
	f.hit(n)
	f.do("kill", n)
	d.awaitRed("with too few replicas")
	<-time.After(timeouts)
	f.revive(n)
	f.healed = time.Now()
	f.setInSync(d.topics.events, "2")
}

// gone takes brokers away until everybody notices, and for a while longer.
func (f *fire) gone(which ...int) {
	f.t.Helper()
	f.hit(which...)
	f.do("kill", which...)
	long := time.After(timeouts)
	for _, d := range f.deployments {
		d.awaitRed("without brokers")
	}
	<-long
	f.revive(which...)
	f.healed = time.Now()
}

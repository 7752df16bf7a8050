package prooftest

import (
	"fmt"
	"strings"
	"time"
)

// ledgerLeader leads a deployment's ledger partition.
func (f *fire) ledgerLeader(d *deployment) int { return f.leader(d.Topics.Ledger, 0) }

// transactions coordinates a deployment's transactions.
func (f *fire) transactions(d *deployment) int {
	return f.coordinator(ofTransaction, d.Topics.Ledger+"-0")
}

// hits notes who is hit, and what they are to the deployments.
func (f *fire) hits(which ...int) {
	f.T.Helper()
	var all []string
	for _, n := range which {
		is := []string{}
		for _, d := range f.deployments {
			if f.ledgerLeader(d) == n {
				is = append(is, "leader "+d.name)
			}
			if f.transactions(d) == n {
				is = append(is, "coordinator "+d.name)
			}
		}
		if f.controller() == n {
			is = append(is, "controller")
		}
		all = append(all, fmt.Sprintf("%d (%s)", n, strings.Join(is, ", ")))
	}
	f.victim = strings.Join(all, " ")
	for _, d := range f.deployments {
		d.takeTimes()
	}
}

// heal says that from here on nothing keeps anybody from publishing.
func (f *fire) heal() {
	for _, d := range f.deployments {
		d.heal()
	}
}

// awaitOn waits until everybody publishes.
func (f *fire) awaitOn(why string) {
	f.T.Helper()
	for _, d := range f.deployments {
		d.awaitNow(why)
	}
}

// rollingRestart is an upgrade: one broker after the other, each in good order,
// the next one once all replicas are back.
func (f *fire) rollingRestart(*deployment) {
	f.T.Helper()
	for n := range brokers {
		f.do("stop", n)
		f.revive(n)
		f.awaitInSync()
	}
}

// kill kills a broker, which comes back only once everybody goes on without it.
func (f *fire) kill(n int) {
	f.T.Helper()
	f.hits(n)
	f.do("kill", n)
	f.awaitOn("without the dead broker")
	f.revive(n)
}

// hang stops the leader of a ledger for longer than anybody waits for it.
func (f *fire) hang(d *deployment) {
	f.T.Helper()
	n := f.ledgerLeader(d)
	f.hits(n)
	f.do("pause", n)
	long := time.After(f.absence)
	f.awaitOn("without the broker that hangs")
	<-long
	f.do("resume", n)
}

// cut cuts a deployment off the broker that leads its ledger, which nobody else
// misses: it has to wait.
func (f *fire) cut(d *deployment, silent bool) {
	f.T.Helper()
	n := f.ledgerLeader(d)
	f.hits(n)
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
	long := time.After(f.absence)
	d.awaitRed("cut off from its ledger")
	<-long
	for _, c := range d.children {
		c.net.arm(nil)
	}
	close(back)
	d.heal()
}

// tooFewInSync has the event topic want all three replicas while one broker is
// gone: events are refused, everything else works.
func (f *fire) tooFewInSync(d *deployment) {
	f.T.Helper()
	f.Set(d.Topics.Events, "min.insync.replicas=3")
	n := others(f.ledgerLeader(d))[0]
	f.hits(n)
	f.do("kill", n)
	long := time.After(f.absence)
	d.awaitRed("with too few replicas")
	<-long
	f.Set(d.Topics.Events, "min.insync.replicas=2")
	d.heal()
	d.awaitNow("with two replicas")
	f.revive(n)
}

// gone takes brokers away until everybody notices, and for a while longer.
func (f *fire) gone(which ...int) {
	f.T.Helper()
	f.hits(which...)
	f.do("kill", which...)
	long := time.After(f.absence)
	for _, d := range f.deployments {
		d.awaitRed("without brokers")
	}
	<-long
	f.revive(which...)
	f.heal()
}

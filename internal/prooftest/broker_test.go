package prooftest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestBrokersDie lets brokers of a three-broker cluster end, die, hang and
// disappear while exporters are at work: one that takes every shard, and a group
// of two of which one stands by. They need no help to go on, say what they wait
// for while they cannot, and publish each call once.
//
// PROOF_BROKERS=long has more happen, hits each of the two in turn, and leaves the
// time-outs at what an operator has.
func TestBrokersDie(t *testing.T) {
	c := openCluster(t)
	long := os.Getenv("PROOF_BROKERS") == "long"
	f := &fire{cluster: c, absence: 15 * time.Second}
	var settings []string
	if !long {
		f.absence, settings = 8*time.Second, []string{"KAFKA_TRANSACTION_TIMEOUT=5s"}
	}
	alone := deploy(t, "alone", 61, 1, true, settings...)
	pair := deploy(t, "group", 62, 2, false, append(settings, "KAFKA_ASSIGNMENT=group")...)
	f.deployments = []*deployment{alone, pair}
	for _, d := range f.deployments {
		d.awaitNow("at the start")
	}
	faults := []fault{
		{name: "nothing", what: func(*deployment) {}},
		{name: "rolling restart", what: f.rollingRestart},
		{name: "kill -9: leader of the ledger", each: true, what: func(d *deployment) { f.kill(f.ledgerLeader(d)) }},
		{name: "kill -9: transaction coordinator", each: true, what: func(d *deployment) { f.kill(f.transactions(d)) }},
		{name: "kill -9: group coordinator", long: true, what: func(*deployment) { f.kill(c.coordinator(ofGroup, pair.Topics.Ledger+"-exporters")) }},
		{name: "kill -9: controller", long: true, what: func(*deployment) { f.kill(c.controller()) }},
		{name: "a broker hangs", each: true, what: f.hang},
		{name: "cut off, nothing comes through", red: true, what: func(*deployment) { f.cut(alone, true) }},
		{name: "cut off, connections are refused", long: true, red: true, what: func(*deployment) { f.cut(alone, false) }},
		{name: "events: too few replicas in sync", each: true, red: true, what: f.tooFewInSync},
		{name: "two of three brokers gone", long: true, each: true, red: true, what: func(d *deployment) { f.gone(others(f.ledgerLeader(d))...) }},
		{name: "all brokers gone", red: true, what: func(*deployment) { f.gone(1, 2, 3) }},
	}
	faults = slices.DeleteFunc(faults, func(f fault) bool { return f.long && !long })
	for i, fault := range faults {
		hit := []*deployment{f.deployments[i%2]}
		if long && fault.each {
			hit = f.deployments
		}
		for _, d := range hit {
			if !t.Failed() {
				f.run(fault, d)
			}
		}
	}
	t.Log(f.table())
	for _, d := range f.deployments {
		d.stop()
	}
	for _, d := range f.deployments {
		d.settle()
		d.check(nil)
	}
}

// fire is what the cluster goes through.
type fire struct {
	*cluster
	deployments []*deployment
	absence     time.Duration // longer than a session, a transaction and a request last
	victim      string        // who was hit last
	rows        []row
}

// fault is something that happens to brokers, and is over when what returns.
type fault struct {
	name string
	long bool // it happens where PROOF_BROKERS asks for more
	each bool // it is for one deployment, and other for another
	red  bool // the deployments that lack an event for long have to say why
	what func(hit *deployment)
}

// row is a line of the table: how one deployment fared.
type row struct {
	fault, victim, deployment string
	gap                       time.Duration // the longest time without an event
	resumed                   time.Duration // from the fault's end to the next event; 0: it had to go on before
	duplicates, losses        int
	warnings                  []string // of the busiest log
	red                       []string // what /readyz said
	took                      time.Duration
}

// run has a fault happen and takes down how everybody fared.
func (f *fire) run(fault fault, hit *deployment) {
	f.T.Helper()
	f.spread()
	f.awaitInSync()
	for _, d := range f.deployments {
		d.awaitNow("before: " + fault.name)
		d.awaitReady("before: " + fault.name)
		d.forget()
	}
	f.victim = ""
	began := time.Now()
	fault.what(hit)
	for _, d := range f.deployments {
		d.awaitNow("after: " + fault.name)
		d.awaitReady("after: " + fault.name)
		r := d.fared()
		r.fault, r.victim, r.took = fault.name, f.victim, time.Since(began)
		f.rows = append(f.rows, r)
		f.judge(r, fault.red)
	}
	f.T.Logf("%s took %s", fault.name, time.Since(began).Round(time.Second))
}

// judge says what is wrong with how a deployment fared. An operator is told what
// happened and what is waited for, and not told so again and again.
func (f *fire) judge(r row, red bool) {
	f.T.Helper()
	say := func(format string, args ...any) {
		f.T.Helper()
		f.T.Errorf("%s, %s: %s", r.fault, r.deployment, fmt.Sprintf(format, args...))
	}
	if r.losses > 0 || r.duplicates > 0 {
		say("%d calls are lost, %d published twice", r.losses, r.duplicates)
	}
	if red && r.gap > f.absence && len(r.red) == 0 {
		say("no event for %s, and /readyz was green", r.gap)
	}
	if most := 6 + int(r.took/(5*time.Second)); len(r.warnings) > most {
		say("%d lines about Kafka in %s in the log of one exporter, want %d at most", len(r.warnings), r.took.Round(time.Second), most)
	}
	f.T.Logf("%s %s, %s: longest without an event %s, events again after %s\n\tlog: %s\n\t/readyz: %s", r.fault, r.victim, r.deployment,
		r.gap.Round(time.Millisecond), r.resumed.Round(time.Millisecond), strings.Join(r.warnings, "\n\tlog: "), strings.Join(r.red, "\n\t/readyz: "))
}

// table shows all rows.
func (f *fire) table() string {
	lines := []string{fmt.Sprintf("%-33s %-6s %8s %8s %6s %6s %5s  %s", "brokers: what happened", "to", "longest", "resumed", "dupli-", "", "log", "whom it hit")}
	lines = append(lines, fmt.Sprintf("%-33s %-6s %8s %8s %6s %6s %5s", "brokers:", "", "gap", "after", "cates", "losses", "lines"))
	for _, r := range f.rows {
		resumed := "-"
		if r.resumed > 0 {
			resumed = fmt.Sprintf("%.1f s", r.resumed.Seconds())
		}
		lines = append(lines, fmt.Sprintf("%-33s %-6s %6.1f s %8s %6d %6d %5d  %s",
			r.fault, r.deployment, r.gap.Seconds(), resumed, r.duplicates, r.losses, len(r.warnings), r.victim))
	}
	return "\n" + strings.Join(lines, "\n")
}

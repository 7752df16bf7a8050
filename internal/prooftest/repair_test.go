package prooftest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/rig"
)

// TestRepair damages a ledger by hand, and has repairs mend it that are killed at each of
// their steps and at random, beside a group of exporters that is killed, too. In the end
// each call is published once, as if nobody had damaged anything.
func TestRepair(t *testing.T) {
	t.Parallel()
	cfg := renewed(83)
	cfg.FaultRates = map[airuddersim.FaultKind]float64{airuddersim.Reset: 0.05, airuddersim.Cut: 0.05}
	w := newWorld(t, cfg, nil)
	settings := []string{"KAFKA_ASSIGNMENT=group", "KAFKA_LEDGER_PARTITIONS=2"}
	for i := range 2 {
		w.exporter(fmt.Sprint("exporter-", i+1), settings...)
	}
	tool := w.tool(append(settings, shortBeat)...)
	auditor := w.auditor(settings...)
	w.children[0].Start()
	rig.Eventually(t, "a ledger", rig.Patience, func() bool { return w.Partitions(w.Topics.Ledger) > 0 && len(w.Read(w.Topics.Ledger).Committed) > 2 })
	w.children[0].Kill()

	// Entries of calls that were never published, whose task is then sealed with them.
	const planted = 5
	task := w.plant(8, planted)
	w.children[0].Start()
	rig.Eventually(t, "the seal of the task whose calls are not published", rig.Patience, func() bool {
		return live(w.Read(w.Topics.Ledger))["task/"+task]["sealed_at"] != nil
	})
	w.children[0].Kill()
	if said := audit(auditor, 1); said.Counts["missing_event"] != planted || said.found() != fmt.Sprint("missing_event ", planted) {
		t.Errorf("the audit says %s, want %d events to be missing; %v", said.found(), planted, said.Findings)
	}
	if said := tool.end(nil, 1, "audit", "--repair"); !strings.Contains(said, fmt.Sprintf("to mend: %d events with their entries, 0 entries", planted)) ||
		!strings.Contains(said, "nothing was written") {
		t.Errorf("the plan says\n%s", said)
	}
	w.play(10)
	k, killing := newKiller(w, 5), sync.WaitGroup{}
	k.calm = true
	killing.Go(func() { k.run(killsOr(t, 10, 30)) })
	tool.killEverywhere(rand.New(rand.NewPCG(83, 1)), killsOr(t, 6, 20), "audit", "--repair", "--execute")
	tool.end(nil, 0, "audit", "--repair", "--execute")
	killing.Wait()
	w.settle()

	// An entry that is gone while no exporter runs, whose event would be published again.
	w.forget(task, 3)
	if said := audit(auditor, 1); said.found() != "event_without_entry 3" {
		t.Errorf("the audit says %s, want 3 events without an entry", said.found())
	}
	tool.killEverywhere(rand.New(rand.NewPCG(84, 1)), 0, "audit", "--repair", "--execute")
	tool.end(nil, 0, "audit", "--repair", "--execute")

	// Two repairs of the same calls, at once: both have seen that they are missing.
	second := w.plant(planted, planted)
	other := w.tool(append(settings, shortBeat)...)
	var both sync.WaitGroup
	for _, c := range []*child{tool, other} {
		both.Go(func() { c.end(nil, 0, "audit", "--repair", "--execute", "--task", second) })
	}
	both.Wait()
	if said := audit(auditor, 0); said.found() != "" {
		t.Errorf("after the repair the audit says %s", said.found())
	}
	sealing := w.exporter("sealing", append(settings, "AIRUDDER_POLL_AFTER_END=10ms")...)
	sealing.Start()
	rig.Eventually(t, "the second seal of the task whose events were published again", rig.Patience, func() bool {
		return live(w.Read(w.Topics.Ledger))["task/"+task]["seal"] == 2.0
	})
	sealing.Terminate()
	proof := w.Sim.Truth().Check(w.Published())
	t.Logf("%d kills of exporters; in the end %d calls, %d events, %d doubled, %d lost",
		k.kills, proof.Finished, proof.Events, len(proof.Duplicates), len(proof.Missing))
	if len(proof.Duplicates)+len(proof.Missing) > 0 {
		t.Errorf("doubled: %v, lost: %v", proof.Duplicates, proof.Missing)
	}
	if said := audit(auditor, 0); said.found() != "" || said.Counts["ok"] != int64(proof.Events) {
		t.Errorf("in the end the audit says %s, %v", said.found(), said.Counts)
	}
}

// tool is a program that writes to the ledger, which no killer takes for an exporter.
func (w *world) tool(settings ...string) *child {
	w.T.Helper()
	c := w.exporter("tool", settings...)
	w.children = w.children[:len(w.children)-1]
	return c
}

// plant adds a task that has ended, and entries for the first of its calls, as if they
// had been published.
func (w *world) plant(calls, planted int) (taskID string) {
	w.T.Helper()
	taskID = w.Sim.AddTask(airuddersim.TaskSpec{Status: airuddersim.Finished,
		ScheduleStart: w.Sim.Now().Add(-2 * time.Hour), ScheduleEnd: w.Sim.Now().Add(-time.Hour), // so it is sealed at once
		Rows: airuddersim.FinishedRows(calls)})
	for _, task := range w.Sim.Truth().Tasks {
		if task.TaskID != taskID {
			continue
		}
		for i, call := range task.Calls[:planted] {
			w.MustWrite(w.entryOf(batch.PartitionFor([]byte(taskID), w.Partitions(w.Topics.Ledger)), "call/"+taskID+"/"+call.CallID,
				fmt.Sprintf(`{"at":"%s","as":"event","n":%d,"row":"0000000000000000"}`, w.Sim.Now().UTC().Format("2006-01-02T15:04:05.000Z"), i+1)))
		}
	}
	return taskID
}

// forget deletes the entries of some of a task's calls.
func (w *world) forget(taskID string, n int) {
	w.T.Helper()
	keys := slices.DeleteFunc(keysOf(live(w.Read(w.Topics.Ledger)), "call/"+taskID+"/"), func(string) bool { n--; return n < 0 })
	for _, key := range keys {
		w.MustWrite(w.entryOf(batch.PartitionFor([]byte(taskID), w.Partitions(w.Topics.Ledger)), key, ""))
	}
}

// killEverywhere runs a tool that is killed at each of its steps, and then at a request
// drawn at random, so many times. One that comes to its end before is a run, too.
func (c *child) killEverywhere(rnd *rand.Rand, random int, args ...string) {
	c.T.Helper()
	for _, at := range slices.Concat(startSteps, workSteps) {
		c.runKilled(func(r *request) bool { return r.step == at }, args...)
	}
	for range random {
		left := rnd.IntN(60)
		c.runKilled(func(*request) bool { left--; return left < 0 }, args...)
	}
}

func (c *child) runKilled(at func(*request) bool, args ...string) {
	c.T.Helper()
	said, code := c.run(func(r *request, kill func()) fate {
		if at(r) {
			return fate{before: kill, lose: true}
		}
		return fate{}
	}, args...)
	if code != -1 && code != 0 && code != 1 {
		c.T.Errorf("%s: got exit code %d; it said\n%s", strings.Join(args, " "), code, said)
	}
}

// TestRepairFaults has every request of a repair go wrong while it holds the ledger. It
// comes to its end by itself, or says that it could not and is run again; then the ledger
// and the events agree, and each event is there once.
func TestRepairFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t, airuddersim.Config{Seed: 84}, nil)
	task := w.Sim.AddTask(airuddersim.TaskSpec{Status: airuddersim.Finished, Rows: airuddersim.FinishedRows(40)})
	one := w.exporter("one")
	one.Start()
	w.awaitEvents()
	one.Terminate()
	tool, auditor := w.tool(shortBeat), w.auditor()
	all := []asked{
		{stepFind, itself, false, findCodes},
		{stepFence, itself, true, initCodes},
		{stepBarrierAdd, itself, true, addCodes}, {stepBarrierProduce, itself, true, produceCodes}, {stepBarrierEnd, itself, true, endCodes},
		{stepReplay, itself, false, fetchCodes},
		{stepAdd, itself, true, addCodes}, {stepProduce, itself, true, produceCodes}, {stepEnd, itself, true, endCodes},
	}
	late := []faultRow{{all[3], late, 0, 1}, {all[7], late, 0, 1}}
	rows := slices.Concat(late, networkRows(all), everyNth(codeRows(all), 5))
	switch {
	case everyRow():
	case wholeTable(t):
		rows = slices.Concat(late, everyNth(networkRows(all), 2), everyNth(codeRows(all), 10))
	default:
		rows = slices.Concat(late, everyNth(networkRows(all), 6), everyNth(codeRows(all), 21))
	}
	tally := faultTally{}
	for _, row := range rows {
		w.forget(task, 1)
		took, hits := w.repairUnder(tool, row)
		tally.book(fmt.Sprintf("%s, %s", row.step, row.on), hits, took)
		if said := audit(auditor, 0); said.found() != "" || t.Failed() {
			t.Fatalf("%s: the audit says %s", row, said.found())
		}
	}
	tally.report(t, "repair", 0, 0) // the audit fails the test where there is one
	proof := w.Sim.Truth().Check(w.Published())
	if len(proof.Duplicates)+len(proof.Missing) > 0 {
		t.Errorf("doubled: %v, lost: %v", proof.Duplicates, proof.Missing)
	}
}

// repairUnder runs a repair whose requests go wrong as a row says, and again where it ended
// for that.
func (w *world) repairUnder(tool *child, row faultRow) (time.Duration, int) {
	w.T.Helper()
	var mu sync.Mutex
	hits, began := 0, time.Now()
	said, code := tool.run(func(r *request, _ func()) fate {
		mu.Lock()
		defer mu.Unlock()
		if r.step != row.step || hits >= row.times {
			return fate{}
		}
		hits++
		return row.fate(w, r)
	}, "audit", "--repair", "--execute")
	for tries := 0; code != 0; tries++ {
		if code != 1 && code != 2 || strings.Contains(said, "panic") || tries == 3 {
			w.T.Fatalf("%s: it ended with %d:\n%s", row, code, said)
		}
		said, code = tool.run(func(*request, func()) fate { return fate{} }, "audit", "--repair", "--execute")
	}
	return time.Since(began), hits
}

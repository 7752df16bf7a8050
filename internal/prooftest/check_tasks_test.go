package prooftest

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"airudder-exporter/internal/airuddersim"
)

// checkTasks holds every task's transitions against the states that responses
// showed: 1, 2, 3 … without a gap, each from the one before, and all of them a
// path that really was to be seen.
func (c *checker) checkTasks() {
	truth := map[string]airuddersim.TaskTruth{}
	for _, task := range c.truth.Tasks {
		truth[task.TaskID] = task
	}
	entered := map[string]int64{} // the sequence that the ledger has last
	for _, e := range c.entries {
		if e.kind == "task" {
			entered[e.taskID] = e.number("sequence")
		}
	}
	for taskID, changes := range c.changesByTask() {
		about := airuddersim.CallKey{TaskID: taskID}
		var path []string
		status := any(nil)
		for i, change := range changes {
			if got, want := change.number("sequence"), int64(i+1); got != want {
				c.wrong(about, "%s: sequence: got %d, want %d", change, got, want)
			}
			if change.fields["previous_status"] != status {
				c.wrong(about, "%s: previous_status: got %v, want %v", change, change.fields["previous_status"], status)
			}
			if change.fields["seal"] == nil {
				path = append(path, change.text("status"))
			} else if change.fields["status"] != status {
				c.wrong(about, "%s: a seal with status %v after %v", change, change.fields["status"], status)
			}
			status = change.fields["status"]
			if rows := change.number("rows_finished") + change.number("rows_cancelled") + change.number("rows_open"); rows != change.number("rows") {
				c.wrong(about, "%s: %d rows, of which %d finished, cancelled or open", change, change.number("rows"), rows)
			}
		}
		if served := truth[taskID].Served(); !within(path, served) {
			c.wrong(about, "task %s: transitions %v, but responses showed %v", taskID, path, served)
		}
		if got, want := entered[taskID], int64(len(changes)); got != want {
			c.wrong(about, "task %s: the ledger has sequence %d, the status topic %d records", taskID, got, want)
		}
	}
}

// changesByTask are the records of the status topic in the order of their
// offsets: it is keyed by the task.
func (c *checker) changesByTask() map[string][]record {
	byTask := map[string][]record{}
	for _, change := range c.changes {
		byTask[change.text("task_id")] = append(byTask[change.text("task_id")], change)
	}
	return byTask
}

// within reports whether path is a subsequence of states.
func within(path, states []string) bool {
	for _, status := range path {
		at := slices.Index(states, status)
		if at < 0 {
			return false
		}
		states = states[at+1:]
	}
	return true
}

// sealed is what a seal has to say by the entries that stand before it in its
// shard.
type sealed struct {
	number, exported, dead, late int64
	digest                       string
}

// checkSeals counts again what each seal counts.
func (c *checker) checkSeals() {
	want := c.sealsByLedger()
	for taskID, changes := range c.changesByTask() {
		about := airuddersim.CallKey{TaskID: taskID}
		n := 0
		for _, change := range changes {
			seal, ok := change.fields["seal"].(map[string]any)
			if !ok {
				continue
			}
			of := record{change.Record, seal}
			got := sealed{of.number("seal_number"), of.number("exported"), of.number("dead_lettered"), of.number("late"), of.text("digest")}
			if n++; n > len(want[taskID]) || got != want[taskID][n-1] {
				c.wrong(about, "%s: seal %d of task %s: got %+v, the ledger has %+v", change, n, taskID, got, want[taskID])
			}
			if of.number("cancelled") != change.number("rows_cancelled") || of.number("never_dialled") != change.number("rows_open") {
				c.wrong(about, "%s: the seal's cancelled %d and never_dialled %d are not the rows' %d and %d", change,
					of.number("cancelled"), of.number("never_dialled"), change.number("rows_cancelled"), change.number("rows_open"))
			}
		}
		if n != len(want[taskID]) {
			c.wrong(about, "task %s: got %d seals, the ledger has %d", taskID, n, len(want[taskID]))
		}
	}
}

// sealsByLedger works the seals out of the ledger, in the order of its offsets.
func (c *checker) sealsByLedger() map[string][]sealed {
	type task struct {
		events     []string
		dead, late int64
		terminal   time.Time
		seals      []sealed
	}
	tasks := map[string]*task{}
	for _, e := range c.entries {
		t := tasks[e.taskID]
		if t == nil {
			t = &task{}
			tasks[e.taskID] = t
		}
		switch {
		case e.kind == "task":
			t.terminal = e.time("first_terminal")
			if n := e.number("seal"); n > int64(len(t.seals)) {
				t.seals = append(t.seals, sealed{n, int64(len(t.events)), t.dead, t.late, digestOf(t.events)})
			}
		case e.kind != "call" && e.kind != "row":
		case e.text("as") != "event":
			t.dead++
		default:
			t.events = append(t.events, e.id)
			late := !t.terminal.IsZero() && e.time("at").After(t.terminal)
			if said, _ := e.value["late"].(bool); said != late {
				c.wrong(e.call(), "ledger: %s: late is %v, but it was read at %s and the task was seen terminal at %s", e.Key, said, e.text("at"), t.terminal)
			}
			if late {
				t.late++
			}
		}
	}
	seals := map[string][]sealed{}
	for id, t := range tasks {
		seals[id] = t.seals
	}
	return seals
}

// digestOf is the hex SHA-256 over the sorted ids, each followed by a newline.
func digestOf(callIDs []string) string {
	sum := sha256.New()
	for _, id := range slices.Sorted(slices.Values(callIDs)) {
		sum.Write([]byte(id + "\n"))
	}
	return hex.EncodeToString(sum.Sum(nil))
}

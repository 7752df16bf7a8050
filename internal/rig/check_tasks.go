package rig

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"airudder-exporter/internal/airuddersim"
)

// checkTasks holds every task's transitions against the states that responses
// showed: 1, 2, 3 … without a gap, each from the one before, and all of them a
// path that really was to be seen.
func (e *Evidence) checkTasks() {
	entered := map[string]int64{} // the sequence that the ledger has last
	for _, entry := range e.Entries {
		if entry.Kind == "task" {
			entered[entry.TaskID] = entry.Number("sequence")
		}
	}
	changes, closed := e.changesByTask(), e.closed()
	for _, task := range e.Truth.Tasks {
		about := airuddersim.CallKey{TaskID: task.TaskID}
		path, status, sealed := e.pathOf(changes[task.TaskID], about)
		if served := task.Served(); !within(path, served) {
			e.wrong(about, "task %s: transitions %v, but responses showed %v", task.TaskID, path, served)
		}
		last := task.States[len(task.States)-1].Status
		if e.Settled && !closed[task.TaskID] && !sealed && folded(fmt.Sprint(status)) != last {
			e.wrong(about, "task %s is %s, but the last transition is to %v", task.TaskID, last, status)
		}
		if got, want := entered[task.TaskID], int64(len(changes[task.TaskID])); got != want {
			e.wrong(about, "task %s: the ledger has sequence %d, the status topic %d records", task.TaskID, got, want)
		}
		delete(changes, task.TaskID)
	}
	for taskID := range changes {
		e.wrong(airuddersim.CallKey{TaskID: taskID}, "task %s: transitions of a task that never was", taskID)
	}
}

// pathOf follows a task's status records: its transitions, the last status, and
// whether it was ever sealed.
func (e *Evidence) pathOf(changes []Record, about airuddersim.CallKey) (path []string, status any, sealed bool) {
	for i, change := range changes {
		if got, want := change.Number("sequence"), int64(i+1); got != want {
			e.wrong(about, "%s: sequence: got %d, want %d", change, got, want)
		}
		if change.Fields["previous_status"] != status {
			e.wrong(about, "%s: previous_status: got %v, want %v", change, change.Fields["previous_status"], status)
		}
		if _, seal := change.Seal(); !seal {
			path = append(path, folded(change.Text("status")))
		} else if sealed = true; change.Fields["status"] != status {
			e.wrong(about, "%s: a seal with status %v after %v", change, change.Fields["status"], status)
		}
		status = change.Fields["status"]
		if rows := change.Number("rows_finished") + change.Number("rows_cancelled") + change.Number("rows_open"); rows != change.Number("rows") {
			e.wrong(about, "%s: %d rows, of which %d finished, cancelled or open", change, change.Number("rows"), rows)
		}
	}
	return path, status, sealed
}

// folded is a status without the account's own case and blanks.
func folded(status string) string { return strings.ToLower(strings.TrimSpace(status)) }

// changesByTask are the records of the status topic in the order of their
// offsets: it is keyed by the task.
func (e *Evidence) changesByTask() map[string][]Record {
	byTask := map[string][]Record{}
	for _, change := range e.Changes {
		byTask[change.Text("task_id")] = append(byTask[change.Text("task_id")], change)
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
func (e *Evidence) checkSeals() {
	want := e.sealsByLedger()
	for taskID, changes := range e.changesByTask() {
		about := airuddersim.CallKey{TaskID: taskID}
		n := 0
		for _, change := range changes {
			of, is := change.Seal()
			if !is {
				continue
			}
			got := sealed{of.Number("seal_number"), of.Number("exported"), of.Number("dead_lettered"), of.Number("late"), of.Text("digest")}
			if n++; n > len(want[taskID]) || got != want[taskID][n-1] {
				e.wrong(about, "%s: seal %d of task %s: got %+v, the ledger has %+v", change, n, taskID, got, want[taskID])
			}
			if of.Number("cancelled") != change.Number("rows_cancelled") || of.Number("never_dialled") != change.Number("rows_open") {
				e.wrong(about, "%s: the seal's cancelled %d and never_dialled %d are not the rows' %d and %d", change,
					of.Number("cancelled"), of.Number("never_dialled"), change.Number("rows_cancelled"), change.Number("rows_open"))
			}
		}
		if n != len(want[taskID]) {
			e.wrong(about, "task %s: got %d seals, the ledger has %d", taskID, n, len(want[taskID]))
		}
	}
}

// sealsByLedger works the seals out of the ledger, in the order of its offsets.
func (e *Evidence) sealsByLedger() map[string][]sealed {
	type task struct {
		events     []string
		dead, late int64
		terminal   bool // it was seen so
	}
	tasks, seals := map[string]*task{}, map[string][]sealed{}
	ends := map[string]time.Time{} // first seen; the cleaner may have left a task's last entry alone, after its calls
	for _, entry := range e.Entries {
		if at := entry.Time("first_terminal"); entry.Kind == "task" && !at.IsZero() {
			ends[entry.TaskID] = at
		}
	}
	for _, entry := range e.Entries {
		t := tasks[entry.TaskID]
		if t == nil {
			t = &task{}
			tasks[entry.TaskID] = t
		}
		switch {
		case entry.Kind == "task":
			t.terminal = !entry.Time("first_terminal").IsZero()
			if n := entry.Number("seal"); n > int64(len(seals[entry.TaskID])) {
				seals[entry.TaskID] = append(seals[entry.TaskID], sealed{n, int64(len(t.events)), t.dead, t.late, digestOf(t.events)})
			}
		case !entry.publication() || entry.Value == nil:
		case entry.Text("as") != "event":
			t.dead++
		default:
			t.events = append(t.events, entry.ID)
			said, _ := entry.Value["late"].(bool)
			end, ended := ends[entry.TaskID]
			late := t.terminal || said && ended && entry.Time("at").After(end)
			if said != late {
				e.wrong(entry.call(), "ledger: %s: late is %v, and whether the task was seen at its end before, %v", entry.Key, said, late)
			}
			if late {
				t.late++
			}
		}
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

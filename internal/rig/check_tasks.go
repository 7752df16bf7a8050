package rig

import (
	"fmt"
	"slices"
	"strings"

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

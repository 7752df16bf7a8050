package rig

import (
	"cmp"
	"slices"

	"airudder-exporter/internal/airuddersim"
)

// ordered is what was written of a task, in the one order of all topics.
type ordered struct {
	unentered              int  // published, and not entered yet
	entering               bool // the last step was an entry
	events, changes, seals int64
	closed                 bool
	dead                   map[airuddersim.CallKey]Entry // the last entries
}

// step is one record of a task.
type step struct {
	offset int64
	task   string
	take   func(*ordered)
}

// checkOrder follows all topics in the one order in which they were written: an
// entry stands after what it speaks of, a task's entry counts the status records
// before it, and nothing comes after a closing.
func (e *Evidence) checkOrder() {
	var steps []step
	for _, r := range slices.Concat(e.Calls, e.Letters, e.Changes) {
		steps = append(steps, step{r.Offset, r.Text("task_id"), func(t *ordered) { e.publish(t, r) }})
	}
	for _, entry := range e.Entries {
		steps = append(steps, step{entry.Offset, entry.TaskID, func(t *ordered) { e.enter(t, entry) }})
	}
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.offset, b.offset) })
	tasks := map[string]*ordered{}
	for _, s := range steps {
		if tasks[s.task] == nil {
			tasks[s.task] = &ordered{dead: map[airuddersim.CallKey]Entry{}}
		}
		s.take(tasks[s.task])
	}
	for taskID, t := range tasks {
		if t.unentered != 0 {
			e.wrong(airuddersim.CallKey{TaskID: taskID}, "task %s: %d were published, and never entered", taskID, t.unentered)
		}
	}
}

// publish takes a record of the event, the status or the dead-letter topic.
func (e *Evidence) publish(t *ordered, r Record) {
	if t.closed {
		e.wrong(r.Call(), "%s: task %s is closed by then", r, r.Text("task_id"))
	}
	if t.entering && t.unentered != 0 {
		e.wrong(r.Call(), "%s: %d records before it are not entered", r, t.unentered)
	}
	t.entering = false
	switch r.Topic {
	case e.Topics.Events:
		t.unentered++
		if t.events++; r.Number("task_sequence") != t.events {
			e.wrong(r.Call(), "%s: number %d is the event number %d", r, r.Number("task_sequence"), t.events)
		}
	case e.Topics.Dead:
		if !r.Resolved() || r.letterKey() != r.Call() { // the end of a call's is entered as its event
			t.unentered++
		}
	default:
		if t.changes++; r.Fields["seal"] != nil {
			t.seals++
		}
		if r.Number("exported") != t.events || t.unentered != 0 {
			e.wrong(r.Call(), "%s: exported %d after %d events, of which %d are not entered", r, r.Number("exported"), t.events, t.unentered)
		}
	}
}

// enter takes an entry of the ledger.
func (e *Evidence) enter(t *ordered, entry Entry) {
	switch {
	case entry.Kind == "task":
		t.closed = t.closed || !entry.Time("closed_at").IsZero()
		if entry.Number("sequence") != t.changes || entry.Number("seal") != t.seals {
			e.wrong(airuddersim.CallKey{TaskID: entry.TaskID}, "ledger: task %s has sequence %d and seal %d after %d status records and %d seals",
				entry.TaskID, entry.Number("sequence"), entry.Number("seal"), t.changes, t.seals)
		}
	case !entry.publication() || entry.Value == nil:
	default:
		before := t.dead[entry.call()]
		if t.dead[entry.call()] = entry; entry.stillTooLarge(before) {
			return
		}
		t.entering = true
		if t.unentered--; t.unentered < 0 {
			e.wrong(entry.call(), "ledger: %s is entered before it is published", entry.Key)
		}
	}
}

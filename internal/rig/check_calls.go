package rig

import (
	"slices"

	"airudder-exporter/internal/airuddersim"
)

// checkCalls holds the events against the truth: each finished call once. One
// whose row was damaged in a response may be a dead letter in its place.
func (e *Evidence) checkCalls() {
	keys := make([]airuddersim.CallKey, len(e.Calls))
	told := map[airuddersim.CallKey]bool{} // by an event or a dead letter
	for i, call := range e.Calls {
		keys[i] = call.Call()
		told[keys[i]] = true
	}
	for _, letter := range e.Letters {
		if !letter.Resolved() {
			told[letter.Call()], told[letter.row()] = true, true
		}
	}
	e.Proof = e.Truth.Check(keys)
	for _, key := range e.Proof.Duplicates {
		e.wrong(key, "call %s of task %s: more than one event", key.CallID, key.TaskID)
	}
	for _, key := range e.Proof.Unknown {
		e.wrong(key, "call %s of task %s: an event, but it never finished", key.CallID, key.TaskID)
	}
	if e.Settled {
		closed := e.closed()
		for _, key := range e.Proof.Unhealed {
			if !closed[key.TaskID] {
				e.wrong(key, "call %s of task %s: shown sound after it was damaged, and no event", key.CallID, key.TaskID)
			}
		}
	}
	closed, unserved := e.closed(), map[airuddersim.CallKey]bool{}
	for _, task := range e.Truth.Tasks {
		for _, of := range task.Calls {
			key := airuddersim.CallKey{TaskID: task.TaskID, CallID: of.CallID}
			before, seen := unserved[key]
			fits := e.Privacy != "" && slices.Contains(of.Damaged, airuddersim.HugeRow) // with less of it shown
			unserved[key] = !of.Served && !fits && (before || !seen)                    // two rows may show one CallID
			if !of.Current || told[key] || task.Waits(of) || len(of.Damaged) > 0 && told[rowKey(task.TaskID, of.RowID)] {
				continue
			}
			if !task.Ended && slices.Contains(of.Damaged, airuddersim.NoCallID) && !of.Shown {
				continue // it may still get its CallID, whatever else one response made of it
			}
			if closed[task.TaskID] && (!of.Served || e.Hidden != nil && e.Hidden(task.TaskID)) {
				e.Proof.Missing = slices.DeleteFunc(e.Proof.Missing, func(k airuddersim.CallKey) bool { return k == key })
				continue
			}
			e.wrong(key, "call %s of task %s, damaged as %v: neither an event nor a dead letter", of.CallID, task.TaskID, of.Damaged)
		}
	}
	for _, key := range e.Proof.Missing {
		e.wrong(key, "call %s of task %s: no event", key.CallID, key.TaskID)
	}
	for _, key := range keys {
		if unserved[key] {
			e.wrong(key, "call %s of task %s: an event, but no response showed it whole", key.CallID, key.TaskID)
		}
	}
}

// closed are the tasks that the ledger says are closed.
func (e *Evidence) closed() map[string]bool {
	closed := map[string]bool{}
	for _, entry := range e.Entries {
		if entry.Kind == "task" && !entry.Time("closed_at").IsZero() {
			closed[entry.TaskID] = true
		}
	}
	return closed
}

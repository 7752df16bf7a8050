package exporter

import "time"

// Hint is what becomes of a hint that a task has something new. A hint causes nothing but
// a reading that would come anyway, only sooner: nothing that came with it is believed.
type Hint string

// The ends of a hint.
const (
	HintTaken     Hint = "taken"     // the task is read as soon as a request may go, or is being read, and again after that
	HintWaits     Hint = "waits"     // its last reading failed, and nothing shortens that wait
	HintUnknown   Hint = "unknown"   // no such task is known: the list is read soon
	HintOver      Hint = "over"      // it is not exported any more, or never was
	HintElsewhere Hint = "elsewhere" // its shard is not at work in this process
)

// Hints are all of them.
var Hints = []Hint{HintTaken, HintWaits, HintUnknown, HintOver, HintElsewhere}

const (
	// hintSlots is how many tasks are read at once, beside the others, since hints say so.
	hintSlots = 2

	// listApart is how far apart the readings of the list begin that hints ask for.
	listApart = 10 * time.Second
)

// Hint takes a hint about a task.
func (e *Exporter) Hint(taskID string) Hint {
	now := time.Now()
	e.mu.Lock()
	r := e.runs[e.cfg.ShardOf(taskID, max(e.meta.Partitions, 1))]
	e.mu.Unlock()
	if r == nil {
		return HintElsewhere
	}
	e.lastHint.set(now)
	got := r.schedule.hint(taskID, now)
	switch {
	case got == HintUnknown && r.ledger.Knows(taskID):
		return HintOver
	case got == HintUnknown:
		select {
		case e.listHinted <- struct{}{}:
		default: // somebody has asked already
		}
	case got == HintTaken:
		select {
		case r.taskHinted <- struct{}{}:
		default:
		}
	}
	return got
}

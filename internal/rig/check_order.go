package rig

import (
	"cmp"
	"slices"

	"airudder-exporter/internal/airuddersim"
)

// checkOrder follows all topics in the one order in which they were written: an
// entry stands after what it speaks of, a task's entry counts the status records
// before it, and nothing comes after a closing.
func (e *Evidence) checkOrder() {
	type told struct {
		unentered      int // published, and not entered yet
		changes, seals int64
		closed         bool
	}
	type step struct {
		offset int64
		task   string
		take   func(*told)
	}
	var steps []step
	published := func(r Record, take func(*told)) {
		steps = append(steps, step{r.Offset, r.Text("task_id"), func(t *told) {
			if take(t); t.closed {
				e.wrong(r.Call(), "%s: task %s is closed by then", r, r.Text("task_id"))
			}
		}})
	}
	for _, r := range slices.Concat(e.Calls, e.Letters) {
		published(r, func(t *told) { t.unentered++ })
	}
	for _, r := range e.Changes {
		published(r, func(t *told) {
			if t.changes++; r.Fields["seal"] != nil {
				t.seals++
			}
		})
	}
	for _, entry := range e.Entries {
		steps = append(steps, step{entry.Offset, entry.TaskID, func(t *told) {
			switch {
			case entry.Kind == "task":
				t.closed = t.closed || !entry.Time("closed_at").IsZero()
				if entry.Number("sequence") != t.changes || entry.Number("seal") != t.seals {
					e.wrong(airuddersim.CallKey{TaskID: entry.TaskID}, "ledger: task %s has sequence %d and seal %d after %d status records and %d seals",
						entry.TaskID, entry.Number("sequence"), entry.Number("seal"), t.changes, t.seals)
				}
			case !entry.publication() || entry.Value == nil:
			default:
				if t.unentered--; t.unentered != 0 {
					e.wrong(entry.call(), "ledger: %s: %d more were published than entered", entry.Key, t.unentered)
				}
			}
		}})
	}
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.offset, b.offset) })
	tasks := map[string]*told{}
	for _, s := range steps {
		if tasks[s.task] == nil {
			tasks[s.task] = &told{}
		}
		s.take(tasks[s.task])
	}
}

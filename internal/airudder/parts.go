package airudder

import (
	"maps"
	"slices"

	"airudder-exporter/internal/call"
)

// Bounds of what an answer holds of its new rows.
const (
	partRows  = 256
	partBytes = 512 << 10 // raw
	maxHeld   = 2 << 20   // raw: new rows that wait for the task's own fields
)

// next is the place of the next new row.
func (a *answer) next() *call.Row {
	if a.fresh == nil {
		a.fresh = make([]call.Row, 0, a.likely)
	}
	a.fresh = append(a.fresh, call.Row{})
	return &a.fresh[len(a.fresh)-1]
}

// added hands on the new rows once they make a part; the last has this many raw
// bytes.
func (a *answer) added(size int) error {
	a.freshSize += size
	switch {
	case a.whole && (len(a.fresh) == partRows || a.freshSize >= partBytes):
		return a.release()
	case a.whole, a.freshSize <= maxHeld:
	case a.header != nil:
		a.completeHeader()
		return a.release()
	default:
		a.passOver, a.fresh = true, nil
	}
	return nil
}

// release hands on the new rows. An error of yield ends the reading as it is.
func (a *answer) release() error {
	rows := a.fresh
	a.fresh, a.freshSize, a.likely = nil, 0, min(len(rows), partRows)
	for rows := range slices.Chunk(rows, partRows) {
		task := a.task
		if a.header != nil {
			task = *a.header
		}
		task.Additional = maps.Clone(task.Additional) // a.task's may still grow
		inherit(&task, rows)
		a.yielded = true
		if err := a.yield(call.Part{Task: task, Started: a.started, Rows: rows}); err != nil {
			return &stopError{err}
		}
	}
	return nil
}

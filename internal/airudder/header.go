package airudder

import (
	"bytes"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/jsonrows"
)

// maxExtra is how much is held of the task's fields that are kept raw: each of
// its events carries them.
const maxExtra = 16 << 10

// field takes one of the task's own fields; nil: it is too large to be held.
func (a *answer) field(key string, raw []byte) error {
	if len(raw) > maxExtra {
		raw = nil
	}
	if raw != nil {
		raw = bytes.ToValidUTF8(raw, []byte("\uFFFD"))
	}
	i := taskFields.index(key, -1)
	if i < 0 {
		a.additional(ofTask(key), raw)
		return nil
	}
	if err := a.set(taskFields[i], raw); err != nil {
		return err
	}
	if a.seen |= 1 << i; ^a.seen&(1<<everyTask-1) != 0 {
		return nil
	}
	a.completeHeader()
	if a.rows == proper { // more may follow, and the rows can wait for it
		return nil
	}
	return a.release()
}

// set sets a documented field of the task.
func (a *answer) set(f field[call.Task], raw []byte) error {
	name := ofTask(f.name)
	delete(a.task.Additional, name) // of an earlier one of this name
	is := fits
	if raw == nil {
		is = unfit
	} else if !jsonrows.IsNull(raw) {
		is = f.set(&a.decoding, &a.task, jsonrows.Keep(raw))
	}
	if is&otherType != 0 {
		a.metrics.mismatched(f.name)
	}
	if is&keepRaw != 0 {
		a.additional(name, raw)
	}
	if a.task.ID != "" && a.task.ID != a.asked {
		return &Error{kind: KindWrongTask, text: "the answer is about another task"}
	}
	return nil
}

// completeHeader says that the rows need not wait for the task's own fields.
func (a *answer) completeHeader() {
	if a.task.ID == "" {
		a.task.ID = a.asked
	}
	a.whole = true
}

// ofTask is the name under which a field of the task is kept raw: rows have some
// names, too. Those that are promoted keep the one that they had.
func ofTask(name string) string {
	if rowFields.index(name, -1) >= 0 && !isWorkflow(name) {
		return "data." + name
	}
	return name
}

// additional keeps a field raw. One with which there would be too much of that is
// left out, and counted as the fault of data itself: a field that the vendor adds
// must neither swell every event nor keep one from fitting its topic.
func (a *answer) additional(name string, raw []byte) {
	if raw == nil || a.extra+len(name)+len(raw) > maxExtra {
		a.metrics.mismatched("data")
		return
	}
	if a.task.Additional == nil {
		a.task.Additional = map[string]string{}
	}
	a.extra += len(name) + len(raw)
	a.task.Additional[name] = string(raw)
}

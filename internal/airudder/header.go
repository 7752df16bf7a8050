package airudder

import (
	"bytes"
	"maps"
)

// This file takes the task's own fields out of a detail response.

// header takes one of the task's own fields; nil: it is too large to be held. One
// whose name is the documented one only when case is folded waits until it shows
// whether that comes, too.
func (r *reading) header(key string, raw []byte) error {
	if len(raw) > maxExtra {
		raw = nil
	}
	if raw != nil {
		raw = bytes.ToValidUTF8(raw, []byte("\uFFFD"))
	}
	i := taskFields.index(key, -1)
	switch {
	case i < 0:
		r.additional(ofTask(key), raw)
		return nil
	case key != taskFields[i].name:
		if len(r.folded) == maxFields {
			r.metrics.mismatched("data")
			return nil
		}
		r.folded = append(r.folded, foldedField{i, key, bytes.Clone(raw)})
		return nil
	}
	if err := r.set(i, raw); err != nil {
		return err
	}
	if r.seen |= 1 << i; r.seen < 1<<len(taskFields)-1 {
		return nil
	}
	r.completeHeader()
	if r.detail == proper { // more may follow, and the rows can wait for it
		return nil
	}
	return r.release()
}

// foldedField is a field of the task under another spelling of its name.
type foldedField struct {
	i   int // in taskFields
	key string
	raw []byte // nil: too large
}

// unfold has the other spellings count where the API's own did not come.
func (r *reading) unfold() error {
	for _, f := range r.folded {
		if r.seen&(1<<f.i) != 0 {
			r.additional(ofTask(f.key), f.raw)
		} else if err := r.set(f.i, f.raw); err != nil {
			return err
		}
	}
	return nil
}

// set sets a documented field of the task.
func (r *reading) set(i int, raw []byte) error {
	f, d := taskFields[i], r.decoding()
	switch fits := raw != nil && (isNull(raw) || f.set(&d, &r.task, viewOf(raw))); {
	case !fits:
		r.additional(ofTask(f.name), raw)
		r.metrics.mismatched(f.name)
	case r.task.Additional[ofTask(f.name)] != "":
		r.forget(ofTask(f.name))
	}
	if r.task.ID != "" && r.task.ID != r.asked {
		return &Error{op: r.q.op, kind: KindWrongTask, text: "the answer is about another task"}
	}
	return nil
}

// ofTask is the name under which a field of the task is kept raw: rows have some
// names, too.
func ofTask(name string) string {
	if rowFields.index(name, -1) >= 0 {
		return "data." + name
	}
	return name
}

// additional keeps a field raw. One with which there would be too much of that is
// left out, and counted as the fault of data itself: a field that the vendor adds
// must neither swell every event nor keep one from fitting its topic.
func (r *reading) additional(name string, raw []byte) {
	if raw == nil || r.extra+len(name)+len(raw) > maxExtra {
		r.metrics.mismatched("data")
		return
	}
	r.unshare()
	if r.task.Additional == nil {
		r.task.Additional = map[string]string{}
	}
	r.extra += len(name) + len(raw)
	r.task.Additional[name] = string(raw)
}

// forget keeps a field raw no longer.
func (r *reading) forget(name string) {
	r.unshare()
	if delete(r.task.Additional, name); len(r.task.Additional) == 0 {
		r.task.Additional = nil
	}
}

// unshare gives the task a map of its own before it is changed.
func (r *reading) unshare() {
	if r.shared {
		r.task.Additional, r.shared = maps.Clone(r.task.Additional), false
	}
}

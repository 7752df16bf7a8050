package airuddersim

import (
	"fmt"
	"maps"
	"time"
)

// TaskSpec is a task that a test adds by hand. It does not play by itself.
type TaskSpec struct {
	ID            string    // empty: follows from the seed and the task's number
	Name          string    // empty: as a campaign's
	Status        string    // empty: created
	ScheduleStart time.Time // zero: the clock's now
	ScheduleEnd   time.Time // zero: Config.Window after the start
	Rows          []RowSpec
}

// RowSpec is a row as it stands when it is added.
type RowSpec struct {
	ID       int64             // 0: follows from the task's number and the row's index
	Status   string            // empty: pending
	CallID   string            // of the attempt it shows, or of the first one it will get; empty: follows from the seed
	Attempts int               // made so far, the last one included; 0: one, but none for a pending row
	Set      map[string]string // raw JSON by field name, instead of what would be sent; empty text: the field is absent

	// Raw is the whole row, byte for byte; nothing that happens to the row
	// changes it. Status and CallID must agree with it for the truth to; a
	// finished Raw row without a CallID is no finished call.
	Raw string
}

// FinishedRows are n rows that show a finished call each; for big tasks.
func FinishedRows(n int) []RowSpec { return repeat(n, RowSpec{Status: Finished}) }

// PendingRows are n rows that were never dialled.
func PendingRows(n int) []RowSpec { return repeat(n, RowSpec{Status: Pending}) }

func repeat(n int, spec RowSpec) []RowSpec {
	rows := make([]RowSpec, n)
	for i := range rows {
		rows[i] = spec
	}
	return rows
}

// AddTask adds a task and returns its TaskID. It panics when a task of that
// TaskID is there already: the test is wrong then.
func (s *Sim) AddTask(spec TaskSpec) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.newTask(len(s.tasks) + 1)
	t.ID, t.Name = or(spec.ID, t.ID), or(spec.Name, t.Name)
	if s.byID[t.ID] != nil {
		panic("airuddersim: two tasks " + t.ID)
	}
	t.Start = or(spec.ScheduleStart, s.now)
	t.End = or(spec.ScheduleEnd, t.Start.Add(s.cfg.Window))
	t.setStatus(or(spec.Status, Created), s.now)
	s.know(t)
	for _, r := range spec.Rows {
		s.addRow(t, r)
	}
	return t.ID
}

// AddRow adds a row to a task and returns its index.
func (s *Sim) AddRow(taskID string, spec RowSpec) (index int, err error) {
	err = s.onTask(taskID, func(t *task) error { index = s.addRow(t, spec); return nil })
	return index, err
}

// addRow adds a row, with as many attempts before it as the spec says.
func (s *Sim) addRow(t *task, spec RowSpec) int {
	index := len(t.Rows)
	t.Next = len(t.Rows) + 1 // no campaign dials it
	r := &row{ID: or(spec.ID, t.rowID(index)), Set: maps.Clone(spec.Set), Raw: spec.Raw}
	t.Rows = append(t.Rows, r)
	status := or(spec.Status, Pending)
	attempts := spec.Attempts
	if attempts == 0 && status != Pending && status != Cancelled {
		attempts = 1
	}
	for i := range attempts {
		if i == attempts-1 {
			r.CallID = spec.CallID
		}
		a := s.begin(t, index)
		a.Start = a.Start.Add(-time.Duration(attempts-i) * time.Minute)
		if i < attempts-1 || status != Calling {
			s.end(r, status == Finished && i == attempts-1)
			a.End = a.Start.Add(s.outcomeIf(t, index, i+1, a.Connected).duration())
		}
	}
	if attempts == 0 {
		r.CallID = spec.CallID
	}
	r.Status, r.shown = status, nil
	if status == Finished && (spec.Raw == "" || spec.CallID != "") {
		s.finish(t, index)
	}
	return index
}

// SetStatus sets a task's status to any text.
func (s *Sim) SetStatus(taskID, status string) error {
	return s.onTask(taskID, func(t *task) error { t.setStatus(status, s.now); return nil })
}

// CancelTask cancels a task as a campaign's own end does: its open rows become
// cancelled; of the calls in progress half continue.
func (s *Sim) CancelTask(taskID string) error {
	return s.onTask(taskID, func(t *task) error {
		s.cancelRows(t)
		s.state(t, Canceled)
		return nil
	})
}

// ForgetTask has the API answer that there is no such task.
func (s *Sim) ForgetTask(taskID string) error {
	return s.onTask(taskID, func(t *task) error { t.Gone = true; return nil })
}

// ReturnTask undoes ForgetTask.
func (s *Sim) ReturnTask(taskID string) error {
	return s.onTask(taskID, func(t *task) error { t.Gone = false; return nil })
}

// Unlist has the list leave a task out, or show it again; its detail is there.
func (s *Sim) Unlist(taskID string, out bool) error {
	return s.onTask(taskID, func(t *task) error { t.Unlist = out; return nil })
}

// SetRowStatus sets a row's status to any text; Finished is FinishCall's.
func (s *Sim) SetRowStatus(taskID string, index int, status string) error {
	return s.onRow(taskID, index, func(t *task, r *row) error {
		if status == Finished {
			return fmt.Errorf("set row %d of task %s finished: use FinishCall", index, taskID)
		}
		r.Status, r.shown = status, nil
		return nil
	})
}

// FinishCall ends a row's attempt, which connected, and shows the row as
// finished; a row without an open attempt gets one first. It returns the CallID.
// On a finished row it changes nothing.
func (s *Sim) FinishCall(taskID string, index int) (callID string, err error) {
	err = s.onRow(taskID, index, func(t *task, r *row) error {
		callID = s.finishCall(t, index).CallID
		return nil
	})
	return callID, err
}

// FinishNext finishes the next n rows that are open, and returns their CallIDs:
// fewer when there are fewer.
func (s *Sim) FinishNext(taskID string, n int) (callIDs []string, err error) {
	err = s.onTask(taskID, func(t *task) error {
		for i, r := range t.Rows {
			if len(callIDs) == n {
				break
			}
			if !r.Hidden && (r.Status == Pending || r.Status == Calling) {
				callIDs = append(callIDs, s.finishCall(t, i).CallID)
			}
		}
		return nil
	})
	return callIDs, err
}

func (s *Sim) finishCall(t *task, index int) *Call {
	r := t.Rows[index]
	if r.Status == Finished && r.current() != nil {
		return s.finish(t, index)
	}
	if a := r.current(); a == nil || !a.End.IsZero() {
		a = s.begin(t, index)
		a.Start = a.Start.Add(-s.outcomeIf(t, index, len(r.Attempts), true).duration())
	}
	s.end(r, true)
	return s.finish(t, index)
}

// Redial starts a row's next attempt and returns its CallID: the row is calling
// again, and what it showed before is in RedailCall.
func (s *Sim) Redial(taskID string, index int) (callID string, err error) {
	err = s.onRow(taskID, index, func(t *task, r *row) error {
		if a := r.current(); a != nil && a.End.IsZero() {
			s.end(r, false)
		}
		callID = s.begin(t, index).CallID
		return nil
	})
	return callID, err
}

// ChangeFinishedRow changes a finished row's label and notes, as AIRudder may
// after the call.
func (s *Sim) ChangeFinishedRow(taskID string, index int) error {
	return s.onRow(taskID, index, func(_ *task, r *row) error { r.Changes++; return nil })
}

// RestoreFinishedRow undoes all ChangeFinishedRow of a row: it says what it said at
// first.
func (s *Sim) RestoreFinishedRow(taskID string, index int) error {
	return s.onRow(taskID, index, func(_ *task, r *row) error { r.Changes = 0; return nil })
}

// HoldLabels leaves a row's label, talk and slots out, as of one whose call has just
// ended, or has them there.
func (s *Sim) HoldLabels(taskID string, index int, held bool) error {
	return s.onRow(taskID, index, func(_ *task, r *row) error { r.Held = held; return nil })
}

// SetField sets a row's field to raw JSON from now on; empty text leaves the
// field out. It is not for CallID and Status, of which the truth would not know.
func (s *Sim) SetField(taskID string, index int, name, raw string) error {
	return s.onRow(taskID, index, func(_ *task, r *row) error {
		if r.Set == nil {
			r.Set = map[string]string{}
		}
		r.Set[name] = raw
		return nil
	})
}

// SpoilRow damages a row in every response from now on, in one of the ways of a
// FaultKind for rows; an empty kind heals it.
func (s *Sim) SpoilRow(taskID string, index int, kind FaultKind) error {
	return s.onRow(taskID, index, func(_ *task, r *row) error {
		if kind != "" && !kind.spoils() {
			return fmt.Errorf("spoil row %d of task %s: %q damages no row", index, taskID, kind)
		}
		r.Spoiled = kind
		return nil
	})
}

// RemoveRows leaves rows out of the responses: the task shrinks. Indexes stay
// what they were.
func (s *Sim) RemoveRows(taskID string, indexes ...int) error {
	return s.hide(taskID, true, indexes)
}

// ReturnRows brings removed rows back.
func (s *Sim) ReturnRows(taskID string, indexes ...int) error {
	return s.hide(taskID, false, indexes)
}

func (s *Sim) hide(taskID string, hidden bool, indexes []int) error {
	for _, i := range indexes {
		if err := s.onRow(taskID, i, func(_ *task, r *row) error { r.Hidden = hidden; return nil }); err != nil {
			return err
		}
	}
	return nil
}

// onTask does something to a task.
func (s *Sim) onTask(taskID string, do func(*task) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.byID[taskID]
	if t == nil {
		return fmt.Errorf("no task %s", taskID)
	}
	return do(t)
}

// onRow does something to a row, which is rendered again afterwards.
func (s *Sim) onRow(taskID string, index int, do func(*task, *row) error) error {
	return s.onTask(taskID, func(t *task) error {
		if index < 0 || index >= len(t.Rows) {
			return fmt.Errorf("task %s has no row %d", taskID, index)
		}
		t.Rows[index].shown = nil
		return do(t, t.Rows[index])
	})
}

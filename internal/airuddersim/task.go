package airuddersim

import (
	"fmt"
	"time"
)

// Statuses of tasks and rows, as the API spells them: a task is canceled, a row
// cancelled.
const (
	Created   = "created"
	Pending   = "pending"
	Calling   = "calling"
	Paused    = "paused"
	Finished  = "finished"
	Canceled  = "canceled"
	Cancelled = "cancelled"
)

// task is one campaign. Exported fields are what a saved state holds.
type task struct {
	No      int // from 1; all content follows from it and the seed
	ID      string
	Name    string
	Product int
	Brand   int
	States  []*StateAt // never empty; the last is the task's status
	Start   time.Time
	End     time.Time // of the schedule
	Repeats int       // attempts a row gets at most
	Rows    []*row
	Calls   []*Call // in the order in which they finished
	Gone    bool    // the API knows it no more
	Unlist  bool    `json:",omitempty"` // the list leaves it out

	// How it plays.
	Plays    bool
	Plan     plan
	Next     int // the first row never dialled
	Redials  []redial
	InCall   int
	Dialling bool // a dial event is on the heap
	Dials    int

	last, old *body // the last complete answer, and the last one of an earlier state; nil: none is kept
}

// redial is a row that waits for its next attempt.
type redial struct {
	Row int
	Due time.Time
}

// row is one phone number.
type row struct {
	ID       int64
	Status   string
	CallID   string     // given by hand to its first attempt; empty: follows from the seed
	Attempts []*attempt // the last is the one that the row shows

	Hidden  bool              // no response has it (RemoveRows)
	Spoiled FaultKind         // how every response damages it; empty: not at all
	Changes int               // corrections since it finished
	Held    bool              `json:",omitempty"` // its labels and its talk are not there yet
	Set     map[string]string // raw JSON by field name, instead of what would be sent
	Raw     string            // the whole row, byte for byte, instead of anything else

	shown *shown // as it is sent in the usual form; nil: to be rendered
}

// attempt is one call to a row's number.
type attempt struct {
	CallID    string
	Start     time.Time
	End       time.Time // zero: in progress
	Connected bool
	Call      int // 1 + index in task.Calls once it showed as finished; 0: never
}

// status is the task's status now.
func (t *task) status() string { return t.States[len(t.States)-1].Status }

// ended reports whether the task places no more calls.
func (t *task) ended() bool { return t.status() == Finished || t.status() == Canceled }

// statusAt is the status that the task had at a time, and whether there was
// such a task.
func (t *task) statusAt(at time.Time) (string, bool) {
	for i := len(t.States) - 1; i >= 0; i-- {
		if !t.States[i].At.After(at) {
			return t.States[i].Status, true
		}
	}
	return "", false
}

// setStatus adds a state to the task's path, unless it is there already.
func (t *task) setStatus(status string, at time.Time) {
	if len(t.States) > 0 && t.status() == status {
		return
	}
	t.States = append(t.States, &StateAt{Status: status, At: at})
}

// current is the attempt that the row shows; nil when it was never dialled.
func (r *row) current() *attempt {
	if len(r.Attempts) == 0 {
		return nil
	}
	return r.Attempts[len(r.Attempts)-1]
}

// shownCall is the finished call that the row shows; nil when it shows none.
func (t *task) shownCall(r *row) *Call {
	a := r.current()
	if r.Hidden || a == nil || a.Call == 0 || r.Status != Finished {
		return nil
	}
	return t.Calls[a.Call-1]
}

// begin starts a row's next attempt.
func (s *Sim) begin(t *task, index int) *attempt {
	r := t.Rows[index]
	if a := r.current(); a != nil && a.Call > 0 {
		t.Calls[a.Call-1].OvertakenAt = s.now
	}
	id := or(r.CallID, s.sharedCallID(t, index))
	id = or(id, hexID(s.cfg.Seed, "call", t.No, index, len(r.Attempts)+1))
	a := &attempt{Start: s.now.Truncate(time.Second), CallID: id}
	r.Attempts = append(r.Attempts, a)
	r.CallID, r.Status, r.shown = "", Calling, nil
	r.Changes, r.Held = 0, false
	return a
}

// end hangs up a row's current attempt.
func (s *Sim) end(r *row, connected bool) {
	a := r.current()
	a.End, a.Connected = s.now.Truncate(time.Second), connected
	r.shown = nil
}

// finish shows a row as finished: its current attempt becomes a finished call
// of the truth, once.
func (s *Sim) finish(t *task, index int) *Call {
	r := t.Rows[index]
	a := r.current()
	r.Status, r.shown = Finished, nil
	if a.Call == 0 {
		t.Calls = append(t.Calls, &Call{CallID: a.CallID, RowID: r.ID, FinishedAt: s.now})
		a.Call = len(t.Calls)
		s.lately(t, index)
		if s.cfg.Ended != nil {
			s.cfg.Ended(t.ID, a.CallID)
		}
	}
	return t.Calls[a.Call-1]
}

// newTask is a task of its number, not yet known to the simulation.
func (s *Sim) newTask(no int) *task {
	rnd := random(s.cfg.Seed, forTask, no)
	t := &task{No: no, ID: hexID(s.cfg.Seed, "task", no), Repeats: 3}
	t.Product = (no - 1) % len(s.products)
	p := s.products[t.Product]
	t.Brand = rnd.IntN(len(p.brands))
	t.Name = fmt.Sprintf("%s-%s-%04d", p.name, p.brands[t.Brand], no)
	t.Start, t.End = s.now.Add(2*s.cfg.Lead), s.now.Add(2*s.cfg.Lead+s.cfg.Window)
	return t
}

// rowID is a row's id: unique in its task, stable over redials.
func (t *task) rowID(index int) int64 { return 15_000_000 + int64(t.No)*100_000 + int64(index) }

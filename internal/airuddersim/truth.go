package airuddersim

import (
	"slices"
	"time"
)

// Truth is what really happened, so far. It is also what GET /truth answers.
type Truth struct {
	Now     time.Time   `json:"now"`
	Stopped bool        `json:"stopped"` // by Sim.Stop: no more calls finish
	Tasks   []TaskTruth `json:"tasks"`   // in the order in which they were created
}

// TaskTruth is what happened to one task.
type TaskTruth struct {
	TaskID    string    `json:"task_id"`
	Name      string    `json:"name"`
	States    []StateAt `json:"states"` // its path, oldest first
	Ended     bool      `json:"ended"`  // the last state is finished or canceled
	Gone      bool      `json:"gone"`   // the API answers that there is no such task
	Rows      int       `json:"rows"`   // that a response has now
	Finished  int       `json:"finished"`
	Cancelled int       `json:"cancelled"`
	Open      int       `json:"open"` // the other rows
	Calls     []Call    `json:"calls"`
}

// StateAt is one state of a task's path.
type StateAt struct {
	Status   string    `json:"status"`
	At       time.Time `json:"at"`
	ServedAt time.Time `json:"served_at,omitzero"` // when a complete detail response first showed it; zero: never
}

// Call is one call that ended finished: its row showed Status finished with
// this CallID.
type Call struct {
	CallID      string    `json:"call_id"`
	RowID       int64     `json:"row_id"`
	FinishedAt  time.Time `json:"finished_at"`
	OvertakenAt time.Time `json:"overtaken_at,omitzero"` // when a redial gave the row another CallID; zero: never

	// Current: the row is there and shows this CallID as finished now. Filled
	// in by Sim.Truth.
	Current bool `json:"current"`

	Served  bool        `json:"served"`            // written whole, in its right form
	Shown   bool        `json:"shown"`             // so in a complete response: one that ended well, with a good code
	Damaged []FaultKind `json:"damaged,omitempty"` // in which ways responses damaged its row, at some time; it may have become a dead letter
	Ailing  *Ailing     `json:"ailing,omitempty"`  // how the last complete responses did; nil: the last one showed it sound, or there was none
	Healed  bool        `json:"healed,omitempty"`  // shown sound after it was damaged

	// Event: whether there ought to be one. Filled in by Sim.Truth.
	Event Duty `json:"event"`

	Versions []Version `json:"versions,omitempty"` // what responses showed of the row while it was sound, each until the next
}

// Truth is what really happened, so far.
func (s *Sim) Truth() Truth {
	s.mu.Lock()
	defer s.mu.Unlock()
	truth := Truth{Now: s.now, Stopped: s.stopped, Tasks: []TaskTruth{}}
	for _, t := range s.tasks {
		truth.Tasks = append(truth.Tasks, t.truth())
	}
	return truth
}

// truth is what happened to the task.
func (t *task) truth() TaskTruth {
	out := TaskTruth{
		TaskID: t.ID, Name: t.Name, Ended: t.ended(), Gone: t.Gone,
		States: make([]StateAt, 0, len(t.States)), Calls: make([]Call, 0, len(t.Calls)),
	}
	for _, st := range t.States {
		out.States = append(out.States, *st)
	}
	for _, c := range t.Calls {
		copied := *c
		copied.Current, copied.Damaged = false, slices.Clone(c.Damaged) // versions are never written to again
		out.Calls = append(out.Calls, copied)
	}
	for _, r := range t.Rows {
		if r.Hidden {
			continue
		}
		out.Rows++
		switch r.Status {
		case Finished:
			out.Finished++
		case Cancelled:
			out.Cancelled++
		default:
			out.Open++
		}
		if t.shownCall(r) != nil && !t.Gone {
			out.Calls[r.current().Call-1].Current = true
		}
	}
	for i := range out.Calls {
		out.Calls[i].Event = out.Calls[i].event()
	}
	return out
}

// Served is the task's path of states as complete responses showed it.
func (t TaskTruth) Served() []string {
	var path []string
	for _, st := range t.States {
		if !st.ServedAt.IsZero() {
			path = append(path, st.Status)
		}
	}
	return path
}

// CallKey is a call's identity: two tasks may show one CallID.
type CallKey struct {
	TaskID string
	CallID string
}

// Shown are the calls that a complete response showed as finished, in whatever
// word the account has for that. Events can be held against exactly these: a call
// that no complete response showed cannot be asked for.
func (t Truth) Shown() []CallKey { return t.calls(func(c Call) bool { return c.Shown }) }

// calls are those that match.
func (t Truth) calls(match func(Call) bool) (calls []CallKey) {
	held := map[CallKey]bool{} // two rows of a task may show one CallID: one call
	for _, task := range t.Tasks {
		for _, c := range task.Calls {
			if key := (CallKey{task.TaskID, c.CallID}); match(c) && !held[key] {
				held[key] = true
				calls = append(calls, key)
			}
		}
	}
	return calls
}

// Proof is the outcome of holding events against the truth.
type Proof struct {
	Finished   int       // calls that ended finished
	Events     int       // events, duplicates included
	Duplicates []CallKey // calls with more than one event, once for each event too many
	Missing    []CallKey // calls that are current and undamaged, without an event
	Unhealed   []CallKey // calls that are current, were damaged and were shown sound, too, without an event
	Unknown    []CallKey // events whose call never finished
}

// Holds reports whether each finished call has exactly one event, as far as
// the truth asks for it.
func (p Proof) Holds() bool {
	return len(p.Duplicates) == 0 && len(p.Missing) == 0 && len(p.Unknown) == 0
}

// Heals reports whether that is so of the calls, too, whose rows were damaged at some
// time and shown sound at another.
func (p Proof) Heals() bool { return p.Holds() && len(p.Unhealed) == 0 }

// Check holds events against the truth. A call that a redial overtook, whose
// row is gone or was only ever shown damaged may have an event, and need not.
func (t Truth) Check(events []CallKey) Proof {
	seen := make(map[CallKey]int, len(events))
	for _, e := range events {
		seen[e]++
	}
	p := Proof{Events: len(events)}
	held := map[CallKey]bool{} // two rows of a task may show one CallID: one call
	for _, task := range t.Tasks {
		for _, c := range task.Calls {
			key := CallKey{task.TaskID, c.CallID}
			if held[key] {
				continue
			}
			held[key] = true
			p.Finished++
			n := seen[key]
			delete(seen, key)
			switch {
			case n > 0 || c.event() == May:
			case len(c.Damaged) > 0:
				p.Unhealed = append(p.Unhealed, key)
			default:
				p.Missing = append(p.Missing, key)
			}
			for range n - 1 {
				p.Duplicates = append(p.Duplicates, key)
			}
		}
	}
	for _, e := range events {
		if seen[e] > 0 {
			p.Unknown = append(p.Unknown, e)
			delete(seen, e)
		}
	}
	return p
}

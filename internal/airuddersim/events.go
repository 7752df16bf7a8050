package airuddersim

import (
	"container/heap"
	"time"
)

// eventKind is what happens at an event.
type eventKind string

const (
	evCreate eventKind = "create" // a campaign is created
	evState  eventKind = "state"  // a task takes its next state
	evDial   eventKind = "dial"   // a task looks for a number to dial
	evHangUp eventKind = "hangup" // a row's attempt ends
	evDrift  eventKind = "drift"  // the fields change
	evLate   eventKind = "late"   // a finished row changes
	evHeal   eventKind = "heal"   // a damaged row becomes sound
)

// event is something that will happen.
type event struct {
	At    time.Time
	No    int // the order of what happens at one time
	Kind  eventKind
	Task  int    `json:",omitempty"` // its number
	State string `json:",omitempty"` // of evState; what a row becomes, of evLate
	Row   int    `json:",omitempty"` // index, of evHangUp, evLate and evHeal
	Try   int    `json:",omitempty"` // the row's attempts at the time, of evHangUp and evLate
}

// schedule puts an event on the heap.
func (s *Sim) schedule(e event) {
	s.eventNo++
	e.No = s.eventNo
	heap.Push(&s.events, e)
}

// happen plays one event.
func (s *Sim) happen(e event) {
	switch e.Kind {
	case evCreate:
		s.create()
	case evDrift:
		s.setDrift(true)
	case evState:
		s.state(s.tasks[e.Task-1], e.State)
	case evDial:
		s.dial(s.tasks[e.Task-1])
	case evHangUp:
		s.hangUp(s.tasks[e.Task-1], e.Row, e.Try)
	case evLate:
		s.late(s.tasks[e.Task-1], e)
	case evHeal:
		s.heal(s.tasks[e.Task-1], e)
	}
}

// eventHeap is a heap of events, the next one first.
type eventHeap []event

func (h eventHeap) Len() int      { return len(h) }
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(e any)   { *h = append(*h, e.(event)) }

func (h eventHeap) Less(i, j int) bool {
	if h[i].At.Equal(h[j].At) {
		return h[i].No < h[j].No
	}
	return h[i].At.Before(h[j].At)
}

func (h *eventHeap) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	*h = (*h)[:last]
	return e
}

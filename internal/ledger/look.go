package ledger

import (
	"time"

	"airudder-exporter/internal/call"
)

// Look is what complete readings of an ended task have shown alike, one after the
// other. Any reading between them that shows something else makes the next one the
// first again. The zero Look says that there is none.
type Look struct {
	First time.Time `json:"first,omitzero"` // when the first of them began
	Last  time.Time `json:"last,omitzero"`  // when the last one did that counts
	Count int       `json:"count,omitempty"`

	Rows      int64 `json:"rows,omitempty"`
	Finished  int64 `json:"finished,omitempty"`
	Cancelled int64 `json:"cancelled,omitempty"`
	Events    int64 `json:"events,omitempty"` // the last task_sequence after it
}

// sure reports whether what is shown leaves no row of which more is to come.
func (l Look) sure() bool { return l.Rows > 0 && l.Finished+l.Cancelled == l.Rows }

// same reports whether two looks show the same.
func (l Look) same(o Look) bool {
	return l.Rows == o.Rows && l.Finished == o.Finished && l.Cancelled == o.Cancelled && l.Events == o.Events
}

// then is l after another reading, of which o is the first look. One that comes too
// soon after the last does not count, nor does one that a clock set back has put
// before it.
func (l Look) then(o Look, between time.Duration) Look {
	switch {
	case l.Count == 0 || !l.same(o) || o.Last.Before(l.First):
		return o
	case o.Last.Before(l.Last.Add(between)):
		return l
	}
	l.Last = o.Last
	l.Count++
	return l
}

// look is what a complete reading shows of an ended task; zero where it is not to be
// built upon: the task is not at its end, or the reading says that there is more than
// was taken of it.
func (r *Reading) look(s State, c call.Reading) Look {
	n := c.Counts
	switch {
	case !c.Task.Status.Set || !c.Task.Terminal() || s.Unconfirmed != "":
	case n.NoStatus > 0 || n.Unknown > 0 || c.Total > n.Rows || c.More != "": // some of the rows may be calls
	case c.MoreRejects || r.held > 0: // some are, and are not published yet
	case n.Rows == 0 && s.HadRows:
	default:
		at := milliseconds(c.Started)
		return Look{First: at, Last: at, Count: 1,
			Rows: n.Rows, Finished: n.Finished, Cancelled: n.Cancelled, Events: r.last}
	}
	return Look{}
}

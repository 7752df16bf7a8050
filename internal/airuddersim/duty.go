package airuddersim

import "time"

// Duty is whether something ought to be there.
type Duty string

// The duties. What is none of them must not be there.
const (
	Ought Duty = "ought"
	May   Duty = "may" // it may, and need not
)

// Ailing is damage that complete responses have shown of a call's row, one after the
// other, the last one too.
type Ailing struct {
	Kind       FaultKind `json:"kind"`
	Since      time.Time `json:"since"`
	Last       time.Time `json:"last"`
	Responses  int       `json:"responses"`            // how many: of the same bytes
	EndedSince time.Time `json:"ended_since,omitzero"` // when they began to show its task's end; zero: the last one does not

	Sum uint64 `json:"sum"` // of the bytes
}

// ails notes damage that a complete response showed. Truths share it: it never changes.
func (c *Call) ails(now Ailing) {
	if was := c.Ailing; was != nil && was.Kind == now.Kind && was.Sum == now.Sum {
		now.Since, now.Responses = was.Since, was.Responses+1
		if !now.EndedSince.IsZero() && !was.EndedSince.IsZero() {
			now.EndedSince = was.EndedSince
		}
	}
	c.Ailing = &now
}

// sound notes that a complete response showed the row sound.
func (c *Call) sound() {
	c.Shown, c.Ailing = true, nil
	c.Healed = len(c.Damaged) > 0
}

// event is whether there ought to be an event of the call: nobody can have missed it,
// and its row was not damaged, or was shown sound as well.
func (c *Call) event() Duty {
	if c.Current && (len(c.Damaged) == 0 || c.Shown) {
		return Ought
	}
	return May
}

// hasNoID reports whether a row so damaged shows no CallID.
func (k FaultKind) hasNoID() bool { return k == NoCallID || k == PlaceholderCallID }

// Waits reports whether a call's row showed no CallID when it was last shown, of a task
// that has not ended: it may still get one, and is neither an event nor a dead letter. Of
// one that has, it becomes a dead letter in a while: see DeadLetters.
func (t TaskTruth) Waits(c Call) bool { return !t.Ended && c.Ailing != nil && c.Ailing.Kind.hasNoID() }

// Letter is a dead letter: of a call, or, where the row showed no CallID, of a row.
type Letter struct {
	CallKey
	RowID int64
	Kind  FaultKind
}

// DeadLetters are those that ought to be there: rows damaged alike in two complete
// responses running, and never served sound. Where the CallID is missing, two must have
// shown its task's end, wait apart. A row that is too large may be one, as the topic
// has it; so may each row that is named as damaged. Other rows are none.
func (t Truth) DeadLetters(wait time.Duration) (letters []Letter) {
	for _, task := range t.Tasks {
		served := map[string]bool{}
		for _, c := range task.Calls {
			served[c.CallID] = served[c.CallID] || c.Served
		}
		for _, c := range task.Calls {
			a := c.Ailing
			if a == nil || !c.Current || served[c.CallID] || a.Kind == HugeRow || a.Responses < 2 {
				continue
			}
			if a.Kind.hasNoID() && (a.EndedSince.IsZero() || !a.Last.After(a.EndedSince) || a.Last.Sub(a.EndedSince) < wait) {
				continue
			}
			letters = append(letters, Letter{CallKey{task.TaskID, c.CallID}, c.RowID, a.Kind})
		}
	}
	return letters
}

// Healed are the calls whose rows were damaged in a response and sound in a complete
// one: each has an event, once the exporter heals.
func (t Truth) Healed() []CallKey { return t.calls(func(c Call) bool { return c.Healed }) }

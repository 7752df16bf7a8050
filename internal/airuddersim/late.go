package airuddersim

import "time"

// What happens to a finished row later: LateChanges and Heals.

// lately plans what a row that has just finished will go through.
func (s *Sim) lately(t *task, index int) {
	if d := s.odd.duration(LateChanges); s.odd.has(LateChanges) {
		for i, becomes := range lateChanges(index) {
			if i == 0 && becomes == rowWhole {
				t.Rows[index].Held = true
			}
			s.schedule(event{At: s.now.Add(time.Duration(i+1) * d), Kind: evLate, Task: t.No, Row: index, Try: len(t.Rows[index].Attempts), State: becomes})
		}
	}
	if kind := damageAtFirst(index); s.odd.has(Heals) && kind != "" && t.Rows[index].Spoiled == "" {
		t.Rows[index].Spoiled = kind
		s.schedule(event{At: s.now.Add(s.odd.duration(Heals)), Kind: evHeal, Task: t.No, Row: index})
	}
}

// What a finished row becomes, as an event's State.
const (
	rowWhole     = "whole"     // its labels and its talk are there, which were not
	rowCorrected = "corrected" // another label
	rowRestored  = "restored"  // the label that it had at first
)

// lateChanges are what a row becomes, one after the other: of four rows one gets its
// labels late, one is corrected, and one corrected and restored.
func lateChanges(index int) []string {
	return [][]string{{rowWhole}, {rowCorrected}, {rowCorrected, rowRestored}, nil}[index%4]
}

// damageAtFirst is how a row is damaged when it finishes: three of eight are, and one
// of a task is too large as well.
func damageAtFirst(index int) FaultKind {
	if index == 7 {
		return HugeRow
	}
	return map[int]FaultKind{1: NoCallID, 3: BrokenJSON, 5: InvalidUTF8}[index%8]
}

// late lets a row become something else, unless a redial overtook it.
func (s *Sim) late(t *task, e event) {
	r := t.Rows[e.Row]
	if r.Status != Finished || len(r.Attempts) != e.Try {
		return
	}
	r.shown = nil
	switch e.State {
	case rowWhole:
		r.Held = false
	case rowCorrected:
		r.Changes++
	case rowRestored:
		r.Changes = 0
	}
}

// heal makes a row sound. One without a CallID gets it after its task's end alone.
func (s *Sim) heal(t *task, e event) {
	r := t.Rows[e.Row]
	if r.Spoiled == NoCallID && !t.ended() {
		e.At = s.now.Add(max(s.odd.duration(Heals), time.Second))
		s.schedule(e)
		return
	}
	r.Spoiled, r.shown = "", nil
}

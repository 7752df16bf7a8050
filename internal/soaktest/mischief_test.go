package soaktest

import (
	"math/rand/v2"
	"testing"
	"time"

	"airudder-exporter/internal/airuddersim"
)

// world is one seed's upstream, broker and exporters.
type world struct {
	*upstream
	t       *testing.T
	broker  *broker
	dice    *rand.Rand
	running []*process
	later   []deed
	did     map[string]int // what happened, how often

	everHidden map[string]bool // tasks that vanished, or of which rows did
}

// deed is something that will happen, so that what was broken is mended again.
type deed struct {
	at time.Time
	do func()
}

func (w *world) in(atMost time.Duration, do func()) {
	w.later = append(w.later, deed{time.Now().Add(time.Minute + time.Duration(w.dice.Int64N(int64(atMost)))), do})
}

// due does what is due, or all that is left.
func (w *world) due(all bool) {
	var left []deed
	for _, d := range w.later {
		if all || !d.at.After(time.Now()) {
			d.do()
		} else {
			left = append(left, d)
		}
	}
	w.later = left
}

// must fails on what the simulation refuses: the test is wrong then.
func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Error(err)
	}
}

// recent is a task that has not been over for long, as the truth has it.
func (w *world) recent(want func(airuddersim.TaskTruth) bool) (airuddersim.TaskTruth, bool) {
	truth := w.Truth()
	var those []airuddersim.TaskTruth
	for _, task := range truth.Tasks {
		over := task.Ended && truth.Now.Sub(task.States[len(task.States)-1].At) > 2*afterEnd/3
		if !over && !task.Gone && want(task) {
			those = append(those, task)
		}
	}
	if len(those) == 0 {
		return airuddersim.TaskTruth{}, false
	}
	return those[w.dice.IntN(len(those))], true
}

func anyTask(airuddersim.TaskTruth) bool    { return true }
func hasCalls(t airuddersim.TaskTruth) bool { return len(t.Calls) > 0 }
func hasRows(t airuddersim.TaskTruth) bool  { return t.Rows > 0 }
func hasEnded(t airuddersim.TaskTruth) bool {
	return t.Ended && t.States[len(t.States)-1].Status == airuddersim.Finished
}

// indexOf is the row of a call that the simulation gave its id.
func indexOf(c airuddersim.Call) int { return int(c.RowID % 100_000) }

// mischief has something happen to the tasks, each kind now and then.
func (w *world) mischief() {
	kinds := []func(){w.change, w.change, w.hold, w.shrink, w.again, w.unlist, w.vanish, w.spoil, w.spoil, w.spoil, w.twin, w.drifts, w.lateRow, w.ExpireToken}
	kinds[w.dice.IntN(len(kinds))]()
}

// change changes a row after its call was finished.
func (w *world) change() {
	if task, ok := w.recent(hasCalls); ok {
		row := indexOf(task.Calls[w.dice.IntN(len(task.Calls))])
		w.must(w.ChangeFinishedRow(task.TaskID, row))
		w.did["row changed after it was finished"]++
		if w.dice.IntN(2) == 0 {
			w.in(10*time.Minute, func() {
				w.must(w.RestoreFinishedRow(task.TaskID, row))
				w.did["changed row restored"]++
			})
		}
	}
}

// hold takes a row's labels and talk away, and gives them back.
func (w *world) hold() {
	if task, ok := w.recent(hasCalls); ok {
		row := indexOf(task.Calls[len(task.Calls)-1])
		w.must(w.HoldLabels(task.TaskID, row, true))
		w.in(10*time.Minute, func() {
			w.must(w.HoldLabels(task.TaskID, row, false))
			w.did["labels went and returned"]++
		})
	}
}

// shrink takes rows away, and gives them back.
func (w *world) shrink() {
	task, ok := w.recent(hasRows)
	if !ok {
		return
	}
	var rows []int
	for range 1 + w.dice.IntN(6) {
		rows = append(rows, w.dice.IntN(task.Rows))
	}
	w.must(w.RemoveRows(task.TaskID, rows...))
	w.everHidden[task.TaskID] = true
	w.in(20*time.Minute, func() {
		w.must(w.ReturnRows(task.TaskID, rows...))
		w.did["rows went and returned"]++
	})
}

// again has a finished task place calls again.
func (w *world) again() {
	task, ok := w.recent(hasEnded)
	if !ok {
		return
	}
	w.must(w.SetStatus(task.TaskID, airuddersim.Calling))
	for range 3 {
		_, err := w.AddRow(task.TaskID, airuddersim.RowSpec{Status: airuddersim.Finished})
		w.must(err)
	}
	w.in(20*time.Minute, func() { w.must(w.SetStatus(task.TaskID, airuddersim.Finished)) })
	w.did["finished task began again"]++
}

// unlist has the list forget a task.
func (w *world) unlist() {
	if task, ok := w.recent(anyTask); ok {
		w.must(w.Unlist(task.TaskID, true))
		w.in(40*time.Minute, func() { w.must(w.Unlist(task.TaskID, false)) })
		w.did["list forgot a task"]++
	}
}

// vanish has the API not know a task for a while.
func (w *world) vanish() {
	if task, ok := w.recent(hasCalls); ok {
		w.must(w.ForgetTask(task.TaskID))
		w.everHidden[task.TaskID] = true
		w.in(40*time.Minute, func() {
			w.must(w.ReturnTask(task.TaskID))
			w.did["task vanished and returned"]++
		})
	}
}

// spoil damages a row that has yet to finish, for ever or for a while.
func (w *world) spoil() {
	kinds := []airuddersim.FaultKind{airuddersim.HugeRow, airuddersim.BrokenJSON, airuddersim.InvalidUTF8, airuddersim.NoCallID, airuddersim.DeepRow}
	task, ok := w.recent(func(t airuddersim.TaskTruth) bool { return t.Open > 0 })
	if !ok {
		return
	}
	finished := map[int]bool{}
	for _, of := range task.Calls {
		finished[indexOf(of)] = true
	}
	row, kind := w.dice.IntN(task.Rows), kinds[w.dice.IntN(len(kinds))]
	for tries := 0; finished[row] && tries < task.Rows; tries++ {
		row = (row + 1) % task.Rows
	}
	w.must(w.SpoilRow(task.TaskID, row, kind))
	if w.dice.IntN(2) == 0 || kind == airuddersim.HugeRow { // a megabyte a reading
		w.in(20*time.Minute, func() { w.must(w.SpoilRow(task.TaskID, row, "")) })
	}
	w.did["row damaged"]++
}

// twin has a CallID come back in another task.
func (w *world) twin() {
	one, ok1 := w.recent(hasCalls)
	other, ok2 := w.recent(func(t airuddersim.TaskTruth) bool { return t.TaskID != one.TaskID })
	if ok1 && ok2 {
		_, err := w.AddRow(other.TaskID, airuddersim.RowSpec{Status: airuddersim.Finished, CallID: one.Calls[0].CallID})
		w.must(err)
	}
}

// drifts changes the fields as a vendor's release would, and back.
func (w *world) drifts() {
	w.SetDrift(true)
	w.in(20*time.Minute, func() { w.SetDrift(false); w.did["fields drifted"]++ })
}

// lateRow has a call finish after its task.
func (w *world) lateRow() {
	if task, ok := w.recent(hasEnded); ok {
		_, err := w.AddRow(task.TaskID, airuddersim.RowSpec{Status: airuddersim.Finished})
		w.must(err)
		w.did["call finished after its task"]++
	}
}

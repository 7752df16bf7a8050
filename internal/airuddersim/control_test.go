package airuddersim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// shows is what a detail shows of each row: its status, and CallIDs as names.
func (c *client) shows(id string, names ...string) string {
	c.t.Helper()
	var out []string
	for _, row := range parse(c.t, c.detail(id)).Data.Detail {
		name := row.CallID
		for i := 0; i+1 < len(names); i += 2 {
			if names[i+1] == row.CallID {
				name = names[i]
			}
		}
		out = append(out, fmt.Sprintf("%s %s %d/%d", row.Status, name, row.CallTimes, len(row.RedailCall)))
	}
	return strings.Join(out, ", ")
}

func TestOneRowByHand(t *testing.T) {
	s := New(Config{Start: start})
	id := s.AddTask(TaskSpec{Status: Calling, Rows: PendingRows(1)})
	c := serveSim(t, s)
	step := func(want string, names ...string) {
		t.Helper()
		s.Advance(time.Minute)
		if got := c.shows(id, names...); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	step("pending  0/0")
	first := must(s.Redial(id, 0))
	step("calling first 1/0", "first", first)
	second := must(s.Redial(id, 0))
	step("calling second 2/1", "second", second)
	if got := must(s.FinishCall(id, 0)); got != second {
		t.Errorf("finished %s, want the attempt in progress %s", got, second)
	}
	step("finished second 2/1", "second", second)
	if got := must(s.FinishCall(id, 0)); got != second {
		t.Errorf("finishing again gave %s", got)
	}
	third := must(s.Redial(id, 0))
	step("calling third 3/2", "third", third)
	must(s.FinishCall(id, 0))
	step("finished third 3/2", "third", third)

	calls := s.Truth().Tasks[0].Calls
	if len(calls) != 2 || calls[0].CallID != second || calls[0].Current || calls[0].OvertakenAt.IsZero() ||
		calls[1].CallID != third || !calls[1].Current || !calls[1].OvertakenAt.IsZero() {
		t.Errorf("the truth: %+v", calls)
	}
	redials := parse(t, c.detail(id)).Data.Detail[0].RedailCall
	if redials[0].CallID != first || redials[1].CallID != second {
		t.Errorf("redials %+v, want the oldest first", redials)
	}
}

func TestRowsComeAndGo(t *testing.T) {
	s := New(Config{Start: start})
	id := s.AddTask(TaskSpec{Rows: []RowSpec{{Status: Finished, CallID: "a"}, {Status: Finished, CallID: "b"}}})
	c := serveSim(t, s)
	try(s.RemoveRows(id, 0))
	if got := c.shows(id); got != "finished b 1/0" {
		t.Errorf("after removing: %q", got)
	}
	if truth := s.Truth().Tasks[0]; truth.Rows != 1 || truth.Calls[0].Current || !truth.Calls[1].Current {
		t.Errorf("the truth after removing: %+v", truth)
	}
	index := must(s.AddRow(id, RowSpec{CallID: "c"}))
	if index != 2 || must(s.FinishCall(id, index)) != "c" {
		t.Errorf("the new row has index %d", index)
	}
	try(s.ReturnRows(id, 0))
	if got := c.shows(id); got != "finished a 1/0, finished b 1/0, finished c 1/0" {
		t.Errorf("after returning: %q", got)
	}
}

func TestFinishNext(t *testing.T) {
	s := New(Config{Start: start})
	id := s.AddTask(TaskSpec{Rows: slices.Concat(FinishedRows(2), PendingRows(3))})
	if got := must(s.FinishNext(id, 2)); len(got) != 2 {
		t.Errorf("finished %v", got)
	}
	if got := must(s.FinishNext(id, 5)); len(got) != 1 {
		t.Errorf("then finished %v, want the last one", got)
	}
	if truth := s.Truth().Tasks[0]; truth.Finished != 5 || len(truth.Calls) != 5 {
		t.Errorf("the truth: %+v", truth)
	}
}

func TestCancelTaskByHand(t *testing.T) {
	s := New(Config{Start: start})
	id := s.AddTask(TaskSpec{Status: Calling, Rows: []RowSpec{{Status: Finished, CallID: "a"}, {}, {Attempts: 1, CallID: "b"}}})
	try(s.CancelTask(id))
	c := serveSim(t, s)
	if got := c.shows(id); got != "finished a 1/0, cancelled  0/0, cancelled b 1/0" {
		t.Errorf("got %q", got)
	}
	if got := parse(t, c.detail(id)).Data.Status; got != Canceled {
		t.Errorf("the task is %s", got)
	}
}

func TestFieldsByHand(t *testing.T) {
	s := New(Config{Start: start})
	raw := `{"id":9,"Status":"finished","CallID":"z","odd":[1]}`
	id := s.AddTask(TaskSpec{Rows: []RowSpec{
		{Status: Finished, Set: map[string]string{"Comments": "12345678901234567890", "CalleeName": "", "New": "{}"}},
		{Status: Finished, CallID: "z", Raw: raw},
	}})
	c := serveSim(t, s)
	body := string(c.detail(id).body)
	if !strings.Contains(body, `"Comments":12345678901234567890,`) || strings.Count(body, "CalleeName") != 0 || !strings.Contains(body, `,"New":{}}`) {
		t.Errorf("the set fields are not there: %s", body)
	}
	if !strings.Contains(body, ","+raw+"]") {
		t.Errorf("the raw row is not there: %s", body)
	}
	before := parse(t, c.detail(id)).Data.Detail[0]
	try(s.ChangeFinishedRow(id, 0))
	try(s.SetField(id, 0, "Comments", `"x"`))
	after := parse(t, c.detail(id)).Data.Detail[0]
	if after.Comments != "x" || after.CallNotes == before.CallNotes || after.CallID != before.CallID {
		t.Errorf("after a late change: %+v", after)
	}
	if n := len(s.Truth().Tasks[0].Calls); n != 2 {
		t.Errorf("%d calls finished, want 2", n)
	}
}

func TestControlsOnWhatIsNotThere(t *testing.T) {
	s := New(Config{Start: start})
	id := s.AddTask(TaskSpec{Rows: PendingRows(1)})
	_, noTask := s.FinishCall("x", 0)
	_, noRow := s.FinishCall(id, 1)
	for want, err := range map[string]error{
		"no task x":                    noTask,
		"task " + id + " has no row 1": noRow,
		"set row 0 of task " + id + " finished: use FinishCall": s.SetRowStatus(id, 0, Finished),
		"spoil row 0 of task " + id + `: "cut" damages no row`:  s.SpoilRow(id, 0, Cut),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	try(s.SetRowStatus(id, 0, "odd"))
	if got := serveSim(t, s).shows(id); got != "odd  0/0" {
		t.Errorf("got %q", got)
	}
}

package airuddersim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// labels are a call's versions as their labels; in brackets those that no complete
// response showed.
func labels(c Call) string {
	var out []string
	for _, v := range c.Versions {
		label := or(v.Intention, "-")
		if !v.Shown {
			label = "(" + label + ")"
		}
		out = append(out, label)
	}
	return strings.Join(out, " ")
}

// talked is a row of a simulation of seed 6 whose label is not B.
const talked = 0

func TestVersionsOfARow(t *testing.T) {
	s := New(Config{Seed: 6, Start: start})
	id := s.AddTask(TaskSpec{Rows: FinishedRows(2)})
	c := serveSim(t, s)
	call := func() Call { return s.Truth().Tasks[0].Calls[talked] }
	c.detail(id)
	first := labels(call())
	want := func(after, versions string) {
		t.Helper()
		if got := labels(call()); got != versions {
			t.Errorf("after %s: versions %s, want %s", after, got, versions)
		}
	}
	for _, kind := range []FaultKind{Shuffled, Nested, DuplicateKeys, DetailFirst} {
		s.Script(Fault{Kind: kind})
		c.detail(id)
		want(string(kind), first)
	}
	for _, text := range []string{"new_field", "signed_link", "zoneless", "late_per_row=1us"} {
		try(s.SetOddities(odd(text)))
		c.detail(id)
		want(text, first)
	}
	try(s.SetOddities(nil))
	try(s.SetField(id, talked, "RingTime", quoted("7")))
	c.detail(id)
	try(s.SetField(id, talked, "RingTime", "7"))
	c.detail(id)
	want("a ring time, as a text and as a number", first+" "+first)

	try(s.ChangeFinishedRow(id, talked))
	want("a change that nobody saw", first+" "+first)
	s.Script(Fault{Kind: BadCodeLast})
	c.detail(id)
	want("a change that no complete response showed", first+" "+first+" (B)")
	c.detail(id)
	try(s.RestoreFinishedRow(id, talked))
	c.detail(id)
	want("there and back", first+" "+first+" B "+first)
	if v := call().Versions; v[1].Digest != v[3].Digest || v[0].Digest == v[1].Digest {
		t.Errorf("versions %+v", v)
	}
	try(s.HoldLabels(id, talked, true))
	c.detail(id)
	want("labels that went away", first+" "+first+" B "+first+" -")
}

func TestRowsThatAreGivenWholeHaveVersions(t *testing.T) {
	s := New(Config{Start: start})
	id := s.AddTask(TaskSpec{Rows: []RowSpec{{Status: Finished, CallID: "a", Raw: `{"Status":"finished","CallID":"a","Intention":"C"}`}}})
	serveSim(t, s).detail(id)
	if got := labels(s.Truth().Tasks[0].Calls[0]); got != "C" {
		t.Errorf("versions %s", got)
	}
}

func TestLateChanges(t *testing.T) {
	s := New(Config{Seed: 6, Start: start, Oddities: odd("late_changes=1m")})
	id := s.AddTask(TaskSpec{Status: Calling, Rows: PendingRows(4)})
	c := serveSim(t, s)
	ids := must(s.FinishNext(id, 4))
	for range 4 {
		c.detail(id)
		s.Advance(time.Minute)
	}
	var got []int
	for _, of := range s.Truth().Tasks[0].Calls {
		got = append(got, len(of.Versions))
	}
	if fmt.Sprint(got) != "[2 2 3 1]" {
		t.Errorf("versions of %d calls: %v", len(ids), got)
	}
	again := must(s.Redial(id, 1))
	s.Advance(time.Minute)
	must(s.FinishCall(id, 1))
	if row := s.byID[id].Rows[1]; row.Changes != 0 || row.current().CallID != again {
		t.Errorf("a redial shows the correction of the attempt before: %+v", row)
	}
}

func TestHeals(t *testing.T) {
	s := New(Config{Seed: 6, Start: start, Oddities: odd("heals=1m")})
	id := s.AddTask(TaskSpec{Status: Calling, Rows: FinishedRows(8)})
	c := serveSim(t, s)
	state := func() (ill, healed, letters int) {
		truth := s.Truth()
		for _, of := range truth.Tasks[0].Calls {
			if of.Ailing != nil {
				ill++
			}
			if (of.Event == May) != (len(of.Damaged) > 0 && !of.Shown) {
				t.Errorf("event of %+v", of)
			}
		}
		return ill, len(truth.Healed()), len(truth.DeadLetters(time.Minute))
	}
	want := func(after string, ill, healed, letters int) {
		t.Helper()
		if a, b, c := state(); a != ill || b != healed || c != letters {
			t.Errorf("%s: %d ill, %d healed, %d dead letters, want %d, %d, %d", after, a, b, c, ill, healed, letters)
		}
	}
	c.detail(id)
	want("at first", 4, 0, 0)
	c.detail(id)
	want("twice", 4, 0, 2) // broken and not UTF-8
	s.Advance(time.Minute)
	c.detail(id)
	want("sound, but for the CallID", 1, 3, 0)
	if task := s.Truth().Tasks[0]; !task.Waits(task.Calls[1]) || task.Waits(task.Calls[3]) {
		t.Errorf("before the end: %+v", task.Calls[:4])
	}
	try(s.SetStatus(id, Finished))
	c.detail(id)
	want("at the end", 1, 3, 0)
	if task := s.Truth().Tasks[0]; task.Waits(task.Calls[1]) {
		t.Errorf("after the end: %+v", task.Calls[1])
	}
	s.mu.Lock()
	s.events = nil // the CallID does not come
	s.mu.Unlock()
	s.Advance(time.Minute)
	c.detail(id)
	c.detail(id)
	want("no CallID", 1, 3, 1)
	try(s.SpoilRow(id, 1, ""))
	c.detail(id)
	want("after all", 0, 4, 0)
}

func TestCallIDsComeAfterTheEnd(t *testing.T) {
	s := New(Config{Seed: 6, Start: start, Oddities: odd("heals=1m")})
	id := s.AddTask(TaskSpec{Status: Calling, Rows: FinishedRows(2)})
	s.Advance(5 * time.Minute)
	if s.byID[id].Rows[1].Spoiled != NoCallID {
		t.Error("there is a CallID before the task's end")
	}
	try(s.SetStatus(id, Finished))
	s.Advance(time.Minute)
	if s.byID[id].Rows[1].Spoiled != "" {
		t.Error("there is no CallID after the task's end")
	}
}

func TestCheckOfHealedCalls(t *testing.T) {
	s := New(Config{Start: start})
	id := s.AddTask(TaskSpec{Rows: FinishedRows(2)})
	c := serveSim(t, s)
	try(s.SpoilRow(id, 0, BrokenJSON))
	c.detail(id)
	try(s.SpoilRow(id, 0, ""))
	calls := s.Truth().Tasks[0].Calls
	events := []CallKey{{id, calls[1].CallID}}
	if p := s.Truth().Check(events); !p.Heals() {
		t.Errorf("before it was shown sound: %+v", p)
	}
	c.detail(id)
	healed := CallKey{id, calls[0].CallID}
	p := s.Truth().Check(events)
	if !p.Holds() || p.Heals() || !slices.Equal(p.Unhealed, []CallKey{healed}) || !slices.Equal(s.Truth().Healed(), p.Unhealed) {
		t.Errorf("after it was shown sound: %+v", p)
	}
	if p := s.Truth().Check(append(events, healed)); !p.Heals() {
		t.Errorf("with its event: %+v", p)
	}
}

func TestWorkflowFields(t *testing.T) {
	s := New(Config{Seed: 6, Start: start})
	id := s.AddTask(TaskSpec{Rows: FinishedRows(2)})
	c := serveSim(t, s)
	for where, want := range map[string][2]int{"workflow": {0, 2}, "workflow=data": {1, 0}, "new_field": {0, 0}} {
		try(s.SetOddities(odd(where)))
		var got struct {
			Data struct {
				WorkflowID int64 `json:"workflow_id"`
				Detail     []struct {
					WorkflowID int64  `json:"workflow_id"`
					CaseID     string `json:"case_id"`
				}
			}
		}
		if err := json.Unmarshal(c.do("POST", "/service/cloud/workflow/taskdetail", `{"TaskID":"`+id+`"}`).body, &got); err != nil {
			t.Fatal(err)
		}
		inData, inRows := 0, 0
		if got.Data.WorkflowID != 0 {
			inData++
		}
		for _, row := range got.Data.Detail {
			if row.WorkflowID != 0 && len(row.CaseID) == 32 {
				inRows++
			}
		}
		if inData != want[0] || inRows != want[1] {
			t.Errorf("%s: %d in data and %d in rows, want %v", where, inData, inRows, want)
		}
	}
}

func TestTruthOfVersionsOverHTTP(t *testing.T) {
	s := New(Config{Seed: 6, Start: start})
	id := s.AddTask(TaskSpec{Rows: FinishedRows(2)})
	c := serveSim(t, s)
	try(s.SpoilRow(id, 0, BrokenJSON))
	c.detail(id)
	var got Truth
	body := c.do("GET", "/truth", "").body
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	calls := got.Tasks[0].Calls
	if a := calls[0].Ailing; a == nil || a.Kind != BrokenJSON || calls[0].Event != May || calls[1].Event != Ought || len(calls[1].Versions) != 1 {
		t.Errorf("GET /truth says %s", body)
	}
}

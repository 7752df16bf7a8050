package airuddersim

import (
	"slices"
	"strings"
	"testing"
)

func TestLiesSeenByARawClient(t *testing.T) {
	for _, tt := range []struct {
		kind  FaultKind
		want  string // in the answer
		ids   int    // finished rows with a CallID in it
		shown int    // calls that the truth says a complete answer showed
	}{
		{EmptyDetail, `"Status":"finished","ScheduleStartTime"`, 0, 0},
		{NullDetail, `"detail":null}`, 0, 0},
		{EmptyData, `{"data":[],"status":"OK","code":200}`, 0, 0},
		{BadCodeFirst, `{"code":10003,"status":"OK","data":{`, 3, 0},
		{BadCodeLast, `"code":10003}`, 3, 0},
		{PlaceholderCallID, `"CallID":"`, 3, 2},
		{SurrogateCallID, `"CallID":"`, 3, 2},
	} {
		s := New(Config{Seed: 5, Start: start})
		id := s.AddTask(TaskSpec{Status: Finished, Rows: FinishedRows(3)})
		c := serveSim(t, s)
		s.Script(Fault{Kind: tt.kind, Row: 2})
		r := c.detail(id)
		if !r.isJSON() || !strings.Contains(string(r.body), tt.want) {
			t.Errorf("%s: got %.700s", tt.kind, r.body)
		}
		if got := strings.Count(string(r.body), `"Status":"finished","Intention"`); got != tt.ids {
			t.Errorf("%s: %d finished rows, want %d", tt.kind, got, tt.ids)
		}
		truth := s.Truth()
		if got := len(truth.Shown()); got != tt.shown {
			t.Errorf("%s: %d calls were shown, want %d", tt.kind, got, tt.shown)
		}
		if tt.kind == BadCodeFirst == truth.Tasks[0].Calls[0].Served && tt.ids > 0 {
			t.Errorf("%s: whether a call was served is %t", tt.kind, truth.Tasks[0].Calls[0].Served)
		}
		if damaged := truth.Tasks[0].Calls[1].Damaged; tt.shown == 2 && !slices.Equal(damaged, []FaultKind{tt.kind}) {
			t.Errorf("%s: the damaged call says %v", tt.kind, damaged)
		}
		c.detail(id)
		if got := len(s.Truth().Shown()); got != 3 {
			t.Errorf("%s: %d calls were shown in the end, want 3", tt.kind, got)
		}
	}
}

func TestStale(t *testing.T) {
	s := New(Config{Seed: 5, Start: start, Cache: true})
	id := s.AddTask(TaskSpec{Status: Calling, Rows: PendingRows(2)})
	c := serveSim(t, s)
	var path []string
	ask := func(faults ...Fault) {
		s.Script(faults...)
		path = append(path, parse(t, c.detail(id)).Data.Status)
	}
	ask(Fault{Kind: Stale}) // nothing is old yet
	ask()
	must(s.FinishNext(id, 2))
	try(s.SetStatus(id, Finished))
	ask(Fault{Kind: Stale, Times: 2})
	if got := len(s.Truth().Shown()); got != 0 {
		t.Errorf("an old answer showed %d calls that finished after it", got)
	}
	ask()
	ask()
	ask(Fault{Kind: Stale})
	if got := strings.Join(path, " "); got != "calling calling calling calling finished calling" {
		t.Errorf("answers showed %s", got)
	}
}

func TestStaleRemembered(t *testing.T) {
	s := New(Config{Seed: 5, Start: start})
	id := s.AddTask(TaskSpec{Status: Calling, Rows: PendingRows(2)})
	c := serveSim(t, s)
	try(s.Remember(id))
	try(s.SetStatus(id, Finished))
	s.Script(Fault{Kind: Stale})
	first, second := parse(t, c.detail(id)).Data.Status, parse(t, c.detail(id)).Data.Status
	if first != Calling || second != Finished {
		t.Errorf("answers showed %s, then %s", first, second)
	}
}

package airuddersim

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// wholeRows are the finished rows that a client can read whole from what came
// of a detail response, by CallID.
func wholeRows(body []byte) map[string]bool {
	got := map[string]bool{}
	_, rest, found := strings.Cut(string(body), `"detail":[`)
	if !found {
		return got
	}
	for {
		in := json.NewDecoder(strings.NewReader(rest))
		var row wireRow
		if in.Decode(&row) != nil {
			return got
		}
		if row.Status == Finished {
			got[row.CallID] = true
		}
		rest = strings.TrimPrefix(rest[in.InputOffset():], ",")
	}
}

// served are the calls that the truth says were served.
func served(task TaskTruth) (whole, complete map[string]bool) {
	whole, complete = map[string]bool{}, map[string]bool{}
	for _, c := range task.Calls {
		if c.Served {
			whole[c.CallID] = true
		}
		if c.Shown {
			complete[c.CallID] = true
		}
	}
	return whole, complete
}

func TestTruthAgreesWithTheBytes(t *testing.T) {
	rows := append(append(FinishedRows(3), PendingRows(1)...), FinishedRows(2)...)
	size := func() int64 {
		s := New(Config{Seed: 6, Start: start})
		return s.detailBody(s.byID[s.AddTask(TaskSpec{Rows: rows})], nil).size()
	}()
	for _, kind := range []FaultKind{Cut, Stall, ShortLength, Truncated, TruncatedChunked} {
		for _, zipped := range []bool{false, true} {
			for at := int64(1); at < size; at += size / 23 {
				s := New(Config{Seed: 6, Start: start, Gzip: zipped})
				id := s.AddTask(TaskSpec{Rows: rows})
				c := serveSim(t, s)
				s.Script(Fault{Kind: kind, After: at, Endpoint: Detail, DelayMS: 1})
				r := c.do("GET", "/service/cloud/detail?TaskID="+id, "", "Accept-Encoding", "gzip")
				body := r.body
				if zipped {
					body = unzip(t, body)
				}
				if int64(len(body)) != at {
					t.Errorf("%s at %d (gzip %t): %d bytes came", kind, at, zipped, len(body))
				}
				whole, complete := served(s.Truth().Tasks[0])
				if want := wholeRows(body); !maps.Equal(whole, want) || len(complete) > 0 {
					t.Errorf("%s at %d (gzip %t): served %d, complete %d, but %d came whole", kind, at, zipped, len(whole), len(complete), len(want))
				}
				if path := s.Truth().Tasks[0].Served(); len(path) > 0 {
					t.Errorf("%s at %d: an incomplete response served the state %v", kind, at, path)
				}
			}
		}
	}
}

// unzip decompresses what came of a compressed body.
func unzip(t *testing.T, raw []byte) []byte {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(zip) // the end may be missing
	return body
}

func TestTruthOfGoodResponses(t *testing.T) {
	s := New(Config{Seed: 6, Start: start})
	id := s.AddTask(TaskSpec{Rows: append(FinishedRows(3), PendingRows(2)...)})
	c := serveSim(t, s)
	c.detail(id)
	s.Advance(time.Second)
	try(s.SetStatus(id, Pending))
	try(s.SetStatus(id, Calling))
	late := must(s.FinishCall(id, 3))
	whole, complete := served(s.Truth().Tasks[0])
	if len(whole) != 3 || len(complete) != 3 || whole[late] {
		t.Errorf("served %d, complete %d, the unserved one %t", len(whole), len(complete), whole[late])
	}
	c.detail(id)
	truth := s.Truth().Tasks[0]
	if _, complete = served(truth); !complete[late] {
		t.Error("the last call was not served complete")
	}
	if want := []string{Created, Calling}; !slices.Equal(truth.Served(), want) {
		t.Errorf("states served: %v, want %v", truth.Served(), want)
	}
	if truth.Rows != 5 || truth.Finished != 4 || truth.Open != 1 {
		t.Errorf("rows %d, finished %d, open %d", truth.Rows, truth.Finished, truth.Open)
	}
}

func TestDamagedRowsAreNotServed(t *testing.T) {
	for _, kind := range rowFaults() {
		s := New(Config{Seed: 6, Start: start})
		id := s.AddTask(TaskSpec{Rows: FinishedRows(3)})
		c := serveSim(t, s)
		s.Script(Fault{Kind: kind, Row: 2})
		c.detail(id)
		calls := s.Truth().Tasks[0].Calls
		if calls[1].Served || !slices.Equal(calls[1].Damaged, []FaultKind{kind}) {
			t.Errorf("%s: the damaged row's call is %+v", kind, calls[1])
		}
		if !calls[0].Shown || !calls[2].Shown {
			t.Errorf("%s: the others are %+v and %+v", kind, calls[0], calls[2])
		}
		try(s.SpoilRow(id, 0, kind))
		c.detail(id)
		calls = s.Truth().Tasks[0].Calls
		if !calls[1].Shown || !slices.Equal(calls[0].Damaged, []FaultKind{kind}) {
			t.Errorf("%s: afterwards %+v and %+v", kind, calls[0], calls[1])
		}
	}
}

func TestTruthOverHTTP(t *testing.T) {
	s := New(Config{Seed: 1, Start: start, Tasks: 3, Rate: 20, WarmUp: time.Minute})
	c := serveSim(t, s)
	for _, task := range s.Truth().Tasks {
		c.detail(task.TaskID)
	}
	var got Truth
	if err := json.Unmarshal(c.do("GET", "/truth", "").body, &got); err != nil {
		t.Fatal(err)
	}
	a, b := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", s.Truth())
	if a != b {
		t.Errorf("GET /truth says\n%.500s\nSim.Truth\n%.500s", a, b)
	}
}

func TestCheck(t *testing.T) {
	s := New(Config{Start: start})
	id := s.AddTask(TaskSpec{Rows: FinishedRows(4)})
	removed := s.AddTask(TaskSpec{Rows: FinishedRows(1)})
	try(s.RemoveRows(removed, 0))
	var keys []CallKey
	for _, c := range s.Truth().Tasks[0].Calls {
		keys = append(keys, CallKey{id, c.CallID})
	}
	if p := s.Truth().Check(keys); !p.Holds() || p.Finished != 5 || p.Events != 4 {
		t.Errorf("every call once: %+v", p)
	}
	try(s.SpoilRow(id, 3, BrokenJSON))
	serveSim(t, s).detail(id)
	if p := s.Truth().Check(keys[:3]); !p.Holds() {
		t.Errorf("a damaged call without an event: %+v", p)
	}
	foreign := CallKey{id, "unheard-of"}
	p := s.Truth().Check([]CallKey{keys[0], keys[0], keys[0], keys[1], foreign})
	if p.Holds() || !slices.Equal(p.Missing, keys[2:3]) || !slices.Equal(p.Duplicates, []CallKey{keys[0], keys[0]}) || !slices.Equal(p.Unknown, []CallKey{foreign}) {
		t.Errorf("got %+v", p)
	}
}

func TestOneCallIDInTwoPlaces(t *testing.T) {
	s := New(Config{Start: start})
	row := RowSpec{Status: Finished, CallID: strings.Repeat("ab", 16)}
	a := s.AddTask(TaskSpec{Rows: []RowSpec{row, row}})
	b := s.AddTask(TaskSpec{Rows: []RowSpec{row}})
	events := []CallKey{{a, row.CallID}, {b, row.CallID}}
	if p := s.Truth().Check(events); !p.Holds() || p.Finished != 2 {
		t.Errorf("one event a task: %+v", p)
	}
	if p := s.Truth().Check(events[:1]); len(p.Missing) != 1 {
		t.Errorf("one event for two tasks: %+v", p)
	}
}

func TestManyAtOnce(t *testing.T) {
	s := New(Config{Seed: 1, Start: start, Tasks: 3, Rate: 10, RowsPerTask: 25, Overtake: 0.2,
		FaultRates: map[FaultKind]float64{Cut: 0.1, Shuffled: 0.2, BrokenJSON: 0.1, DuplicateKeys: 0.1, Slow: 0.02}})
	id := s.AddTask(TaskSpec{Status: Calling, Rows: PendingRows(100)})
	c := serveSim(t, s)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 8 {
				for _, task := range s.Truth().Tasks {
					c.detail(task.TaskID)
				}
				c.do("GET", "/service/cloud/list", "")
				must(s.FinishNext(id, 2))
			}
		})
	}
	wg.Go(func() {
		for range 100 {
			s.Advance(400 * time.Millisecond)
			try(s.Save(io.Discard))
		}
	})
	wg.Wait()
	if got := s.byID[id].truth().Finished; got != 64 {
		t.Errorf("%d rows finished by hand, want 64", got)
	}
	for _, task := range s.Truth().Tasks {
		if whole, complete := served(task); len(whole) < len(complete) {
			t.Errorf("task %s: %d served, but %d served complete", task.TaskID, len(whole), len(complete))
		}
	}
}

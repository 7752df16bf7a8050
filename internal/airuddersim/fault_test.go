package airuddersim

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

// isJSON reports whether an answer is whole and JSON.
func (r reply) isJSON() bool { return r.err == nil && json.Valid(r.body) }

// sighting is a fault and how a raw client knows it.
type sighting struct {
	fault Fault
	seen  func(r reply) bool
}

func wholeSightings() []sighting {
	return []sighting{
		{Fault{Kind: Unauthorized}, func(r reply) bool { return r.status == 401 && strings.Contains(string(r.body), `"code":401`) }},
		{Fault{Kind: TooManyRequests, RetryAfter: 7}, func(r reply) bool { return r.status == 429 && r.header.Get("Retry-After") == "7" }},
		{Fault{Kind: TooManyRequests, RetryAfter: 90, AsDate: true}, func(r reply) bool {
			at, err := http.ParseTime(r.header.Get("Retry-After"))
			return r.status == 429 && err == nil && at.Equal(start.Add(90*time.Second))
		}},
		{Fault{Kind: ServerError, Status: 500}, func(r reply) bool { return r.status == 500 && r.header.Get("Retry-After") == "" }},
		{Fault{Kind: ServerError, Status: 503, RetryAfter: 3}, func(r reply) bool { return r.status == 503 && r.header.Get("Retry-After") == "3" }},
		{Fault{Kind: ServerError}, func(r reply) bool { return r.status >= 500 && r.status <= 503 }},
		{Fault{Kind: HTMLPage}, func(r reply) bool { return r.status == 200 && strings.HasPrefix(string(r.body), "<!DOCTYPE html>") }},
		{Fault{Kind: HTMLError}, func(r reply) bool { return r.status == 502 && strings.HasPrefix(string(r.body), "<!DOCTYPE html>") }},
		{Fault{Kind: Garbage}, func(r reply) bool { return r.status == 200 && r.err == nil && len(r.body) > 0 && !json.Valid(r.body) }},
		{Fault{Kind: NullData}, func(r reply) bool { return string(r.body) == `{"data":null,"status":"OK","code":200}` }},
		{Fault{Kind: EmptyBody}, func(r reply) bool { return r.status == 200 && r.err == nil && len(r.body) == 0 }},
		{Fault{Kind: BadCode, Status: 5001}, func(r reply) bool { return r.status == 200 && strings.Contains(string(r.body), `"code":5001`) }},
		{Fault{Kind: Hang, DelayMS: 1}, func(r reply) bool { return r.status == 0 && errors.Is(r.err, io.EOF) }},
	}
}

func bodySightings() []sighting {
	cut := func(r reply) bool {
		return errors.Is(r.err, io.ErrUnexpectedEOF) && len(r.body) == 700
	}
	return []sighting{
		{Fault{Kind: Cut, After: 700}, cut},
		{Fault{Kind: Stall, After: 700, DelayMS: 1}, cut},
		{Fault{Kind: ShortLength, After: 700}, func(r reply) bool {
			n, _ := strconv.Atoi(r.header.Get("Content-Length"))
			return cut(r) && n > 700
		}},
		{Fault{Kind: Reset, After: 700}, func(r reply) bool {
			return errors.Is(r.err, syscall.ECONNRESET) && len(r.body) <= 700
		}},
		{Fault{Kind: Truncated, After: 700}, func(r reply) bool {
			return r.err == nil && len(r.body) == 700 && r.header.Get("Content-Length") == "700"
		}},
		{Fault{Kind: TruncatedChunked, After: 700}, func(r reply) bool { return r.err == nil && len(r.body) == 700 }},
		{Fault{Kind: Cut}, func(r reply) bool { return errors.Is(r.err, io.ErrUnexpectedEOF) }},
	}
}

func rowSightings(t *testing.T) []sighting {
	return []sighting{
		{Fault{Kind: BrokenJSON}, func(r reply) bool { return r.err == nil && !json.Valid(r.body) && utf8.Valid(r.body) }},
		{Fault{Kind: InvalidUTF8}, func(r reply) bool { return r.isJSON() && !utf8.Valid(r.body) }},
		{Fault{Kind: NoCallID}, func(r reply) bool { return r.isJSON() && len(withoutCallID(t, r)) == 1 }},
		{Fault{Kind: HugeRow}, func(r reply) bool { return r.isJSON() && len(r.body) > 1<<20 }},
		{Fault{Kind: HugeRow, After: 5000}, func(r reply) bool { return r.isJSON() && len(r.body) > 5000 && len(r.body) < 20_000 }},
		{Fault{Kind: DeepRow}, func(r reply) bool { return strings.Contains(string(r.body), strings.Repeat("[", 10_000)) }},
	}
}

func TestFaultsSeenByARawClient(t *testing.T) {
	sim := New(Config{Seed: 2, Start: start, Clock: func() time.Time { return start }})
	id := sim.AddTask(TaskSpec{Status: Calling, Rows: append(FinishedRows(2), PendingRows(1)...)})
	c := serveSim(t, sim)
	for _, tt := range slices.Concat(wholeSightings(), bodySightings(), rowSightings(t)) {
		t.Run(string(tt.fault.Kind), func(t *testing.T) {
			sim.Script(tt.fault)
			if r := c.detail(id); !tt.seen(r) {
				t.Errorf("%+v: got %d, %v, %v, %d bytes: %.300q", tt.fault, r.status, r.header, r.err, len(r.body), r.body)
			}
			if d := parse(t, c.detail(id)); len(d.Data.Detail) != 3 {
				t.Errorf("afterwards %d rows, want 3", len(d.Data.Detail))
			}
		})
	}
	injected := sim.Faults().Injected
	for _, kind := range FaultKinds() {
		if injected[kind] == 0 && !strings.Contains("slow shuffled detail_first duplicate_keys sparse nested", string(kind)) {
			t.Errorf("no test saw %s", kind)
		}
	}
}

// withoutCallID are the finished rows that lack a CallID.
func withoutCallID(t *testing.T, r reply) (ids []int64) {
	t.Helper()
	for _, row := range parse(t, r).Data.Detail {
		if row.Status == Finished && row.CallID == "" {
			ids = append(ids, row.ID)
		}
	}
	return ids
}

func TestHangLastsUntilTheClientGivesUp(t *testing.T) {
	sim := New(Config{Start: start})
	id := sim.AddTask(TaskSpec{Rows: FinishedRows(3)})
	c := serveSim(t, sim)
	for _, kind := range []FaultKind{Hang, Stall} {
		sim.Script(Fault{Kind: kind, After: 10})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		req, _ := http.NewRequestWithContext(ctx, "GET", c.url+"/service/cloud/detail?TaskID="+id, nil)
		req.Header.Set("Authorization", c.auth)
		res, err := c.http.Do(req)
		if err == nil {
			_, err = io.ReadAll(res.Body)
			res.Body.Close()
		}
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want the client's own deadline", kind, err)
		}
	}
}

func TestSlowBodyIsWhole(t *testing.T) {
	sim := New(Config{Start: start})
	id := sim.AddTask(TaskSpec{Rows: FinishedRows(30)})
	c := serveSim(t, sim)
	sim.Script(Fault{Kind: Slow, DelayMS: 5})
	began := time.Now()
	if d := parse(t, c.detail(id)); len(d.Data.Detail) != 30 {
		t.Errorf("got %d rows, want 30", len(d.Data.Detail))
	}
	if took := time.Since(began); took < 50*time.Millisecond {
		t.Errorf("it took %v, want ten pieces 5 ms apart", took)
	}
	if call := sim.Truth().Tasks[0].Calls[29]; !call.Shown {
		t.Error("the last call was not served complete")
	}
}

func TestFormsSayTheSame(t *testing.T) {
	sim := New(Config{Seed: 4, Start: start})
	id := sim.AddTask(TaskSpec{Status: Calling, Rows: append(FinishedRows(12), PendingRows(4)...)})
	c := serveSim(t, sim)
	usual := c.detail(id)
	want := parse(t, usual)
	for _, kind := range forms() {
		for range 5 {
			sim.Script(Fault{Kind: kind})
			r := c.detail(id)
			got := parse(t, r)
			if string(r.body) == string(usual.body) {
				t.Errorf("%s: the response is in its usual form", kind)
			}
			if got.Data.TaskID != id || got.Data.Status != Calling || len(got.Data.Detail) != 16 {
				t.Fatalf("%s: task %q %q with %d rows", kind, got.Data.TaskID, got.Data.Status, len(got.Data.Detail))
			}
			for i, row := range got.Data.Detail {
				w := want.Data.Detail[i]
				if row.ID != w.ID || row.CallID != w.CallID || row.Status != w.Status {
					t.Errorf("%s: row %d is %d %s %s, want %d %s %s", kind, i, row.ID, row.CallID, row.Status, w.ID, w.CallID, w.Status)
				}
			}
		}
	}
}

func TestFormsLookAsTheyAreNamed(t *testing.T) {
	sim := New(Config{Seed: 4, Start: start})
	id := sim.AddTask(TaskSpec{Status: Calling, Rows: FinishedRows(20)})
	c := serveSim(t, sim)
	ask := func(kind FaultKind) string {
		sim.Script(Fault{Kind: kind})
		return string(c.detail(id).body)
	}
	if got := ask(DetailFirst); !strings.HasPrefix(got, `{"data":{"detail":[{`) || !strings.Contains(got, `],"TaskID":`) {
		t.Errorf("detail_first begins with %.60s", got)
	}
	if got := ask(DuplicateKeys); strings.Count(got, `"CallID":"0000`) == 0 || strings.Count(got, `"Status":"calling","Status":"finished"`) == 0 {
		t.Error("duplicate_keys sends no CallID and no Status twice")
	}
	if got := ask(Sparse); strings.Count(got, `"CalleeName"`) == 20 || !strings.Contains(got, ":null") {
		t.Error("sparse leaves nothing out, or has no null")
	}
	if got := ask(Nested); strings.Count(got, `"PreviousAttempt":{"CallID":`) != 20 {
		t.Error("nested has no CallID deeper inside every row")
	}
	if got := ask(Shuffled); strings.Count(got, `{"id":`) > 10 {
		t.Error("shuffled leaves the id first in most rows")
	}
}

func TestScriptIsFirstInFirstOut(t *testing.T) {
	sim := New(Config{Start: start})
	a, b := sim.AddTask(TaskSpec{}), sim.AddTask(TaskSpec{})
	c := serveSim(t, sim)
	sim.Script(
		Fault{Kind: ServerError, Status: 501, TaskID: b},
		Fault{Kind: ServerError, Status: 502, Endpoint: Detail, Times: 2},
		Fault{Kind: ServerError, Status: 503, Endpoint: List},
		Fault{Kind: ServerError, Status: 504},
	)
	for i, want := range []struct {
		path   string
		status int
	}{
		{"detail?TaskID=" + a, 502}, {"detail?TaskID=" + b, 501}, {"detail?TaskID=" + b, 502},
		{"detail?TaskID=" + b, 504}, {"list", 503}, {"list", 200}, {"detail?TaskID=" + a, 200},
	} {
		if got := c.do("GET", "/service/cloud/"+want.path, "").status; got != want.status {
			t.Errorf("request %d: got %d, want %d", i, got, want.status)
		}
	}
}

func TestRatesAreKept(t *testing.T) {
	sim := New(Config{Seed: 9, Start: start})
	id := sim.AddTask(TaskSpec{Rows: FinishedRows(1)})
	c := serveSim(t, sim)
	for kind, share := range map[FaultKind]float64{ServerError: 0.1, Unauthorized: 0.1, Shuffled: 0.5} {
		sim.SetFaultRate(kind, share)
	}
	const n = 600
	got := map[int]int{}
	for range n {
		got[c.detail(id).status]++
	}
	if got[401] < n/20 || got[401] > n/5 || got[200] < n/2 || got[200] > n*9/10 {
		t.Errorf("statuses %v of %d, want a tenth 401 and a tenth 5xx", got, n)
	}
	if shuffled := sim.Faults().Injected[Shuffled]; shuffled < n/3 || shuffled > n*2/3 {
		t.Errorf("%d of %d shuffled, want half", shuffled, n)
	}
}

func TestFaultsWorkAtEveryEndpoint(t *testing.T) {
	sim := New(Config{Start: start})
	c := serveSim(t, sim)
	ask := map[string]func() reply{
		Auth: func() reply { return c.do("POST", "/service/cloud/auth", `{}`) },
		List: func() reply { return c.do("GET", "/service/cloud/list", "") },
	}
	for endpoint, do := range ask {
		for _, kind := range append(wholeFaults(), bodyFaults()...) {
			sim.Script(Fault{Kind: kind, Endpoint: endpoint, DelayMS: 1})
			r := do()
			good := r.isJSON() && r.status == 200 && strings.Contains(string(r.body), `"code":200`) && kind != NullData
			if good != (kind == Slow) {
				t.Errorf("%s at %s: got %d, %v, %q", kind, endpoint, r.status, r.err, r.body)
			}
		}
		if waiting := sim.Faults().Waiting; waiting != 0 {
			t.Errorf("%s: %d faults still wait", endpoint, waiting)
		}
	}
}

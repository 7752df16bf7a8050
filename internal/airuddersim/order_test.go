package airuddersim

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestFaultsOverHTTP(t *testing.T) {
	s := New(Config{Start: start})
	id := s.AddTask(TaskSpec{Rows: FinishedRows(1)})
	c := serveSim(t, s)
	r := c.do("POST", "/faults", `{"script":[{"kind":"server_error","status":503,"times":2}],"rates":{"shuffled":1},"drift":true,"stop":true}`)
	var report FaultReport
	if err := json.Unmarshal(r.body, &report); err != nil || r.status != 200 {
		t.Fatalf("got %d %q", r.status, r.body)
	}
	if report.Waiting != 1 || report.Rates[Shuffled] != 1 || !report.Drift || !s.Truth().Stopped {
		t.Errorf("the report: %+v", report)
	}
	for i, want := range []int{503, 503, 200} {
		if got := c.detail(id).status; got != want {
			t.Errorf("request %d: got %d, want %d", i, got, want)
		}
	}
	c.do("POST", "/faults", `{"clear":true,"drift":false}`)
	if err := json.Unmarshal(c.do("GET", "/faults", "").body, &report); err != nil {
		t.Fatal(err)
	}
	if report.Drift || report.Injected[ServerError] != 2 || report.Injected[Shuffled] != 1 || report.Requests["detail 503"] != 2 {
		t.Errorf("the report afterwards: %+v", report)
	}
}

func TestBadOrders(t *testing.T) {
	s := New(Config{Start: start})
	c := serveSim(t, s)
	for body, want := range map[string]string{
		`{"script":[{"kind":"cutt"}]}`:                    `no kind of fault is called "cutt"`,
		`{"script":[{"kind":"cut","endpoint":"truth"}]}`:  `no endpoint is called "truth"`,
		`{"rates":{"cutt":0.5}}`:                          `no kind of fault is called "cutt"`,
		`{"rates":{"cut":1.5},"script":[{"kind":"cut"}]}`: `the rate of cut is 1.5`,
		`{"sript":[]}`: `unknown field`,
		`[]`:           `read the order`,
	} {
		r := c.do("POST", "/faults", body)
		if r.status != 400 || !strings.Contains(string(r.body), want) {
			t.Errorf("%s: got %d %q, want %q", body, r.status, r.body, want)
		}
	}
	if f := s.Faults(); f.Waiting != 0 || len(f.Rates) != 0 {
		t.Errorf("a bad order changed something: %+v", f)
	}
}

func TestHealth(t *testing.T) {
	c := serveSim(t, New(Config{Start: start}))
	if r := c.do("GET", "/healthz", ""); r.status != 200 || string(r.body) != "ok\n" {
		t.Errorf("got %d %q", r.status, r.body)
	}
}

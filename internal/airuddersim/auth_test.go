package airuddersim

import (
	"sync/atomic"
	"testing"
	"time"
)

func TestAuth(t *testing.T) {
	var elapsed atomic.Int64
	s := New(Config{
		Start: start, AppKey: "k", AppSecret: "s", TokenTTL: 10 * time.Second,
		Clock: func() time.Time { return start.Add(time.Duration(elapsed.Load())) },
	})
	id := s.AddTask(TaskSpec{})
	c := serveSim(t, s)
	first := c.auth
	want := func(what string, status int) {
		t.Helper()
		for _, path := range []string{"detail?TaskID=" + id, "list"} {
			if got := c.do("GET", "/service/cloud/"+path, "").status; got != status {
				t.Errorf("%s: %s answers %d, want %d", what, path, got, status)
			}
		}
	}
	want("a fresh token", 200)
	elapsed.Store(int64(9 * time.Second))
	if again := "Token " + c.token(); again != first {
		t.Errorf("asking again gave %q, want %q", again, first)
	}
	elapsed.Store(int64(18 * time.Second))
	want("its clock was restarted", 200)
	elapsed.Store(int64(19 * time.Second))
	want("expired", 401)
	c.auth = "Token " + c.token()
	if c.auth == first {
		t.Error("a new token is the old one")
	}
	want("a new token", 200)
	s.ExpireToken()
	want("expired by hand", 401)
	c.auth = "Token " + c.token()
	c.auth = "Bearer" + c.auth[len("Token"):]
	want("another scheme", 401)
	c.auth = ""
	want("none", 401)
	if got := s.Requests(); got[Auth] != 4 || got[Detail] != 7 || got[List] != 7 {
		t.Errorf("requests: %v", got)
	}
}

func TestAuthRefusals(t *testing.T) {
	s := New(Config{Start: start, AppKey: "k", AppSecret: "s"})
	c := serveSim(t, s)
	for body, status := range map[string]int{
		`{"APPKey":"k","APPSecret":"s"}`: 200,
		`{"APPKey":"k","APPSecret":"x"}`: 401,
		`{"APPKey":"","APPSecret":""}`:   401,
		`{}`:                             401,
		`APPKey=k`:                       400,
	} {
		r := c.do("POST", "/service/cloud/auth", body)
		if r.status != status || !r.isJSON() {
			t.Errorf("%s: got %d %q, want %d", body, r.status, r.body, status)
		}
	}
	if got := s.Faults().Requests["auth 401"]; got != 3 {
		t.Errorf("counted %d refusals, want 3", got)
	}
}

func TestUnknownTask(t *testing.T) {
	s := New(Config{Start: start})
	id := s.AddTask(TaskSpec{Status: Finished, Rows: FinishedRows(1)})
	c := serveSim(t, s)
	if r := c.detail("ffff"); r.status != 404 || string(r.body) != `{"data":null,"status":"task not found","code":404}` {
		t.Errorf("an unknown task: %d %s", r.status, r.body)
	}
	parse(t, c.detail(id))
	try(s.ForgetTask(id))
	if r := c.detail(id); r.status != 404 {
		t.Errorf("a forgotten task: %d", r.status)
	}
	if got := c.listed("", nil); got != "[]" {
		t.Errorf("a forgotten task is listed: %s", got)
	}
	if truth := s.Truth().Tasks[0]; !truth.Gone || truth.Calls[0].Current {
		t.Errorf("the truth of a forgotten task: %+v", truth)
	}
	try(s.ReturnTask(id))
	try(s.Unlist(id, true))
	if got := c.listed("", nil); got != "[]" {
		t.Errorf("a task that the list leaves out is listed: %s", got)
	}
	parse(t, c.detail(id))
	try(s.Unlist(id, false))
	if got := c.listed("", nil); got == "[]" {
		t.Error("the task is not listed again")
	}
}

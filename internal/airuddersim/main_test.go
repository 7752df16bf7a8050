package airuddersim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start is what the clock shows first in the tests.
var start = time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)

// client is a raw client of a simulation that is served over TCP.
type client struct {
	t    *testing.T
	sim  *Sim
	url  string
	http *http.Client
	auth string // the Authorization header
}

// serveSim serves a simulation and gets a token.
func serveSim(t *testing.T, sim *Sim) *client {
	t.Helper()
	srv := httptest.NewServer(sim.Handler())
	transport := &http.Transport{DisableCompression: true, DisableKeepAlives: true} // on a reused connection it would ask again by itself
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		srv.Close()
	})
	c := &client{t: t, sim: sim, url: srv.URL, http: &http.Client{Transport: transport, Timeout: 10 * time.Second}}
	c.auth = "Token " + c.token()
	return c
}

// reply is what came back, as far as it came.
type reply struct {
	status int
	header http.Header
	body   []byte
	err    error // of the request, or of reading the body
}

// do sends a request, and reads the answer for as long as it comes.
func (c *client) do(method, path, body string, header ...string) reply {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, bytes.NewBufferString(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", c.auth)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := c.http.Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, raw, err}
}

func (c *client) token() string {
	c.t.Helper()
	r := c.do("POST", "/service/cloud/auth", `{"APPKey":"k","APPSecret":"s"}`)
	var answer struct{ Data struct{ Token string } }
	if err := json.Unmarshal(r.body, &answer); err != nil || answer.Data.Token == "" {
		c.t.Fatalf("auth answered %d %q: %v", r.status, r.body, err)
	}
	return answer.Data.Token
}

func (c *client) detail(taskID string) reply {
	c.t.Helper()
	return c.do("GET", "/service/cloud/detail?TaskID="+taskID, "")
}

// wireRow is a row as a client reads it.
type wireRow struct {
	ID            int64  `json:"id"`
	Status        string `json:"Status"`
	CallID        string `json:"CallID"`
	CallTimes     int
	CallStartTime *string
	CallEndTime   *string
	Comments      any
	RingTime      any
	Intention     string
	CalleeNumber  string
	CallerNumber  string `json:"caller_number"`
	AsrResult     []struct{ Time, Robottext, Text string }
	EventLabel    map[string]any
	NerSlots      map[string]any
	CallNotes     string `json:"call_notes"`
	RedailCall    []struct {
		CallID, CallStartTime, ResultLabel string
		CalleeNumber                       string `json:"callee_number"`
	}
}

// wireDetail is a detail response as a client reads it.
type wireDetail struct {
	Data struct {
		TaskID, TaskName, Status           string
		ScheduleStartTime, ScheduleEndTime string
		Detail                             []wireRow `json:"detail"`
	}
	Status string
	Code   int
}

// parse reads a whole detail response.
func parse(t *testing.T, r reply) wireDetail {
	t.Helper()
	if r.err != nil || r.status != http.StatusOK {
		t.Fatalf("detail answered %d: %v", r.status, r.err)
	}
	var d wireDetail
	if err := json.Unmarshal(r.body, &d); err != nil {
		t.Fatalf("detail is no JSON: %v\n%.2000s", err, r.body)
	}
	return d
}

// must is for controls whose error would be the test's own mistake.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// try is must for controls that only return an error.
func try(err error) {
	if err != nil {
		panic(err)
	}
}

package status

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/exporter"
)

// answer is what a reader of /api/status reads.
type answer struct {
	Tasks []struct {
		ID string `json:"task_id"`
	} `json:"tasks"`
	Totals totals `json:"totals"`
	Next   string `json:"next"`
}

func ask200(t *testing.T, h http.Handler, query string) (a answer) {
	t.Helper()
	response, body := get(t, h, "/api/status"+query)
	if response.StatusCode != 200 {
		t.Fatalf("%s: %d %s", query, response.StatusCode, body)
	}
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestPagesOfTasks(t *testing.T) {
	snap := huge(1234)
	h := handler(running(snap))
	for _, test := range []struct {
		query       string
		tasks, asks int
	}{
		{"", 1234, 3},
		{"limit=100", 1234, 13},
		{"limit=1234", 1234, 1},
		{"limit=5000", 1234, 1},
		{"group=sealed", 1227, 3},
		{"group=calling&limit=1", 2, 2},
		{"group=failing", 1, 1},
		{"group=passed", 0, 1},
	} {
		seen, after := map[string]bool{}, ""
		for n := 1; ; n++ {
			a := ask200(t, h, "?"+test.query+after)
			for _, task := range a.Tasks {
				if seen[task.ID] {
					t.Fatalf("%s: %s comes twice", test.query, task.ID)
				}
				seen[task.ID] = true
			}
			want := map[string]int{"failing": 1, "calling": 2, "open": 2, "ended": 1, "sealed": 1227, "passed": 0, "closed": 1}
			if got := a.Totals; got.Tasks != 1234 || fmt.Sprint(got.Groups) != fmt.Sprint(want) || got.Events != 26755+12250 || got.DeadLetters != 2 {
				t.Fatalf("%s: the totals are %+v", test.query, got)
			}
			if a.Next == "" {
				if n != test.asks {
					t.Errorf("%s: %d answers, want %d", test.query, n, test.asks)
				}
				break
			}
			after = "&after=" + a.Next
		}
		if len(seen) != test.tasks {
			t.Errorf("%s: %d tasks, want %d", test.query, len(seen), test.tasks)
		}
	}
	if a := ask200(t, h, "?limit=0"); len(a.Tasks) != 0 || a.Totals.Tasks != 1234 || a.Next != "" {
		t.Errorf("the totals alone are %+v", a)
	}
	id := snap.Tasks[3].TaskID
	if a := ask200(t, h, "?task="+id); len(a.Tasks) != 1 || a.Tasks[0].ID != id || a.Totals.Tasks != 1234 {
		t.Errorf("one task is %+v", a)
	}
	if a := ask200(t, h, "?task=nobody's"); len(a.Tasks) != 0 || a.Totals.Tasks != 1234 {
		t.Errorf("a task that is not there is %+v", a)
	}
}

func TestBadParameters(t *testing.T) {
	h := handler(running(busy()))
	const limit = "limit is not a whole number from 0 to 5000: give one such as 500, or 0 for the totals alone"
	for query, want := range map[string]string{
		"limit=":             limit,
		"limit=-1":           limit,
		"limit=5001":         limit,
		"limit=1e3":          limit,
		"group=bad":          "group is none of them: give failing, calling, open, ended, sealed, passed, closed",
		"group=":             "group is none of them: give failing, calling, open, ended, sealed, passed, closed",
		"task=":              "task is not a TaskID, which has 1 to 128 bytes: give one, or leave it out",
		"after=" + long(129): "after is not a TaskID, which has 1 to 128 bytes: give one, or leave it out",
		"task=a&limit=5":     "task names one task and stands alone: leave limit, after, group and find out",
		"limit=1&limit=2":    `"limit" is given twice: give it once`,
		"limits=1":           `"limits" is not a parameter: there are limit, after, group, find and task`,
		"%zz":                "the query is not of the form name=value&name=value with values escaped as in a URL",
	} {
		response, body := get(t, h, "/api/status?"+query)
		if response.StatusCode != http.StatusBadRequest || body != want+"\n" {
			t.Errorf("%s: %d %q, want 400 %q", query, response.StatusCode, body, want)
		}
	}
}

func long(n int) string { return strings.Repeat("x", n) }

// counted is an exporter that counts how often it is looked at.
type counted struct {
	*fixed
	looks atomic.Int64
}

func (c *counted) TaskIDs() []string {
	c.looks.Add(1)
	return c.fixed.TaskIDs()
}

// All readers of a second share one look at the exporter, and all who ask for the
// same thing the same bytes.
func TestOneLookASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counted{fixed: &fixed{snap: huge(3000)}}
		var s State
		s.Running(c)
		h := handler(&s)
		_, page := get(t, h, "/")
		_, first := get(t, h, "/api/status")
		c.set(idle())
		for i := range 2 * maxBodies {
			get(t, h, fmt.Sprintf("/api/status?limit=%d", i))
			get(t, h, "/api/status?after=no-such-task&limit=1")
		}
		if _, again := get(t, h, "/api/status"); again != first {
			t.Error("two answers within a second differ")
		}
		if _, again := get(t, h, "/"); again != page {
			t.Error("two pages within a second differ")
		}
		if n := c.looks.Load(); n != 1 {
			t.Errorf("the exporter was looked at %d times in a second", n)
		}
		time.Sleep(time.Second)
		if _, later := get(t, h, "/api/status"); later == first {
			t.Error("a second later the answer is the same")
		}
		if _, later := get(t, h, "/"); later == page {
			t.Error("a second later the page is the same")
		}
		if n := c.looks.Load(); n != 2 {
			t.Errorf("the exporter was looked at %d times in two seconds", n)
		}
	})
}

func TestShelfIsBounded(t *testing.T) {
	s := newShelf(running(busy()))
	for i := range 100 {
		if _, err := s.body(i, func(*picture) ([]byte, error) { return nil, nil }); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.bodies) > maxBodies {
		t.Errorf("%d bodies are kept", len(s.bodies))
	}
}

// held is a reader that takes nothing until it is let go.
type held struct {
	*httptest.ResponseRecorder
	reading chan<- struct{}
	letGo   <-chan struct{}
}

func (h held) Write(p []byte) (int, error) {
	h.reading <- struct{}{}
	<-h.letGo
	return len(p), nil
}

func TestTooManyReaders(t *testing.T) {
	h := Handler(running(busy()), prometheus.NewRegistry(), nil, info, Operator{})
	reading, letGo, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	for i := range maxReaders {
		path := []string{"/", "/api/status"}[i%2]
		go func() {
			h.ServeHTTP(held{httptest.NewRecorder(), reading, letGo}, httptest.NewRequest("GET", path, nil))
			done <- struct{}{}
		}()
		<-reading
	}
	for path, want := range map[string]int{"/": 503, "/api/status": 503, "/api/status?limit=x": 400, "/healthz": 200, "/readyz": 200, "/metrics": 200} {
		response, body := get(t, h, path)
		if response.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, response.StatusCode, want)
		}
		if want == 503 && (response.Header.Get("Retry-After") != "1" || body != "too many readers at once: 32 are served; try again in a second\n") {
			t.Errorf("%s: %q, Retry-After %q", path, body, response.Header.Get("Retry-After"))
		}
	}
	close(letGo)
	for range maxReaders {
		<-done
	}
	if response, _ := get(t, h, "/"); response.StatusCode != 200 {
		t.Errorf("once they are gone: %d", response.StatusCode)
	}
}

// pipes is a listener whose connections hold no byte that nobody reads.
type pipes struct{ conns chan net.Conn }

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func TestSlowReaderIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pipes{make(chan net.Conn)}
		server := newServer(handler(running(huge(3000))), quiet)
		ended := make(chan error)
		go func() { ended <- server.Serve(p) }()
		client, conn := net.Pipe()
		p.conns <- conn
		began := time.Now()
		if _, err := io.WriteString(client, "GET /api/status HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Read(make([]byte, 100)); err != nil { // it begins to read, and stops
			t.Fatal(err)
		}
		time.Sleep(15 * time.Second)
		n, err := io.Copy(io.Discard, client)
		if err != nil || n > 8<<10 {
			t.Errorf("15 s later %d bytes were still there: %v", n, err)
		}
		if took := time.Since(began); took != 15*time.Second {
			t.Errorf("the end came after %s", took)
		}
		close(p.conns)
		<-ended
		server.Close()
	})
}

// nowhere takes an answer and keeps none of it.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header         { return n.header }
func (n nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (n nowhere) WriteHeader(int)             {}

// TestReadersCostNothingEach: with 200,000 tasks the first reader of a second costs a
// few megabytes, and each other one next to nothing.
func TestReadersCostNothingEach(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 200,000 tasks")
	}
	snap := huge(200_000)
	e := &indexed{fixed: &fixed{snap: snap}}
	e.Task("") // its map
	e.ids = e.fixed.TaskIDs()
	synctest.Test(t, func(t *testing.T) { // so that no second passes
		var s State
		s.Running(e)
		h := handler(&s)
		cost := func(readers int, path string) uint64 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range readers {
				h.ServeHTTP(nowhere{http.Header{}}, httptest.NewRequest("GET", path, nil))
			}
			runtime.ReadMemStats(&after)
			return (after.TotalAlloc - before.TotalAlloc) / uint64(readers)
		}
		for _, path := range []string{"/api/status", "/", "/api/status?limit=5000"} {
			first, others := cost(1, path), cost(30, path)
			t.Logf("%s: %d kB for the first, %d B for each other", path, first>>10, others)
			if first > 32<<20 || others > 32<<10 {
				t.Errorf("%s: %d bytes for the first, %d for each other", path, first, others)
			}
		}
	})
}

// indexed hands out its TaskIDs as the exporter does, without what the fake itself
// spends.
type indexed struct {
	*fixed
	ids []string
}

func (e *indexed) TaskIDs() []string { return slices.Clone(e.ids) }

var _ Exporter = (*exporter.Exporter)(nil)

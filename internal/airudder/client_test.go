package airudder

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"airudder-exporter/internal/call"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const sampleTask = "82caed2ecc5029c9eb7efea50e83466f"

// upstream is a fake at the wire: it gives out tokens, and answers with handle
// what carries the newest one.
type upstream struct {
	*httptest.Server
	auths, requests atomic.Int64
}

func newUpstream(t testing.TB, handle http.HandlerFunc) *upstream {
	t.Helper()
	u := &upstream{}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == authPath {
			u.auths.Add(1)
			io.WriteString(w, `{"data":{"token":"to/k+en="},"status":"OK","code":200}`)
			return
		}
		u.requests.Add(1)
		if r.Header.Get("Authorization") != "Token to/k+en=" || r.Header.Get("Content-Type") != "application/json" {
			http.Error(w, "headers", http.StatusUnauthorized)
			return
		}
		handle(w, r)
	}))
	t.Cleanup(u.Close)
	return u
}

func body(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }
}

func testConfig(url string) Config {
	return Config{BaseURL: url, AppKey: "the-key", AppSecret: "the-secret", TotalFields: []string{"total", "totalCount", "totalNum", "recordCount"},
		RequestsPerSecond: 10_000, Concurrency: 4, Timeout: 10 * time.Second, ResponseTimeout: time.Minute}
}

func newClient(t testing.TB, cfg Config) *Client {
	t.Helper()
	c, err := New(cfg, nil, prometheus.NewPedanticRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func none([]byte, uint64) call.Verdict { return call.RowNew }

// knows judges by what is known alone.
func knows(known func(callID []byte, hash uint64) bool) call.Judge {
	return func(callID []byte, hash uint64) call.Verdict {
		if known(callID, hash) {
			return call.RowKnown
		}
		return call.RowNew
	}
}

// collect reads a task and gathers its new rows.
func collect(t *testing.T, c *Client, task string, judge call.Judge) ([]call.Part, call.Reading, error) {
	t.Helper()
	var parts []call.Part
	got, err := c.Read(context.Background(), task, judge, func(p call.Part) error {
		parts = append(parts, p)
		return nil
	})
	return parts, got, err
}

func rowsOf(parts []call.Part) (rows []call.Row) {
	for _, p := range parts {
		rows = append(rows, p.Rows...)
	}
	return rows
}

// detailBody is an answer with a whole header and these rows.
func detailBody(rows ...string) string {
	return `{"data":{` + header + `,"detail":[` + strings.Join(rows, ",") + `]},"status":"OK","code":200}`
}

const header = `"TaskID":"t1","TaskName":"n","RobotMethod":"single","RobotID":"r","SIPLine":"s","Status":"calling",` +
	`"ScheduleStartTime":"2023-10-19T03:00:20Z","ScheduleEndTime":"2023-10-19T06:20:20Z","RepeatInterval":0,"RepeatNumber":3`

func counted(t *testing.T, c prometheus.Collector, want float64) {
	t.Helper()
	if got := testutil.ToFloat64(c); got != want {
		t.Errorf("counter: got %v, want %v", got, want)
	}
}

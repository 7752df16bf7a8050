package hint

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"
)

// A connection that was answered with an error is held for half a second, so that its
// client reads the answer (net/http's rstAvoidanceDelay).
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).serve"))
}

const secret = "0123456789abcdef-_AZ"

// bench is a server whose takings a test sees.
type bench struct {
	*Server
	mu    sync.Mutex
	taken []string
}

func newBench(cidrs ...string) *bench {
	b := &bench{}
	b.Server = New(Config{Addr: "127.0.0.1:0", Secret: func() string { return secret }, CIDRs: cidrs}, func(id string) string {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.taken = append(b.taken, id)
		return "taken"
	}, []string{"taken"}, prometheus.NewRegistry())
	return b
}

func (b *bench) send(t *testing.T, method, path, body string) {
	t.Helper()
	w := httptest.NewRecorder()
	b.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	if w.Code != http.StatusOK || w.Body.Len() != 0 {
		t.Errorf("%s %s: %d %q, want 200 and nothing", method, path, w.Code, w.Body)
	}
}

func (b *bench) count(outcome string) int {
	return int(testutil.ToFloat64(b.hints.WithLabelValues(outcome)))
}

func TestBodies(t *testing.T) {
	deep := func(n int) string {
		return strings.Repeat(`{"a":`, n-1) + `{"TaskID":"deep"}` + strings.Repeat("}", n-1)
	}
	many := "["
	for i := range 20 {
		many += fmt.Sprintf(`{"TaskID":"t%d"},`, i)
	}
	for body, want := range map[string][]string{
		`{"TaskID":"a"}`:                                    {"a"},
		` {"data":{"task_id":"a"},"taskId":"b"}`:            {"a", "b"},
		`{"data":[{"TaskID":"a","TaskID":"a"},{"x":1}]}`:    {"a"},
		`{"TaskID":42}`:                                     {"42"},
		`{"TaskID":null}`:                                   nil,
		`{"TaskID":{"TaskID":"a"}}`:                         {"a"},
		`{"TaskID":["a"]}`:                                  nil, // an array's values have no name
		`{"taskid":"a","TaskID ":"b"}`:                      nil,
		`{"TaskID":"` + strings.Repeat("x", maxID+1) + `"}`: nil,
		`{"TaskID":"a"`:                                     nil,
		`{"TaskID":"a"} and more`:                           {"a"},
		deep(4):                                             {"deep"},
		deep(5):                                             nil,
		strings.Repeat("[", 30_000):                         nil,
		"TaskID=a&x=y":                                      {"a"},
		"task_id=a%20b&task_id=c":                           {"a b", "c"},
		"TaskID=%zz":                                        nil,
		"":                                                  nil,
		"\x00\xff":                                          nil,
		many[:len(many)-1] + "]":                            {"t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7"},
	} {
		if got := taskIDs([]byte(body)); !slices.Equal(got, want) {
			t.Errorf("%.60s: got %q, want %q", body, got, want)
		}
	}
}

func FuzzBody(f *testing.F) {
	f.Add([]byte(`{"a":[{"TaskID":"x"}]}`))
	f.Add([]byte("TaskID=a&TaskID=b"))
	f.Fuzz(func(t *testing.T, body []byte) {
		ids := taskIDs(body)
		if len(ids) > maxIDs {
			t.Errorf("%d TaskIDs", len(ids))
		}
		for _, id := range ids {
			if id == "" || len(id) > maxID {
				t.Errorf("a TaskID of %d bytes", len(id))
			}
		}
	})
}

func TestWhoMaySend(t *testing.T) {
	b := newBench("192.0.2.0/24", "2001:db8::/32")
	b.send(t, "POST", "/hint/"+secret, `{"TaskID":"a"}`) // httptest's sender is 192.0.2.1
	for _, path := range []string{"/hint/" + secret + "x", "/hint/", "/hint", "/" + secret, "/hint/" + secret + "/", "/"} {
		b.send(t, "POST", path, `{"TaskID":"b"}`)
	}
	b.send(t, "GET", "/hint/"+secret, `{"TaskID":"b"}`)
	if fmt.Sprint(b.taken) != "[a]" || b.count("taken") != 1 || b.count(refused) != 7 {
		t.Errorf("taken are %q, %d refused", b.taken, b.count(refused))
	}
	other := newBench("198.51.100.0/24")
	other.send(t, "POST", "/hint/"+secret, `{"TaskID":"a"}`)
	if len(other.taken) != 0 || other.count(refused) != 1 {
		t.Error("a sender of another network is heard")
	}
	for addr, want := range map[string]bool{"[::ffff:192.0.2.7]:1": true, "[2001:db8::1]:1": true, "[2001:db9::1]:1": false, "nonsense": false} {
		if got := b.from(addr); got != want {
			t.Errorf("%s may send: %v", addr, got)
		}
	}
}

func TestUnreadable(t *testing.T) {
	b := newBench()
	b.send(t, "POST", "/hint/"+secret, `{"TaskID":"`+strings.Repeat(" ", maxBody)+`"}`)
	b.send(t, "POST", "/hint/"+secret, `{"x":"y"}`)
	if len(b.taken) != 0 || b.count(unreadable) != 2 {
		t.Errorf("taken are %q, %d unreadable", b.taken, b.count(unreadable))
	}
}

// TestStrangers sends what no client would, over the wire: nothing of it is answered with
// more than an empty 200 or a closed connection, and hints are heard beside it.
func TestStrangers(t *testing.T) {
	b := newBench()
	ctx, cancel := context.WithCancel(t.Context())
	l, err := b.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { b.Serve(ctx, l, slog.New(slog.DiscardHandler)) })
	defer serving.Wait()
	defer cancel()
	idle := make([]net.Conn, 0, maxConnections-2)
	for range cap(idle) { // they hold on to their connections for as long as they may
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		idle = append(idle, c)
	}
	url := "http://" + l.Addr().String() + "/hint/" + secret
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 1, MaxConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	var failed atomic.Int64
	for i := range 500 {
		r, err := client.Post(url, "application/json", strings.NewReader(fmt.Sprintf(`{"TaskID":"t%d"}`, i)))
		if err != nil {
			failed.Add(1)
			continue
		}
		r.Body.Close()
	}
	if failed.Load() > 0 || b.count("taken") != 500 {
		t.Errorf("%d of 500 hints failed, %d were taken", failed.Load(), b.count("taken"))
	}
	long, err := http.NewRequest("POST", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	long.Header.Set("X-Long", strings.Repeat("x", 3*maxHeader))
	if r, err := client.Do(long); err == nil {
		if r.Body.Close(); r.StatusCode == http.StatusOK {
			t.Error("a header of 24 KiB is taken")
		}
	}
}

func TestConfig(t *testing.T) {
	name := func(field string) string { return "HINT_" + strings.ToUpper(field) }
	of := func(s string) func() string { return func() string { return s } }
	for _, tt := range []struct {
		c    Config
		want string
	}{
		{Config{}, ""},
		{Config{Secret: of("short")}, ""}, // nobody listens
		{Config{CIDRs: []string{"10.0.0.0/8"}}, "HINT_CIDRS"},
		{Config{Addr: ":8090", Secret: of(secret)}, ""},
		{Config{Addr: ":8090", Secret: of(secret), CIDRs: []string{"10.0.0.0/8", "::/0"}}, ""},
		{Config{Addr: ":8090"}, "HINT_SECRET"},
		{Config{Addr: ":8090", Secret: of("short")}, "HINT_SECRET"},
		{Config{Addr: ":8090", Secret: of(secret + "/x")}, "HINT_SECRET"},
		{Config{Addr: "8090", Secret: of(secret)}, "HINT_ADDR"},
		{Config{Addr: ":8090", Secret: of(secret), CIDRs: []string{"10.0.0.1"}}, "HINT_CIDRS"},
	} {
		tt.c.SettingName = name
		var got []string
		for _, p := range tt.c.Check() {
			got = append(got, p.Setting)
			if p.Value != "" && strings.Contains(p.Value, "short") {
				t.Error("a secret is shown")
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%+v: wrong are %q, want %q", tt.c, got, tt.want)
		}
	}
}

// BenchmarkForged is one hint that is forged: of another secret, and of an unknown task.
func BenchmarkForged(b *testing.B) {
	s := newBench()
	for name, path := range map[string]string{"secret": "/hint/x", "task": "/hint/" + secret} {
		b.Run(name, func(b *testing.B) {
			body := []byte(`{"event":"call_end","data":{"TaskID":"82caed2ecc5029c9eb7efea50e83466f","CallID":"x"}}`)
			for b.Loop() {
				s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", path, bytes.NewReader(body)))
			}
		})
	}
}

// A web configuration holds for hints, too.
func TestWebConfiguration(t *testing.T) {
	b := newBench()
	b.config.WebConfigFile = filepath.Join(t.TempDir(), "web.yaml")
	if err := os.WriteFile(b.config.WebConfigFile, []byte("basic_auth_users:\n  airudder: $2a$04$xuneJ.Oyj3lbTtYUxpg0AuGoR6J0QS.kNK78AYx3PrRrDBzht8nYe\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := b.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan bool)
	go func() { b.Serve(ctx, l, slog.New(slog.DiscardHandler)); close(ended) }()
	defer func() { cancel(); <-ended }()
	for password, want := range map[string]int{"wrong": http.StatusUnauthorized, "first-4711": http.StatusOK} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+l.Addr().String()+"/hint/"+secret, strings.NewReader("TaskID="+password))
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth("airudder", password)
		response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s: %s, want %d", password, response.Status, want)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.taken, []string{"first-4711"}) {
		t.Errorf("taken are %q", b.taken)
	}
}

package status

import (
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/exporter"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestHealthAndReadiness(t *testing.T) {
	with := func(change func(*exporter.Snapshot)) *State {
		s := idle()
		change(&s)
		return running(s)
	}
	waiting := &State{}
	waiting.Waiting("waiting for Kafka: dial kafka:9092: connection refused")
	ending := running(idle())
	ending.Stopping()
	tests := []struct {
		name         string
		state        *State
		health       int
		healthText   string
		ready        int
		readyText    string
		pageHeadline string
	}{
		{"nothing said yet", &State{}, 200, "ok\n", 503, "not ready: starting\n", "Not ready"},
		{"waiting for Kafka", waiting, 200, "ok\n",
			503, "not ready: waiting for Kafka: dial kafka:9092: connection refused\n", "Not ready"},
		{"at work", running(idle()), 200, "ok\n", 200, "ready\n", "Ready"},
		{"owns nothing", with(func(s *exporter.Snapshot) { s.Shards = nil }), 200, "ok\n", 200, "ready\n", "Standing by"},
		{"ready, but", with(func(s *exporter.Snapshot) { s.Notices = but() }),
			200, "ok\n", 200, "ready, but\n" +
				"detail_total since 2026-03-14T02:12:07Z (task 7f and 2 more): data counts 2,500 rows, but shows 1,000. What to do: see AIRUDDER_DETAIL_REQUEST\n",
			"Ready, but"},
		{"not ready, but", with(func(s *exporter.Snapshot) { s.Notices, s.Ready, s.Why = but(), false, "x" }),
			200, "ok\n", 503, "not ready: x\n", "Not ready"},
		{"not ready", with(func(s *exporter.Snapshot) { s.Ready, s.Why = false, "shard 0 is not restored: x" }),
			200, "ok\n", 503, "not ready: shard 0 is not restored: x\n", "Not ready"},
		{"stuck", with(func(s *exporter.Snapshot) { s.Healthy = false }),
			503, "not healthy: the loop has made no progress for a minute\n", 200, "ready\n", "Stuck"},
		{"stopping", ending, 200, "ok\n", 503, "not ready: stopping\n", "Not ready"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := handler(tt.state)
			response, body := get(t, h, "/healthz")
			if response.StatusCode != tt.health || body != tt.healthText {
				t.Errorf("/healthz = %d %q, want %d %q", response.StatusCode, body, tt.health, tt.healthText)
			}
			response, body = get(t, h, "/readyz")
			if response.StatusCode != tt.ready || body != tt.readyText {
				t.Errorf("/readyz = %d %q, want %d %q", response.StatusCode, body, tt.ready, tt.readyText)
			}
			if _, body = get(t, h, "/"); !strings.Contains(body, "<h2>"+tt.pageHeadline+"</h2>") {
				t.Errorf("the page's headline is not %q", tt.pageHeadline)
			}
		})
	}
}

func TestRunningEndsWaiting(t *testing.T) {
	var s State
	h := handler(&s)
	s.Waiting("waiting for the registry")
	s.Running(&fixed{snap: idle()})
	if response, body := get(t, h, "/readyz"); response.StatusCode != 200 {
		t.Errorf("/readyz = %d %q once the exporter runs, want 200", response.StatusCode, body)
	}
}

// TestDocument holds /api/status against a golden file: its names are an
// interface.
func TestDocument(t *testing.T) {
	s := busy()
	s.Tasks, s.Recent = []exporter.TaskStatus{s.Tasks[5], s.Tasks[8]}, s.Recent[:1]
	s.Why = "a reason"
	response, body := get(t, handler(running(s)), "/api/status")
	if got, want := response.Header.Get("Content-Type"), "application/json"; got != want {
		t.Errorf("Content-Type = %q, want %q", got, want)
	}
	if got, want := response.Header.Get("Cache-Control"), "no-store"; got != want {
		t.Errorf("Cache-Control = %q, want %q", got, want)
	}
	if strings.Count(body, "\n") != 1 {
		t.Errorf("the document is spread over lines")
	}
	const golden = "testdata/status.json"
	if *update {
		if err := os.WriteFile(golden, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if body != string(want) {
		t.Errorf("/api/status =\n%s\nwant\n%s", body, want)
	}
}

// TestDocumentWithoutExporter: a reader of the JSON finds every list, if an
// empty one.
func TestDocumentWithoutExporter(t *testing.T) {
	_, body := get(t, handler(&State{}), "/api/status")
	var got map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"shards", "tasks", "recent_events"} {
		if list, ok := got[name].([]any); !ok || len(list) != 0 {
			t.Errorf("%s = %v, want []", name, got[name])
		}
	}
	if got["ready"] != false || got["why"] != "starting" || got["version"] != info.Version {
		t.Errorf("ready %v, why %v, version %v; want false, starting, %s", got["ready"], got["why"], got["version"],
			info.Version)
	}
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: "airudder_events_total", Help: "Events."})
	registry.MustRegister(c)
	c.Add(3)
	response, body := get(t, Handler(&State{}, registry, nil, info, Operator{}), "/metrics")
	if response.StatusCode != 200 || !strings.Contains(body, "\nairudder_events_total 3\n") {
		t.Errorf("/metrics = %d\n%s\nwant the counter at 3", response.StatusCode, body)
	}
}

func TestMethodsAndPaths(t *testing.T) {
	h := handler(running(busy()))
	tests := []struct {
		method, path string
		want         int
	}{
		{"HEAD", "/", 200}, {"HEAD", "/api/status", 200}, {"HEAD", "/healthz", 200}, {"HEAD", "/metrics", 200},
		{"POST", "/", 405}, {"DELETE", "/api/status", 405}, {"PUT", "/healthz", 405}, {"OPTIONS", "/readyz", 405},
		{"GET", "/index.html", 404}, {"GET", "/api/", 404}, {"GET", "/api/status/x", 404}, {"GET", "/healthz/", 404},
		{"POST", "/nowhere", 404}, {"GET", "/debug/pprof/", 404},
	}
	for _, tt := range tests {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
		if w.Code != tt.want {
			t.Errorf("%s %s = %d, want %d", tt.method, tt.path, w.Code, tt.want)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
			"Cache-Control": "no-store",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s %s: %s = %q, want %q", tt.method, tt.path, name, got, want)
			}
		}
		if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; ") {
			t.Errorf("%s %s: Content-Security-Policy = %q, want one that begins with nothing", tt.method, tt.path, policy)
		}
	}
}

// TestStateWhileItChanges lets the race detector see readers beside a writer.
func TestStateWhileItChanges(t *testing.T) {
	var s State
	h := handler(&s)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 50 {
			s.Waiting(time.Now().String())
			s.Running(&fixed{snap: idle()})
			s.Stopping()
		}
	}()
	for range 50 {
		if response, _ := get(t, h, "/readyz"); response.StatusCode != http.StatusOK &&
			response.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("/readyz = %d", response.StatusCode)
		}
	}
	<-done
}

// A JSON reader that takes anything of the ledger finds beside it that it is old.
func TestStatusWhileTheBrokerIsGone(t *testing.T) {
	type past struct {
		AsOf time.Time `json:"as_of"`
	}
	var got struct {
		past
		Totals past   `json:"totals"`
		Shards []past `json:"shards"`
		Tasks  []past `json:"tasks"`
	}
	_, body := get(t, handler(running(gone())), "/api/status?group=calling")
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	all := append(append(got.Tasks, got.Shards...), got.Totals, got.past)
	if len(got.Tasks) != 2 || slices.ContainsFunc(all, func(p past) bool { return !p.AsOf.Equal(gone().AsOf) }) {
		t.Errorf("the answer is as of %+v", all)
	}
	if _, body = get(t, handler(running(busy())), "/api/status"); strings.Contains(body, "as_of") {
		t.Error("what is current has an as_of, too")
	}
}

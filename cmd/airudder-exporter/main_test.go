package main

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// The demo starts this executable as its child: then it is the program.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "run" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// ledgerTopic is the ledger's default name.
const ledgerTopic = "airudder.call-ledger"

// surroundings are all that a program talks to.
type surroundings struct {
	t        *testing.T
	sim      *airuddersim.Sim
	upstream *httptest.Server
	kafka    *rig.Kafka
	env      map[string]string
	terminal bool // stdout is one
}

// surround starts a simulated AIRudder with one task, a broker and a registry.
func surround(t *testing.T) *surroundings {
	t.Helper()
	s := &surroundings{t: t}
	s.sim = airuddersim.New(airuddersim.Config{Seed: 1, AppKey: appKey, AppSecret: appSecret,
		Start: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)})
	s.sim.AddTask(airuddersim.TaskSpec{ID: "task-1", Name: "Reminder March", Status: airuddersim.Calling,
		Rows: append(airuddersim.FinishedRows(5), airuddersim.PendingRows(3)...)})
	s.upstream = httptest.NewServer(s.sim.Handler())
	t.Cleanup(s.upstream.Close)
	s.kafka = rig.EmbeddedKafka(t)
	s.env = map[string]string{
		"AIRUDDER_BASE_URL":            s.upstream.URL,
		"AIRUDDER_APP_KEY":             appKey,
		"AIRUDDER_APP_SECRET":          appSecret,
		"AIRUDDER_EXPORT_SINCE":        "2026-02-01T00:00:00Z",
		"AIRUDDER_LIST_INTERVAL":       "1s",
		"AIRUDDER_REQUESTS_PER_SECOND": "100",
		"AIRUDDER_POLL_MIN_INTERVAL":   "100ms",
		"AIRUDDER_POLL_MAX_INTERVAL":   "1s",
		"KAFKA_BROKERS":                s.kafka.Brokers[0],
		"KAFKA_CREATE_TOPICS":          "true",
		"KAFKA_ASSIGNMENT":             "all",
		"SCHEMA_REGISTRY_URL":          rig.EmbeddedRegistry(t),
		"HTTP_ADDR":                    rig.FreeAddress(t),
	}
	return s
}

// started is a program that was started.
type started struct {
	t      *testing.T
	env    map[string]string
	stdout output
	stderr output
	cancel context.CancelFunc
	ended  chan struct{}
	code   int // once ended is closed
}

// start runs a command until it ends or is stopped.
func (s *surroundings) start(args ...string) *started {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	p := &started{t: s.t, env: maps.Clone(s.env), cancel: cancel, ended: make(chan struct{})}
	program := program{environ: environ(p.env), stdout: &p.stdout, stderr: &p.stderr, terminal: s.terminal}
	go func() {
		defer close(p.ended)
		p.code = program.run(ctx, args)
	}()
	s.t.Cleanup(func() { cancel(); <-p.ended })
	return p
}

// environ is an environment as os.Environ has it.
func environ(set map[string]string) (all []string) {
	for name, value := range set {
		all = append(all, name+"="+value)
	}
	slices.Sort(all)
	return all
}

// run runs a command to its end.
func (s *surroundings) run(args ...string) *started {
	s.t.Helper()
	p := s.start(args...)
	p.wait()
	return p
}

// stop ends the program as SIGTERM does.
func (p *started) stop() {
	p.t.Helper()
	p.cancel()
	p.wait()
}

func (p *started) wait() {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(rig.Patience):
		p.t.Fatalf("the program does not end; it says\n%s\n%s", &p.stdout, &p.stderr)
	}
	for _, secret := range []string{appSecret, kafkaSecret} {
		if strings.Contains(p.stdout.String()+p.stderr.String(), secret) {
			p.t.Errorf("the program shows a secret:\n%s\n%s", &p.stdout, &p.stderr)
		}
	}
}

// wantEnd fails unless the program ended with a code and said so much on stderr.
func (p *started) wantEnd(code int, says ...string) {
	p.t.Helper()
	if p.code != code {
		p.t.Errorf("exit code %d, want %d; it says\n%s", p.code, code, &p.stderr)
	}
	for _, want := range says {
		if !strings.Contains(p.stderr.String(), want) {
			p.t.Errorf("stderr lacks %q:\n%s", want, &p.stderr)
		}
	}
}

// until waits for a condition.
func (p *started) until(what string, holds func() bool) {
	p.t.Helper()
	deadline := time.After(rig.Patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-p.ended:
			p.t.Fatalf("the program ended before %s:\n%s", what, &p.stderr)
		case <-deadline:
			p.t.Fatalf("no %s; the program says\n%s\n%s", what, &p.stdout, &p.stderr)
		}
	}
}

// get asks the program's own server.
func (p *started) get(path string) (code int, body string) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get("http://" + p.env["HTTP_ADDR"] + path)
	if err != nil {
		return 0, err.Error()
	}
	defer r.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(r.Body); err != nil {
		return 0, err.Error()
	}
	return r.StatusCode, b.String()
}

// ready reports whether the program is.
func (p *started) ready() bool {
	code, _ := p.get("/readyz")
	return code == http.StatusOK
}

// shows returns a condition: a page holds a text.
func (p *started) shows(path, text string) func() bool {
	return func() bool {
		_, body := p.get(path)
		return strings.Contains(body, text)
	}
}

// output is what a program wrote.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// lines are the whole lines so far.
func (o *output) lines() []string {
	all := strings.SplitAfter(o.String(), "\n")
	return slices.DeleteFunc(all, func(l string) bool { return !strings.HasSuffix(l, "\n") })
}

func TestVersion(t *testing.T) {
	p := (&surroundings{t: t}).run("version")
	p.wantEnd(0)
	if got := p.stdout.String(); !strings.HasPrefix(got, "airudder-exporter ") || !strings.Contains(got, "go1.") {
		t.Errorf("the version is %q", got)
	}
}

func TestWrongUse(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"run --fast", "unknown flag: --fast"},
		{"demo --kill-after 1s", "unknown flag: --kill-after"},
		{"demo --tasks many", `invalid argument "many"`},
		{"demo --tasks 0", "--tasks 0: want 1 or more"},
		{"demo --tasks -1", "--tasks -1: want 1 or more"},
		{"demo --rate 0", "--rate 0: want more than 0"},
		{"demo --rate -3", "--rate -3: want more than 0"},
		{"demo --rate NaN", "--rate NaN: want more than 0"},
		{"demo --rate Inf", "--rate +Inf: want more than 0"},
		{"tail --topic calls", `--topic: "calls" is none of events, status, dead-letters, private, revised, ledger`},
		{"check everything", "everything"},
		{"check --offline --compatibility", "--offline asks nobody and --compatibility tries Kafka and the registry: give one of them"},
		{"export", `unknown command "export"`},
		{"run", "AIRUDDER_APP_KEY"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			p := (&surroundings{t: t}).run(strings.Fields(tt.args)...)
			p.wantEnd(1, "airudder-exporter: ", tt.want)
		})
	}
}

// TestLogFormat writes one line in each format.
func TestLogFormat(t *testing.T) {
	for format, want := range map[LogFormat]string{
		"json": `{"level":"INFO","msg":"done","took":"1.5s"}`,
		"text": `level=INFO msg=done took=1.5s`,
	} {
		var line strings.Builder
		options := &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return readable(groups, a)
		}}
		slog.New(format.handler(&line, options)).Info("done", "took", 1500*time.Millisecond)
		if got := strings.TrimSpace(line.String()); got != want {
			t.Errorf("%s: got %s, want %s", format, got, want)
		}
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/goleak"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logLines is a log whose lines a test waits for.
type logLines struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	lines chan map[string]any
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf.Write(p)
	var line map[string]any
	if json.Unmarshal(p, &line) == nil {
		l.lines <- line
	}
	return len(p), nil
}

func (l *logLines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// running is the program, started as from a shell.
type running struct {
	t    *testing.T
	addr string
	log  *logLines
	stop context.CancelFunc
	done chan error
}

// start runs the program on a free port and waits until it serves.
func start(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &running{t: t, log: &logLines{lines: make(chan map[string]any, 100)}, stop: cancel, done: make(chan error, 1)}
	cmd := newCommand()
	cmd.SetArgs(append([]string{"--addr", "127.0.0.1:0"}, args...))
	cmd.SetErr(p.log)
	go func() { p.done <- cmd.ExecuteContext(ctx) }()
	t.Cleanup(func() { p.end() })
	for {
		select {
		case err := <-p.done:
			t.Fatalf("it ended: %v", err)
		case <-time.After(rig.Patience):
			t.Fatal("it does not serve")
		case line := <-p.log.lines:
			if line["msg"] == "serving" {
				p.addr = line["addr"].(string)
				return p
			}
		}
	}
}

// end stops the program as SIGTERM does and returns its error; once.
func (p *running) end() error {
	p.stop()
	if p.done == nil {
		return nil
	}
	defer func() { p.done = nil }()
	select {
	case err := <-p.done:
		return err
	case <-time.After(rig.Patience):
		p.t.Fatal("it does not end")
		return nil
	}
}

// truth is what the running program says really happened.
func (p *running) truth() airuddersim.Truth {
	p.t.Helper()
	var truth airuddersim.Truth
	if err := json.Unmarshal(p.get("/truth"), &truth); err != nil {
		p.t.Fatal(err)
	}
	return truth
}

// get is what the running program answers.
func (p *running) get(path string) []byte {
	p.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get("http://" + p.addr + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return raw
}

// health runs the health check.
func health(addr string) error {
	defer http.DefaultClient.CloseIdleConnections()
	cmd := newCommand()
	cmd.SetArgs([]string{"healthcheck", "--addr", addr})
	return cmd.Execute()
}

func TestServeAndGoOn(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.json")
	first := start(t, "--state-file", state, "--seed", "5", "--tasks", "2", "--rate", "20")
	if err := health(first.addr); err != nil {
		t.Errorf("the health check says %v", err)
	}
	before := first.truth()
	if len(before.Tasks) != 2 || len(before.Tasks[0].Calls) == 0 {
		t.Errorf("after the warm-up: %d tasks", len(before.Tasks))
	}
	if err := first.end(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if err := health(first.addr); err == nil {
		t.Error("the health check is content with a program that has ended")
	}
	second := start(t, "--state-file", state, "--tasks", "2")
	after := second.truth()
	if len(after.Tasks[0].Calls) < len(before.Tasks[0].Calls) || after.Tasks[0].Calls[0].CallID != before.Tasks[0].Calls[0].CallID {
		t.Error("the second run does not go on from the first")
	}
	if log := first.log.text() + second.log.text(); strings.Contains(log, "+62") || strings.Contains(log, after.Tasks[0].Name) {
		t.Errorf("personal data in the log:\n%s", log)
	}
}

func TestEndsWhileARequestHangs(t *testing.T) {
	p := start(t, "--fault", "hang=1")
	answered := make(chan error, 1)
	go func() {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		res, err := client.Post("http://"+p.addr+"/service/cloud/auth", "application/json", strings.NewReader("{}"))
		if err == nil {
			res.Body.Close()
		}
		answered <- err
	}()
	rig.Eventually(t, "a request that hangs", rig.Patience, func() bool { return strings.Contains(p.faults(), `"hang":1}`) })
	if err := p.end(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if err := <-answered; err == nil {
		t.Error("the hanging request was answered")
	}
}

// faults is what the running program says of its faults, those that happened
// last.
func (p *running) faults() string {
	p.t.Helper()
	_, injected, _ := strings.Cut(string(p.get("/faults")), `"injected":`)
	return injected
}

func TestBadFlags(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(broken, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"--list-shape round":           `--list-shape "round": want one of array, nested, ids, strings, null`,
		"--fault cut":                  `--fault "cut": want a share from 0 to 1 after the kind`,
		"--fault cut=2":                `--fault "cut=2": want a share from 0 to 1 after the kind`,
		"--fault cut=NaN":              `--fault "cut=NaN": want a share`,
		"--fault cutt=0.1":             `--fault "cutt=0.1": want kind=share with one of the kinds unauthorized,`,
		"--oddity list_cap":            `--oddity list_cap: oddity list_cap: "" is no number`,
		"--oddity list_kap=3":          `--oddity list_kap=3: no oddity is called "list_kap"`,
		"--rate 0":                     "--rate 0: want more than 0",
		"--rate NaN":                   "--rate NaN: want more than 0",
		"--speed Inf":                  "--speed +Inf: want more than 0",
		"--token-ttl 0s":               "--token-ttl 0s: want more than 0",
		"--tasks -1":                   "--tasks -1: want 0 or more",
		"--list-page-size -2":          "--list-page-size -2: want 0 or more",
		"--addr nowhere":               "listen: ",
		"--state-file " + broken:       "load the simulation: unexpected EOF",
		"healthcheck --addr 127.0.0.1": "check: ",
		"extra":                        "unknown command",
	} {
		cmd := newCommand()
		cmd.SetArgs(strings.Fields(args))
		cmd.SetErr(io.Discard)
		ctx, cancel := context.WithTimeout(t.Context(), rig.Patience)
		err := cmd.ExecuteContext(ctx)
		cancel()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", args, err, want)
		}
	}
}

func TestFlagsReachTheSimulation(t *testing.T) {
	var o options
	cmd := &cobra.Command{}
	o.bind(cmd)
	if err := cmd.ParseFlags(strings.Fields("--list-shape ids --fault cut=0.05 --fault hang=0.1 --fault stale=0.1 --oddity list_cap=20 --oddity list_total --token-ttl 3s")); err != nil {
		t.Fatal(err)
	}
	if err := o.complete(); err != nil {
		t.Fatal(err)
	}
	if o.sim.ListShape != airuddersim.ListIDs || o.sim.FaultRates[airuddersim.Cut] != 0.05 || o.sim.FaultRates[airuddersim.Hang] != 0.1 || o.sim.TokenTTL != 3*time.Second || !o.sim.Renew {
		t.Errorf("got %+v", o.sim)
	}
	if total, ok := o.sim.Oddities[airuddersim.ListTotal]; !ok || total != "" || o.sim.Oddities[airuddersim.ListCap] != "20" || !o.sim.Cache {
		t.Errorf("got oddities %v, cache %t", o.sim.Oddities, o.sim.Cache)
	}
}

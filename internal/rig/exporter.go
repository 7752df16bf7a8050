package rig

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Exporter is the exporter as a process, one life after another: a dead one can
// be started again. It is safe for concurrent use.
type Exporter struct {
	T     testing.TB
	Name  string
	env   []string
	log   string // stderr of all its lives
	OnEnd func() // called when a life has ended as it should; nil: nothing to do

	mu  sync.Mutex
	now *life // nil: none was started
}

// life is one process of an exporter.
type life struct {
	*Process
	logFrom  int64 // bytes of the log that are of earlier lives
	expected bool  // the test wants it to end
}

// NewExporter describes an exporter with that environment, and starts nothing.
// By the test's end it is gone, and its log has shown no panic and no race.
func NewExporter(t testing.TB, name string, env []string) *Exporter {
	t.Helper()
	e := &Exporter{T: t, Name: name, env: env, log: filepath.Join(t.TempDir(), name+".log")}
	if err := os.WriteFile(e.log, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		e.Kill()
		e.checkLog()
	})
	return e
}

// Command is the program in the exporter's environment.
func (e *Exporter) Command(ctx context.Context, args ...string) *exec.Cmd {
	e.T.Helper()
	path := Program(e.T)
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env, cmd.Dir, cmd.SysProcAttr = e.env, filepath.Dir(path), attributes()
	return cmd
}

// Run runs a command to its end, with settings that differ, and returns all that
// it prints, and its exit code.
func (e *Exporter) Run(args []string, settings ...string) (string, int) {
	e.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	cmd := e.Command(ctx, args...)
	cmd.Env = append(slices.Clone(e.env), settings...)
	out, _ := cmd.CombinedOutput() // its exit code is looked at
	return string(out), cmd.ProcessState.ExitCode()
}

// Start starts the exporter.
func (e *Exporter) Start() {
	e.T.Helper()
	log, err := os.OpenFile(e.log, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		e.T.Fatal(err)
	}
	defer log.Close()
	cmd := e.Command(context.Background(), "run")
	cmd.Stderr = log
	e.mu.Lock()
	defer e.mu.Unlock()
	l := &life{logFrom: e.logSize()}
	l.Process = launch(e.T, cmd)
	e.now = l
	go func() {
		<-l.Exited
		e.mu.Lock()
		defer e.mu.Unlock()
		if !l.expected {
			e.T.Errorf("exporter %s ended by itself: %s", e.Name, l.State())
		}
	}()
}

// Running reports whether the exporter runs, and is meant to.
func (e *Exporter) Running() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.now != nil && !e.now.expected
}

// Expect says that the running exporter is about to end; nil: none was started.
func (e *Exporter) Expect() *Process {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.now == nil {
		return nil
	}
	e.now.expected = true
	return e.now.Process
}

// Kill ends the exporter with SIGKILL, and returns when it is gone.
func (e *Exporter) Kill() {
	if p := e.Expect(); p != nil {
		p.Kill()
		e.Ended()
	}
}

// Ended says that a life is over.
func (e *Exporter) Ended() {
	if e.OnEnd != nil {
		e.OnEnd()
	}
}

// Signal sends a signal.
func (e *Exporter) Signal(s syscall.Signal) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.now.cmd.Process.Signal(s); err != nil {
		e.T.Errorf("send %s to exporter %s: %v", s, e.Name, err)
	}
}

// PID is the process of the exporter that was started last.
func (e *Exporter) PID() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.now.PID()
}

// Terminate ends the exporter with SIGTERM, in good order, and returns how long
// that took.
func (e *Exporter) Terminate() time.Duration {
	e.T.Helper()
	e.awaitLog()
	p := e.Expect()
	began := time.Now()
	e.Signal(syscall.SIGTERM)
	e.AwaitExit(p, Grace, 0)
	return time.Since(began)
}

// awaitLog waits for the first log line of the running life: until then a signal
// may come before the program listens for it.
func (e *Exporter) awaitLog() {
	e.T.Helper()
	e.mu.Lock()
	l := e.now
	e.mu.Unlock()
	Eventually(e.T, "a log line of exporter "+e.Name, Patience, func() bool { return l.Gone() || e.logSize() > l.logFrom })
}

func (e *Exporter) logSize() int64 {
	info, err := os.Stat(e.log)
	if err != nil {
		e.T.Error(err)
		return 0
	}
	return info.Size()
}

// AwaitExit waits for an exporter that is about to end.
func (e *Exporter) AwaitExit(p *Process, deadline time.Duration, code int) {
	e.T.Helper()
	select {
	case <-p.Exited:
	case <-time.After(deadline):
		e.T.Fatalf("exporter %s still runs after %s", e.Name, deadline)
	}
	e.Ended()
	if got := p.State().ExitCode(); got != code {
		e.T.Errorf("exporter %s: got %s, want exit code %d", e.Name, p.State(), code)
	}
}

// Logged is all that the exporter has written to stderr.
func (e *Exporter) Logged() []byte {
	text, err := os.ReadFile(e.log)
	if err != nil {
		e.T.Error(err)
	}
	return text
}

// checkLog looks for what no log may hold, and shows its end where the test
// failed.
func (e *Exporter) checkLog() {
	text := e.Logged()
	for _, bad := range []string{"DATA RACE", "panic:", "fatal error:"} {
		if at := bytes.Index(text, []byte(bad)); at >= 0 {
			e.T.Errorf("exporter %s logged %q:\n%s", e.Name, bad, text[at:min(len(text), at+4000)])
		}
	}
	if e.T.Failed() {
		e.T.Logf("the end of exporter %s's log:\n%s", e.Name, text[max(0, len(text)-5000):])
	}
}

// Setting is one of the exporter's environment; of doubles the last counts.
func (e *Exporter) Setting(name string) (value string) {
	for _, s := range e.env {
		if v, ok := strings.CutPrefix(s, name+"="); ok {
			value = v
		}
	}
	return value
}

// Page is what one of the exporter's pages says; 0: it is not there.
func (e *Exporter) Page(path string) (code int, text string) {
	client := http.Client{Timeout: 5 * time.Second}
	res, err := client.Get("http://" + e.Setting("HTTP_ADDR") + path)
	if err != nil {
		return 0, ""
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body) // of a cut one, what came
	return res.StatusCode, string(body)
}

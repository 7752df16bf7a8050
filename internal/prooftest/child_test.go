package prooftest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// child is the exporter as a process, one after the other: a dead one can be
// started again. It is safe for concurrent use.
type child struct {
	t    testing.TB
	name string
	env  []string
	log  *os.File // stderr of all of them
	net  *proxy

	mu  sync.Mutex
	now *process // nil: none was started
}

// process is one life of a child.
type process struct {
	cmd      *exec.Cmd
	expected bool          // somebody wants it to end
	exited   chan struct{} // closed when it has
}

// newChild describes an exporter with that environment, and starts nothing. By
// the test's end it is gone, and its log has shown no panic and no race.
func newChild(t testing.TB, name string, net *proxy, env []string) *child {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, name: name, env: env, log: log, net: net}
	t.Cleanup(func() {
		c.kill()
		c.checkLog()
		_ = log.Close()
	})
	return c
}

// start starts the exporter.
func (c *child) start() {
	c.t.Helper()
	path, err := program()
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command(path, "run")
	cmd.Env, cmd.Stderr, cmd.Dir = c.env, c.log, filepath.Dir(path)
	cmd.SysProcAttr = childAttributes()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	p := &process{cmd: cmd, exited: make(chan struct{})}
	c.now = p
	go func() {
		_ = cmd.Wait() // how it ended stands in its state
		c.mu.Lock()
		unexpected := !p.expected
		c.mu.Unlock()
		close(p.exited)
		if unexpected {
			c.t.Errorf("exporter %s ended by itself: %s", c.name, cmd.ProcessState)
		}
	}()
}

// kill ends the exporter with SIGKILL, and returns when it is gone; false: none
// ran.
func (c *child) kill() bool {
	p := c.expect()
	if p == nil {
		return false
	}
	_ = p.cmd.Process.Kill() // it may be gone already
	<-p.exited
	c.net.forget()
	return true
}

// expect says that the running exporter is about to end.
func (c *child) expect() *process {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now != nil {
		c.now.expected = true
	}
	return c.now
}

// signal sends a signal.
func (c *child) signal(s syscall.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.now.cmd.Process.Signal(s); err != nil {
		c.t.Errorf("send %s to exporter %s: %v", s, c.name, err)
	}
}

// terminate ends the exporter with SIGTERM, which it has to heed within a
// deadline, and returns how long it took.
func (c *child) terminate(deadline time.Duration) time.Duration {
	c.t.Helper()
	p := c.expect()
	began := time.Now()
	c.signal(syscall.SIGTERM)
	return c.awaitExit(p, began, deadline)
}

// awaitExit waits for an exporter that was told to end.
func (c *child) awaitExit(p *process, began time.Time, deadline time.Duration) time.Duration {
	c.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(deadline):
		c.t.Fatalf("exporter %s still runs %s after SIGTERM", c.name, deadline)
	}
	c.net.forget()
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		c.t.Errorf("exporter %s after SIGTERM: got %s, want exit code 0", c.name, p.cmd.ProcessState)
	}
	return time.Since(began)
}

// logged is all that the exporter has written to stderr.
func (c *child) logged() []byte {
	text, err := os.ReadFile(c.log.Name())
	if err != nil {
		c.t.Error(err)
	}
	return text
}

// checkLog looks for what no log may hold, and shows its end where the test
// failed.
func (c *child) checkLog() {
	text := c.logged()
	for _, bad := range []string{"DATA RACE", "panic:", "fatal error:"} {
		if at := bytes.Index(text, []byte(bad)); at >= 0 {
			c.t.Errorf("exporter %s logged %q:\n%s", c.name, bad, text[at:min(len(text), at+4000)])
		}
	}
	if c.t.Failed() {
		c.t.Logf("the end of exporter %s's log:\n%s", c.name, text[max(0, len(text)-5000):])
	}
}

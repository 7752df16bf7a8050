package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"airudder-exporter/internal/embedded"
)

// child is the real exporter as a process of its own, started anew whenever it
// dies.
type child struct {
	env []string
	say *notices

	mu      sync.Mutex
	cmd     *exec.Cmd // nil: not running
	exited  chan struct{}
	stopped bool
}

func newChild(env []string, say *notices) *child { return &child{env: env, say: say} }

// keepAlive runs the exporter until ctx ends.
func (c *child) keepAlive(ctx context.Context) {
	for ctx.Err() == nil {
		exited, err := c.start()
		if err != nil {
			c.say.line("start the exporter: %v", err)
			return
		}
		if exited == nil {
			return
		}
		select {
		case <-exited:
		case <-ctx.Done():
			c.kill()
			<-exited
		}
		select { // a child that ends at once must not spin
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// start starts the exporter; a nil channel says that it was stopped for good.
func (c *child) start() (<-chan struct{}, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return nil, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "run")
	cmd.Env = c.env
	cmd.SysProcAttr = childAttributes() // its own process group: Ctrl-C is ours alone
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	exited := make(chan struct{})
	go func() {
		c.relay(stderr)
		_ = cmd.Wait() // how it ended is told by who ended it
		c.mu.Lock()
		c.cmd = nil
		c.mu.Unlock()
		close(exited)
	}()
	c.cmd, c.exited = cmd, exited
	return exited, nil
}

// relay shows the exporter's warnings and errors.
func (c *child) relay(log io.Reader) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var entry struct {
			Level slog.Level `json:"level"`
			Msg   string     `json:"msg"`
			Error string     `json:"error"`
			Why   string     `json:"why"`
		}
		if json.Unmarshal(lines.Bytes(), &entry) != nil {
			c.say.line("exporter: %s", lines.Text())
		} else if entry.Level >= slog.LevelWarn && !strings.HasPrefix(entry.Msg, "topic settings") {
			c.say.line("exporter: %s %s", entry.Msg, entry.Error)
		}
	}
	_, _ = io.Copy(io.Discard, log)
}

// kill ends the exporter with SIGKILL and waits until it is gone; its pid, or 0
// when none ran.
func (c *child) kill() int {
	c.mu.Lock()
	cmd, exited := c.cmd, c.exited
	c.mu.Unlock()
	if cmd == nil {
		return 0
	}
	_ = cmd.Process.Kill() // it may have ended meanwhile
	<-exited
	return cmd.Process.Pid
}

// stop ends the exporter for good, as an operator would.
func (c *child) stop() error {
	c.mu.Lock()
	c.stopped = true
	cmd, exited := c.cmd, c.exited
	c.mu.Unlock()
	if cmd == nil {
		return nil
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-exited:
	case <-time.After(10 * time.Second):
		c.kill()
		return fmt.Errorf("it was still running 10 s after SIGTERM")
	}
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("exit code %d", code)
	}
	return nil
}

// killInsideTransaction waits, kills the exporter at the moment in which it has
// written a transaction and asks for its commit, and says what that came to.
func killInsideTransaction(ctx context.Context, after time.Duration, broker *embedded.Broker, child *child, watch *watch, say *notices) {
	select {
	case <-time.After(after):
	case <-ctx.Done():
		return
	}
	killed := make(chan int, 1)
	var once sync.Once
	broker.BeforeEndTxn(func(string) (drop bool) {
		once.Do(func() {
			killed <- child.kill()
			drop = true
		})
		return drop
	})
	var pid int
	select {
	case pid = <-killed:
		broker.BeforeEndTxn(nil)
	case <-ctx.Done():
		return
	}
	began, seen := time.Now(), watch.distinct()
	say.line("✗ exporter (pid %d) killed with SIGKILL inside an open transaction: its records are in the log, and nobody may see them", pid)
	if watch.await(ctx, seen+1) {
		say.line("✓ recovered in %s: a new process fenced the old one, replayed the ledger and published again", time.Since(began).Round(10*time.Millisecond))
	}
}

package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// child is the real exporter as a process of its own, started again whenever it
// dies.
type child struct {
	command func() (*exec.Cmd, error)
	env     []string
	say     *notices
	told    map[string]bool // of relay, which reads one process at a time

	mu      sync.Mutex
	now     *life // nil: not running
	stopped bool
}

// life is one process of the child.
type life struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when it has
}

func newChild(command func() (*exec.Cmd, error), env []string, say *notices) *child {
	return &child{command: command, env: env, say: say, told: map[string]bool{}}
}

// endsInARow is after how many ends in a row, with nothing published in between,
// the exporter is given up. The demo's own kill can be one of them.
const endsInARow = 5

// keepAlive runs the exporter until ctx ends, it is stopped, or starting it
// again is hopeless. published is how much is known to be published.
func (c *child) keepAlive(ctx context.Context, published func() int) error {
	wait := backoff.NewExponentialBackOff(backoff.WithInitialInterval(50*time.Millisecond),
		backoff.WithMultiplier(2), backoff.WithMaxInterval(2*time.Second), backoff.WithMaxElapsedTime(0))
	for ends := 0; ; {
		before := published()
		p, err := c.start()
		if err != nil {
			return fmt.Errorf("start the exporter: %w", err)
		}
		if p == nil {
			return nil
		}
		select {
		case <-p.exited:
		case <-ctx.Done():
			p.kill()
			return nil
		}
		if published() > before {
			ends = 0
			wait.Reset()
		} else if ends++; ends == endsInARow {
			return fmt.Errorf("the exporter ended %d times in a row and published nothing, the last time with %s",
				ends, p.cmd.ProcessState)
		}
		if !pause(ctx, wait.NextBackOff()) {
			return nil
		}
	}
}

// start starts the exporter; nil: it was stopped for good.
func (c *child) start() (*life, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return nil, nil
	}
	cmd, err := c.command()
	if err != nil {
		return nil, err
	}
	cmd.Env = c.env
	cmd.SysProcAttr = childAttributes() // its own process group: Ctrl-C is ours alone
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &life{cmd: cmd, exited: make(chan struct{})}
	go func() {
		c.relay(stderr)
		_ = cmd.Wait() // how it ended stands in its state
		c.mu.Lock()
		c.now = nil
		c.mu.Unlock()
		close(p.exited)
	}()
	c.now = p
	return p, nil
}

// relay shows the exporter's warnings and errors, each text once: an exporter that
// is started again and again repeats them.
func (c *child) relay(log io.Reader) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if text := logged(lines.Bytes()); text != "" && !c.told[text] {
			c.told[text] = true
			c.say.line("exporter: %s", text)
		}
	}
	_, _ = io.Copy(io.Discard, log)
}

// logged is what a line of the exporter's log has to tell; empty: nothing.
func logged(line []byte) string {
	var entry struct {
		Level slog.Level `json:"level"`
		Msg   string     `json:"msg"`
		Error string     `json:"error"`
	}
	switch {
	case json.Unmarshal(line, &entry) != nil:
		return strings.TrimPrefix(string(line), "airudder-exporter: ")
	case entry.Level < slog.LevelWarn || strings.HasPrefix(entry.Msg, "topic settings"):
		return ""
	case entry.Error == "":
		return entry.Msg
	}
	return entry.Msg + ": " + entry.Error
}

// kill ends the exporter with SIGKILL, waits until it is gone, and returns its
// pid, or 0 when none ran.
func (c *child) kill() int {
	c.mu.Lock()
	p := c.now
	c.mu.Unlock()
	if p == nil {
		return 0
	}
	p.kill()
	return p.cmd.Process.Pid
}

func (p *life) kill() {
	_ = p.cmd.Process.Kill() // it may have ended meanwhile
	<-p.exited
}

// stop ends the exporter for good, as an operator would, or at once when ctx ends.
func (c *child) stop(ctx context.Context) error {
	c.mu.Lock()
	c.stopped = true
	p := c.now
	c.mu.Unlock()
	if p == nil {
		return nil
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil { // Windows has none
		p.kill()
		return nil
	}
	select {
	case <-p.exited:
	case <-ctx.Done():
		p.kill()
		return ctx.Err()
	case <-time.After(10 * time.Second):
		p.kill()
		return errors.New("it was still running 10 s after SIGTERM")
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("exit code %d", code)
	}
	return nil
}

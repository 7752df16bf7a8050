package benchtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// child is one of the two programs as a process.
type child struct {
	tb     testing.TB
	cmd    *exec.Cmd
	log    string
	exited chan struct{}
}

// startChild starts a program with that environment and no other. By the
// benchmark's end it is gone.
func startChild(tb testing.TB, path string, args, env []string) *child {
	tb.Helper()
	log, err := os.Create(filepath.Join(tb.TempDir(), "child.log"))
	if err != nil {
		tb.Fatal(err)
	}
	defer log.Close()
	c := &child{tb: tb, cmd: exec.Command(path, args...), log: log.Name(), exited: make(chan struct{})}
	c.cmd.Env, c.cmd.Stdout, c.cmd.Stderr, c.cmd.SysProcAttr = env, log, log, childAttributes()
	if err := c.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() {
		defer close(c.exited)
		_ = c.cmd.Wait() // how it ended stands in its state
	}()
	tb.Cleanup(c.stop)
	return c
}

// stop ends the child, and shows its log where the benchmark failed.
func (c *child) stop() {
	_ = c.cmd.Process.Kill() // it may be gone already
	<-c.exited
	if text, err := os.ReadFile(c.log); c.tb.Failed() && err == nil {
		c.tb.Logf("the end of %s's log:\n%s", filepath.Base(c.cmd.Path), text[max(0, len(text)-3000):])
	}
}

// peakRSS is the most memory that the child ever held, in bytes; 0 where the
// system does not tell a running process's.
func (c *child) peakRSS() int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(string(rest)), " kB"), 10, 64)
			return kib << 10
		}
	}
	return 0
}

// cpu is the processor time that the child has used; 0 where the system does
// not tell a running process's.
func (c *child) cpu() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	// Behind the name, which is in brackets, field 3 comes first; 14 and 15 are
	// user and system time in hundredths of a second (proc(5)).
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

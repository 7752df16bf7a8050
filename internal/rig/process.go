package rig

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

// Process is a program as a process.
type Process struct {
	t      testing.TB
	cmd    *exec.Cmd
	Exited chan struct{} // closed when it has
}

// Start starts a program. By the test's end it is gone.
func Start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p := launch(t, cmd)
	t.Cleanup(p.Kill)
	return p
}

// launch starts a program that dies with the tests, however they end.
func launch(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	cmd.SysProcAttr = attributes()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &Process{t: t, cmd: cmd, Exited: make(chan struct{})}
	go func() {
		defer close(p.Exited)
		_ = cmd.Wait() // how it ended stands in its state
	}()
	return p
}

// Logged gives a program a file for all that it writes, whose end is shown where
// the test fails.
func Logged(t testing.TB, cmd *exec.Cmd) (path string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), filepath.Base(cmd.Path)+".log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	t.Cleanup(func() {
		_ = log.Close()
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("the end of %s's log:\n%s", filepath.Base(cmd.Path), text[max(0, len(text)-5000):])
		}
	})
	return log.Name()
}

// Kill ends the process with SIGKILL, and returns when it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may be gone already
	<-p.Exited
}

// Gone reports whether the process has ended.
func (p *Process) Gone() bool {
	select {
	case <-p.Exited:
		return true
	default:
		return false
	}
}

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// State is how the process ended, once it has.
func (p *Process) State() *os.ProcessState { return p.cmd.ProcessState }

// PeakRSS is the most memory that the process ever held, in bytes; 0 where the
// system does not tell a running process's.
func (p *Process) PeakRSS() int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
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

// CPU is the processor time that the process has used; 0 where the system does
// not tell a running process's.
func (p *Process) CPU() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		return 0
	}
	// After the name, which is in brackets, field 3 comes first; 14 and 15 are
	// user and system time in hundredths of a second (proc(5)).
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

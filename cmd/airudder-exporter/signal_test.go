package main

import (
	"airudder-exporter/internal/rig"
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hang is a program that hears its first signal, and does not end.
func hang() {
	ctx, stop := untilSignal(context.Background())
	defer stop()
	fmt.Fprintln(os.Stderr, "begun")
	<-ctx.Done()
	fmt.Fprintln(os.Stderr, "heard")
	select {}
}

// interruptible starts this executable as a program of its own. saw waits until
// a line of its stderr begins with a text.
func interruptible(t *testing.T, args ...string) (cmd *exec.Cmd, saw func(text string)) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), rig.Patience)
	t.Cleanup(cancel)
	cmd = exec.CommandContext(ctx, self, args...)
	cmd.Env = []string{}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() }) // a second Wait does nothing
	lines := bufio.NewScanner(stderr)
	return cmd, func(text string) {
		t.Helper()
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), text) {
				return
			}
		}
		t.Fatalf("it ends without %q", text)
	}
}

// interrupted signals the program until it ends, and returns how it did.
func interrupted(t *testing.T, cmd *exec.Cmd) *os.ProcessState {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // how it ended is looked at
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return cmd.ProcessState
		case <-tick.C:
			_ = cmd.Process.Signal(os.Interrupt) // it may have ended
		}
	}
}

func TestSecondSignalEndsTheProcess(t *testing.T) {
	cmd, saw := interruptible(t, "hang")
	saw("begun")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	saw("heard")
	if end := interrupted(t, cmd).Sys().(syscall.WaitStatus); end.Signal() != syscall.SIGINT {
		t.Errorf("it ended with %v, want an end by SIGINT", end)
	}
}

func TestDemoInterruptedAgain(t *testing.T) {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, os.Interrupt) // this process lives on, whoever listens
	defer signal.Stop(caught)
	first, interrupt := context.WithCancel(t.Context())
	playing, end := context.WithTimeout(t.Context(), rig.Patience)
	defer end()
	ended := make(chan error, 1)
	go func() { ended <- interruptedAgain(first, playing) }()
	interrupt()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			if err == nil || !strings.HasPrefix(err.Error(), "interrupted again") {
				t.Errorf("it ended with %v", err)
			}
			return
		case <-tick.C:
			if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestDemoNotInterruptedAgain(t *testing.T) {
	for name, first := range map[string]func() context.Context{
		"never interrupted": t.Context,
		"interrupted once": func() context.Context {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return ctx
		},
	} {
		playing, end := context.WithCancel(t.Context())
		end()
		if err := interruptedAgain(first(), playing); err != nil {
			t.Errorf("%s: a demo that ends meets %v", name, err)
		}
	}
}

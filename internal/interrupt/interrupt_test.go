package interrupt

import (
	"airudder-exporter/internal/rig"
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// TestMain makes this executable a program that hears its first signal and does
// not end, or one that ends with SIGTERM alone.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "daemon" {
		ctx, end := Context(context.Background())
		defer end()
		stop := Hangups(func() { fmt.Println("hung up") })
		fmt.Println("begun")
		<-ctx.Done()
		stop()
		fmt.Println("ended")
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "hang" {
		ctx, stop := Context(context.Background())
		defer stop()
		fmt.Println("begun")
		<-ctx.Done()
		fmt.Println("heard")
		select {}
	}
	os.Exit(m.Run())
}

func TestSecondSignalEndsTheProcess(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), rig.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, "hang")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	interrupt := func() { _ = cmd.Process.Signal(os.Interrupt) } // it may have ended
	lines := bufio.NewScanner(stdout)
	for _, want := range []string{"begun", "heard"} {
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("it says %q, want %s", lines.Text(), want)
		}
		interrupt() // the one after "heard" comes too early to end it
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // how it ended stands in its state
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for done := false; !done; {
		select {
		case <-ended:
			done = true
		case <-tick.C:
			interrupt()
		}
	}
	if end := cmd.ProcessState.Sys().(syscall.WaitStatus); end.Signal() != syscall.SIGINT {
		t.Errorf("it ended with %v, want an end by SIGINT", end)
	}
}

func TestHangupsEndNothing(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), rig.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, "daemon")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	for _, step := range []struct {
		want string
		send os.Signal
	}{{"begun", syscall.SIGHUP}, {"hung up", syscall.SIGHUP}, {"hung up", syscall.SIGTERM}, {"ended", nil}} {
		if !lines.Scan() || lines.Text() != step.want {
			t.Fatalf("it says %q, want %q", lines.Text(), step.want)
		}
		if step.send != nil {
			if err := cmd.Process.Signal(step.send); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

package service

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestRun plays systemd: it hears that the program is up, how it fares, that it goes round,
// and that it ends.
func TestRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	hear := func() string {
		t.Helper()
		if err := socket.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 4096)
		n, err := socket.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "30000")
	var stuck atomic.Bool
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		Run(ctx, func() (bool, string) { return !stuck.Load(), "ready" }, slog.New(slog.DiscardHandler))
	})
	for _, want := range []string{"READY=1", "STATUS=ready\nWATCHDOG=1", "STATUS=ready\nWATCHDOG=1"} {
		if got := hear(); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
	stuck.Store(true)
	for got := hear(); got != "STATUS=ready"; got = hear() { // the dog is no longer fed
		if got != "STATUS=ready\nWATCHDOG=1" {
			t.Fatalf("got %q", got)
		}
	}
	cancel()
	last := hear()
	for strings.HasPrefix(last, "STATUS=") {
		last = hear()
	}
	if last != "STOPPING=1" {
		t.Errorf("at the end: %q", last)
	}
	running.Wait()
}

// TestWithoutSystemd returns at once.
func TestWithoutSystemd(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	Run(t.Context(), func() (bool, string) { t.Error("it looks"); return true, "" }, slog.New(slog.DiscardHandler))
}

package main

import (
	"context"
	"sync"
	"time"

	"airudder-exporter/internal/embedded"
)

// killInsideTransaction waits, kills the exporter at the moment in which it has
// written a transaction and asks for its commit, and says what that came to.
func killInsideTransaction(ctx context.Context, after time.Duration, broker *embedded.Broker, child *child, watch *watch, say *notices) {
	if !pause(ctx, after) {
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

package demo

import (
	"context"
	"sync"
	"time"

	"airudder-exporter/internal/embedded"
)

// killer kills the exporter inside a transaction and shows what comes of it.
type killer struct {
	broker *embedded.Broker
	child  *child
	watch  *watch
	say    *notices
}

// run kills the exporter so long after the first event, at the moment in which it
// has written a transaction and asks for its commit.
func (k *killer) run(ctx context.Context, after time.Duration) {
	if !k.watch.await(ctx, 1) || !pause(ctx, after) {
		return
	}
	killed := make(chan struct{})
	var once sync.Once
	k.broker.BeforeEndTxn(func(string) (drop bool) {
		once.Do(func() {
			k.killed(k.child.kill())
			drop = true
			close(killed)
		})
		return drop
	})
	select {
	case <-killed:
		k.broker.BeforeEndTxn(nil)
	case <-ctx.Done():
	}
}

// killed tells of the kill, and of the recovery, just before the first event that
// was published after the kill.
func (k *killer) killed(pid int) {
	k.say.line("")
	k.say.line("✗ KILLED the exporter (process %d) with kill -9, inside a transaction.", pid)
	k.say.line("  The events of that transaction are in Kafka's log, but not committed: a")
	k.say.line("  read_committed consumer does not see them. A new exporter starts …")
	began := time.Now()
	k.watch.before(func(next shownCall) (told bool) {
		if next.Time.Before(began) { // it was committed before, and is read now
			return false
		}
		k.say.line("✓ RECOVERED in %s: the new exporter had the open transaction aborted,",
			time.Since(began).Round(10*time.Millisecond))
		k.say.line("  read in the ledger what is published, and publishes the rest, once.")
		k.say.line("  The first event is that of the call with the reference %s:", next.Reference)
		k.say.line("")
		return true
	})
}

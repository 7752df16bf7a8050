// Package interrupt ends a program on SIGINT and SIGTERM: in order at the first
// signal, at once at a second. A daemon can also take a SIGHUP without an end.
package interrupt

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Echo is how long another signal counts as the first one: timeout(1), for one,
// sends each signal twice, to its command and to the group that it is in.
const Echo = 250 * time.Millisecond

// Context returns a context that ends with the first signal. Once Echo has passed
// after it, signals are no longer caught: a second one ends the process, whatever
// hangs.
func Context(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(parent, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() { time.AfterFunc(Echo, stop) })
	return ctx, stop
}

// Hangups calls heard for each SIGHUP, which then ends nothing, until stop is called.
// One that is ignored already, as under nohup(1), stays so.
func Hangups(heard func()) (stop func()) {
	if signal.Ignored(syscall.SIGHUP) {
		return func() {}
	}
	signals, ended := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		defer close(ended)
		for range signals {
			heard()
		}
	}()
	return func() {
		signal.Stop(signals) // nothing is sent after it
		close(signals)
		<-ended
	}
}

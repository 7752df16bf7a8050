// Package interrupt ends a program on SIGINT and SIGTERM: in order at the first
// signal, at once at a second.
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

// Command airudder-sim serves a simulated AIRudder: campaigns that play by
// themselves, faults, and the truth of what happened.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the process whatever hangs; one that comes with the
	// first is the same: timeout(1), for one, sends each twice.
	context.AfterFunc(ctx, func() { time.AfterFunc(250*time.Millisecond, stop) })
	cmd := newCommand()
	cmd.SetArgs(os.Args[1:])
	if err := cmd.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "airudder-sim:", err)
		stop()
		os.Exit(1)
	}
}

// Command airudder-sim serves a simulated AIRudder: campaigns that play by
// themselves, faults, and the truth of what happened.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cmd := newCommand()
	cmd.SetArgs(os.Args[1:])
	if err := cmd.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "airudder-sim:", err)
		stop()
		os.Exit(1)
	}
}

// Command airudder-sim serves a simulated AIRudder: campaigns that play by
// themselves, faults, and the truth of what happened.
package main

import (
	"context"
	"fmt"
	"os"

	"airudder-exporter/internal/interrupt"
)

func main() {
	ctx, stop := interrupt.Context(context.Background())
	defer stop()
	cmd := newCommand()
	cmd.SetArgs(os.Args[1:])
	if err := cmd.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "airudder-sim:", err)
		stop()
		os.Exit(1)
	}
}

package benchtest

import (
	"airudder-exporter/internal/rig"
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// TestMain becomes the obvious program, or a broker, where a benchmark starts
// it as that.
func TestMain(m *testing.M) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case os.Getenv(obviousURL) != "":
		err = runObvious(ctx)
	case os.Getenv(brokerOnly) != "":
		err = runBroker(ctx)
	default:
		os.Exit(rig.Main(m))
	}
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

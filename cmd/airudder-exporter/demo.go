package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"
)

// demoOptions are the demo's flags. It reads no environment.
type demoOptions struct {
	tasks   int
	rate    float64
	kill    bool
	dataDir string

	// No flags.
	killAfter time.Duration
	catchUp   time.Duration // how long the exporter may take to publish what has finished by then
}

// check says which flag is wrong.
func (o demoOptions) check() error {
	if o.tasks < 1 {
		return fmt.Errorf("--tasks %d: want 1 or more", o.tasks)
	}
	if !(o.rate > 0) || math.IsInf(o.rate, 0) { // NaN is not above 0
		return fmt.Errorf("--rate %v: want more than 0", o.rate)
	}
	return nil
}

func (p program) demoCommand() *cobra.Command {
	o := demoOptions{killAfter: 10 * time.Second, catchUp: 5 * time.Second}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the exporter against a simulated AIRudder and an in-process Kafka.",
		Long: `Starts a simulated AIRudder, an in-process Kafka broker and a schema registry,
and the real exporter as a child process beside them. Each call that was
published is one line on stdout (JSON when stdout is not a terminal). After
about ten seconds the exporter is killed inside an open transaction. Ctrl-C ends
the demo with a proof: every finished call was published exactly once.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			return runDemo(cmd.Context(), o, p.stdout, p.stderr)
		},
	}
	cmd.Flags().IntVar(&o.tasks, "tasks", 6, "campaigns at once")
	cmd.Flags().Float64Var(&o.rate, "rate", 8, "calls that finish in a second, roughly")
	cmd.Flags().BoolVar(&o.kill, "kill", true, "kill the exporter once, inside a transaction")
	cmd.Flags().StringVar(&o.dataDir, "data-dir", "", "keep everything here, so that a second run goes on (default: in memory)")
	return cmd
}

// runDemo plays until ctx ends, then proves. Its error is what kept the promise
// from being shown.
func runDemo(ctx context.Context, o demoOptions, stdout, stderr io.Writer) error {
	say := &notices{w: stderr}
	say.line("starting a simulated AIRudder, a Kafka broker and a schema registry in this process …")
	w, err := openWorld(o)
	if err != nil {
		return err
	}
	defer w.close()
	say.line("status page  http://%s/", w.statusAddr)
	say.line("broker       %s", w.broker.Addr())
	say.line("registry     %s", w.registry.URL())
	say.line("AIRudder     %s", w.upstreamURL)
	if w.resumed {
		say.line("going on from an earlier run; the count will include the %d calls that had finished in it", w.finished())
	}
	say.line("Ctrl-C ends the demo and counts.")
	err = w.play(ctx, newChild(w.childEnv(), say), newWatch(stdout), say)
	return errors.Join(err, w.save())
}

// notices are the demo's lines for people, one at a time.
type notices struct {
	mu sync.Mutex
	w  io.Writer
}

func (n *notices) line(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	fmt.Fprintf(n.w, format+"\n", args...)
}

// isTerminal reports whether w is one.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

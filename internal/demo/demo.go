// Package demo runs the exporter against a simulated AIRudder, an in-process
// Kafka broker and a schema registry, kills it inside a transaction, and counts
// what was published against what had finished.
package demo

import (
	"context"
	"fmt"
	"io"
	"math"
	"os/exec"
	"sync"
	"time"

	"airudder-exporter/internal/interrupt"
)

// Options say what the demo plays.
type Options struct {
	Tasks int     // campaigns at once
	Rate  float64 // calls that finish in a second, roughly
	Kill  bool    // kill the exporter once, inside a transaction

	KillAfter time.Duration // from the first event on
	CatchUp   time.Duration // how long the exporter may take at the end to publish what has finished

	Terminal bool // stdout is one: lines for people instead of JSON

	// Exporter is the command that runs the exporter. Its environment and its
	// stderr are set by the demo.
	Exporter func() (*exec.Cmd, error)
}

// Check says which option is wrong, by its flag.
func (o Options) Check() error {
	if o.Tasks < 1 {
		return fmt.Errorf("--tasks %d: want 1 or more", o.Tasks)
	}
	if !(o.Rate > 0) || math.IsInf(o.Rate, 0) { // NaN is not above 0
		return fmt.Errorf("--rate %v: want more than 0", o.Rate)
	}
	return nil
}

// Run plays until ctx ends, then counts. Its error says why exactly once was not
// seen to hold.
func Run(ctx context.Context, o Options, stdout, stderr io.Writer) error {
	say := &notices{w: stderr}
	say.line("Starting a simulated AIRudder, a Kafka broker and a schema registry …")
	w, err := openWorld(o)
	if err != nil {
		return err
	}
	defer w.close()
	w.introduce(say)
	watch := newWatch(stdout)
	watch.terminal = o.Terminal
	return w.play(ctx, newChild(o.Exporter, w.childEnv(), say), watch, say)
}

// introduce says what runs and what will be seen.
func (w *world) introduce(say *notices) {
	say.line("  status page      http://%s/", w.statusAddr)
	say.line("  Kafka broker     %s", w.broker.Addr())
	say.line("  schema registry  %s", w.registry.URL())
	say.line("  AIRudder         %s", w.upstreamURL)
	say.line("")
	say.line("Each line below is one finished call, published to Kafka and read back.")
	if w.options.Kill {
		say.line("About %s after the first one, the exporter is killed inside a transaction.", w.options.KillAfter)
	}
	say.line("Ctrl-C ends the demo and counts: was each call published exactly once?")
	say.line("")
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

// pause waits; false when ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// interruptedAgain waits for a second signal, after ctx has ended with the first.
// The demo then ends at once, but not before its child, which outside Linux would
// stay behind.
func interruptedAgain(ctx, playing context.Context) error {
	select {
	case <-ctx.Done():
	case <-playing.Done():
		return nil
	}
	if !pause(playing, interrupt.Echo) {
		return nil
	}
	second, stop := interrupt.Context(playing)
	defer stop()
	<-second.Done()
	if playing.Err() != nil {
		return nil
	}
	return errInterrupted
}

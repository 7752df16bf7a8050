package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

var errInterrupted = errors.New("interrupted again, before the events were counted")

// play lets calls finish and be exported until ctx ends, then counts them. It
// ends by itself where a part of it cannot continue.
func (w *world) play(ctx context.Context, child *child, watch *watch, say *notices) error {
	all, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	parts, playing := errgroup.WithContext(all)
	parts.Go(func() error { return interruptedAgain(ctx, playing) })
	parts.Go(func() error { w.sim.Run(playing, 1); return nil })
	parts.Go(func() error { w.hints.Run(playing); return nil })
	parts.Go(func() error { return child.keepAlive(playing, watch.distinct) })
	parts.Go(func() error {
		if err := w.follow(playing, watch); playing.Err() == nil {
			return fmt.Errorf("the demo's own reader ended: %w", err)
		}
		return nil
	})
	if w.options.Kill {
		parts.Go(func() error {
			(&killer{w.broker, child, watch, say}).run(playing, w.options.KillAfter)
			return nil
		})
	}

	var counted error
	select {
	case <-ctx.Done():
		counted = w.finish(playing, child, watch, say)
	case <-playing.Done():
	}
	stop()
	if err := parts.Wait(); err != nil {
		return err // whatever was counted was counted without that part
	}
	return counted
}

// finish stops the calls, lets the exporter catch up, and counts.
func (w *world) finish(ctx context.Context, child *child, watch *watch, say *notices) error {
	w.sim.Stop()
	say.line("") // after the ^C
	say.line("No more calls finish. The exporter gets up to %s to publish the last ones …", w.options.CatchUp)
	waiting, enough := context.WithTimeout(ctx, w.options.CatchUp)
	if n := w.finished(); !watch.await(waiting, n) && ctx.Err() == nil {
		say.line("It has not caught up: %d of %d calls are published.", watch.distinct(), n)
	}
	enough()
	if err := child.stop(ctx); err != nil && ctx.Err() == nil {
		say.line("The exporter did not end as it should: %v", err)
	}
	return w.report(ctx, watch, say)
}

// report says what the count came to.
func (w *world) report(ctx context.Context, watch *watch, say *notices) error {
	counting, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	c, err := w.count(counting)
	switch {
	case c.Events == 0 && w.finished() == 0:
		// Exit code 0 says that exactly once was seen to hold, and it was seen of
		// no call, however early the demo was interrupted.
		return errors.New("no call had finished, so there is nothing to count: let the demo run longer, or raise --rate")
	case err != nil:
		return fmt.Errorf("count the events: %w", err)
	}
	say.line("Finished calls, as the simulated AIRudder knows them, and events, as a")
	say.line("read_committed consumer finds them in the whole topic:")
	if !watch.terminal { // where stdout is one, the count is there
		say.line("%s", c)
	}
	watch.print(c)
	if c.Duplicates+c.Missing+c.NeverFinished > 0 {
		return errors.New("the count does not hold: a call was published twice, not at all, or before it had finished")
	}
	return nil
}

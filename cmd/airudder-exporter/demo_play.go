package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// play lets calls finish and be exported until ctx ends, then counts them. It
// ends by itself where a part of it cannot go on.
func (w *world) play(ctx context.Context, child *child, watch *watch, say *notices) error {
	all, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	parts, playing := errgroup.WithContext(all)
	parts.Go(func() error { return interruptedAgain(ctx, playing) })
	parts.Go(func() error { w.sim.Run(playing, 1); return nil })
	parts.Go(func() error { return child.keepAlive(playing, watch.distinct) })
	parts.Go(func() error {
		if err := w.watch(playing, watch); playing.Err() == nil {
			return fmt.Errorf("the demo's own reader ended: %w", err)
		}
		return nil
	})
	if w.options.kill {
		parts.Go(func() error {
			killInsideTransaction(playing, w.options.killAfter, w.broker, child, watch, say)
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

// interruptedAgain waits for a second signal, once ctx has ended with the first.
// The demo ends at once then, but not before its child, which outside Linux
// would stay behind.
func interruptedAgain(ctx, playing context.Context) error {
	select {
	case <-ctx.Done():
	case <-playing.Done():
		return nil
	}
	if !pause(playing, echo) {
		return nil
	}
	second, stop := untilSignal(playing)
	defer stop()
	<-second.Done()
	if playing.Err() != nil {
		return nil
	}
	return errors.New("interrupted again, before the events were counted")
}

// finish stops the calls, lets the exporter catch up, and counts.
func (w *world) finish(ctx context.Context, child *child, watch *watch, say *notices) error {
	if isTerminal(say.w) {
		say.line("") // behind the ^C
	}
	w.sim.Stop()
	say.line("no more calls finish; the exporter gets up to %s to catch up …", w.options.catchUp)
	waiting, enough := context.WithTimeout(ctx, w.options.catchUp)
	if n := w.finished(); !watch.await(waiting, n) && ctx.Err() == nil {
		say.line("it has not caught up: of %d calls %d were published", n, watch.distinct())
	}
	enough()
	if err := child.stop(ctx); err != nil && ctx.Err() == nil {
		say.line("the exporter did not end well: %v", err)
	}
	return w.count(ctx, say)
}

// count says what the proof came to.
func (w *world) count(ctx context.Context, say *notices) error {
	counting, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	proof, err := w.prove(counting)
	switch {
	case proof.Events == 0 && w.finished() == 0:
		// Exit code 0 says that exactly once was seen to hold, and of no call
		// it was, however early the demo was interrupted.
		return errors.New("no call had finished, so there is nothing to count: let the demo run longer, or raise --rate")
	case err != nil:
		return fmt.Errorf("count the events: %w", err)
	}
	say.line("%s", proof)
	if !proof.holds() {
		return errors.Join(errSaid, errors.New("the proof does not hold"))
	}
	return nil
}

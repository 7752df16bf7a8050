package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"airudder-exporter/internal/airuddersim"
)

// saveEvery is how often the state goes to its file, and saveShare the largest
// share of the time that this may take as the state grows. So much of the truth
// a kill may lose; what it lost happens again, and with the same CallIDs,
// because they follow from the seed.
const (
	saveEvery = 2 * time.Second
	saveShare = 0.05
)

// serve plays and serves until ctx ends, then saves the state once more.
func serve(ctx context.Context, o *options, stderr io.Writer) error {
	log := slog.New(slog.NewJSONHandler(stderr, nil))
	sim, err := open(o, log)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	// Requests end with this context, those that a fault keeps hanging too.
	requests, endRequests := context.WithCancel(context.Background())
	defer endRequests()
	server := &http.Server{
		Handler:           sim.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return requests },
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	log.Info("serving", "addr", listener.Addr().String(), "tasks", o.sim.Tasks, "rate", o.sim.Rate, "speed", o.speed, "seed", o.sim.Seed)

	playing, endPlaying := context.WithCancel(ctx)
	defer endPlaying()
	var wg sync.WaitGroup
	wg.Go(func() { sim.Run(playing, o.speed) })
	if o.hints.URL != "" {
		wg.Go(func() { o.hints.Run(playing) })
	}
	wg.Go(func() { save(playing, sim, o.stateFile, log) })
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	select {
	case <-ctx.Done():
		endRequests()
		err = shutDown(server)
		<-served
	case err = <-served:
		err = fmt.Errorf("serve: %w", err)
	}
	endPlaying()
	wg.Wait()
	if saveErr := saveOnce(sim, o.stateFile); err == nil {
		err = saveErr
	}
	log.Info("stopped", "requests", sim.Requests())
	return err
}

// open is the simulation, from its state file when there is one.
func open(o *options, log *slog.Logger) (*airuddersim.Sim, error) {
	if o.stateFile == "" {
		return airuddersim.New(o.sim), nil
	}
	sim, err := airuddersim.LoadFile(o.sim, o.stateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return airuddersim.New(o.sim), nil
	}
	if err != nil {
		return nil, err
	}
	log.Info("going on from a saved state", "file", o.stateFile, "saved_at", sim.Now())
	sim.Resume(time.Now())
	return sim, nil
}

// shutDown lets the requests in progress end, for a while.
func shutDown(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("shut down: %w", err), server.Close())
	}
	return nil
}

// save saves the state now and then, until ctx ends.
func save(ctx context.Context, sim *airuddersim.Sim, path string, log *slog.Logger) {
	next := time.NewTimer(saveEvery)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
			began := time.Now()
			if err := saveOnce(sim, path); err != nil {
				log.Error("the state was not saved", "error", err)
			}
			next.Reset(max(saveEvery, time.Duration(float64(time.Since(began))/saveShare)))
		}
	}
}

// saveOnce saves the state, if there is a file for it.
func saveOnce(sim *airuddersim.Sim, path string) error {
	if path == "" {
		return nil
	}
	return sim.SaveFile(path)
}

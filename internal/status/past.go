package status

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/history"
)

// Past is what the page's plots show.
type Past struct {
	*history.Recorder
	paces *history.Paces
}

// NewPast returns what a process that began then remembers: nothing yet.
func NewPast(metrics prometheus.Gatherer, began time.Time, log *slog.Logger) *Past {
	var series []history.Series
	for _, c := range charts {
		for _, l := range c.lines {
			series = append(series, l.of)
		}
	}
	return &Past{history.New(metrics, series, began, log), history.NewPaces()}
}

// EventsBefore tells of events that were published before this process began, by Unix
// time in minutes.
func (p *Past) EventsBefore(minutes map[int64]int) { p.Before(eventsSeries, minutes) }

// Run watches until ctx ends.
func (p *Past) Run(ctx context.Context, s *State) {
	var watching sync.WaitGroup
	watching.Go(func() { p.Recorder.Run(ctx, s.ready) })
	watching.Go(func() {
		for {
			p.look(s)
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Minute):
			}
		}
	})
	watching.Wait()
}

// look notes how many events the tasks have that the page shows first.
func (p *Past) look(s *State) {
	shown := take(s)
	events := make(map[string]int64, len(shown.urgent))
	for _, t := range shown.urgent {
		if t.AsOf.IsZero() {
			events[t.TaskID] = t.Events
		}
	}
	p.paces.Observe(shown.At, events)
}

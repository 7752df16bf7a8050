package soaktest

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/airudder"
	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/exporter/fakekafka"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/record"
	"airudder-exporter/internal/rig"
)

// process is one exporter, from its start to its end.
type process struct {
	t       *testing.T
	client  *airudder.Client
	metrics *prometheus.Registry
	cancel  context.CancelFunc
	group   sync.WaitGroup
	later   bool        // events were published before it began
	dead    atomic.Bool // killed: nothing that it sends arrives any more

	committing chan struct{} // received from in the middle of a commit
}

const baseURL = "http://upstream.test"

// Settings of all processes. The retention is short, so that tasks are closed.
const (
	pollMax   = 5 * time.Minute
	afterEnd  = 30 * time.Minute
	retention = 3 * time.Hour
)

func startProcess(t *testing.T, u *upstream, b *broker) *process {
	t.Helper()
	published, _ := b.Published(t.Context(), eventTopic)
	p := &process{t: t, metrics: prometheus.NewRegistry(), later: published, committing: make(chan struct{})}
	p.run(u.server, b.Kafka, b.faults(p), exporter.Config{
		ListInterval: 2 * time.Minute, PollMin: 30 * time.Second, PollMax: pollMax,
		Policy: ledger.Policy{AfterEnd: afterEnd, Retention: retention, Between: pollMax},
	})
	return p
}

// run starts the exporter with these intervals, and a client of its own.
func (p *process) run(upstream *rig.Pipes, kafka *fakekafka.Kafka, faults fakekafka.Faults, cfg exporter.Config) *exporter.Exporter {
	p.t.Helper()
	client, err := airudder.New(airudder.Config{
		BaseURL: baseURL, AppKey: "key", AppSecret: "secret",
		RequestsPerSecond: 1, Concurrency: 4, Timeout: 30 * time.Second, ResponseTimeout: 5 * time.Minute, Dial: upstream.Dial,
	}, nil, p.metrics)
	if err != nil {
		p.t.Fatal(err)
	}
	p.client = client
	cfg.LedgerTopic, cfg.EventTopic, cfg.Concurrency = ledgerTopic, eventTopic, 4
	cfg.Pins = ledger.Wanted{Pins: ledger.Pins{EventKey: string(record.KeyRow)}}
	cfg.ShardOf = func(string, int) int { return 0 }
	e := exporter.New(cfg, client, encoder, ledger.Writer{Started: time.Now()}, slog.New(slog.DiscardHandler), p.metrics)
	ctx, cancel := context.WithCancel(p.t.Context())
	p.cancel = cancel
	if _, err := e.Start(ctx, kafka); err != nil {
		p.t.Fatalf("start: %v", err)
	}
	e.Owned(1)
	p.group.Go(func() {
		if err := e.RunShard(ctx, shard{kafka.Shard(0, faults)}, claim{}); err != nil {
			p.t.Errorf("the shard ended with: %v", err)
		}
	})
	p.group.Go(func() { _ = e.List(ctx) })
	return e
}

func encoder(meta ledger.Meta, limits record.Limits) (exporter.Encoder, error) {
	return record.NewEncoder(record.EncoderConfig{
		Topics:  record.Topics{CallCompleted: eventTopic, TaskStatus: statusTopic, DeadLetter: deadTopic, Ledger: ledgerTopic},
		IDs:     record.IDs{CallCompleted: 1, TaskStatus: 2, DeadLetter: 3},
		BaseURL: baseURL, LedgerID: meta.LedgerID,
		Limits: limits,
	})
}

// shard is the process's handle of the ledger partition.
type shard struct{ *fakekafka.Shard }

func (s shard) Open(ctx context.Context, barrier func(int64, int16) batch.Record, replay func(key, value []byte) error) (exporter.Producer, error) {
	time.Sleep(100 * time.Millisecond)
	p, err := s.Shard.Open(ctx, barrier, replay)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// claim is a group's that gives the shard back a while after a fence.
type claim struct{}

func (claim) AfterDoubt(ctx context.Context) error { return ctx.Err() }

func (claim) AfterFence(ctx context.Context) error {
	select {
	case <-time.After(7 * time.Second):
	case <-ctx.Done():
	}
	return ctx.Err()
}

// stop ends the process as SIGTERM does.
func (p *process) stop() {
	p.cancel()
	p.group.Wait()
	p.client.CloseIdleConnections()
}

// kill ends it as SIGKILL does, in the middle of a commit if there is one soon:
// what was not committed by then never will be.
func (p *process) kill() {
	select {
	case <-p.committing:
	case <-time.After(time.Minute):
	}
	p.dead.Store(true)
	p.stop()
}

// counter is the sum of a metric over its labels, or over those of a value.
func (p *process) counter(name string, value ...string) (sum float64) {
	families, err := p.metrics.Gather()
	if err != nil {
		p.t.Error(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				if len(value) > 0 && m.GetLabel()[0].GetValue() != value[0] {
					continue
				}
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

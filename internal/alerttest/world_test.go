package alerttest

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/airudder"
	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/exporter/fakekafka"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/record"
	"airudder-exporter/internal/rig"
	"airudder-exporter/internal/status"
)

const (
	eventTopic  = "events"
	statusTopic = "status"
	deadTopic   = "dead"
	ledgerTopic = "ledger"
	baseURL     = "http://upstream.test"
	secret      = "secret"
)

// world is an AIRudder, a Kafka and whoever exports from one to the other.
type world struct {
	*airuddersim.Sim
	t       *testing.T
	pipes   *rig.Pipes
	kafka   *fakekafka.Kafka
	record  *recording
	running map[string]*process

	mu    sync.Mutex
	gone  bool // the broker
	limit int  // of the event topic; 0: as usual
	quota bool // Kafka asks for five seconds' rest after each transaction

	// For processes that start from now on.
	secret string
	since  time.Time
}

var errGone = errors.New("no broker answers")

// open begins a world: ten campaigns, a call every five seconds.
func open(t *testing.T, change func(*airuddersim.Config)) *world {
	cfg := airuddersim.Config{
		Seed: 7, Start: time.Now(), Tasks: 10, RowsPerTask: 80, Rate: 0.2, Renew: true, WarmUp: time.Hour,
		Lead: time.Minute, Pause: 5 * time.Minute, RedialWait: 2 * time.Minute, Window: 3 * time.Hour,
		Clock: time.Now, AppSecret: secret,
	}
	if change != nil {
		change(&cfg)
	}
	w := &world{
		t: t, Sim: airuddersim.New(cfg), kafka: fakekafka.New(ledgerTopic, 1),
		record: newRecording(t), running: map[string]*process{}, secret: secret,
	}
	w.pipes = rig.ServePipes(w.Handler())
	return w
}

// pass lets so much time go by.
func (w *world) pass(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(every) {
		w.SetNow(time.Now())
		all := map[string]prometheus.Gatherer{}
		for name, p := range w.running {
			all[name] = p.metrics
		}
		w.record.scrape(w.t, all)
	}
}

func (w *world) close() {
	for name := range w.running {
		w.stop(name)
	}
	w.pipes.Close()
}

// broker has Kafka go or come back.
func (w *world) broker(gone bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = gone
}

// takes sets what the event topic takes.
func (w *world) takes(limit int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.limit = limit
}

// throttles has Kafka hold the exporters to a quota.
func (w *world) throttles() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.quota = true
}

// unanswered is what a request to Kafka costs while it is gone.
func (w *world) unanswered() error {
	w.mu.Lock()
	gone := w.gone
	w.mu.Unlock()
	if !gone {
		return nil
	}
	time.Sleep(10 * time.Second)
	return errGone
}

func (w *world) faults() fakekafka.Faults {
	return fakekafka.Faults{
		Open: func(fakekafka.Step) error { return w.unanswered() },
		Commit: func([][]batch.Record) (bool, error) {
			time.Sleep(20 * time.Millisecond)
			if err := w.unanswered(); err != nil {
				return false, err
			}
			return true, nil
		},
		Throttled: func() (time.Duration, time.Time) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if !w.quota {
				return 0, time.Time{}
			}
			return 5 * time.Second, time.Now().Add(5 * time.Second)
		},
		Limit: func(topic string) (int, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if topic == eventTopic && w.limit > 0 {
				return w.limit, nil
			}
			return 1 << 20, nil
		},
	}
}

// process is one exporter.
type process struct {
	*exporter.Exporter
	client  *airudder.Client
	state   *status.State
	metrics *prometheus.Registry
	ctx     context.Context
	cancel  context.CancelFunc
	group   sync.WaitGroup
}

// start starts an exporter under a name. A standby owns nothing yet.
func (w *world) start(name string, standby bool) {
	w.t.Helper()
	p := &process{metrics: prometheus.NewRegistry(), state: &status.State{}}
	// What cmd registers beside the rooms' own.
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "airudder_build_info"})
	build.Set(1)
	p.metrics.MustRegister(build, p.state.Metrics())
	client, err := airudder.New(airudder.Config{
		BaseURL: baseURL, AppKey: "key", AppSecret: w.secret,
		TotalFields:       []string{"total"},
		RequestsPerSecond: 1, Concurrency: 4, Timeout: 2 * time.Minute, ResponseTimeout: 10 * time.Minute, Dial: w.pipes.Dial,
	}, nil, p.metrics)
	if err != nil {
		w.t.Fatal(err)
	}
	p.client = client
	cfg := exporter.Config{ // by default
		LedgerTopic: ledgerTopic, EventTopic: eventTopic, ExportSince: w.since,
		Pins:         ledger.Wanted{Pins: ledger.Pins{EventKey: string(record.KeyRow)}},
		ListInterval: time.Minute, PollMin: 5 * time.Second, PollMax: 5 * time.Minute, Concurrency: 4,
		Policy:  ledger.Policy{AfterEnd: 24 * time.Hour, OpenFor: time.Hour, Retention: 720 * time.Hour, Between: 5 * time.Minute},
		ShardOf: func(string, int) int { return 0 },
	}
	self := ledger.Writer{Host: name, PID: 1, Instance: name, Started: time.Now()}
	p.Exporter = exporter.New(cfg, client, encoder, self, slog.New(slog.DiscardHandler), p.metrics)
	p.ctx, p.cancel = context.WithCancel(w.t.Context())
	if _, err := p.Start(p.ctx, w.kafka); err != nil {
		w.t.Fatalf("start: %v", err)
	}
	p.Owned(0)
	p.state.Running(p.Exporter)
	p.group.Go(func() { _ = p.List(p.ctx) })
	w.running[name] = p
	if !standby {
		w.own(name)
	}
}

// own gives an exporter the shard.
func (w *world) own(name string) {
	p := w.running[name]
	p.Owned(1)
	p.group.Go(func() {
		if err := p.RunShard(p.ctx, shard{w.kafka.Shard(0, w.faults())}, &claim{}); err != nil {
			w.t.Errorf("the shard ended with: %v", err)
		}
	})
}

// stop ends an exporter as SIGTERM does.
func (w *world) stop(name string) {
	p := w.running[name]
	delete(w.running, name)
	p.cancel()
	p.group.Wait()
	p.client.CloseIdleConnections()
}

func encoder(meta ledger.Meta, limits record.Limits) (exporter.Encoder, error) {
	return record.NewEncoder(record.EncoderConfig{
		Topics:  record.Topics{CallCompleted: eventTopic, TaskStatus: statusTopic, DeadLetter: deadTopic, Ledger: ledgerTopic},
		IDs:     record.IDs{CallCompleted: 1, TaskStatus: 2, DeadLetter: 3},
		BaseURL: baseURL, LedgerID: meta.LedgerID,
		Limits: limits,
	})
}

// shard is a process's handle of the ledger partition.
type shard struct{ *fakekafka.Shard }

func (s shard) Open(ctx context.Context, barrier func(int64, int16) batch.Record, replay func(key, value []byte) error) (exporter.Producer, error) {
	p, err := s.Shard.Open(ctx, barrier, replay)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// claim is a fixed owner's: it waits longer after each fence, up to 5 min.
type claim struct{ fences int }

func (*claim) AfterDoubt(ctx context.Context) error { return ctx.Err() }

func (c *claim) AfterFence(ctx context.Context) error {
	wait := min(5*time.Second<<c.fences, 5*time.Minute)
	c.fences++
	select {
	case <-time.After(wait):
	case <-ctx.Done():
	}
	return ctx.Err()
}

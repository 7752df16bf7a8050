package exporter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// fakeKafka is one ledger partition and the topics that are published to, with
// transactions that can be lost, or stored but reported as failed.
type fakeKafka struct {
	mu        sync.Mutex
	epoch     int
	ledger    []batch.Record
	published map[string]int // key → how often it was committed
	commits   []txn          // that were tried
	opens     int            // producers that were tried

	fault     func(commit int) (stored bool, err error) // nil: none
	openFault func(open int) error                      // nil: none
	committed time.Duration                             // how long a commit takes
	maxUnits  int                                       // of a transaction; small, so that plans are split
	limit     int                                       // bytes of a record
	markers   int                                       // 51s of each commit
	busy      bool                                      // a commit is under way
}

// txn is a transaction whose commit was tried: the tasks of its records.
type txn struct {
	tasks map[string]bool
	units int
}

const ledgerTopic = "ledger"

func newFakeKafka() *fakeKafka {
	return &fakeKafka{published: map[string]int{}, committed: 5 * time.Millisecond, maxUnits: 7, limit: 1 << 20}
}

var errFenced = errors.New("fenced")

type fakeProducer struct {
	kafka *fakeKafka
	epoch int
	dead  error
}

func (k *fakeKafka) open(_ context.Context, barrier func(epoch int16) batch.Record, replay func(key, value []byte) error) (Producer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.opens++
	k.epoch++
	if k.openFault != nil {
		if err := k.openFault(k.opens); err != nil {
			return nil, err
		}
	}
	k.ledger = append(k.ledger, barrier(int16(k.epoch)))
	for _, r := range k.ledger {
		if err := replay(r.Key, r.Value); err != nil {
			return nil, err
		}
	}
	return &fakeProducer{kafka: k, epoch: k.epoch}, nil
}

func (p *fakeProducer) Prepare(units [][]batch.Record) (int, func(context.Context) error, error) {
	n := min(len(units), p.kafka.maxUnits)
	return n, func(context.Context) error { return p.commit(units[:n]) }, nil
}

func (p *fakeProducer) Concurrent() int { return p.kafka.markers }

func (p *fakeProducer) Limit(string) int { return p.kafka.limit }

func (p *fakeProducer) commit(units [][]batch.Record) error {
	k := p.kafka
	k.mu.Lock()
	if p.dead == nil && k.busy && p.epoch == k.epoch {
		p.dead = errors.New("two commits at once")
	}
	k.busy = true
	took := k.committed
	k.mu.Unlock()
	time.Sleep(took) // virtual
	k.mu.Lock()
	defer k.mu.Unlock()
	k.busy = false
	if p.dead == nil && p.epoch != k.epoch {
		p.dead = errFenced
	}
	if p.dead != nil {
		return p.dead
	}
	k.commits = append(k.commits, txn{tasksOf(units), len(units)})
	stored := true
	if k.fault != nil {
		stored, p.dead = k.fault(len(k.commits))
	}
	if stored {
		k.store(units)
	}
	return p.dead
}

func tasksOf(units [][]batch.Record) map[string]bool {
	tasks := map[string]bool{}
	for _, unit := range units {
		for _, r := range unit {
			tasks[strings.Split(string(r.Key), "/")[1]] = true
		}
	}
	return tasks
}

func (k *fakeKafka) store(units [][]batch.Record) {
	for _, unit := range units {
		for _, r := range unit {
			if r.Topic == ledgerTopic {
				k.ledger = append(k.ledger, r)
			} else {
				k.published[string(r.Key)]++
			}
		}
	}
}

// fence is another writer that takes the shard over and writes nothing.
func (k *fakeKafka) fence() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.epoch++
}

func (k *fakeKafka) shard(n int) Shard {
	return Shard{
		Number: n, Open: k.open,
		Explain:    error.Error,
		Fenced:     func(err error) bool { return errors.Is(err, errFenced) },
		AfterDoubt: context.Context.Err,
		AfterFence: func(ctx context.Context) error { sleep(ctx, time.Second); return ctx.Err() },
	}
}

func (k *fakeKafka) topics() Topics {
	return Topics{
		Published: func(context.Context, string) (bool, error) { return len(k.counts()) > 0, nil },
		Look: func(_ context.Context, _ string, visit func(int, []byte, []byte) error) ([]int64, error) {
			k.mu.Lock()
			defer k.mu.Unlock()
			for _, r := range k.ledger {
				if err := visit(0, r.Key, r.Value); err != nil {
					return nil, err
				}
			}
			return []int64{0}, nil
		},
		WriteOnce: func(ctx context.Context, _ string, decide func(context.Context) (map[int]batch.Record, error)) error {
			records, err := decide(ctx)
			k.mu.Lock()
			defer k.mu.Unlock()
			for _, r := range records {
				k.ledger = append(k.ledger, r)
			}
			return err
		},
	}
}

// counts returns how often each key was published.
func (k *fakeKafka) counts() map[string]int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.published)
}

// tried is how many commits were tried.
func (k *fakeKafka) tried() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.commits)
}

// replayed is what a start would find.
func (k *fakeKafka) replayed(t *testing.T) *ledger.Ledger {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	l := ledger.New()
	for _, r := range k.ledger {
		if err := l.Replay(r.Key, r.Value); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// fakeEncoder writes no Avro: an event's key is call/<TaskID>/<CallID>, a
// change's change/<TaskID>/<sequence>. The event of a call "…huge" cannot fit,
// and a task "unencodable" cannot be encoded.
type fakeEncoder struct{ limit int }

var errEncode = errors.New("a value does not match its schema")

func (e fakeEncoder) Plan(p ledger.Plan) ([][]batch.Record, []ledger.Unit, error) {
	if p.Task.ID == "unencodable" {
		return nil, nil, errEncode
	}
	all := make([][]batch.Record, len(p.Units))
	units := make([]ledger.Unit, len(p.Units))
	for i, u := range p.Units {
		if u.Call != nil && strings.HasSuffix(u.Call.CallID, "huge") {
			u = ledger.TooLarge(u, e.limit)
		}
		units[i], all[i] = u, records(p.Task, u)
	}
	return all, units, nil
}

func records(task call.Task, u ledger.Unit) (all []batch.Record) {
	publish := func(topic, format string, args ...any) {
		all = append(all, batch.Record{Topic: topic, Key: fmt.Appendf(nil, format, args...)})
	}
	if u.Call != nil {
		publish("events", "call/%s/%s", task.ID, u.Call.CallID)
	}
	if u.Dead != nil {
		publish("dead", "dead/%s/%s%s", task.ID, u.Dead.CallID, u.Dead.RowKey)
	}
	for _, c := range u.Changes {
		publish("status", "change/%s/%d", task.ID, c.Sequence)
		all[len(all)-1].Value = []byte(task.Name.Value)
	}
	for _, e := range u.Entries {
		r := batch.Record{Topic: ledgerTopic, Key: e.AppendKey(nil)}
		if !e.Tombstone {
			r.Value = e.AppendValue(nil)
		}
		all = append(all, r)
	}
	return all
}

func testConfig() Config {
	return Config{
		LedgerTopic: ledgerTopic, EventTopic: "events", EventKey: "call_id",
		ListInterval: time.Minute, PollMin: 5 * time.Second, PollMax: 5 * time.Minute,
		Policy: ledger.Policy{AfterEnd: time.Hour, Retention: 30 * 24 * time.Hour}, Concurrency: 4,
		ShardOf: func(string, int) int { return 0 },
	}
}

// world is an exporter on the fakes.
type world struct {
	*Exporter
	t       *testing.T
	log     *logged
	metrics *prometheus.Registry
	cancel  context.CancelFunc
	group   sync.WaitGroup
	err     error // RunShard's
}

// start runs an exporter until stop.
func start(t *testing.T, cfg Config, source Source, kafka *fakeKafka) *world {
	t.Helper()
	w := newWorld(t, cfg, source)
	ctx, cancel := context.WithCancel(t.Context())
	w.cancel = cancel
	if _, err := w.Start(ctx, kafka.topics()); err != nil {
		t.Fatalf("start: %v", err)
	}
	w.Owned(1)
	w.group.Go(func() { w.err = w.RunShard(ctx, kafka.shard(0)) })
	w.group.Go(func() { _ = w.List(ctx) })
	return w
}

// newWorld makes an exporter that has not begun.
func newWorld(t *testing.T, cfg Config, source Source) *world {
	w := &world{t: t, log: &logged{}, metrics: prometheus.NewRegistry()}
	encoder := func(_ ledger.Meta, limit func(string) int) (Encoder, error) { return fakeEncoder{limit("events")}, nil }
	w.Exporter = New(cfg, source, encoder, ledger.Writer{}, slog.New(slog.NewTextHandler(w.log, nil)), w.metrics)
	return w
}

// stop ends the exporter as SIGTERM does, and waits for it.
func (w *world) stop() {
	w.t.Helper()
	w.cancel()
	w.group.Wait()
	if w.err != nil {
		w.t.Errorf("the shard ended with: %v", w.err)
	}
}

// task is what the page says of a task.
func (w *world) task(taskID string) TaskStatus {
	w.t.Helper()
	for _, s := range w.Snapshot().Tasks {
		if s.TaskID == taskID {
			return s
		}
	}
	w.t.Errorf("task %s is not on the page", taskID)
	return TaskStatus{}
}

// logged collects a log.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

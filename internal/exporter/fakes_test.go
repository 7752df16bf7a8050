package exporter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/exporter/fakekafka"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/notice"
	"airudder-exporter/internal/record"
)

// fakeKafka is a Kafka of one shard, and what goes wrong with it.
type fakeKafka struct {
	*fakekafka.Kafka

	mu      sync.Mutex // of what follows, which is set while it is used
	commits []tried
	opens   int // producers that were tried

	fault     func(commit int) (stored bool, err error) // nil: none
	openFault func(open int) error                      // nil: none
	stored    func(commit int)                          // is told what was stored; may be nil
	committed time.Duration                             // how long a commit takes
	maxUnits  int                                       // of a transaction; small, so that plans are split
	markers   int                                       // 51s of each commit
	limits    map[string]int                            // by topic; none: recordLimit
	limitErr  error                                     // of asking for them
	asks      int                                       // for the limits of the events' topic
	throttled func() (time.Duration, time.Time)         // nil: never
	endsFault func() error                              // of a producer's first question for the events' ends; nil: none
}

// tried is a transaction whose commit was tried: the tasks of its records.
type tried struct {
	tasks map[string]bool
	units int
}

const (
	ledgerTopic = "ledger"
	recordLimit = 1 << 20 // bytes of a batch
)

func newFakeKafka() *fakeKafka {
	return &fakeKafka{Kafka: fakekafka.New(ledgerTopic, 1), committed: 5 * time.Millisecond, maxUnits: 7}
}

// shard is the fake's as the loop needs it.
type shard struct{ *fakekafka.Shard }

func (s shard) Open(ctx context.Context, barrier func(id int64, epoch int16) batch.Record, replay func(key, value []byte) error) (Producer, error) {
	p, err := s.Shard.Open(ctx, barrier, replay)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// always claims the shard again, a second after a fence.
type always struct{}

func (always) AfterDoubt(ctx context.Context) error { return ctx.Err() }

func (always) AfterFence(ctx context.Context) error {
	sleep(ctx, time.Second)
	return ctx.Err()
}

func (k *fakeKafka) shard() Shard {
	locked := func(value *int) int {
		k.mu.Lock()
		defer k.mu.Unlock()
		return *value
	}
	return shard{k.Shard(0, fakekafka.Faults{
		Open: k.opening, Commit: k.committing, Committed: k.wasStored, Limit: k.limit, Throttled: k.throttled, Ends: k.endsFault,
		Units:      func(int) int { return locked(&k.maxUnits) },
		Concurrent: func() int { return locked(&k.markers) },
	})}
}

// limit is what a topic takes now.
func (k *fakeKafka) limit(topic string) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if topic == "events" {
		k.asks++
	}
	if limit, set := k.limits[topic]; set {
		return limit, k.limitErr
	}
	return recordLimit, k.limitErr
}

// change does something to Kafka while the exporter runs.
func (k *fakeKafka) change(do func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	do()
}

// opening counts the producers, and fails behind the fence.
func (k *fakeKafka) opening(at fakekafka.Step) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if at == fakekafka.StepFence {
		k.opens++
	}
	if at != fakekafka.StepBarrier || k.openFault == nil {
		return nil
	}
	return k.openFault(k.opens)
}

func (k *fakeKafka) committing(units [][]batch.Record) (bool, error) {
	k.mu.Lock()
	took := k.committed
	k.mu.Unlock()
	time.Sleep(took) // virtual
	k.mu.Lock()
	defer k.mu.Unlock()
	k.commits = append(k.commits, tried{tasksOf(units), len(units)})
	if k.fault == nil {
		return true, nil
	}
	return k.fault(len(k.commits))
}

func (k *fakeKafka) wasStored() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stored != nil {
		k.stored(len(k.commits))
	}
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

// counts returns how often each key was published.
func (k *fakeKafka) counts() map[string]int {
	published := map[string]int{}
	for _, r := range k.Log() {
		if r.Topic != ledgerTopic {
			published[string(r.Key)]++
		}
	}
	return published
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
	l := ledger.New()
	for _, r := range k.Entries(0) {
		if err := l.Replay(r.Key, r.Value); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// fakeEncoder writes no Avro: an event's key is call/<TaskID>/<CallID>, a
// change's change/<TaskID>/<sequence>. The event of a call "…huge" cannot fit where
// the topic takes no more than recordLimit, and is given up; that of a call "…big"
// needs half of it, and waits. A task "unencodable" cannot be encoded.
type fakeEncoder struct{ limits record.Limits }

var errEncode = errors.New("a value does not match its schema")

func (e fakeEncoder) Plan(p ledger.Plan) ([]record.Encoded, error) {
	if p.Task.ID == "unencodable" {
		return nil, errEncode
	}
	units, last := make([]record.Encoded, len(p.Units)), p.Last
	for i, u := range p.Units {
		limit := e.limits.Limit("events")
		big := &batch.TooLargeError{Topic: "events", Size: recordLimit / 2, Limit: limit}
		switch {
		case u.Call != nil && strings.HasSuffix(u.Call.CallID, "huge") && limit <= recordLimit:
			u = ledger.TooLarge(u, limit)
			units[i].TooLarge = big
		case u.Call != nil && strings.HasSuffix(u.Call.CallID, "big") && limit < big.Size:
			units[i] = record.Encoded{Unit: u, TooLarge: big, Records: []batch.Record{}}
			continue
		}
		if u.Call != nil {
			u = u.Number(last + 1)
		}
		units[i].Unit, units[i].Records = u, records(p.Task, u)
		err := e.limits.Fits(units[i].Records)
		tooLarge, waits := errors.AsType[*batch.TooLargeError](err)
		switch {
		case waits:
			units[i] = record.Encoded{Unit: p.Units[i], TooLarge: tooLarge}
		case err != nil:
			return nil, err
		case u.Call != nil:
			last++
		}
	}
	return units, nil
}

func records(task call.Task, u ledger.Unit) (all []batch.Record) {
	publish := func(topic, format string, args ...any) {
		all = append(all, batch.Record{Topic: topic, Key: fmt.Appendf(nil, format, args...)})
	}
	if u.Call != nil {
		publish("events", "call/%s/%s", task.ID, u.Call.CallID)
	}
	for _, of := range u.Resolved {
		publish("dead", "dead/%s/%s/resolved", task.ID, of.Key)
	}
	if u.Dead != nil {
		publish("dead", "dead/%s/%s%s", task.ID, u.Dead.CallID, u.Dead.RowKey)
	}
	for _, c := range u.Changes {
		publish("status", "change/%s/%d", task.ID, c.Sequence)
		all[len(all)-1].Value = []byte(task.Name.Value)
		if c.Seal != nil {
			all[len(all)-1].Value = fmt.Append(nil, "seal at ", c.Seal.Ends)
		}
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

// testPins are what testConfig asks of a ledger.
var testPins = ledger.Wanted{Pins: ledger.Pins{EventKey: "row", Source: "https://api.example.com", DetailPath: "/detail"}}

func testConfig() Config {
	return Config{
		LedgerTopic: ledgerTopic, EventTopic: "events", Pins: testPins,
		ListInterval: time.Minute, PollMin: 5 * time.Second, PollMax: 5 * time.Minute,
		Policy: ledger.Policy{
			AfterEnd: time.Hour, Retention: 30 * 24 * time.Hour, Between: 5 * time.Minute, OpenFor: time.Hour,
		},
		Concurrency: 4,
		ShardOf:     func(string, int) int { return 0 },
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
	if _, err := w.Start(ctx, kafka); err != nil {
		t.Fatalf("start: %v", err)
	}
	w.Owned(1)
	w.group.Go(func() { w.err = w.RunShard(ctx, kafka.shard(), always{}) })
	w.group.Go(func() { _ = w.List(ctx) })
	w.group.Go(func() { w.voice().Run(ctx) })
	return w
}

// newWorld makes an exporter that has not begun.
func newWorld(t *testing.T, cfg Config, source Source) *world {
	w := &world{t: t, log: &logged{}, metrics: prometheus.NewRegistry()}
	encoder := func(_ ledger.Meta, limits record.Limits) (Encoder, error) { return fakeEncoder{limits}, nil }
	self := ledger.Writer{Instance: time.Now().String(), Started: time.Now()}
	w.Exporter = New(cfg, source, encoder, self, slog.New(slog.NewTextHandler(w.log, nil)), w.metrics)
	return w
}

// voice tells w's log how it fares, as a run does.
func (w *world) voice() *notice.Voice {
	return &notice.Voice{
		Log:     slog.New(slog.NewTextHandler(w.log, nil)),
		Look:    func() notice.Health { return w.Totals().Health() },
		Summary: func() []any { return nil },
		Every:   5 * time.Second, // weeks pass here
	}
}

// metaNow is the ledger's meta as the exporter knows it: its shards may change it.
func (w *world) metaNow() ledger.Meta {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.meta
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
	s, known := w.Task(taskID)
	if !known {
		w.t.Errorf("task %s is not on the page", taskID)
	}
	return s
}

// Snapshot is the whole picture.
func (w *world) Snapshot() Snapshot {
	s := w.Totals()
	s.Recent = w.Recent()
	for _, id := range w.TaskIDs() {
		if t, known := w.Task(id); known {
			s.Tasks = append(s.Tasks, t)
		}
	}
	return s
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

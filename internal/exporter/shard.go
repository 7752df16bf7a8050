package exporter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/ledger"
)

// RunShard owns a shard until ctx ends: one producer after the other, each from
// its fence to its first doubt. It returns an error only when the ledger must
// not be continued.
func (e *Exporter) RunShard(ctx context.Context, s Shard, claim Claim) error {
	e.took(s)
	defer e.dropShard(s.Number())
	retry := newBackoff(100*time.Millisecond, 10*time.Second)
	// What the log says is wrong, and since when. The same again is news only after a
	// minute in which something was committed.
	said, saidAt := "", time.Time{}
	for reason := "start"; ; {
		e.metrics.producers.WithLabelValues(reason).Inc()
		committed, err := e.produce(ctx, s)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, ledger.ErrRefused):
			return err
		}
		if committed {
			retry.Reset()
		}
		why := s.Explain(err)
		e.ended(s.Number(), why)
		if reason = "doubt"; s.Fenced(err) {
			reason = "fenced"
			e.log.Warn("producer fenced; standing by", "shard", s.Number(), "error", why)
			if claim.AfterFence(ctx) != nil {
				return nil
			}
			continue
		}
		level := slog.LevelInfo // what lasts is why the exporter is not ready
		if why == said && (!committed || time.Since(saidAt) < time.Minute) {
			level = slog.LevelDebug
		} else {
			said, saidAt = why, time.Now()
		}
		e.log.Log(ctx, level, "producer ended; recovering from the ledger", "shard", s.Number(), "error", why)
		if !sleep(ctx, retry.NextBackOff()) || claim.AfterDoubt(ctx) != nil {
			return nil
		}
	}
}

// run is one producer's life: the ledger that its replay filled, the tasks'
// schedule, the transactions under way. It all ends with the producer, so that
// nothing read or planned for one producer is ever written by another.
type run struct {
	*Exporter
	shard      Shard
	producer   Producer
	ledger     *ledger.Ledger
	encoders   sync.Pool // of Encoder
	schedule   *schedule
	woken      chan struct{}
	taskHinted chan struct{} // a task became due, since a hint says so
	queue      chan *pending
	beat       atomic.Int64 // Unix nanoseconds: when the loop last went round
	before     *past        // what the producer before knew, until this one's tasks have their names; may be nil

	passedOver atomic.Int64 // listed tasks that are not read, since the list says that they are too old

	committed bool // a transaction; the committing goroutine's until live returns
}

// produce lives one producer's life. It always ends with an error, and says
// whether it committed anything before.
func (e *Exporter) produce(ctx context.Context, s Shard) (committed bool, err error) {
	if err := AwaitTool(ctx, s, e.process, e.log, func(by string) { e.waits(s.Number(), by) }); err != nil {
		return false, err
	}
	self := e.process
	self.Epoch = -1
	defer func() {
		if ctx.Err() == nil && s.Fenced(err) {
			err = e.takenOver(ctx, s, self, err)
		}
	}()
	barrier := func(id int64, epoch int16) batch.Record {
		self.Producer, self.Epoch = id, epoch
		return ProducerRecord(e.cfg.LedgerTopic, self)
	}
	l := ledger.New()
	l.Revise(e.cfg.Revisions)
	e.watchLastDay(s.Number(), l)
	var strangers ledger.Strangers
	began := time.Now()
	producer, err := s.Open(ctx, barrier, func(key, value []byte) error {
		strangers.Note(key, value, l.Replay(key, value))
		return nil
	})
	if err != nil {
		if s.Lasting(err) {
			return false, fmt.Errorf("%w: %w", ledger.ErrRefused, err)
		}
		return false, fmt.Errorf("open shard %d: %w", s.Number(), err)
	}
	if err := strangers.Check(s.Number(), e.cfg.LedgerTopics()); err != nil {
		return false, err
	}
	if err := e.checkMeta(s.Number(), l); err != nil {
		return false, err
	}
	if n := strangers.Foreign(); n > 0 {
		e.log.Warn("somebody else writes to the ledger topic; "+
			"records whose keys are none of the ledger's are passed over",
			"topic", e.cfg.LedgerTopic, "shard", s.Number(), "records", n)
	}
	e.tellLastDay(s.Number(), l)
	e.log.Info("shard restored", "shard", s.Number(), "ledger", l.String(), "took", time.Since(began))
	r := &run{
		Exporter: e, shard: s, producer: producer, ledger: l,
		schedule:   newSchedule(e.cfg, &e.prints),
		woken:      make(chan struct{}, 1),
		taskHinted: make(chan struct{}, 1),
		queue:      make(chan *pending, e.cfg.Concurrency),
	}
	r.beat.Store(time.Now().UnixNano())
	e.restored(s.Number())
	e.enter(r)
	defer e.leave(r)
	if err = r.live(ctx); ctx.Err() == nil {
		e.keep(r)
	}
	return r.committed, err
}

// watchLastDay has a replay note what happened in the last day, where that is not known yet.
func (e *Exporter) watchLastDay(shard int, l *ledger.Ledger) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cfg.LastDay != nil && !e.told[shard] {
		l.WatchDay(time.Now().Add(-24 * time.Hour))
	}
}

func (e *Exporter) tellLastDay(shard int, l *ledger.Ledger) {
	day := l.Day()
	if day.Events == nil {
		return
	}
	e.mu.Lock()
	e.told[shard] = true
	e.mu.Unlock()
	delete(day.Starts, e.process.Instance)
	e.cfg.LastDay(day)
}

// takeEncoder returns one that nobody uses; it goes back into r.encoders.
func (r *run) takeEncoder() (Encoder, error) {
	if e, ok := r.encoders.Get().(Encoder); ok {
		return e, nil
	}
	r.mu.Lock()
	meta := r.meta
	r.mu.Unlock()
	return r.encoder(meta, r.producer)
}

// live polls and commits until the first error.
func (r *run) live(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	transactions := make(chan *transaction)
	group.Go(func() error { return r.prepare(ctx, transactions) })
	group.Go(func() error { return r.commit(ctx, transactions) })
	group.Go(func() error { return r.poll(ctx) })
	group.Go(func() error { return r.renew(ctx) })
	return group.Wait()
}

// throttled is for how long Kafka asked for no more, and how much of that is left.
func (r *run) throttled(now time.Time) (asked, rest time.Duration) {
	asked, until := r.producer.Throttled()
	return asked, until.Sub(now)
}

// renew asks what the topics take, every minute: a limit that was lowered is known
// before a commit breaks on it, and one that was raised is used. It also ends the
// notice of a quota that was not met for as long, and that of a contest which is over.
func (r *run) renew(ctx context.Context) error {
	for sleep(ctx, time.Minute) {
		r.calm(r.shard.Number(), time.Now())
		if _, rest := r.throttled(time.Now()); rest < -time.Minute {
			r.notices.Observe(shardSubject(r.shard.Number()))
		}
		if err := r.producer.Renew(ctx); err != nil && ctx.Err() == nil {
			r.log.Debug("cannot ask what the topics take; trying again in a minute", "error", r.shard.Explain(err))
		}
	}
	return ctx.Err()
}

// checkMeta holds the replayed shard against the deployment's meta and against the
// configuration, and takes over what has become of the meta meanwhile: another
// exporter may have lowered ExportSince, and an operator may have adopted another
// event key, which this configuration leaves open.
func (e *Exporter) checkMeta(shard int, l *ledger.Ledger) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := ledger.CheckShard(e.meta, e.cfg.Pins, l, shard, e.cfg.LedgerTopics()); err != nil {
		return err
	}
	got, _ := l.Meta()
	e.meta.Pins = got.Pins
	if got.ExportSince.Before(e.meta.ExportSince) {
		e.meta.ExportSince = got.ExportSince
	}
	return nil
}

// wake tells the run that there is a new listing.
func (r *run) wake() {
	select {
	case r.woken <- struct{}{}:
	default:
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

package audit

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/progress"
	"airudder-exporter/internal/record"
)

// Config says what is audited.
type Config struct {
	Exporter exporter.Config // of the exporters that use the ledger
	Topics   record.Topics
	TaskID   string // empty: all tasks
	Window
	Progress progress.Out

	Source Source // AIRudder; nil: it is not asked
	Lags
}

// Audit is one audit. It is used once, by one goroutine.
type Audit struct {
	cfg     Config
	client  *kafka.Client
	decoder *record.Decoder

	meta      ledger.Meta
	checker   *Checker
	strangers []ledger.Strangers // by shard
	others    atomic.Int64       // records of other ledgers
	foreign   atomic.Int64       // records of no exporter
}

// New returns an Audit that has not begun.
func New(cfg Config, client *kafka.Client, decoder *record.Decoder) *Audit {
	a := &Audit{cfg: cfg, client: client, decoder: decoder, checker: NewChecker(cfg.TaskID)}
	if cfg.Source != nil {
		a.checker.Source(cfg.Exporter.Revisions)
	}
	return a
}

// Run reads, in the order that the package's comment argues for, and writes nothing. An
// error means that it could not tell.
func (a *Audit) Run(ctx context.Context) (*Report, error) {
	if err := a.open(ctx); err != nil {
		return nil, err
	}
	if err := a.readSeals(ctx); err != nil {
		return nil, err
	}
	ends, err := a.readLedger(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	parts, err := a.readEvents(ctx)
	if err != nil {
		return nil, err
	}
	of := Scope{Window: a.cfg.Window, Partitions: parts, Now: now, Reach: a.meta.Reach, Lags: a.cfg.Lags}
	if a.cfg.Source != nil {
		if err := a.readSource(ctx); err != nil {
			return nil, err
		}
	}
	for tries := 0; tries == 0 || tries < laterReads && a.checker.Pending(); tries++ {
		if ends, err = a.readLater(ctx, ends); err != nil {
			return nil, err
		}
	}
	report := a.checker.Judge(of)
	report.LedgerID, report.Events = a.meta.LedgerID, a.meta.EventTopic
	report.Others, report.Foreign = a.others.Load(), a.foreign.Load()
	if err := a.place(ctx, report); err != nil {
		return nil, err
	}
	return report, nil
}

// laterReads is how often the ledger is read further for events without an entry: the
// second time what the cleaner took while the first one read.
const laterReads = 2

// open looks at the topics and at which ledger it is.
func (a *Audit) open(ctx context.Context) error {
	if _, err := a.client.LookUp(ctx, a.cfg.Topics.Ledger); err != nil { // nobody answers: whoever runs this can try again
		return err
	}
	for _, t := range []struct{ name, setting string }{
		{a.cfg.Topics.Ledger, "LedgerTopic"}, {a.cfg.Topics.CallCompleted, "EventTopic"}, {a.cfg.Topics.TaskStatus, "StatusTopic"},
	} {
		err := a.client.Readable(ctx, t.name)
		if errors.Is(err, kafka.ErrNoTopic) {
			return fmt.Errorf("there is no topic %s: set %s to the topic's name; or this user lacks the right Read on the topic %q",
				t.name, a.client.Setting(t.setting), t.name)
		}
		if err != nil {
			return err
		}
	}
	published, err := a.client.Published(ctx, a.cfg.Topics.CallCompleted)
	if err != nil {
		return err
	}
	of := a.cfg.Exporter.LedgerTopics()
	parts, err := exporter.Look(ctx, a.client, of, exporter.LookFirst) // what is needed of it never changes
	if err != nil {
		return err
	}
	meta, found, err := ledger.CheckMeta(parts, of, published)
	switch {
	case err != nil:
		return err
	case !found:
		return fmt.Errorf("%s is no ledger yet, so there is nothing to hold events against: a run makes it", a.cfg.Topics.Ledger)
	}
	a.meta, a.strangers = meta, make([]ledger.Strangers, meta.Partitions)
	return nil
}

// ours reports whether a record is this ledger's, or nobody's.
func (a *Audit) ours(ledgerID []byte) bool {
	if len(ledgerID) == 0 || string(ledgerID) == a.meta.LedgerID {
		return true
	}
	a.others.Add(1)
	return false
}

// readSeals reads the status records that there are now.
func (a *Audit) readSeals(ctx context.Context) error {
	topic := a.cfg.Topics.TaskStatus
	ranges, err := a.client.Settled(ctx, topic)
	if err != nil {
		return err
	}
	work := a.cfg.Progress.Start("reading "+topic, "records", total(ranges))
	defer work.Done()
	return a.each(ctx, ranges, func(ctx context.Context, r kafka.Range) error {
		return a.client.ScanStored(ctx, topic, r, func(m *batch.Stored) error {
			work.Add(1)
			return a.seal(ctx, m, topic, r.Partition)
		}, func(int64) {})
	})
}

func (a *Audit) seal(ctx context.Context, m *batch.Stored, topic string, partition int) error {
	var by []byte
	if err := m.EachHeader(func(key, value []byte) {
		if string(key) == record.LedgerHeader {
			by = value
		}
	}); err != nil {
		return at(topic, partition, m.Offset, err)
	}
	if !a.checker.wants(m.Key) || !a.ours(by) {
		return nil
	}
	r, err := m.Record(topic)
	if err == nil {
		var fact ledger.Fact
		if fact, err = a.decoder.Fact(ctx, r); err == nil {
			a.checker.Seal(fact, Place{partition, m.Offset})
			return nil
		}
		if len(by) == 0 {
			a.foreign.Add(1)
			return nil
		}
	}
	return at(topic, partition, m.Offset, err)
}

// readLedger reads the ledger's entries, and returns where each shard's end.
func (a *Audit) readLedger(ctx context.Context) ([]kafka.Range, error) {
	ranges, err := a.shards(ctx)
	if err != nil {
		return nil, err
	}
	work := a.cfg.Progress.Start("reading "+a.cfg.Topics.Ledger, "records", total(ranges))
	defer work.Done()
	err = a.each(ctx, ranges, func(ctx context.Context, r kafka.Range) error {
		return a.scanLedger(ctx, r, func(key, value []byte) error {
			work.Add(1)
			return a.checker.Entry(key, value)
		})
	})
	if err != nil {
		return nil, err
	}
	for shard := range a.strangers {
		if err := a.strangers[shard].Check(shard, a.cfg.Exporter.LedgerTopics()); err != nil {
			return nil, err
		}
	}
	return ranges, nil
}

// readLater reads what was not decided when the ledger was read, and what came since.
func (a *Audit) readLater(ctx context.Context, was []kafka.Range) ([]kafka.Range, error) {
	ranges, err := a.shards(ctx)
	if err != nil {
		return nil, err
	}
	for i := range ranges {
		ranges[i].Start = was[i].Decided
	}
	return ranges, a.each(ctx, ranges, func(ctx context.Context, r kafka.Range) error {
		return a.scanLedger(ctx, r, a.checker.Later)
	})
}

// shards are the ranges of the ledger's partitions that hold what is asked for.
func (a *Audit) shards(ctx context.Context) ([]kafka.Range, error) {
	ranges, err := a.client.Settled(ctx, a.cfg.Topics.Ledger)
	if err != nil {
		return nil, err
	}
	if len(ranges) < a.meta.Partitions {
		return nil, fmt.Errorf("%s has %d partitions and had %d: it was deleted and created again while it was read",
			a.cfg.Topics.Ledger, len(ranges), a.meta.Partitions)
	}
	ranges = ranges[:a.meta.Partitions] // those added later are nobody's
	if a.cfg.TaskID != "" {
		shard := batch.PartitionFor([]byte(a.cfg.TaskID), a.meta.Partitions)
		ranges = ranges[shard : shard+1]
	}
	return ranges, nil
}

func (a *Audit) scanLedger(ctx context.Context, r kafka.Range, visit func(key, value []byte) error) error {
	topic := a.cfg.Topics.Ledger
	var cut error
	err := a.client.ScanStored(ctx, topic, r, func(m *batch.Stored) error {
		err := visit(m.Key, m.Value)
		a.strangers[r.Partition].Note(m.Key, m.Value, err)
		return cut
	}, func(from int64) {
		cut = fmt.Errorf("%s[%d] lost its beginning while it was read: it starts at offset %d now", topic, r.Partition, from)
	})
	return errors.Join(err, cut)
}

// each reads several ranges at once.
func (a *Audit) each(ctx context.Context, ranges []kafka.Range, read func(context.Context, kafka.Range) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for _, r := range ranges {
		group.Go(func() error { return read(ctx, r) })
	}
	return group.Wait()
}

func total(ranges []kafka.Range) (n int64) {
	for _, r := range ranges {
		n += r.End - r.Start
	}
	return n
}

func at(topic string, partition int, offset int64, err error) error {
	return fmt.Errorf("%s[%d]@%d: %w", topic, partition, offset, err)
}

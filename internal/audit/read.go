package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/progress"
	"airudder-exporter/internal/record"
	"airudder-exporter/internal/topics"
)

// Config says what is audited.
type Config struct {
	Exporter exporter.Config // of the exporters that use the ledger
	Topics   record.Topics
	Specs    []topics.Spec
	TaskID   string // empty: all tasks
	Window
	Progress progress.Out
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
	return &Audit{cfg: cfg, client: client, decoder: decoder, checker: NewChecker(cfg.TaskID)}
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
	parts, err := a.readEvents(ctx)
	if err != nil {
		return nil, err
	}
	for tries := 0; tries < laterReads && a.checker.Pending(); tries++ {
		if ends, err = a.readLater(ctx, ends); err != nil {
			return nil, err
		}
	}
	report := a.checker.Judge(Scope{Window: a.cfg.Window, Partitions: parts, Now: time.Now(), Reach: a.meta.Reach})
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
	own, others := topics.Divide(a.cfg.Specs)
	for _, s := range others {
		if s.Name == a.cfg.Topics.CallCompleted || s.Name == a.cfg.Topics.TaskStatus {
			own = append(own, s)
		}
	}
	if _, err := topics.Ensure(ctx, a.client, own, false); err != nil {
		return err
	}
	meta, found, err := exporter.Holds(ctx, a.cfg.Exporter, a.client)
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

// readEvents reads the events that there are now.
func (a *Audit) readEvents(ctx context.Context) ([]Partition, error) {
	topic := a.cfg.Topics.CallCompleted
	ranges, err := a.client.Settled(ctx, topic)
	if err != nil {
		return nil, err
	}
	parts := make([]Partition, len(ranges))
	work := a.cfg.Progress.Start("reading "+topic, "records", total(ranges))
	defer work.Done()
	return parts, a.each(ctx, ranges, func(ctx context.Context, r kafka.Range) error {
		part := &parts[r.Partition]
		part.Start, part.End = r.Start, r.End
		return a.scanEvents(ctx, r, func(m *batch.Stored) {
			if part.First.IsZero() {
				part.First = time.UnixMilli(m.Timestamp)
			}
			part.Last = m.Offset + 1
			work.Add(1)
		}, a.checker.Event, func(from int64) { part.Start, part.First = from, time.Time{} })
	})
}

// scanEvents shows all records of a partition, and those that are events of ours.
func (a *Audit) scanEvents(
	ctx context.Context, r kafka.Range, all func(*batch.Stored), visit func(Event), cut func(from int64),
) error {
	topic := a.cfg.Topics.CallCompleted
	return a.client.ScanStored(ctx, topic, r, func(m *batch.Stored) error {
		all(m)
		h, err := readHeaders(m)
		if err == nil && !a.ours(h.ledgerID) {
			return nil
		}
		if err == nil {
			if e, ok := h.event(); ok {
				e.Place = Place{r.Partition, m.Offset}
				visit(e)
				return nil
			}
			var e Event
			if e, err = a.decode(ctx, m, topic); err == nil {
				e.Place = Place{r.Partition, m.Offset}
				visit(e)
				return nil
			}
			if len(h.ledgerID) == 0 {
				a.foreign.Add(1)
				return nil
			}
		}
		return at(topic, r.Partition, m.Offset, err)
	}, cut)
}

// decode reads what an event's headers do not say from its value.
func (a *Audit) decode(ctx context.Context, m *batch.Stored, topic string) (e Event, err error) {
	r, err := m.Record(topic)
	if err != nil {
		return e, err
	}
	fact, err := a.decoder.Fact(ctx, r)
	if err == nil && (fact.As != ledger.Event || fact.Revision > 0) {
		err = errors.New("it is no event")
	}
	if err != nil {
		return e, err
	}
	return Event{
		TaskID: []byte(fact.TaskID), CallID: []byte(fact.CallID), N: fact.N,
		Recorded: fact.ObservedAt.UTC().AppendFormat(nil, time.RFC3339Nano),
	}, nil
}

// place fills in where the events of findings stand: they are read once more, for a
// first event leaves a mark alone.
func (a *Audit) place(ctx context.Context, report *Report) error {
	wanted := report.Wanted()
	if wanted.None() {
		return nil
	}
	ranges := make([]kafka.Range, len(report.Partitions))
	for i, p := range report.Partitions {
		ranges[i] = kafka.Range{Partition: i, Start: p.Start, End: p.End}
	}
	work := a.cfg.Progress.Start("looking up the findings' events", "records", total(ranges))
	defer work.Done()
	var one sync.Mutex
	err := a.each(ctx, ranges, func(ctx context.Context, r kafka.Range) error {
		return a.scanEvents(ctx, r, func(*batch.Stored) { work.Add(1) }, func(e Event) {
			one.Lock()
			defer one.Unlock()
			wanted.Event(e)
		}, func(int64) {})
	})
	report.sortPlaces()
	return err
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

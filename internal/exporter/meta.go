package exporter

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/record"
)

// Lookback is how far before its creation a ledger's export begins, unless the
// configuration says.
const Lookback = 168 * time.Hour

// Start settles which ledger this is before any shard is opened: it checks the
// meta entries, writes them where the ledger is new, and takes over from the
// configuration what needs nobody's word: an earlier ExportSince, a stricter
// privacy. An error that is ledger.ErrRefused means
// that the program must end; any other may be tried again.
func (e *Exporter) Start(ctx context.Context, topics Topics) (ledger.Meta, error) {
	meta, found, partitions, err := e.look(ctx, topics)
	unsettled := errors.Is(err, ledger.ErrRefused) || err == nil && (!found || e.moved(meta) != meta)
	// Another process may be writing meta: until its markers are in all
	// partitions, a sound ledger looks torn. After the next fence they are, unless
	// a third process wrote meanwhile, so one refusal proves nothing. What this
	// process wrote is looked at in the same way, else a shard's replay might miss it.
	for tries := 0; unsettled && tries < settleTries; tries++ {
		var wrote bool
		meta, partitions, wrote, err = e.settle(ctx, topics)
		unsettled = wrote || errors.Is(err, ledger.ErrRefused)
	}
	if err != nil {
		return ledger.Meta{}, err
	}
	e.warn(meta, partitions)
	e.mu.Lock()
	e.meta = meta
	e.mu.Unlock()
	return meta, nil
}

// settleTries is how many looks, each after a fence of its own, a refusal must
// survive. Meta is written once in a ledger's life, and once more for each time
// that the configuration moves it: no more processes than this do so at one moment.
const settleTries = 5

// Inspect tells which ledger the topics hold, and writes nothing; false when it
// is yet to be begun. Its errors are Start's.
func Inspect(ctx context.Context, cfg Config, topics Topics) (ledger.Meta, bool, error) {
	meta, found, _, err := (&Exporter{cfg: cfg}).look(ctx, topics)
	return meta, found, err
}

// Holds is Inspect whatever the configuration asks of the ledger's pins, and by the
// last meta entry.
func Holds(ctx context.Context, cfg Config, topics Topics) (ledger.Meta, bool, error) {
	meta, found, _, err := (&Exporter{cfg: cfg}).read(ctx, topics, LookLast)
	return meta, found, err
}

// look is what the topics show, read no further than needed: the first meta entry
// of a partition tells which ledger it is. Where the configuration says something
// else, only the last one tells whether that has been taken over already.
func (e *Exporter) look(ctx context.Context, topics Topics) (ledger.Meta, bool, int, error) {
	meta, found, partitions, err := e.read(ctx, topics, LookFirst)
	switch {
	case err != nil || !found:
		return meta, found, partitions, err
	case e.moved(meta) != meta || len(e.cfg.Pins.Differences(meta.Pins)) > 0:
		return e.check(ctx, topics, LookLast)
	}
	return meta, true, partitions, nil
}

// check holds the meta entries against the configuration, pins and all.
func (e *Exporter) check(ctx context.Context, topics Topics, which Which) (ledger.Meta, bool, int, error) {
	meta, found, partitions, err := e.read(ctx, topics, which)
	if err == nil && found {
		err = e.cfg.Pins.Check(meta.Pins, e.cfg.LedgerTopics())
	}
	return meta, found, partitions, err
}

// read reads the meta entries and decides whether they are one sound ledger's.
// Whether events were published is asked first: a ledger that is being made
// meanwhile must not look like a lost one.
func (e *Exporter) read(ctx context.Context, topics Topics, which Which) (ledger.Meta, bool, int, error) {
	published, err := topics.Published(ctx, e.cfg.EventTopic)
	if err != nil {
		return ledger.Meta{}, false, 0, fmt.Errorf("look at %s: %w", e.cfg.EventTopic, err)
	}
	parts, err := Look(ctx, topics, e.cfg.LedgerTopics(), which)
	if err != nil {
		return ledger.Meta{}, false, len(parts), err
	}
	meta, found, err := ledger.CheckMeta(parts, e.cfg.LedgerTopics(), published)
	return meta, found, len(parts), err
}

// Which says how far Look reads.
type Which bool

const (
	LookFirst Which = false // to each partition's first meta entry
	LookLast  Which = true  // to each partition's end
)

// Look reads the meta entry of each partition of a ledger topic. Its error is
// ledger.ErrRefused where one cannot be read.
//
// A ledger is made with its meta entries in front. Only after they were written
// again and the cleaner has taken the old ones do they stand further back, and
// LookFirst reads so far.
func Look(ctx context.Context, topics Topics, of ledger.Topics, which Which) ([]ledger.Seen, error) {
	seen := map[int]ledger.Seen{}
	unread := map[int]ledger.Strangers{}
	starts, err := topics.Look(ctx, of.Ledger, func(partition int, key, value []byte) (bool, error) {
		if string(key) != string(ledger.KindMeta) {
			return false, nil
		}
		entry, err := ledger.ParseEntry(key, value)
		strangers := unread[partition]
		strangers.Note(key, value, err)
		unread[partition] = strangers
		seen[partition] = ledger.Seen{Meta: entry.Meta, HasMeta: err == nil && !entry.Tombstone}
		return which == LookFirst && seen[partition].HasMeta, nil
	})
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", of.Ledger, err)
	}
	parts := make([]ledger.Seen, len(starts))
	for i, start := range starts {
		strangers := unread[i]
		if err := strangers.Check(i, of); err != nil {
			return parts, err
		}
		parts[i] = seen[i]
		parts[i].LogStart = start
	}
	return parts, nil
}

// WriteMeta writes the meta that decide returns into every partition of a ledger
// topic, in one transaction under an id of their own, by which one process at a
// time can: decide is called once all others are fenced, and returns false where
// there is nothing to write. After an error the meta may have been written.
func WriteMeta(
	ctx context.Context, topics Topics, ledgerTopic string,
	decide func(context.Context) (meta ledger.Meta, write bool, err error),
) (wrote bool, err error) {
	err = topics.WriteOnce(ctx, ledgerTopic+"-init", func(ctx context.Context) (map[int]batch.Record, error) {
		var meta ledger.Meta
		var err error
		if meta, wrote, err = decide(ctx); err != nil || !wrote {
			return nil, err
		}
		records := make(map[int]batch.Record, meta.Partitions)
		for i := range meta.Partitions {
			records[i] = EntryRecord(ledgerTopic, ledger.Entry{Kind: ledger.KindMeta, Meta: meta})
		}
		return records, nil
	})
	return wrote && err == nil, err
}

// metaTries is how often the meta is written and looked at again. One of them is
// the rule; the others are for brokers that die.
const metaTries = 20

// WriteMetaSurely is WriteMeta until decide finds nothing to write: the outcome of a
// transaction in doubt is looked up, not asked. An error that final knows is not
// tried again.
func WriteMetaSurely(
	ctx context.Context, topics Topics, ledgerTopic string, final func(error) bool, log *slog.Logger,
	decide func(context.Context) (meta ledger.Meta, write bool, err error),
) error {
	for tries := 1; ; tries++ {
		wrote, err := WriteMeta(ctx, topics, ledgerTopic, decide)
		switch {
		case err == nil && !wrote:
			return nil
		case ctx.Err() != nil, final(err), tries == metaTries:
			return err
		case err != nil:
			log.Warn("whether the meta entry was written is in doubt; looking again", "error", err)
		}
		if !sleep(ctx, time.Duration(tries)*50*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// settle writes the meta entries where they are missing, or the configuration moves
// them, as another look after the fence shows.
func (e *Exporter) settle(
	ctx context.Context, topics Topics,
) (meta ledger.Meta, partitions int, wrote bool, err error) {
	wrote, err = WriteMeta(ctx, topics, e.cfg.LedgerTopic, func(ctx context.Context) (ledger.Meta, bool, error) {
		var found bool
		var err error
		meta, found, partitions, err = e.check(ctx, topics, LookLast)
		switch {
		case err != nil || found && e.moved(meta) == meta: // it is settled, by this process or another
			return meta, false, err
		case found:
			meta = e.moved(meta)
		default:
			meta = e.cfg.NewMeta(partitions)
		}
		return meta, true, nil
	})
	if err != nil {
		return meta, partitions, false, fmt.Errorf("settle the ledger: %w", err)
	}
	return meta, partitions, wrote, nil
}

// NewMeta is the meta of a ledger that begins now.
func (c Config) NewMeta(partitions int) ledger.Meta {
	now := time.Now().UTC().Truncate(time.Millisecond)
	since := c.ExportSince.UTC()
	if c.ExportSince.IsZero() {
		since = now.Add(-Lookback)
	}
	return ledger.Meta{
		Format: ledger.Format, LedgerID: NewID(), Partitions: partitions, EventTopic: c.EventTopic,
		Pins: c.Pins.Over(newPins), ExportSince: since, Created: now,
	}
}

// newPins are a new ledger's where the configuration leaves them open.
var newPins = ledger.Pins{EventKey: string(record.EventKeys[0])}

// ProducerRecord is the producer entry: who fenced the shard.
func ProducerRecord(ledgerTopic string, writer ledger.Writer) batch.Record {
	return EntryRecord(ledgerTopic, ledger.Entry{Kind: ledger.KindProducer, Writer: writer})
}

// EntryRecord is an entry as a record of the ledger topic.
func EntryRecord(ledgerTopic string, e ledger.Entry) batch.Record {
	return batch.Record{Topic: ledgerTopic, Key: e.AppendKey(nil), Value: e.AppendValue(nil)}
}

// moved is a ledger's meta with what the configuration changes of it by itself:
// older tasks are wanted, or less is shown of each call.
func (e *Exporter) moved(meta ledger.Meta) ledger.Meta {
	meta.ExportSince = meta.Lowered(e.cfg.ExportSince)
	meta.Pins = e.cfg.Pins.Tighten(meta.Pins)
	return meta
}

func (e *Exporter) warn(meta ledger.Meta, partitions int) {
	if e.cfg.ExportSince.After(meta.ExportSince) {
		e.log.Warn("the export was configured to begin later than the ledger says; that is ignored: "+
			"what is being exported stays exported",
			"setting", e.cfg.Setting("ExportSince"), "configured", e.cfg.ExportSince, "ledger", meta.ExportSince)
	}
	if !e.cfg.ExportSince.IsZero() && e.cfg.ExportSince.Before(meta.Reach) {
		e.log.Warn("the export was configured to begin earlier than the rebuilt ledger reaches: "+
			"tasks that ended before may have been published already, and are not exported",
			"setting", e.cfg.Setting("ExportSince"), "configured", e.cfg.ExportSince, "known since", meta.Reach)
	}
	if partitions > meta.Partitions {
		e.log.Error("the ledger topic has more partitions than it began with; the added ones are ignored",
			"topic", e.cfg.LedgerTopic, "partitions", partitions, "pinned", meta.Partitions)
	}
}

// partitions is the pinned count of shards.
func (e *Exporter) partitions() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.meta.Partitions
}

// NewID returns a random UUID (RFC 9562, version 4).
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}

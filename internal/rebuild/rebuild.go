package rebuild

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/hold"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/record"
	"airudder-exporter/internal/topics"
)

// Config are a rebuild's settings.
type Config struct {
	Exporter exporter.Config // of the exporters that are to use the ledger
	Topics   record.Topics
	Specs    []topics.Spec // of all four topics
	Process  ledger.Writer // this process

	LedgerID string // whose records are taken; empty: of the only ledger that there is

	// Named returns the tasks that were named by hand.
	Named func(ctx context.Context) ([]string, error)

	Execute bool // and do not only say what would be written
	Accept  bool // continue with tasks of which calls may be published again
}

// Rebuild makes a new ledger. It is used once, by one goroutine.
type Rebuild struct {
	cfg     Config
	client  *kafka.Client
	decoder *record.Decoder
	log     *slog.Logger
	out     io.Writer // for the report
	now     time.Time

	exists bool // the ledger's topic
	shards int

	// Of one attempt.
	kept    kept // what the ledger's topic holds
	past    *past
	reach   reach
	origins *origins
	newest  []batch.Record // of our events
	writing bool           // entries: a ledger that is not finished may be there
}

// New returns a Rebuild that has not begun. It reports to out.
func New(cfg Config, client *kafka.Client, decoder *record.Decoder, log *slog.Logger, out io.Writer) *Rebuild {
	return &Rebuild{cfg: cfg, client: client, decoder: decoder, log: log, out: out, now: time.Now().UTC()}
}

// errRefused marks what stays as it is however often it is tried.
var errRefused = errors.New("refused")

// Refused reports whether trying again cannot help: something else has to be done first.
func Refused(err error) bool {
	return errors.Is(err, errRefused) || errors.Is(err, ledger.ErrRefused) || errors.Is(err, topics.ErrUnfit)
}

// Run makes the ledger, or says why not. After an error the ledger is as it was, or
// is not finished, which the error says then.
func (r *Rebuild) Run(ctx context.Context) error {
	err := r.run(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return errors.New("interrupted: no exporter takes a ledger that is not finished; run this again to finish it")
	case r.writing:
		return fmt.Errorf("%w; no exporter takes a ledger that is not finished: run this again to finish it", err)
	}
	return err
}

func (r *Rebuild) run(ctx context.Context) error {
	if err := r.prepare(ctx); err != nil {
		return err
	}
	if !r.cfg.Execute {
		r.begin()
		if err := r.peek(ctx); err != nil {
			return err
		}
		return r.attempt(ctx, nil)
	}
	tool := hold.Tool{Client: r.client, Ledger: r.cfg.Topics.Ledger, Process: r.cfg.Process, Log: r.log}
	keep := func(shard int, key, value []byte) error { return r.kept.take(shard, key, value) }
	return tool.Run(ctx, hold.All(r.shards), r.begin, keep, r.attempt)
}

// begin forgets what an attempt before has found.
func (r *Rebuild) begin() {
	r.past, r.reach, r.writing = newPast(), reach{}, false
	r.origins, r.newest = newOrigins(r.cfg.LedgerID), nil
	r.kept = kept{r.past, make([]ledger.Strangers, r.shards)}
}

// prepare looks at the topics, and creates the ledger's where it is missing.
func (r *Rebuild) prepare(ctx context.Context) error {
	own, others := topics.Divide(r.cfg.Specs)
	if _, err := topics.Ensure(ctx, r.client, others, false); err != nil {
		return err
	}
	findings, err := topics.Ensure(ctx, r.client, own, false)
	r.exists = !errors.Is(err, topics.ErrUnfit)
	switch {
	case !r.exists && !r.cfg.Execute:
		r.shards = own[0].Partitions
		return nil
	case !r.exists:
		findings, err = topics.Ensure(ctx, r.client, own, true)
	}
	if err == nil {
		err = topics.Refused(findings)
	}
	if err == nil {
		_, err = r.look(ctx, "")
	}
	return err
}

// look is an exporter's look at the meta entries. It refuses a ledger in use: any
// that has meta, except for the one of the id that this rebuild has written. It
// returns how many partitions hold that one.
func (r *Rebuild) look(ctx context.Context, own string) (written int, err error) {
	topic := r.cfg.Topics.Ledger
	parts, err := exporter.Look(ctx, r.client, r.cfg.Exporter.LedgerTopics(), exporter.LookLast)
	if err != nil {
		return 0, err
	}
	r.shards = len(parts)
	for i, p := range parts {
		if p.HasMeta {
			if err := p.Meta.CheckFormat(r.cfg.Exporter.LedgerTopics()); err != nil {
				return 0, err
			}
		}
		switch {
		case p.LogStart > 0:
			return 0, fmt.Errorf("%w: partition %d of %s begins at offset %d: records of it were deleted. "+
				"With all exporters stopped, delete the topic and run this again", errRefused, i, topic, p.LogStart)
		case p.HasMeta && p.Meta.LedgerID == own:
			written++
		case p.HasMeta:
			return 0, fmt.Errorf("%w: %s is the ledger %s, and a rebuild takes the place of one that was lost. "+
				"Where an exporter refuses it: with all exporters stopped, delete the topic and run this again. "+
				"Otherwise there is nothing to do", errRefused, topic, p.Meta.LedgerID)
		}
	}
	return written, nil
}

// attempt makes the ledger, once its topic is read. held is nil without Execute.
func (r *Rebuild) attempt(ctx context.Context, held *hold.Held) error {
	if err := r.kept.check(r.cfg.Exporter.LedgerTopics()); err != nil {
		return err
	}
	read, err := r.readAll(ctx)
	if err != nil {
		return err
	}
	if err := r.origins.check(r.cfg.Exporter.Pins.Account, r.setting("Account")); err != nil {
		return err
	}
	if r.past.empty() && r.reach.since().IsZero() {
		fmt.Fprintf(r.out, "nothing has been published yet: a run begins the ledger by itself\n")
		return nil
	}
	tasks := r.past.outcomes(r.reach, r.cfg.Exporter.Policy, r.now)
	unknown, err := r.unknown(ctx, tasks)
	if err != nil {
		return err
	}
	meta, err := r.meta(ctx)
	if err != nil {
		return err
	}
	report := r.report(read, tasks, unknown, meta)
	report.print(r.out)
	switch {
	case report.doubts > 0 && !r.cfg.Accept:
		return fmt.Errorf("%w: calls of %d tasks may be published again, see above. "+
			"Run this with --accept to continue with them all the same", errRefused, report.doubts)
	case !r.cfg.Execute:
		fmt.Fprintln(r.out, "\nnothing was written: do it with --execute")
		return nil
	}
	r.writing = true
	if err := r.write(ctx, held, tasks); err != nil {
		return err
	}
	if err := r.settle(ctx, meta); err != nil {
		return err
	}
	fmt.Fprintf(r.out, "\nthe ledger is there: %s. Start the exporter\n", meta.LedgerID)
	return nil
}

func (r *Rebuild) setting(field string) string { return r.cfg.Exporter.Setting(field) }

// meta is the ledger's that was lost, as far as that is known: it keeps its id.
func (r *Rebuild) meta(ctx context.Context) (ledger.Meta, error) {
	meta := r.cfg.Exporter.NewMeta(r.shards)
	meta.LedgerID = cmp.Or(r.origins.ledgerID, meta.LedgerID)
	if r.cfg.Exporter.Pins.EventKey == "" {
		key, err := r.eventKey(ctx)
		if err != nil {
			return meta, err
		}
		meta.EventKey = cmp.Or(string(key), meta.EventKey)
	}
	meta.ExportSince = r.past.exportSince(r.reach, r.cfg.Exporter.ExportSince, exporter.Lookback)
	meta.Created = r.now.Truncate(time.Millisecond)
	meta.Reach = r.reach.since().UTC()
	return meta, nil
}

// unknown are the tasks named by hand of which nothing is known although
// something may have been published: they would be exported whatever their age.
func (r *Rebuild) unknown(ctx context.Context, tasks []outcome) (ids []string, err error) {
	if r.reach.since().IsZero() {
		return nil, nil
	}
	named, err := r.cfg.Named(ctx)
	return slices.DeleteFunc(named, func(id string) bool {
		return slices.ContainsFunc(tasks, func(o outcome) bool { return o.taskID == id })
	}), err
}

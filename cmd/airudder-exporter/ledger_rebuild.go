package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/record"
	"airudder-exporter/internal/topics"
)

// rebuilder makes a lost ledger anew. Its order is that of every tool that
// writes: fence, so that no exporter can add to what is read; read; write, the
// meta entries last.
//
//	killed here          what is durable               what a run does     what a second rebuild does
//	-------------------  ----------------------------  ------------------  --------------------------
//	before the meta      the topic, some entries       refuses the ledger  writes those that are missing
//	the meta's EndTxn    all entries, the meta or not  goes on or refuses  says that it is there, or writes it
type rebuilder struct {
	cfg            Config
	log            *slog.Logger
	out            io.Writer
	client         *kafka.Client
	decoder        *record.Decoder
	now            time.Time
	dryRun, accept bool

	// Of one attempt.
	exists    bool // the ledger's topic
	shards    int
	producers []*kafka.Producer // of each shard; none in a dry run
	past      *ledger.Rebuild
	reach     ledger.Reach
	writing   bool // entries; what fails from here on can be in doubt
}

// errRefused marks what stays as it is however often it is tried.
var errRefused = errors.New("refused")

// attempts is how often the rebuild begins at the fence: again after a
// transaction in doubt, and where an exporter that still runs has fenced it. One
// that finds a ledger without meta ends by itself.
const (
	attempts    = 5
	attemptWait = 3 * time.Second
)

func (r *rebuilder) run(ctx context.Context) error {
	if err := r.prepare(ctx); err != nil {
		return err
	}
	for tries := 1; ; tries++ {
		err := r.attempt(ctx)
		fenced := errors.Is(err, kafka.ErrFenced)
		if err == nil || tries == attempts || errors.Is(err, errRefused) || !fenced && !r.writing {
			return err
		}
		r.log.Warn("beginning again: a transaction is in doubt, or an exporter that still runs took the ledger over", "error", err)
		if !pause(ctx, attemptWait) {
			return ctx.Err()
		}
	}
}

// prepare looks at the topics, and creates the ledger's where it is missing.
func (r *rebuilder) prepare(ctx context.Context) error {
	specs := topicSpecs(r.cfg.Kafka)
	isLedger := func(s topics.Spec) bool { return s.Ledger }
	at := slices.IndexFunc(specs, isLedger)
	own := specs[at : at+1]
	if _, err := topics.Ensure(ctx, r.client, slices.DeleteFunc(slices.Clone(specs), isLedger), false); err != nil {
		return err
	}
	findings, err := topics.Ensure(ctx, r.client, own, false)
	r.exists = !errors.Is(err, topics.ErrUnfit)
	switch {
	case !r.exists && r.dryRun:
		r.shards = own[0].Partitions
		return nil
	case !r.exists:
		findings, err = topics.Ensure(ctx, r.client, own, true)
	}
	if err == nil {
		err = topics.Refused(findings)
	}
	if err == nil {
		_, err = r.look(ctx)
	}
	return err
}

// look reads the meta entry of each partition, and refuses a ledger in use: any
// that has meta, but for the one of an id that the rebuild itself has written.
func (r *rebuilder) look(ctx context.Context, own ...string) (written int, err error) {
	topic := r.cfg.Kafka.Topics.Ledger
	metas := map[int]ledger.Entry{}
	starts, err := r.client.Look(ctx, topic, func(partition int, key, value []byte) (_ bool, err error) {
		if string(key) == string(ledger.KindMeta) {
			metas[partition], err = ledger.ParseEntry(key, value)
		}
		return false, err
	})
	if err != nil {
		return 0, err
	}
	r.shards = len(starts)
	for partition, start := range starts {
		if start > 0 {
			return 0, fmt.Errorf("%w: partition %d of %s begins at offset %d: records of it were deleted. With all exporters stopped, delete the topic and run this again", errRefused, partition, topic, start)
		}
		meta, found := metas[partition]
		switch {
		case !found || meta.Tombstone:
		case slices.Contains(own, meta.Meta.LedgerID):
			written++
		default:
			return 0, fmt.Errorf("%w: %s is the ledger %s, and a rebuild takes the place of one that was lost. "+
				"Where an exporter refuses it: with all exporters stopped, delete the topic and run this again. Else nothing is to be done", errRefused, topic, meta.Meta.LedgerID)
		}
	}
	return written, nil
}

// attempt makes the ledger, from the fence to the meta.
func (r *rebuilder) attempt(ctx context.Context) error {
	r.past, r.reach, r.producers, r.writing = ledger.NewRebuild(), ledger.Reach{}, nil, false
	if err := r.take(ctx); err != nil {
		return err
	}
	read, err := r.readAll(ctx)
	if err != nil {
		return err
	}
	if r.past.Empty() && r.reach.Since().IsZero() {
		fmt.Fprintf(r.out, "nothing has been published yet: a run begins the ledger by itself\n")
		return nil
	}
	tasks := r.past.Rebuilt(r.reach, loop(r.cfg).Policy, r.now)
	unknown, err := r.unknown(ctx, tasks)
	if err != nil {
		return err
	}
	meta := r.meta()
	report := newReport(r, read, tasks, unknown, meta)
	report.print(r.out)
	switch {
	case report.doubts > 0 && !r.accept:
		return fmt.Errorf("%w: of %d tasks calls may be published again, see above. Run this with --accept to go on with them all the same", errRefused, report.doubts)
	case r.dryRun:
		fmt.Fprintln(r.out, "\nnothing was written")
		return nil
	}
	r.writing = true
	if err := r.write(ctx, tasks); err != nil {
		return err
	}
	if err := r.settle(ctx, meta); err != nil {
		return err
	}
	fmt.Fprintf(r.out, "\nthe ledger is there: %s. Start the exporter\n", meta.LedgerID)
	return nil
}

func (r *rebuilder) meta() ledger.Meta {
	return ledger.Meta{
		LedgerID: exporter.NewID(), Partitions: r.shards,
		EventTopic: r.cfg.Kafka.Topics.CallCompleted, EventKey: r.cfg.Kafka.EventKey,
		ExportSince: r.past.ExportSince(r.reach, r.cfg.Polling.ExportSince, exporter.Lookback),
		Created:     r.now.Truncate(time.Millisecond),
		Reach:       r.reach.Since().UTC(),
	}
}

// unknown are the tasks named by hand of which nothing is known although
// something may have been published: they would be exported whatever their age.
func (r *rebuilder) unknown(ctx context.Context, tasks []ledger.RebuiltTask) (ids []string, err error) {
	if r.reach.Since().IsZero() {
		return nil, nil
	}
	cfg := r.cfg
	cfg.Upstream.ListEnabled = false
	source, err := upstream(cfg, r.log, prometheus.NewRegistry())
	if err != nil {
		return nil, err
	}
	named, err := source.List(ctx, r.now)
	for _, l := range named {
		if !slices.ContainsFunc(tasks, func(t ledger.RebuiltTask) bool { return t.TaskID == l.TaskID }) {
			ids = append(ids, l.TaskID)
		}
	}
	return ids, err
}

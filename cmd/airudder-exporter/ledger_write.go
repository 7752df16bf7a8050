package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/ledger"
)

// entriesAtOnce is how many entries are handed to a producer, which makes one
// transaction of as many as fit.
const entriesAtOnce = 10_000

// write writes each task's entries into its shard.
func (r *rebuilder) write(ctx context.Context, tasks []ledger.RebuiltTask) error {
	waiting := make([][][]batch.Record, r.shards)
	for _, task := range tasks {
		shard := batch.PartitionFor([]byte(task.TaskID), r.shards)
		for e := range task.Entries() {
			waiting[shard] = append(waiting[shard], []batch.Record{r.record(e)})
			if len(waiting[shard]) < entriesAtOnce {
				continue
			}
			if err := commitAll(ctx, r.producers[shard], waiting[shard]); err != nil {
				return err
			}
			waiting[shard] = waiting[shard][:0]
		}
	}
	for shard, units := range waiting {
		if err := commitAll(ctx, r.producers[shard], units); err != nil {
			return err
		}
	}
	return nil
}

func commitAll(ctx context.Context, p *kafka.Producer, units [][]batch.Record) error {
	for len(units) > 0 {
		txn, err := p.Prepare(slices.Values(units))
		if err == nil {
			err = p.Commit(ctx, txn)
		}
		if err != nil {
			return fmt.Errorf("write entries: %w", err)
		}
		units = units[txn.Units:]
	}
	return nil
}

// settleTries is how often the meta is written and looked at again. One of them
// is the rule; the others are for brokers that die.
const settleTries = 20

// settle writes the meta into every partition in one transaction, under the id
// by which one process at a time can, until it is seen there: a transaction in
// doubt is not asked, but looked at again behind the next fence.
func (r *rebuilder) settle(ctx context.Context, meta ledger.Meta) error {
	for tries := 1; ; tries++ {
		wrote := false
		err := r.client.WriteOnce(ctx, exporter.InitID(r.cfg.Kafka.Topics.Ledger), func(ctx context.Context) (map[int]batch.Record, error) {
			there, err := r.look(ctx, meta.LedgerID)
			if err != nil || there == meta.Partitions {
				return nil, err
			}
			wrote = true
			return exporter.MetaRecords(r.cfg.Kafka.Topics.Ledger, meta), nil
		})
		switch {
		case err == nil && !wrote:
			return nil
		case errors.Is(err, errRefused), ctx.Err() != nil, tries == settleTries:
			return err
		case err != nil:
			r.log.Warn("the meta entry is in doubt; looking again", "error", err)
		}
		if !pause(ctx, time.Duration(tries)*50*time.Millisecond) {
			return ctx.Err()
		}
	}
}

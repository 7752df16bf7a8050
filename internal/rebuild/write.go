package rebuild

import (
	"context"
	"fmt"
	"slices"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/ledger"
)

// entriesAtOnce is how many entries are handed to a producer, which makes one
// transaction of as many as fit.
const entriesAtOnce = 10_000

// write writes each task's entries into its shard.
func (r *Rebuild) write(ctx context.Context, tasks []outcome) error {
	waiting := make([][][]batch.Record, r.shards)
	for _, task := range tasks {
		shard := r.cfg.Exporter.ShardOf(task.taskID, r.shards)
		for e := range task.entries() {
			waiting[shard] = append(waiting[shard], []batch.Record{exporter.EntryRecord(r.cfg.Topics.Ledger, e)})
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

// settle writes the meta as an exporter does, until a look after a fence shows it in
// every partition.
func (r *Rebuild) settle(ctx context.Context, meta ledger.Meta) error {
	missing := func(ctx context.Context) (ledger.Meta, bool, error) {
		written, err := r.look(ctx, meta.LedgerID)
		return meta, written < meta.Partitions, err
	}
	return exporter.WriteMetaSurely(ctx, r.client, r.cfg.Topics.Ledger, Refused, r.log, missing)
}

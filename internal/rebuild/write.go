package rebuild

import (
	"context"
	"slices"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/hold"
	"airudder-exporter/internal/ledger"
)

// unit is how many entries stay in one transaction, and atOnce how many units are
// handed over, of which each transaction takes as many as fit.
const (
	unit   = 100
	atOnce = 100
)

// write writes each task's entries into its shard.
func (r *Rebuild) write(ctx context.Context, held *hold.Held, tasks []outcome) error {
	waiting := make([][]batch.Record, r.shards)
	flush := func(shard int) error {
		units := slices.Collect(slices.Chunk(waiting[shard], unit))
		waiting[shard] = waiting[shard][:0]
		return held.Commit(ctx, shard, units)
	}
	for _, task := range tasks {
		shard := r.cfg.Exporter.ShardOf(task.taskID, r.shards)
		for e := range task.entries() {
			waiting[shard] = append(waiting[shard], exporter.EntryRecord(r.cfg.Topics.Ledger, e))
			if len(waiting[shard]) < unit*atOnce {
				continue
			}
			if err := flush(shard); err != nil {
				return err
			}
		}
	}
	for shard := range waiting {
		if err := flush(shard); err != nil {
			return err
		}
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

package repair

import (
	"context"
	"fmt"
	"slices"

	"airudder-exporter/internal/audit"
	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/hold"
	"airudder-exporter/internal/ledger"
)

// write mends what is still to be mended after the fence, and returns how many calls
// that was, with those that were mended since the audit.
func (r *Repair) write(ctx context.Context) (mended int, err error) {
	encoder, err := r.cfg.NewEncoder(r.meta, nil)
	if err != nil {
		return 0, err
	}
	var shards []int
	for _, m := range r.plan {
		shards = append(shards, m.shard)
	}
	slices.Sort(shards)
	tool := hold.Tool{Client: r.client, Ledger: r.cfg.Topics.Ledger, Process: r.cfg.Process, Log: r.log}
	err = tool.Run(ctx, slices.Compact(shards), r.begin, r.replay, func(ctx context.Context, held *hold.Held) (err error) {
		mended, err = r.mendAll(ctx, held, encoder)
		return err
	})
	return mended, err
}

// begin forgets what an attempt before has found.
func (r *Repair) begin() {
	r.entries, r.states, r.found = map[place]ledger.Entry{}, map[string]ledger.State{}, map[place]bool{}
	for _, m := range r.plan {
		r.entries[m.place], r.states[m.taskID], r.found[m.place] = ledger.Entry{}, ledger.State{}, false
	}
}

// replay keeps what the ledger says of the plan's calls and tasks.
func (r *Repair) replay(_ int, key, value []byte) error {
	e, err := ledger.ParseEntry(key, value)
	if err != nil { // an exporter judges what is not a ledger's
		return nil
	}
	switch at := (place{e.TaskID, e.ID}); e.Kind {
	case ledger.KindCall:
		if _, wanted := r.entries[at]; wanted {
			r.entries[at] = e
		}
	case ledger.KindTask:
		if _, wanted := r.states[e.TaskID]; wanted {
			r.states[e.TaskID] = e.State
		}
	}
	return nil
}

// readOn reads the events that came since the audit, and those whose transactions were open
// then: the audit passed over their records, which stand below the end that it read to.
func (r *Repair) readOn(ctx context.Context) error {
	topic := r.cfg.Topics.CallCompleted
	ranges, err := r.client.Settled(ctx, topic)
	if err != nil {
		return err
	}
	for _, part := range ranges {
		if part.Partition < len(r.read) {
			part.Start = max(part.Start, r.read[part.Partition].Decided)
		}
		err := r.client.ScanStored(ctx, topic, part, func(m *batch.Stored) error {
			e, ledgerID, ok := audit.EventOf(m)
			if !ok || string(ledgerID) != r.meta.LedgerID {
				return nil
			}
			at := place{string(e.TaskID), string(e.CallID)}
			if _, wanted := r.found[at]; wanted {
				r.found[at] = true
			}
			return nil
		}, func(int64) {})
		if err != nil {
			return err
		}
	}
	return nil
}

// mendAll looks again, and writes. The events and the ledger are as they are until this
// tool ends.
func (r *Repair) mendAll(ctx context.Context, held *hold.Held, encoder exporter.Encoder) (mended int, err error) {
	if err := r.readOn(ctx); err != nil {
		return 0, err
	}
	units := map[int][][]batch.Record{}
	for _, m := range r.plan {
		unit, why, already, err := r.unit(encoder, m)
		switch {
		case err != nil:
			return 0, err
		case why != "":
			fmt.Fprintf(r.out, "task %s, call %s: %s\n", m.taskID, m.callID, why)
			if already {
				mended++
			}
			continue
		}
		if err := held.Fits(m.shard, unit); err != nil {
			return 0, fmt.Errorf("task %s, call %s: %w", m.taskID, m.callID, err)
		}
		units[m.shard] = append(units[m.shard], unit)
	}
	for shard, all := range units {
		if err := held.Commit(ctx, shard, all); err != nil {
			return 0, err
		}
		mended += len(all)
	}
	return mended, nil
}

// unit is a mend as records, or why nothing is written: it was mended already, or cannot
// be any more.
func (r *Repair) unit(encoder exporter.Encoder, m mend) (unit []batch.Record, why string, already bool, err error) {
	was, state := r.entries[m.place], r.states[m.taskID]
	there := was.Kind != "" && !was.Tombstone
	switch {
	case !state.ClosedAt.IsZero():
		return nil, "its task is closed", false, nil
	case m.row == nil && there && was.Published.As == ledger.Event:
		return nil, "its entry was written meanwhile", true, nil
	case m.row == nil && there:
		return nil, "its entry says that it is a dead letter; that is for people to decide about", false, nil
	case m.row == nil:
		return []batch.Record{exporter.EntryRecord(r.cfg.Topics.Ledger, m.entry)}, "", false, nil
	case r.found[m.place]:
		return nil, "its event was published meanwhile", true, nil
	case !there || was.Published.As != ledger.Event || was.Published.N != m.n:
		return nil, "its entry says something else by now", false, nil
	}
	now := was
	now.Published.At = m.started.UTC()
	of := ledger.Unit{Call: m.row, Entries: []ledger.Entry{now}}
	if !state.SealedAt.IsZero() {
		of.Entries = append(of.Entries, ledger.Entry{Kind: ledger.KindTask, TaskID: m.taskID, State: state.Unsealed()})
	}
	encoded, err := encoder.Plan(ledger.Plan{Task: m.task, ObservedAt: m.started, Units: []ledger.Unit{of}, Last: m.n - 1})
	if err != nil {
		return nil, "", false, err
	}
	return encoded[0].Records, "", false, nil
}

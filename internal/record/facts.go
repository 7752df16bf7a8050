package record

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// Fact decodes what a record of one of the three topics says to a ledger. Its
// errors name no value.
func (d *Decoder) Fact(ctx context.Context, r batch.Record) (ledger.Fact, error) {
	native, w, err := d.decode(ctx, r)
	if err != nil {
		return ledger.Fact{}, err
	}
	fields, _ := native.(map[string]any)
	f := ledger.Fact{
		TaskID:     value[string](fields, "task_id"),
		ObservedAt: value[time.Time](fields, "observed_at"),
	}
	whole := f.TaskID != "" && !f.ObservedAt.IsZero()
	switch w.root.name {
	case "airudder.CallCompleted":
		f.As, f.CallID = ledger.Event, value[string](fields, "call_id")
		whole = whole && f.CallID != ""
	case "airudder.DeadLetter":
		whole = factOfLetter(&f, fields) && whole
	case "airudder.TaskStatusChanged":
		f.Change = changeOf(fields)
		whole = whole && f.Change.Sequence > 0
	default:
		return ledger.Fact{}, fmt.Errorf("a record of %s is of the type %s, which no exporter publishes", r.Topic, w.root.name)
	}
	if !whole {
		return ledger.Fact{}, fmt.Errorf("a record of %s, of the type %s, does not say what it is about", r.Topic, w.root.name)
	}
	return f, nil
}

// factOfLetter reads a dead letter; false where it names no row.
func factOfLetter(f *ledger.Fact, fields map[string]any) bool {
	f.As, f.CallID = ledger.DeadLetter, value[string](fields, "call_id")
	if f.CallID != "" {
		return true
	}
	id := call.Opt[int64]{Value: value[int64](fields, "row_id"), Set: fields["row_id"] != nil}
	var raw [32]byte
	sum, err := hex.DecodeString(value[string](fields, "raw_sha256"))
	summed := copy(raw[:], sum) == len(raw) && err == nil
	f.RowKey = ledger.RowKey(id, raw)
	return id.Set || summed
}

func changeOf(fields map[string]any) ledger.StatusChange {
	c := ledger.StatusChange{
		Sequence: value[int64](fields, "sequence"),
		Status:   value[string](fields, "status"),
		Counts: call.Counts{
			Rows:      value[int64](fields, "rows"),
			Finished:  value[int64](fields, "rows_finished"),
			Cancelled: value[int64](fields, "rows_cancelled"),
		},
	}
	if previous := value[string](fields, "previous_status"); fields["previous_status"] != nil {
		c.Previous = call.Some(previous)
	}
	if seal := value[map[string]any](fields, "seal"); seal != nil {
		c.Seal = &ledger.Seal{
			Number:       value[int64](seal, "seal_number"),
			Exported:     value[int64](seal, "exported"),
			Cancelled:    value[int64](seal, "cancelled"),
			NeverDialled: value[int64](seal, "never_dialled"),
			DeadLettered: value[int64](seal, "dead_lettered"),
			Late:         value[int64](seal, "late"),
			Digest:       value[string](seal, "digest"),
		}
	}
	return c
}

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

// The full names of the three schemas.
const (
	completedName     = "airudder.CallCompleted"
	statusChangedName = "airudder.TaskStatusChanged"
	deadLetterName    = "airudder.DeadLetter"
)

// Fact decodes what a record of one of the three topics tells a ledger. Its
// errors name no value.
func (d *Decoder) Fact(ctx context.Context, r batch.Record) (ledger.Fact, error) {
	v, err := d.open(ctx, r)
	if err != nil {
		return ledger.Fact{}, err
	}
	var f ledger.Fact
	switch v.writer.name {
	case completedName:
		f, err = eventFact(v)
	case deadLetterName:
		f, err = letterFact(v)
	case statusChangedName:
		f, err = changeFact(v)
	default:
		err = fmt.Errorf("a record of %s is of the type %s, which no exporter publishes", r.Topic, v.writer.name)
	}
	if err != nil {
		return ledger.Fact{}, err
	}
	about := f.CallID != "" || f.RowKey != "" || f.Change.Sequence > 0
	if f.TaskID == "" || f.ObservedAt.IsZero() || !about {
		return ledger.Fact{}, fmt.Errorf("a record of %s, of the type %s, does not say what it is about",
			r.Topic, v.writer.name)
	}
	return f, nil
}

func eventFact(v value) (ledger.Fact, error) {
	var fields struct {
		TaskID     string    `avro:"task_id"`
		CallID     string    `avro:"call_id"`
		ObservedAt time.Time `avro:"observed_at"`
	}
	err := v.decode(&fields)
	return ledger.Fact{TaskID: fields.TaskID, As: ledger.Event, CallID: fields.CallID, ObservedAt: fields.ObservedAt}, err
}

// letterFact reads a dead letter. One without a CallID is known by its row's
// key; where it names no row either, the key is empty.
func letterFact(v value) (ledger.Fact, error) {
	var fields struct {
		TaskID     string    `avro:"task_id"`
		CallID     string    `avro:"call_id"`
		RowID      *int64    `avro:"row_id"`
		RawSHA256  string    `avro:"raw_sha256"`
		ObservedAt time.Time `avro:"observed_at"`
	}
	if err := v.decode(&fields); err != nil {
		return ledger.Fact{}, err
	}
	f := ledger.Fact{TaskID: fields.TaskID, As: ledger.DeadLetter, CallID: fields.CallID, ObservedAt: fields.ObservedAt}
	if f.CallID != "" {
		return f, nil
	}
	var row call.Opt[int64]
	if fields.RowID != nil {
		row = call.Some(*fields.RowID)
	}
	var raw [32]byte
	sum, err := hex.DecodeString(fields.RawSHA256)
	if summed := err == nil && copy(raw[:], sum) == len(raw); row.Set || summed {
		f.RowKey = ledger.RowKey(row, raw)
	}
	return f, nil
}

func changeFact(v value) (ledger.Fact, error) {
	var fields struct {
		TaskID     string    `avro:"task_id"`
		Sequence   int64     `avro:"sequence"`
		Previous   *string   `avro:"previous_status"`
		Status     string    `avro:"status"`
		Rows       int64     `avro:"rows"`
		Finished   int64     `avro:"rows_finished"`
		Cancelled  int64     `avro:"rows_cancelled"`
		Seal       *seal     `avro:"seal"`
		ObservedAt time.Time `avro:"observed_at"`
	}
	err := v.decode(&fields)
	change := ledger.StatusChange{
		Sequence: fields.Sequence, Status: fields.Status,
		Counts: call.Counts{Rows: fields.Rows, Finished: fields.Finished, Cancelled: fields.Cancelled},
		Seal:   (*ledger.Seal)(fields.Seal),
	}
	if fields.Previous != nil {
		change.Previous = call.Some(*fields.Previous)
	}
	return ledger.Fact{TaskID: fields.TaskID, Change: change, ObservedAt: fields.ObservedAt}, err
}

// seal is a ledger.Seal as its record's fields are named.
type seal struct {
	Number       int64  `avro:"seal_number"`
	Exported     int64  `avro:"exported"`
	Cancelled    int64  `avro:"cancelled"`
	NeverDialled int64  `avro:"never_dialled"`
	DeadLettered int64  `avro:"dead_lettered"`
	Late         int64  `avro:"late"`
	Digest       string `avro:"digest"`
}

package record

import (
	"context"
	"fmt"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// The full names of the schemas that tell a ledger something.
const (
	completedName     = "airudder.events.CallCompleted"
	revisedName       = "airudder.events.CallRevised"
	statusChangedName = "airudder.events.TaskStatusChanged"
	deadLetterName    = "airudder.events.DeadLetter"
)

// Fact decodes what a published record tells a ledger; of a CallPrivate its event does. Its
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
	case revisedName:
		f, err = revisedFact(v)
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

// eventFields are what an event, or what became of it, tells.
type eventFields struct {
	TaskID     string    `avro:"task_id"`
	CallID     string    `avro:"call_id"`
	Sequence   int64     `avro:"task_sequence"`
	ObservedAt time.Time `avro:"observed_at"`
}

func (e eventFields) fact(revision int64) ledger.Fact {
	return ledger.Fact{TaskID: e.TaskID, As: ledger.Event, CallID: e.CallID, N: e.Sequence, Revision: revision, ObservedAt: e.ObservedAt}
}

func eventFact(v value) (ledger.Fact, error) {
	var fields eventFields
	err := v.decode(&fields)
	return fields.fact(0), err
}

func revisedFact(v value) (ledger.Fact, error) {
	var fields struct {
		Revision int64       `avro:"revision"`
		Call     eventFields `avro:"call"`
	}
	err := v.decode(&fields)
	return fields.Call.fact(fields.Revision), err
}

// letterFact reads a dead letter. One whose key is not its CallID is known by its row's
// key, and its end says which call the row has shown.
func letterFact(v value) (ledger.Fact, error) {
	var fields struct {
		TaskID     string    `avro:"task_id"`
		CallID     string    `avro:"call_id"`
		Key        string    `avro:"key"`
		Resolved   bool      `avro:"resolved"`
		Reason     string    `avro:"reason"`
		ObservedAt time.Time `avro:"observed_at"`
	}
	err := v.decode(&fields)
	f := ledger.Fact{TaskID: fields.TaskID, As: ledger.DeadLetter, CallID: fields.CallID,
		Reason: call.Reason(fields.Reason), ObservedAt: fields.ObservedAt}
	if fields.Resolved {
		f.As = ledger.Resolved
	}
	if fields.Key != fields.CallID {
		f.RowKey = fields.Key
	}
	return f, err
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
		Exported   int64     `avro:"exported"`
		Unexported int64     `avro:"unexported"`
		Seal       *seal     `avro:"seal"`
		ObservedAt time.Time `avro:"observed_at"`
	}
	err := v.decode(&fields)
	change := ledger.StatusChange{
		Sequence: fields.Sequence, Status: fields.Status,
		Counts:   call.Counts{Rows: fields.Rows, Finished: fields.Finished, Cancelled: fields.Cancelled},
		Exported: fields.Exported, Unexported: fields.Unexported,
		Seal: (*ledger.Seal)(fields.Seal),
	}
	if fields.Previous != nil {
		change.Previous = call.Some(*fields.Previous)
	}
	return ledger.Fact{TaskID: fields.TaskID, Change: change, ObservedAt: fields.ObservedAt}, err
}

// seal is a ledger.Seal as its record's fields are named.
type seal struct {
	Number int64   `avro:"seal_number"`
	Digest string  `avro:"digest"`
	Ends   []int64 `avro:"event_offsets"`
}

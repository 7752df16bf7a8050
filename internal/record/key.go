package record

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// EventKey names what is the key of a CallCompleted: events with the same key go to
// one partition, in order. Where the field that it names is null or empty, the key
// is that of KeyCall.
type EventKey string

// The event keys. In a TaskID, / is written %2F and % is written %25, as in the
// ledger's keys.
const (
	KeyRow          EventKey = "row"  // <TaskID>/<row id>: the attempts of one row, in order
	KeyCall         EventKey = "call" // <TaskID>/<CallID>
	KeyTaskID       EventKey = "task_id"
	KeyCalleeNumber EventKey = "callee_number"
	KeyComments     EventKey = "comments"
)

// EventKeys are all of them; the first is a new ledger's, unless it is given another.
var EventKeys = []EventKey{KeyRow, KeyCall, KeyTaskID, KeyCalleeNumber, KeyComments}

// ParseEventKey reads the setting EventKey; empty is KeyRow. Its error follows the
// setting's name.
func ParseEventKey(s string) (EventKey, error) {
	switch key := EventKey(s); key {
	case "":
		return KeyRow, nil
	case KeyRow, KeyCall, KeyTaskID, KeyCalleeNumber, KeyComments:
		return key, nil
	case "call_id":
		return "", fmt.Errorf("%q is no longer an event key: give %s, whose keys are <TaskID>/<CallID>, "+
			"since two tasks may show one CallID", s, KeyCall)
	}
	return "", fmt.Errorf("%q is not an event key: give %s, %s, %s, %s or %s",
		s, KeyRow, KeyCall, KeyTaskID, KeyCalleeNumber, KeyComments)
}

// Unique reports whether every event has a key of its own, so that a compacted
// event topic would keep them all.
func (k EventKey) Unique() bool { return k == KeyCall }

// CanRevise says whether events with this key may be followed by what becomes of them:
// the value of a field may be what changed, and then the two would be in two partitions,
// in no order. Its error follows the setting's name.
func (k EventKey) CanRevise() error {
	if k == KeyCalleeNumber || k == KeyComments {
		return fmt.Errorf("%s may be what changed, so it cannot be the key of events whose changes are published: "+
			"give %s, %s or %s, or publish no changes", k, KeyRow, KeyCall, KeyTaskID)
	}
	return nil
}

// eventKey returns the key of a call's event, plain UTF-8.
func (e *Encoder) eventKey(p *ledger.Plan, row *call.Row) []byte {
	of := keyed{
		taskID: p.Task.ID, callID: row.CallID, rowID: row.ID,
		calleeNumber: row.CalleeNumber.Value, comments: row.Comments.Value,
	}
	switch { // what the event shows
	case e.showKey == nil:
	case e.cfg.EventKey == KeyCalleeNumber:
		of.calleeNumber = e.showKey(of.calleeNumber)
	case e.cfg.EventKey == KeyComments:
		of.comments = e.showKey(of.comments)
	}
	b := appendEventKey(e.slab.next(), e.cfg.EventKey, of)
	return e.slab.keep(b)
}

// EventKeys are those that would give a CallCompleted the key that it has.
func (d *Decoder) EventKeys(ctx context.Context, r batch.Record) (fits []EventKey, err error) {
	v, err := d.open(ctx, r)
	if err != nil {
		return nil, err
	}
	var fields struct {
		TaskID       string `avro:"task_id"`
		CallID       string `avro:"call_id"`
		RowID        *int64 `avro:"row_id"`
		CalleeNumber string `avro:"callee_number"`
		Comments     string `avro:"comments"`
	}
	if err := v.decode(&fields); err != nil {
		return nil, err
	}
	of := keyed{taskID: fields.TaskID, callID: fields.CallID, calleeNumber: fields.CalleeNumber, comments: fields.Comments}
	if fields.RowID != nil {
		of.rowID = call.Some(*fields.RowID)
	}
	for _, key := range EventKeys {
		if bytes.Equal(appendEventKey(nil, key, of), r.Key) {
			fits = append(fits, key)
		}
	}
	return fits, nil
}

// keyed is what keys are made of.
type keyed struct {
	taskID, callID         string
	rowID                  call.Opt[int64]
	calleeNumber, comments string // as the event has them
}

func appendEventKey(b []byte, key EventKey, of keyed) []byte {
	field := ""
	switch key {
	case KeyRow:
		if of.rowID.Set {
			return strconv.AppendInt(append(ledger.AppendTaskID(b, of.taskID), '/'), of.rowID.Value, 10)
		}
	case KeyTaskID:
		field = of.taskID
	case KeyCalleeNumber:
		field = of.calleeNumber
	case KeyComments:
		field = of.comments
	}
	if field != "" {
		return append(b, field...)
	}
	return append(append(ledger.AppendTaskID(b, of.taskID), '/'), of.callID...)
}

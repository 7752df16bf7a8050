package record

import (
	"fmt"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// EventKey says which field is the key of a CallCompleted, so that records with
// the same value stand in one partition, in order. Where the field is null or
// empty, the CallID is the key.
type EventKey string

// The event keys there are.
const (
	KeyCallID       EventKey = "call_id"
	KeyTaskID       EventKey = "task_id"
	KeyCalleeNumber EventKey = "callee_number"
	KeyComments     EventKey = "comments"
)

// ParseEventKey reads a configured event key; empty is KeyCallID.
func ParseEventKey(s string) (EventKey, error) {
	switch key := EventKey(s); key {
	case "":
		return KeyCallID, nil
	case KeyCallID, KeyTaskID, KeyCalleeNumber, KeyComments:
		return key, nil
	}
	return "", fmt.Errorf("event key %q is none of %s, %s, %s, %s", s, KeyCallID, KeyTaskID, KeyCalleeNumber, KeyComments)
}

// eventKey returns the key of a call's event, plain UTF-8.
func (e *Encoder) eventKey(p *ledger.Plan, row *call.Row, callID []byte) []byte {
	key := ""
	switch e.cfg.EventKey {
	case KeyTaskID:
		key = p.Task.ID
	case KeyCalleeNumber:
		key = row.CalleeNumber.Value
	case KeyComments:
		key = row.Comments.Value
	}
	if key == "" {
		return callID
	}
	return e.slab.keep(append(e.slab.next(), key...))
}

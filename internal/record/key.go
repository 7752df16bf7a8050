package record

import (
	"fmt"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// EventKey names the field that is the key of a CallCompleted: events with the
// same value go to one partition, in order. Where the field is null or empty, the
// CallID is the key.
type EventKey string

// The event keys.
const (
	KeyCallID       EventKey = "call_id"
	KeyTaskID       EventKey = "task_id"
	KeyCalleeNumber EventKey = "callee_number"
	KeyComments     EventKey = "comments"
)

// ParseEventKey reads the setting EventKey; empty is KeyCallID. Its error follows
// the setting's name.
func ParseEventKey(s string) (EventKey, error) {
	switch key := EventKey(s); key {
	case "":
		return KeyCallID, nil
	case KeyCallID, KeyTaskID, KeyCalleeNumber, KeyComments:
		return key, nil
	}
	return "", fmt.Errorf("%q is not an event key: give %s, %s, %s or %s",
		s, KeyCallID, KeyTaskID, KeyCalleeNumber, KeyComments)
}

// Unique reports whether nearly every event has a key of its own, so that a
// compacted event topic would keep them all.
func (k EventKey) Unique() bool { return k == "" || k == KeyCallID }

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

package audit

import (
	"bytes"
	"strconv"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/record"
)

// headers are those of an event that an audit needs. They say all of it: the value, which
// takes ten times as long to decode, need not be looked at.
type headers struct {
	ledgerID, kind, id, subject, recorded, sequence []byte
}

func readHeaders(m *batch.Stored) (h headers, err error) {
	err = m.EachHeader(func(key, value []byte) {
		switch string(key) {
		case record.LedgerHeader:
			h.ledgerID = value
		case "ce_type":
			h.kind = value
		case "ce_id":
			h.id = value
		case "ce_subject":
			h.subject = value
		case "ce_recordedtime":
			h.recorded = value
		case "ce_sequence":
			h.sequence = value
		}
	})
	return h, err
}

// event is what the headers say; false where they are not those of an event.
func (h headers) event() (e Event, ok bool) {
	if string(h.kind) != "airudder.call.completed" || len(h.subject) == 0 || len(h.recorded) == 0 {
		return e, false
	}
	// ce_id is <TaskID>/<CallID>/0, and ce_subject the CallID.
	rest, ok := bytes.CutSuffix(h.id, []byte("/0"))
	if !ok {
		return e, false
	}
	if rest, ok = bytes.CutSuffix(rest, h.subject); !ok || len(rest) < 2 || rest[len(rest)-1] != '/' {
		return e, false
	}
	n, err := strconv.ParseInt(string(h.sequence), 10, 64)
	e = Event{TaskID: rest[:len(rest)-1], CallID: h.subject, N: n, Recorded: h.recorded}
	return e, err == nil && n > 0
}

// EventOf is the event that a stored record is, by its headers, and its ledger's id; false
// where it is none.
func EventOf(m *batch.Stored) (e Event, ledgerID []byte, ok bool) {
	h, err := readHeaders(m)
	if err != nil {
		return e, nil, false
	}
	e, ok = h.event()
	return e, h.ledgerID, ok
}

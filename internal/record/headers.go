package record

import (
	"errors"
	"net/url"
	"strconv"
	"strings"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/ledger"
)

// timeLayout is RFC 3339 in UTC, with the milliseconds that observed_at has.
const timeLayout = "2006-01-02T15:04:05.000Z"

// The headers of a record, in this order: those of CloudEvents 1.0 in the binary
// mode of its Kafka binding
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md),
// and the ledger that keeps the record from being published twice.
const (
	ceSpecVersion = iota
	ceType
	ceSource  // <base URL>/tasks/<TaskID>
	ceID      // unique within the source
	ceSubject // CallID or TaskID
	ceTime    // observed_at
	contentType
	ledgerID
	headersPerRecord
)

// headers makes the headers of a plan's records. The records share the memory of
// what they have in common.
type headers struct {
	tasks  string                         // the base URL up to the TaskID
	shared [headersPerRecord]batch.Header // ce_type, ce_id and ce_subject are a record's own
	free   []batch.Header                 // room for the plan's other records

	callCompleted, statusChanged, deadLetter []byte // ce_type
}

func newHeaders(baseURL, ledger string) (headers, error) {
	u, err := url.Parse(baseURL)
	if err != nil {
		return headers{}, errors.New("the base URL of the API is not a URL") // it may hold a password
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	h := headers{
		tasks:         strings.TrimRight(u.String(), "/") + "/tasks/",
		callCompleted: []byte("airudder.call.completed"),
		statusChanged: []byte("airudder.task.status-changed"),
		deadLetter:    []byte("airudder.call.dead-letter"),
	}
	h.shared = [headersPerRecord]batch.Header{
		ceSpecVersion: {Key: "ce_specversion", Value: []byte("1.0")},
		ceType:        {Key: "ce_type"},
		ceSource:      {Key: "ce_source"},
		ceID:          {Key: "ce_id"},
		ceSubject:     {Key: "ce_subject"},
		ceTime:        {Key: "ce_time"},
		contentType:   {Key: "content-type", Value: []byte("application/avro")},
		ledgerID:      {Key: "airudder_ledger_id", Value: []byte(ledger)},
	}
	return h, nil
}

// begin makes room for the headers of a plan's records.
func (h *headers) begin(p *ledger.Plan, records int) {
	h.shared[ceSource].Value = []byte(h.tasks + url.PathEscape(p.Task.ID))
	h.shared[ceTime].Value = p.ObservedAt.UTC().AppendFormat(nil, timeLayout)
	h.free = make([]batch.Header, records*headersPerRecord)
}

func (h *headers) next(kind, id, subject []byte) []batch.Header {
	if len(h.free) == 0 { // an event that did not fit has used the room of its dead letter
		h.free = make([]batch.Header, headersPerRecord)
	}
	own := h.free[:headersPerRecord:headersPerRecord]
	h.free = h.free[headersPerRecord:]
	copy(own, h.shared[:])
	own[ceType].Value, own[ceID].Value, own[ceSubject].Value = kind, id, subject
	return own
}

// call identifies an event by <TaskID>/<CallID>/0: 0 is the revision.
func (h *headers) call(s *slab, taskID, callID string) (all []batch.Header, callIDBytes []byte) {
	id := appendID(s.next(), taskID, callID)
	end := len(id)
	id = s.keep(append(id, "/0"...))
	callIDBytes = id[len(taskID)+1 : end : end]
	return h.next(h.callCompleted, id, callIDBytes), callIDBytes
}

// change identifies a transition or a seal by <TaskID>/<sequence>.
func (h *headers) change(s *slab, taskID string, sequence int64) (all []batch.Header, taskIDBytes []byte) {
	id := s.keep(strconv.AppendInt(appendID(s.next(), taskID, ""), sequence, 10))
	taskIDBytes = id[:len(taskID):len(taskID)]
	return h.next(h.statusChanged, id, taskIDBytes), taskIDBytes
}

// dead identifies a dead letter by <TaskID>/<CallID>, or by its row's key where
// it shows no CallID.
func (h *headers) dead(s *slab, taskID string, d *ledger.Dead) (all []batch.Header, taskIDBytes []byte) {
	ofRow := d.CallID
	if ofRow == "" {
		ofRow = d.RowKey
	}
	id := s.keep(appendID(s.next(), taskID, ofRow))
	taskIDBytes = id[:len(taskID):len(taskID)]
	subject := taskIDBytes
	if d.CallID != "" {
		subject = id[len(taskID)+1:]
	}
	return h.next(h.deadLetter, id, subject), taskIDBytes
}

func appendID(b []byte, taskID, of string) []byte {
	return append(append(append(b, taskID...), '/'), of...)
}

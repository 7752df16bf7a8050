package record

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/ledger"
)

// The headers by which records of several ledgers in one topic are told apart.
const (
	LedgerHeader  = "airudder_ledger_id"
	AccountHeader = "airudder_account"
)

// Origin is who published a record. An Account without a name is empty, and so is the
// LedgerID of a record that no exporter published.
type Origin struct{ LedgerID, Account string }

// OriginOf reads the headers of a record.
func OriginOf(headers []batch.Header) (o Origin) {
	for _, h := range headers {
		switch h.Key {
		case LedgerHeader:
			o.LedgerID = string(h.Value)
		case AccountHeader:
			o.Account = string(h.Value)
		}
	}
	return o
}

// timeLayout is RFC 3339 in UTC, with the milliseconds that observed_at has.
const timeLayout = "2006-01-02T15:04:05.000Z"

// The headers of a record, in this order: those of CloudEvents 1.0 in the binary
// mode of its Kafka binding
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md),
// and the ledger that keeps the record from being published twice.
const (
	ceSpecVersion = iota
	ceType
	ceSource       // <base URL>[/accounts/<account>]/tasks/<TaskID>
	ceID           // unique within the source
	ceSubject      // CallID or TaskID
	ceTime         // occurred_at of an event, observed_at of any other record
	ceRecordedTime // observed_at
	contentType
	ledgerID
	account // where there is one
	headersPerRecord
)

// ofEvents is how many more an event has: its number, and the privacy that it was made
// under.
const ofEvents = 2

// headers makes the headers of a plan's records. The records share the memory of
// what they have in common.
type headers struct {
	tasks  string                         // ce_source up to the TaskID
	each   int                            // headers of a record: all, or all but the account
	shared [headersPerRecord]batch.Header // ce_type, ce_id and ce_subject are a record's own
	free   []batch.Header                 // room for the plan's other records

	callCompleted, callRevised, statusChanged, deadLetter, callPrivate []byte // ce_type
	privacy                                                            []byte // of every event
}

// Source is what every ce_source of a deployment begins with: the base URL of the
// API, without what may be a password in it.
func Source(baseURL string) (string, error) {
	u, err := url.Parse(baseURL)
	if err != nil {
		return "", errors.New("the base URL of the API is not a URL") // it may hold a password
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return strings.TrimRight(u.String(), "/"), nil
}

func newHeaders(cfg EncoderConfig) (headers, error) {
	source, err := Source(cfg.BaseURL)
	if err != nil {
		return headers{}, err
	}
	h := headers{
		tasks: source + "/tasks/", each: headersPerRecord - 1,
		callCompleted: []byte("airudder.call.completed"),
		callRevised:   []byte("airudder.call.revised"),
		statusChanged: []byte("airudder.task.status-changed"),
		deadLetter:    []byte("airudder.call.dead-letter"),
		callPrivate:   []byte("airudder.call.private"),
		privacy:       []byte(cfg.Privacy.Header()),
	}
	h.shared = [headersPerRecord]batch.Header{
		ceSpecVersion:  {Key: "ce_specversion", Value: []byte("1.0")},
		ceType:         {Key: "ce_type"},
		ceSource:       {Key: "ce_source"},
		ceID:           {Key: "ce_id"},
		ceSubject:      {Key: "ce_subject"},
		ceTime:         {Key: "ce_time"},
		ceRecordedTime: {Key: "ce_recordedtime"},
		contentType:    {Key: "content-type", Value: []byte("application/avro")},
		ledgerID:       {Key: LedgerHeader, Value: []byte(cfg.LedgerID)},
		account:        {Key: AccountHeader, Value: []byte(cfg.Account)},
	}
	if cfg.Account != "" { // which is of letters that a URL needs not escape
		h.tasks = source + "/accounts/" + cfg.Account + "/tasks/"
		h.each = headersPerRecord
	}
	return h, nil
}

// begin makes room for the headers of a plan's records.
func (h *headers) begin(p *ledger.Plan, records int) {
	h.shared[ceSource].Value = []byte(h.tasks + url.PathEscape(p.Task.ID))
	h.shared[ceTime].Value = p.ObservedAt.UTC().AppendFormat(nil, timeLayout)
	h.shared[ceRecordedTime].Value = h.shared[ceTime].Value
	h.free = make([]batch.Header, records*(h.each+ofEvents))
}

func (h *headers) next(kind, id, subject []byte) []batch.Header {
	room := h.each + ofEvents
	if len(h.free) == 0 { // an event that did not fit has used the room of its dead letter
		h.free = make([]batch.Header, room)
	}
	own := h.free[:h.each:room]
	h.free = h.free[room:]
	copy(own, h.shared[:])
	own[ceType].Value, own[ceID].Value, own[ceSubject].Value = kind, id, subject
	return own
}

// call identifies an event and its revisions by <TaskID>/<CallID>/<revision>.
func (h *headers) call(s *slab, of *event) []batch.Header {
	id := appendID(s.next(), of.task.ID, of.CallID)
	end := len(id)
	id = s.keep(strconv.AppendInt(append(id, '/'), of.revision, 10))
	kind := h.callCompleted
	if of.revision > 0 {
		kind = h.callRevised
	}
	all := h.next(kind, id, id[len(of.task.ID)+1:end:end])
	all[ceTime].Value = s.keep(of.occurredAt().UTC().AppendFormat(s.next(), timeLayout))
	number := s.keep(strconv.AppendInt(s.next(), of.sequence, 10))
	return append(all, batch.Header{Key: "ce_sequence", Value: number}, batch.Header{Key: "airudder_privacy", Value: h.privacy})
}

// private identifies what is kept apart from an event by the event's id with /private
// behind it. Otherwise the two have the same headers.
func (h *headers) private(s *slab, event []batch.Header) []batch.Header {
	own := slices.Clone(event)
	own[ceType].Value = h.callPrivate
	own[ceID].Value = s.keep(append(append(s.next(), event[ceID].Value...), "/private"...))
	return own
}

// change identifies a transition or a seal by <TaskID>/status/<sequence>.
func (h *headers) change(s *slab, taskID string, sequence int64) (all []batch.Header, taskIDBytes []byte) {
	id := s.keep(strconv.AppendInt(appendID(s.next(), taskID, "status/"), sequence, 10))
	taskIDBytes = id[:len(taskID):len(taskID)]
	return h.next(h.statusChanged, id, taskIDBytes), taskIDBytes
}

// dead identifies a dead letter by <TaskID>/dead/<key>, and its end by that with
// /resolved behind it.
func (h *headers) dead(s *slab, taskID, callID, key string, resolved bool) (all []batch.Header, taskIDBytes []byte) {
	id := append(appendID(s.next(), taskID, "dead/"), key...)
	if resolved {
		id = append(id, "/resolved"...)
	}
	id = s.keep(id)
	taskIDBytes = id[:len(taskID):len(taskID)]
	subject := taskIDBytes
	if callID != "" {
		subject = s.keep(append(s.next(), callID...))
	}
	return h.next(h.deadLetter, id, subject), taskIDBytes
}

func appendID(b []byte, taskID, of string) []byte {
	return append(append(append(b, taskID...), '/'), of...)
}

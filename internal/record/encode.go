package record

import (
	"encoding/binary"
	"errors"
	"fmt"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// EncoderConfig is what the records of a deployment have in common.
type EncoderConfig struct {
	Topics   Topics
	IDs      IDs
	Limits   Limits
	EventKey EventKey // empty: KeyCallID
	BaseURL  string   // of the AIRudder API, for ce_source; credentials in it are left out
	LedgerID string
}

// Topics are the names of the topics that records go to.
type Topics struct {
	CallCompleted string
	TaskStatus    string
	DeadLetter    string
	Ledger        string
}

// Limits are the largest records that the topics take, in bytes as Record.Size
// counts them. 0: no limit.
type Limits struct {
	CallCompleted int
	TaskStatus    int
	DeadLetter    int
}

// Encoder turns plans into records. Only one goroutine may use it at a time. What
// it returns belongs to the caller and is never written again.
type Encoder struct {
	cfg     EncoderConfig
	codecs  codecs
	headers headers
	slab    slab

	task       *native[call.Task]
	row        *native[event]
	status     *native[change]
	deadLetter *native[deadLetter]

	callPrefix []byte // frame and task fields of the plan's events
}

// NewEncoder returns an Encoder. An error means that the configuration or an
// embedded schema is wrong.
func NewEncoder(cfg EncoderConfig) (*Encoder, error) {
	key, err := ParseEventKey(string(cfg.EventKey))
	if err != nil {
		return nil, fmt.Errorf("EventKey: %w", err)
	}
	cfg.EventKey = key
	codecs, err := newCodecs()
	if err != nil {
		return nil, err
	}
	headers, err := newHeaders(cfg.BaseURL, cfg.LedgerID)
	if err != nil {
		return nil, err
	}
	return &Encoder{
		cfg: cfg, codecs: codecs, headers: headers,
		task:       newNative(taskColumns()),
		row:        newNative(rowColumns()),
		status:     newNative(statusColumns()),
		deadLetter: newNative(deadLetterColumns()),
	}, nil
}

// Encoded is a unit of a plan with its records. Its entries are to be applied once
// the records are committed.
type Encoded struct {
	ledger.Unit
	Records []batch.Record
}

// Plan encodes a plan's units, in order. A unit's records are what it publishes,
// then the ledger entries that say so. An event that is too large for its topic
// becomes a dead letter, which changes its unit; the plan itself is not changed.
func (e *Encoder) Plan(p ledger.Plan) ([]Encoded, error) {
	published, entries := count(p.Units)
	e.headers.begin(&p, published)
	if err := e.beginCalls(&p); err != nil {
		return nil, err
	}
	units := make([]Encoded, len(p.Units))
	records := make([]batch.Record, 0, published+entries) // of all units
	for i, u := range p.Units {
		from := len(records)
		var err error
		if units[i].Unit, records, err = e.unit(&p, u, records); err != nil {
			return nil, fmt.Errorf("encode a plan of task %s: %w", p.Task.ID, err)
		}
		units[i].Records = records[from:len(records):len(records)]
	}
	return units, nil
}

// count returns how many records units publish, and how many entries they have.
func count(units []ledger.Unit) (published, entries int) {
	for i := range units {
		u := &units[i]
		published += len(u.Changes)
		entries += len(u.Entries)
		if u.Call != nil || u.Dead != nil {
			published++
		}
	}
	return published, entries
}

// unit appends a unit's records and returns the unit as it was encoded.
func (e *Encoder) unit(p *ledger.Plan, u ledger.Unit, records []batch.Record) (ledger.Unit, []batch.Record, error) {
	if u.Call != nil {
		r, err := e.call(p, u.Call)
		if err != nil {
			return u, nil, err
		}
		if fits(r, e.cfg.Limits.CallCompleted) {
			records = append(records, r)
		} else {
			u = ledger.TooLarge(u, e.cfg.Limits.CallCompleted)
		}
	}
	if u.Dead != nil {
		r, err := e.dead(p, u.Dead)
		if err != nil {
			return u, nil, err
		}
		records = append(records, r)
	}
	for i := range u.Changes {
		r, err := e.change(p, &u.Changes[i])
		if err != nil {
			return u, nil, err
		}
		records = append(records, r)
	}
	for _, entry := range u.Entries {
		records = append(records, e.entry(entry))
	}
	return u, records, nil
}

func fits(r batch.Record, limit int) bool { return limit <= 0 || r.Size() <= limit }

// beginCalls encodes what all events of a plan begin with.
func (e *Encoder) beginCalls(p *ledger.Plan) (err error) {
	e.callPrefix = appendFrame(e.callPrefix[:0], e.cfg.IDs.CallCompleted)
	e.callPrefix, err = e.codecs.task.BinaryFromNative(e.callPrefix, e.task.fill(&p.Task))
	return encoded(err, "the task's fields of a CallCompleted")
}

func (e *Encoder) call(p *ledger.Plan, row *call.Row) (batch.Record, error) {
	value, err := e.callValue(p, row)
	if err != nil {
		return batch.Record{}, err
	}
	h, callID := e.headers.call(&e.slab, p.Task.ID, row.CallID)
	r := batch.Record{Topic: e.cfg.Topics.CallCompleted, Key: e.eventKey(p, row, callID), Value: value, Headers: h}
	return r, nil
}

func (e *Encoder) callValue(p *ledger.Plan, row *call.Row) ([]byte, error) {
	b := append(e.slab.next(), e.callPrefix...)
	b, err := e.codecs.row.BinaryFromNative(b, e.row.fill(&event{row, &p.Task, p.ObservedAt}))
	if err != nil {
		return nil, encoded(err, "CallCompleted")
	}
	return e.slab.keep(b), nil
}

// change encodes a transition or a seal; where it does not fit, without the task's
// name, which is better than not at all.
func (e *Encoder) change(p *ledger.Plan, c *ledger.StatusChange) (batch.Record, error) {
	h, taskID := e.headers.change(&e.slab, p.Task.ID, c.Sequence)
	r := batch.Record{Topic: e.cfg.Topics.TaskStatus, Key: taskID, Headers: h}
	limit := e.cfg.Limits.TaskStatus
	for task := p.Task; ; task.Name.Set = false {
		b := appendFrame(e.slab.next(), e.cfg.IDs.TaskStatus)
		b, err := e.codecs.status.BinaryFromNative(b, e.status.fill(&change{c, &task, p.ObservedAt}))
		if err := encoded(err, "TaskStatusChanged"); err != nil {
			return batch.Record{}, err
		}
		r.Value = e.slab.keep(b)
		switch {
		case fits(r, limit):
			return r, nil
		case !task.Name.Set:
			return batch.Record{}, fmt.Errorf("a TaskStatusChanged has %d bytes, but its topic takes %d", r.Size(), limit)
		}
	}
}

// dead encodes a dead letter, and cuts the raw row until the record fits.
func (e *Encoder) dead(p *ledger.Plan, d *ledger.Dead) (batch.Record, error) {
	reject := d.Reject
	h, taskID := e.headers.dead(&e.slab, p.Task.ID, d)
	r := batch.Record{Topic: e.cfg.Topics.DeadLetter, Key: taskID, Headers: h}
	limit := e.cfg.Limits.DeadLetter
	letter := deadLetter{&reject, p.Task.ID, p.ObservedAt}
	for {
		b := appendFrame(e.slab.next(), e.cfg.IDs.DeadLetter)
		b, err := e.codecs.deadLetter.BinaryFromNative(b, e.deadLetter.fill(&letter))
		if err := encoded(err, "DeadLetter"); err != nil {
			return batch.Record{}, err
		}
		r.Value = e.slab.keep(b)
		switch {
		case fits(r, limit):
			return r, nil
		case len(reject.Raw) == 0:
			return batch.Record{}, fmt.Errorf("a DeadLetter without its row has %d bytes, but its topic takes %d",
				r.Size(), limit)
		}
		reject.Raw = reject.Raw[:max(0, len(reject.Raw)-(r.Size()-limit))]
	}
}

func (e *Encoder) entry(entry ledger.Entry) batch.Record {
	r := batch.Record{Topic: e.cfg.Topics.Ledger, Key: e.slab.keep(entry.AppendKey(e.slab.next()))}
	if !entry.Tombstone {
		r.Value = e.slab.keep(entry.AppendValue(e.slab.next()))
	}
	return r
}

// frameSize is the length of Confluent's wire format before the Avro bytes: a
// zero and the schema's id, big-endian
// (https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format).
const frameSize = 5

func appendFrame(b []byte, id int) []byte {
	return binary.BigEndian.AppendUint32(append(b, 0), uint32(id))
}

// encoded drops the text of a codec's error, which quotes values.
func encoded(err error, what string) error {
	if err != nil {
		return errors.New("encode " + what + ": a value does not match its schema")
	}
	return nil
}

package record

import (
	"encoding/binary"
	"errors"
	"fmt"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/record/privacy"
)

// EncoderConfig is what the records of a deployment have in common.
type EncoderConfig struct {
	Topics   Topics
	IDs      IDs
	Limits   Limits   // nil: none
	EventKey EventKey // empty: KeyRow
	BaseURL  string   // of the AIRudder API, for ce_source; credentials in it are left out
	LedgerID string
	Privacy  privacy.Choice
	Account  string // of AIRudder, where there are several; empty: it has no name
}

// Limits are what may be written at once.
type Limits interface {
	// Limit is a topic's max.message.bytes; 0: it has none. It is asked once a plan.
	Limit(topic string) int

	// Fits reports whether a unit's records fit into one transaction; its error is a
	// *batch.TooLargeError where they do not.
	Fits(unit []batch.Record) error
}

// Topics are the names of the topics that records go to.
type Topics struct {
	CallCompleted string
	TaskStatus    string
	DeadLetter    string
	CallPrivate   string // empty: no field is private
	CallRevised   string // empty: changes are not published
	Ledger        string
}

// ByContent are the topics' names by what is in them: the name of a record, or Ledger.
func (t Topics) ByContent() map[string]string {
	return map[string]string{
		"CallCompleted": t.CallCompleted, "TaskStatusChanged": t.TaskStatus, "DeadLetter": t.DeadLetter,
		"CallPrivate": t.CallPrivate, "CallRevised": t.CallRevised, "Ledger": t.Ledger,
	}
}

// EventSize is how large an event may be, by Record.Size, that is never given up: a
// topic that does not take it is set wrong, and the event waits.
const EventSize = 1_000_000

// Encoder turns plans into records. Only one goroutine may use it at a time. What
// it returns belongs to the caller and is never written again.
type Encoder struct {
	cfg     EncoderConfig
	codecs  codecs
	headers headers
	slab    slab

	task       *native[call.Task]
	row        *native[event]
	private    *native[event] // nil: no field is private
	status     *native[change]
	deadLetter *native[deadLetter]

	showKey func(string) string // as the event shows the field that is its key; nil: as it is

	taskFields []byte         // of the plan's events, encoded
	limits     map[string]int // of the plan: topic → max.message.bytes
	own        []batch.Record // of the call that is encoded
}

// NewEncoder returns an Encoder. An error means that the configuration or an
// embedded schema is wrong.
func NewEncoder(cfg EncoderConfig) (*Encoder, error) {
	key, err := ParseEventKey(string(cfg.EventKey))
	if err != nil {
		return nil, fmt.Errorf("EventKey: %w", err)
	}
	cfg.EventKey = key
	if err := cfg.Privacy.CheckEventKey(string(key)); err != nil {
		return nil, fmt.Errorf("EventKey: %w", err)
	}
	if err := key.CanRevise(); err != nil && cfg.Topics.CallRevised != "" {
		return nil, fmt.Errorf("EventKey: %w", err)
	}
	codecs, err := newCodecs()
	if err != nil {
		return nil, err
	}
	headers, err := newHeaders(cfg)
	if err != nil {
		return nil, err
	}
	e := &Encoder{
		cfg: cfg, codecs: codecs, headers: headers, limits: make(map[string]int),
		task:       newNative(taskColumns(cfg.Account)),
		row:        newNative(shownColumns(cfg.Privacy)),
		status:     newNative(statusColumns(cfg.Account)),
		deadLetter: newNative(deadLetterColumns(cfg.Account)),
	}
	e.showKey, _ = cfg.Privacy.Show(string(key))
	if cfg.Topics.CallPrivate != "" && cfg.Privacy.Separate() {
		e.private = newNative(privateColumns(cfg.Privacy, cfg.Account))
	}
	return e, nil
}

// Encoded is a unit of a plan with its records. Its entries are to be applied once
// the records are committed.
type Encoded struct {
	ledger.Unit
	Records []batch.Record // none: it has to wait, since its topic does not take it

	// TooLarge says that the unit does not fit as it was planned; nil: it does. With
	// records, its event is given up for a dead letter.
	TooLarge *batch.TooLargeError
}

// Plan encodes a plan's units, in order. A unit's records are what it publishes,
// then the ledger entries that say so. An event that its topic does not take waits
// or, above EventSize, becomes a dead letter, which changes its unit; the plan
// itself is not changed.
func (e *Encoder) Plan(p ledger.Plan) ([]Encoded, error) {
	clear(e.limits)
	if e.cfg.Limits != nil {
		all := e.cfg.Topics
		for _, topic := range []string{all.CallCompleted, all.TaskStatus, all.DeadLetter, all.CallPrivate, all.CallRevised} {
			if topic != "" {
				e.limits[topic] = e.cfg.Limits.Limit(topic)
			}
		}
	}
	published, entries := count(p.Units)
	e.headers.begin(&p, published)
	if err := e.beginCalls(&p); err != nil {
		return nil, err
	}
	last := p.Last
	units := make([]Encoded, len(p.Units))
	records := make([]batch.Record, 0, published+entries) // of all units
	for i, u := range p.Units {
		from := len(records)
		if units[i].Unit = u; u.Call != nil {
			units[i].Unit = u.Number(last + 1)
		}
		var err error
		records, err = e.unit(&p, &units[i], records)
		if err == nil && e.cfg.Limits != nil {
			err = e.cfg.Limits.Fits(records[from:])
		}
		if tooLarge, waits := errors.AsType[*batch.TooLargeError](err); waits {
			units[i], records, err = Encoded{Unit: u, TooLarge: tooLarge}, records[:from], nil
		}
		if err != nil {
			return nil, fmt.Errorf("encode a plan of task %s: %w", p.Task.ID, err)
		}
		units[i].Records = records[from:len(records):len(records)]
		if units[i].Call != nil && len(units[i].Records) > 0 {
			last++
		}
	}
	return units, nil
}

// count returns how many records units publish, and how many entries they have.
func count(units []ledger.Unit) (published, entries int) {
	for i := range units {
		u := &units[i]
		published += len(u.Changes)
		entries += len(u.Entries)
		if u.Call != nil || u.Revised != nil || u.Dead != nil {
			published++
		}
		published += len(u.Resolved)
	}
	return published, entries
}

// unit appends a unit's records. A *batch.TooLargeError says that it has to wait.
func (e *Encoder) unit(p *ledger.Plan, u *Encoded, records []batch.Record) ([]batch.Record, error) {
	if u.Call != nil {
		own, err := e.call(p, &event{u.Call, &p.Task, u.Entries[0].Published.N, 0, p.ObservedAt})
		if err != nil {
			return records, err
		}
		switch tooLarge := e.anyTooLarge(own); {
		case tooLarge == nil:
			records = append(records, own...)
		case tooLarge.Size <= batch.Needs(EventSize):
			return records, tooLarge
		default:
			u.Unit, u.TooLarge = ledger.TooLarge(u.Unit, tooLarge.Limit), tooLarge
		}
	}
	if of := u.Revised; of != nil {
		own, err := e.call(p, &event{of.Row, &p.Task, of.N, of.Revision, p.ObservedAt})
		if err != nil {
			return records, err
		}
		if tooLarge := e.anyTooLarge(own); tooLarge != nil {
			return records, tooLarge
		}
		records = append(records, own...)
	}
	if u.Dead != nil {
		r, err := e.dead(p, u.Dead)
		if err != nil {
			return records, err
		}
		records = append(records, r)
	}
	for i := range u.Resolved {
		r, err := e.resolved(p, &u.Resolved[i])
		if err != nil {
			return records, err
		}
		records = append(records, r)
	}
	for i := range u.Changes {
		r, err := e.change(p, &u.Changes[i])
		if err != nil {
			return records, err
		}
		records = append(records, r)
	}
	for _, entry := range u.Entries {
		records = append(records, e.entry(entry))
	}
	return records, nil
}

// tooLarge says that a record's topic does not take it; nil: it does.
func (e *Encoder) tooLarge(r batch.Record) *batch.TooLargeError {
	limit, needs := e.limits[r.Topic], batch.Needs(r.Size())
	if limit <= 0 || needs <= limit {
		return nil
	}
	return &batch.TooLargeError{Topic: r.Topic, Size: needs, Limit: limit}
}

// anyTooLarge is the first of records that its topic does not take, or the first that no
// topic has to take; nil: there is none.
func (e *Encoder) anyTooLarge(records []batch.Record) (first *batch.TooLargeError) {
	for _, r := range records {
		tooLarge := e.tooLarge(r)
		switch {
		case tooLarge == nil:
		case r.Size() > EventSize:
			return tooLarge
		case first == nil:
			first = tooLarge
		}
	}
	return first
}

// change encodes a transition or a seal; where it does not fit, without the task's
// name, which is better than not at all. Its error may be a *batch.TooLargeError.
func (e *Encoder) change(p *ledger.Plan, c *ledger.StatusChange) (batch.Record, error) {
	h, taskID := e.headers.change(&e.slab, p.Task.ID, c.Sequence)
	r := batch.Record{Topic: e.cfg.Topics.TaskStatus, Key: taskID, Headers: h}
	for task := p.Task; ; task.Name.Set = false {
		b := appendFrame(e.slab.next(), e.cfg.IDs.TaskStatus)
		b, err := e.codecs.status.BinaryFromNative(b, e.status.fill(&change{c, &task, e.cfg.Topics.CallCompleted, p.ObservedAt}))
		if err := encoded(err, "TaskStatusChanged"); err != nil {
			return batch.Record{}, err
		}
		r.Value = e.slab.keep(b)
		switch tooLarge := e.tooLarge(r); {
		case tooLarge == nil:
			return r, nil
		case !task.Name.Set:
			return batch.Record{}, tooLarge
		}
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

package record

import (
	"encoding/binary"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/ledger"
)

// beginCalls encodes what all events of a plan begin with.
func (e *Encoder) beginCalls(p *ledger.Plan) (err error) {
	e.taskFields, err = e.codecs.task.BinaryFromNative(e.taskFields[:0], e.task.fill(&p.Task))
	return encoded(err, "the task's fields of a CallCompleted")
}

// call encodes an event, or what becomes of it later, and where a field is private, what
// is kept apart from it. The result is valid until the next call.
func (e *Encoder) call(p *ledger.Plan, of *event) ([]batch.Record, error) {
	value, err := e.callValue(of)
	if err != nil {
		return nil, err
	}
	h := e.headers.call(&e.slab, of)
	r := batch.Record{Topic: e.cfg.Topics.CallCompleted, Key: e.eventKey(p, of.Row), Value: value, Headers: h}
	if of.revision > 0 {
		r.Topic = e.cfg.Topics.CallRevised
	}
	e.own = append(e.own[:0], r)
	if e.private == nil {
		return e.own, nil
	}
	r.Topic, r.Headers = e.cfg.Topics.CallPrivate, e.headers.private(&e.slab, h)
	if r.Value, err = e.privateValue(of); err != nil {
		return nil, err
	}
	e.own = append(e.own, r)
	return e.own, nil
}

func (e *Encoder) privateValue(of *event) ([]byte, error) {
	b := appendFrame(e.slab.next(), e.cfg.IDs.CallPrivate)
	b, err := e.codecs.private.BinaryFromNative(b, e.private.fill(of))
	if err != nil {
		return nil, encoded(err, "CallPrivate")
	}
	return e.slab.keep(b), nil
}

func (e *Encoder) callValue(of *event) ([]byte, error) {
	b := e.slab.next()
	if of.revision == 0 {
		b = appendFrame(b, e.cfg.IDs.CallCompleted)
	} else { // Avro writes a record in a record as its fields, one after the other
		b = binary.AppendVarint(appendFrame(b, e.cfg.IDs.CallRevised), of.revision)
	}
	b = append(b, e.taskFields...)
	b, err := e.codecs.row.BinaryFromNative(b, e.row.fill(of))
	if err != nil {
		return nil, encoded(err, "CallCompleted")
	}
	return e.slab.keep(b), nil
}

package record

import (
	"cmp"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/record/privacy"
)

// dead encodes a dead letter, and cuts the raw row until the record fits. A
// *batch.TooLargeError says that it does not fit without the row, either.
func (e *Encoder) dead(p *ledger.Plan, d *ledger.Dead) (batch.Record, error) {
	reject := d.Reject
	if e.cfg.Privacy.Mode(privacy.RawRow) != privacy.Keep {
		reject.Raw = nil
	}
	key := cmp.Or(d.CallID, d.RowKey)
	h, taskID := e.headers.dead(&e.slab, p.Task.ID, d.CallID, key, false)
	return e.letter(batch.Record{Key: taskID, Headers: h}, &deadLetter{&reject, p.Task.ID, key, false, p.ObservedAt})
}

// resolved encodes the end of a dead letter.
func (e *Encoder) resolved(p *ledger.Plan, of *ledger.Resolution) (batch.Record, error) {
	row := call.Reject{Reason: of.Reason, CallID: of.CallID, RowID: of.RowID}
	h, taskID := e.headers.dead(&e.slab, p.Task.ID, of.CallID, of.Key, true)
	return e.letter(batch.Record{Key: taskID, Headers: h}, &deadLetter{&row, p.Task.ID, of.Key, true, p.ObservedAt})
}

// letter encodes a dead letter's value.
func (e *Encoder) letter(r batch.Record, letter *deadLetter) (batch.Record, error) {
	r.Topic = e.cfg.Topics.DeadLetter
	reject := letter.Reject
	for {
		b := appendFrame(e.slab.next(), e.cfg.IDs.DeadLetter)
		b, err := e.codecs.deadLetter.BinaryFromNative(b, e.deadLetter.fill(letter))
		if err := encoded(err, "DeadLetter"); err != nil {
			return batch.Record{}, err
		}
		r.Value = e.slab.keep(b)
		tooLarge := e.tooLarge(r)
		switch {
		case tooLarge == nil:
			return r, nil
		case len(reject.Raw) == 0:
			return batch.Record{}, tooLarge
		}
		over := 1 + (tooLarge.Size-tooLarge.Limit)*64/65 // bytes of the record, as batch.Needs counts
		reject.Raw = reject.Raw[:max(0, len(reject.Raw)-over)]
	}
}

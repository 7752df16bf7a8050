package airudder

import (
	"errors"
	"strconv"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"

	"airudder-exporter/internal/call"
)

// maxCallID is the longest CallID that is taken for one: it is a key in Kafka.
const maxCallID = 1 << 10

// row takes one row as the scanner framed it.
func (r *reading) row(raw []byte, p probe) error {
	if r.passOver {
		return nil
	}
	switch r.look(p) {
	case rowFinished:
		return r.finished(raw, p)
	case rowUnreadable:
		r.unreadable(raw, p)
	}
	return nil
}

// finished takes a row that shows a finished call.
func (r *reading) finished(raw []byte, p probe) error {
	callID, hash := callIDOf(p), xxhash.Sum64(raw)
	if r.isKnown(callID, hash) {
		return nil
	}
	switch {
	case p.deep:
		r.reject(call.BrokenJSON, "the row nests too deeply", raw, p)
	case !validRow(raw):
		r.reject(call.BrokenJSON, "the row is not valid JSON", raw, p)
	case !utf8.Valid(raw):
		r.reject(call.InvalidUTF8, "the row is not valid UTF-8", raw, p)
	case len(callID) == 0:
		r.reject(call.NoCallID, noCallID(p), raw, p)
	case tooManyValues(raw):
		r.reject(call.TooLarge, "the row has more than "+strconv.Itoa(maxValues)+" values", raw, p)
	default:
		return r.decode(raw, hash, p)
	}
	return nil
}

// unreadable takes a row without a status to be read. Where the row is not JSON,
// the status may be what broke. Its CallID is left out of it: the call may still
// be going on, and under its CallID a dead letter would stand for its event.
func (r *reading) unreadable(raw []byte, p probe) {
	p.callID = nil
	if p.deep || validRow(raw) || r.isKnown(nil, xxhash.Sum64(raw)) {
		return
	}
	r.reject(call.BrokenJSON, "the row and its status are no valid JSON", raw, p)
}

// decode decodes a new row in its place in the next part.
func (r *reading) decode(raw []byte, hash uint64, p probe) error {
	if r.pending == nil {
		r.pending = make([]call.Row, 0, r.likely)
	}
	n := len(r.pending)
	r.pending = append(r.pending, call.Row{Hash: hash})
	row := &r.pending[n]
	d := r.decoding()
	if err := decodeRow(&d, row, raw, p); err != nil {
		r.pending = r.pending[:n]
		r.reject(call.BrokenJSON, err.Error(), raw, p)
		return nil
	}
	r.metrics.redialAfter.Add(float64(redialsAfter(row)))
	return r.added(len(raw))
}

// largeRow takes a row that was too large to be held.
func (r *reading) largeRow(l *largeRow) error {
	if r.passOver || r.look(l.probe) != rowFinished || r.isKnown(callIDOf(l.probe), l.hash.Sum64()) {
		return nil
	}
	j := call.Reject{Reason: call.TooLarge, Detail: "the row has " + strconv.FormatInt(l.size, 10) + " bytes",
		Raw: l.head, RawSize: l.size, Hash: l.hash.Sum64()}
	l.sum.Sum(j.RawSHA256[:0])
	r.rejects.add(j, l.probe)
	return nil
}

// showing is what a row's status says.
type showing int

const (
	rowOpen       showing = iota // or cancelled, or no row at all: nothing to publish
	rowFinished                  // a call to publish
	rowUnreadable                // there is no status, or none that can be read
)

// look counts a row by what its status says.
func (r *reading) look(p probe) showing {
	r.counts.Rows++
	r.metrics.rowsRead.Inc()
	if !p.object {
		r.metrics.mismatched("detail")
		return rowOpen
	}
	status, ok := textOf(p.status)
	switch {
	case !ok:
		if !isNull(p.status) {
			r.metrics.mismatched("Status")
		}
		return rowUnreadable
	case string(status) == call.Finished:
		r.counts.Finished++
		return rowFinished
	case call.IsCancelled(string(status)):
		r.counts.Cancelled++
	case string(status) != call.Pending && string(status) != call.Calling:
		r.metrics.oddStatus.Inc()
	}
	return rowOpen
}

// callIDOf returns the probed CallID, a number's being its literal digits; empty
// if it is none that could be published.
func callIDOf(p probe) []byte {
	id := p.callID
	if !isNumber(id) {
		id, _ = textOf(id)
	}
	if len(id) > maxCallID || !utf8.Valid(id) {
		return nil
	}
	return id
}

// noCallID says why a row has none, without a word of its own.
func noCallID(p probe) string {
	text, isText := textOf(p.callID)
	switch {
	case len(p.callID) == 0:
		return "finished, but CallID is absent"
	case isNull(p.callID):
		return "finished, but CallID is null"
	case isText && len(text) == 0:
		return "finished, but CallID is empty"
	case isText || isNumber(p.callID):
		return "finished, but CallID is longer than " + strconv.Itoa(maxCallID) + " bytes"
	}
	return "finished, but CallID is neither a string nor a number"
}

// isKnown asks about a row; one without a CallID is known by its hash alone.
func (r *reading) isKnown(callID []byte, hash uint64) bool {
	if r.verdict(callID, hash) == call.RowNew {
		return false
	}
	r.metrics.rowsSkipped.Inc()
	return true
}

// added hands on the next part once it is large enough; its last row has this
// many raw bytes.
func (r *reading) added(size int) error {
	r.size += size
	switch {
	case !r.whole && r.heldSize+r.size > maxHeld && r.inHand != nil:
		r.completeHeader()
		return r.release()
	case !r.whole && r.heldSize+r.size > maxHeld:
		r.passOver = true
		r.pending, r.held = nil, nil
	case len(r.pending) == partRows, r.size >= partBytes:
		return r.flush()
	}
	return nil
}

// flush hands on what is pending, or has it wait for the header.
func (r *reading) flush() error {
	rows, size := r.pending, r.size
	r.pending, r.size, r.likely = nil, 0, len(rows)
	switch {
	case len(rows) == 0:
		return nil
	case r.whole:
		return r.hand(rows)
	}
	r.held, r.heldSize = append(r.held, rows), r.heldSize+size
	return nil
}

func (r *reading) hand(rows []call.Row) error {
	task := r.task
	if r.inHand != nil {
		task = *r.inHand
	}
	r.yielded, r.shared = true, true
	if err := r.yield(call.Part{Task: task, Started: r.started, Rows: rows}); err != nil {
		return &stopError{err}
	}
	return nil
}

// salvage hands on the rows that came whole before a response broke off.
func (r *reading) salvage(broke error) error {
	var stop *stopError
	if errors.As(broke, &stop) || kindOf(broke) == KindWrongTask || !r.whole {
		return broke
	}
	if err := r.release(); err != nil {
		return err
	}
	return broke
}

func (r *reading) reject(why call.Reason, detail string, raw []byte, p probe) {
	j := call.NewReject(why, raw)
	j.Detail, j.Hash = detail, xxhash.Sum64(raw)
	r.rejects.add(j, p)
}

// maxRejects is how many bytes of rejects one reading holds; each counts for its
// raw bytes and rejectSize.
const (
	maxRejects = 8 << 20
	rejectSize = 256
)

type rejects struct {
	all  []call.Reject
	size int
	more bool // there were others
}

func (r *rejects) add(j call.Reject, p probe) {
	if r.size += len(j.Raw) + rejectSize; r.size > maxRejects {
		r.more = true
		return
	}
	j.CallID = string(callIDOf(p))
	if id, err := strconv.ParseInt(string(p.id), 10, 64); err == nil {
		j.RowID = call.Some(id)
	}
	r.all = append(r.all, j)
}

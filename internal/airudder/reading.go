package airudder

import (
	"bytes"
	"strings"
	"time"

	"airudder-exporter/internal/call"
)

// Bounds of what a reading holds of its rows.
const (
	partRows  = 256
	partBytes = 512 << 10 // raw
	maxHeld   = 2 << 20   // raw: new rows that wait for the task's header
	maxExtra  = 16 << 10  // of the task's fields that are kept raw: each of its events carries them
)

// reading makes one task detail out of a response, or of two.
type reading struct {
	q       request
	asked   string
	verdict call.Judge
	yield   func(call.Part) error
	metrics *metrics
	zone    *time.Location
	inHand  *call.Task // the header that an earlier response ended with

	yielded bool // in any response

	// Of the response at hand.
	started time.Time
	code    []byte // the envelope's, raw
	data    shape
	detail  shape

	// These came under their own names, and not only under another spelling.
	ownCode, ownData, ownDetail bool

	task     call.Task
	shared   bool          // parts that went out hold task's map
	extra    int           // bytes that task.Additional was given
	seen     uint          // bit i: the header's taskFields[i] was there, under its own name
	folded   []foldedField // those under another spelling
	whole    bool          // the header is
	passOver bool          // the rows, which came before the header and are too many
	pending  []call.Row
	size     int          // raw bytes of pending
	likely   int          // rows of the next part, by those of the last
	held     [][]call.Row // parts that wait for the header
	heldSize int
	counts   call.Counts
	rejects  rejects
}

// shape is what stood for data and for detail.
type shape int

const (
	absent shape = iota
	null
	proper  // an object with members; an array
	hollow  // an object without members
	foreign // some other value
)

func (r *reading) begin(started time.Time) {
	*r = reading{q: r.q, asked: r.asked, verdict: r.verdict, yield: r.yield, metrics: r.metrics, zone: r.zone,
		inHand: r.inHand, yielded: r.yielded, started: started}
}

func (r *reading) result() call.Reading {
	return call.Reading{Task: r.task, Started: r.started, Counts: r.counts,
		Rejects: r.rejects.all, MoreRejects: r.rejects.more}
}

// read reads the whole response. Its fields may stand in any order.
func (r *reading) read(s *scanner) error {
	if c, err := s.next(); err != nil {
		return err
	} else if c == '<' {
		return &syntaxError{html: true}
	}
	if err := s.object(func(key string) error { return r.envelope(s, key) }); err != nil {
		return err
	}
	if err := s.finish(); err != nil {
		return err
	}
	if err := checkCode(r.q, r.code); err != nil {
		return err
	}
	return r.judge()
}

func (r *reading) envelope(s *scanner, key string) error {
	switch { // a name that is the same only when case is folded counts in the absence of the right one
	case key == "data", r.data == absent && strings.EqualFold(key, "data"):
		return r.readData(s, key == "data")
	case key == "code":
		raw, err := s.value()
		if err != nil {
			return err
		}
		r.code, r.ownCode = bytes.Clone(raw), true
		return checkCode(r.q, r.code)
	case !r.ownCode && strings.EqualFold(key, "code"): // judged at the end
		raw, err := s.value()
		r.code = bytes.Clone(raw)
		return err
	}
	_, err := s.valueOrNone()
	return err
}

// readData reads what stands for data, under its own name or another spelling.
func (r *reading) readData(s *scanner, own bool) error {
	if r.data == proper || r.data == hollow && r.ownData {
		return s.broken("data twice")
	}
	r.ownData = own
	c, err := s.next()
	if err != nil {
		return err
	}
	if c != '{' { // the envelope's code may have more to say on it
		raw, err := s.value()
		r.data = foreign
		if isNull(raw) {
			r.data = null
		}
		return err
	}
	r.data = hollow
	if err := s.object(func(key string) error { r.data = proper; return r.member(s, key) }); err != nil {
		return err
	}
	if err := r.unfold(); err != nil {
		return err
	}
	r.completeHeader()
	return r.release()
}

func (r *reading) member(s *scanner, key string) error {
	c, err := s.next()
	if err != nil {
		return err
	}
	if key == "detail" || c == '[' && r.detail == absent && strings.EqualFold(key, "detail") {
		return r.readDetail(s, key == "detail")
	}
	raw, err := s.valueOrNone()
	if err != nil {
		return err
	}
	return r.header(key, raw)
}

func (r *reading) decoding() decoding {
	return decoding{redialZone: r.zone, mismatched: r.metrics.mismatched}
}

// completeHeader says that the rows need not wait for the header any more.
func (r *reading) completeHeader() {
	if r.task.ID == "" {
		r.task.ID = r.asked
	}
	r.whole = true
}

// release lets the rows go that waited.
func (r *reading) release() error {
	held := r.held
	r.held, r.heldSize = nil, 0
	for _, rows := range held {
		if err := r.hand(rows); err != nil {
			return err
		}
	}
	return r.flush()
}

// readDetail reads what stands for detail, under its own name or another spelling.
func (r *reading) readDetail(s *scanner, own bool) error {
	if r.detail == proper && (r.ownDetail || r.counts.Rows > 0) {
		return s.broken("detail twice")
	}
	r.ownDetail = own
	c, err := s.next()
	if err != nil {
		return err
	}
	if c == '[' {
		r.detail = proper
		return s.rows(r.row, r.largeRow) // the last of them wait for what follows of the header
	}
	raw, err := s.value()
	switch {
	case err != nil:
		return err
	case !isNull(raw):
		return s.broken("detail is no array")
	}
	r.detail = null
	return nil
}

// judge says whether a complete body with a good code is a task's detail. An
// absent detail is taken for "no rows" only while the task has not begun.
func (r *reading) judge() error {
	status := r.task.Status.Value
	bad := &Error{op: r.q.op, kind: KindEmpty}
	switch {
	case r.data == foreign:
		bad.kind, bad.text = KindGarbage, "data is no object"
	case r.data != proper:
		bad.text = "the answer holds no data"
	case r.detail == null && status == "":
		bad.text = "the answer holds neither rows nor a status"
	case r.detail == absent && status != call.Created && status != call.Pending:
		bad.text = "the answer holds no detail"
	default:
		if _, counted := r.task.Additional[ofTask("Status")]; !r.task.Status.Set && !counted { // the task is never sealed so
			r.metrics.mismatched("Status")
		}
		return nil
	}
	return bad
}

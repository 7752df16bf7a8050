package airudder

import (
	"bytes"
	"maps"
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
	known   func(callID []byte, hash uint64) bool
	yield   func(call.Part) error
	metrics *metrics
	zone    *time.Location
	inHand  *call.Task // the header that an earlier response ended with

	yielded bool // in any response

	// Of the response at hand.
	started time.Time
	code    []byte // the envelope's, raw

	ownCode, ownData, ownDetail bool // came under their own names
	data                        shape
	detail                      shape
	task                        call.Task
	shared                      bool // parts that went out hold task's map
	extra                       int  // bytes that task.Additional was given
	seen                        uint // bit i: the header's taskFields[i] was there, under its own name
	folded                      []foldedField
	whole                       bool // the header is
	passOver                    bool // the rows, which came before the header and are too many
	pending                     []call.Row
	size                        int          // raw bytes of pending
	likely                      int          // rows of the next part, by those of the last
	held                        [][]call.Row // parts that wait for the header
	heldSize                    int
	counts                      call.Counts
	rejects                     rejects
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
	*r = reading{q: r.q, asked: r.asked, known: r.known, yield: r.yield, metrics: r.metrics, zone: r.zone,
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

// header takes one of the task's own fields; nil: it is too large to be held. One
// whose name is the documented one only when case is folded waits until it shows
// whether that comes, too.
func (r *reading) header(key string, raw []byte) error {
	if len(raw) > maxExtra {
		raw = nil
	}
	if raw != nil {
		raw = bytes.ToValidUTF8(raw, []byte("\uFFFD"))
	}
	i := taskFields.index(key, -1)
	switch {
	case i < 0:
		r.additional(ofTask(key), raw)
		return nil
	case key != taskFields[i].name:
		if len(r.folded) < maxFields {
			r.folded = append(r.folded, foldedField{i, key, bytes.Clone(raw)})
		}
		return nil
	}
	if err := r.set(i, raw); err != nil {
		return err
	}
	if r.seen |= 1 << i; r.seen < 1<<len(taskFields)-1 {
		return nil
	}
	r.completeHeader()
	if r.detail == proper { // more may follow, and the rows can wait for it
		return nil
	}
	return r.release()
}

// foldedField is a field of the task under another spelling of its name.
type foldedField struct {
	i   int // in taskFields
	key string
	raw []byte // nil: too large
}

// unfold has the other spellings count where the API's own did not come.
func (r *reading) unfold() error {
	for _, f := range r.folded {
		if r.seen&(1<<f.i) != 0 {
			r.additional(ofTask(f.key), f.raw)
		} else if err := r.set(f.i, f.raw); err != nil {
			return err
		}
	}
	return nil
}

// set sets a documented field of the task.
func (r *reading) set(i int, raw []byte) error {
	f, d := taskFields[i], r.decoding()
	switch fits := raw != nil && (isNull(raw) || f.set(&d, &r.task, viewOf(raw))); {
	case !fits:
		r.additional(ofTask(f.name), raw)
		r.metrics.mismatched(f.name)
	case r.task.Additional[ofTask(f.name)] != "":
		r.forget(ofTask(f.name))
	}
	if r.task.ID != "" && r.task.ID != r.asked {
		return &Error{op: r.q.op, kind: KindWrongTask, text: "the answer is about another task"}
	}
	return nil
}

// ofTask is the name under which a field of the task is kept raw: rows have some
// names, too.
func ofTask(name string) string {
	if rowFields.index(name, -1) >= 0 {
		return "data." + name
	}
	return name
}

// additional keeps a field raw. One with which there would be too much of that is
// left out, and counted as the fault of data itself: a field that the vendor adds
// must neither swell every event nor keep one from fitting its topic.
func (r *reading) additional(name string, raw []byte) {
	if raw == nil || r.extra+len(name)+len(raw) > maxExtra {
		r.metrics.mismatched("data")
		return
	}
	r.unshare()
	if r.task.Additional == nil {
		r.task.Additional = map[string]string{}
	}
	r.extra += len(name) + len(raw)
	r.task.Additional[name] = string(raw)
}

// forget keeps a field raw no longer.
func (r *reading) forget(name string) {
	r.unshare()
	if delete(r.task.Additional, name); len(r.task.Additional) == 0 {
		r.task.Additional = nil
	}
}

// unshare gives the task a map of its own before it is changed.
func (r *reading) unshare() {
	if r.shared {
		r.task.Additional, r.shared = maps.Clone(r.task.Additional), false
	}
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

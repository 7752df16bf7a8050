package airudder

import (
	"encoding/json"
	"fmt"
	"io"
)

// Bounds of what one detail response may make us hold.
const (
	windowSize = 64 << 10 // to begin with
	maxRow     = 4 << 20  // a larger row is streamed over
	maxValue   = 1 << 20  // any other value, and a key
)

// scanner reads a JSON body through a window that holds no more than the value
// at hand. The objects and the array that it walks are checked to be JSON; the
// rows are only framed.
type scanner struct {
	r    io.Reader
	buf  []byte
	pos  int   // buf[pos:end] is unread
	end  int   //
	base int64 // offset of buf[0] in the body
	err  error // of r, once it has ended

	limit int // bytes that the window may grow to
}

func newScanner(r io.Reader) *scanner {
	return &scanner{r: r, buf: make([]byte, windowSize), limit: maxRow}
}

// syntaxError says that a body is not the JSON that it should be. It holds
// nothing of the body.
type syntaxError struct {
	what string
	at   int64 // offset in the body
	html bool
}

func (e *syntaxError) Error() string {
	if e.html {
		return "an HTML page instead of JSON: a proxy's?"
	}
	return fmt.Sprintf("%s at byte %d", e.what, e.at)
}

func (s *scanner) broken(what string) error {
	return &syntaxError{what: what, at: s.base + int64(s.pos)}
}

func (s *scanner) unread() []byte { return s.buf[s.pos:s.end] }

// more reads on until twice as much is unread as before, so that framing anew
// after it costs a constant factor; false when nothing came.
func (s *scanner) more() bool {
	had := s.end - s.pos
	for want := max(2*had, 1); s.err == nil && s.end-s.pos < want; {
		if s.end == len(s.buf) && !s.room() {
			break
		}
		var n int
		n, s.err = s.r.Read(s.buf[s.end:])
		s.end += n
	}
	return s.end-s.pos > had
}

// room makes room behind the unread bytes: moves them to the front, or grows.
func (s *scanner) room() bool {
	if s.pos > 0 {
		s.base += int64(s.pos)
		s.end = copy(s.buf, s.unread())
		s.pos = 0
		return true
	}
	if len(s.buf) >= s.limit {
		return false
	}
	grown := make([]byte, min(2*len(s.buf), s.limit))
	copy(grown, s.buf)
	s.buf = grown
	return true
}

// ended is the error of a body that ends inside a value.
func (s *scanner) ended() error {
	if s.err == nil || s.err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return s.err
}

// next skips white space and returns the byte behind it, unread still.
func (s *scanner) next() (byte, error) {
	for {
		s.pos += skipSpace(s.unread(), 0)
		if s.pos < s.end {
			return s.buf[s.pos], nil
		}
		if !s.more() {
			return 0, s.ended()
		}
	}
}

// is consumes c if it is the next byte behind white space.
func (s *scanner) is(c byte) (bool, error) {
	got, err := s.next()
	if err != nil || got != c {
		return false, err
	}
	s.pos++
	return true, nil
}

// value consumes the next value and returns it as it stands, checked; it is
// valid until the next call.
func (s *scanner) value() ([]byte, error) {
	v, err := s.peek()
	if err == nil && v == nil {
		err = s.broken(fmt.Sprintf("a value of more than %d bytes", maxValue))
	}
	s.pos += len(v)
	return v, err
}

// valueOrNone is value for what we can do without: of a value that is too large
// it returns nil, and has streamed over it as over a row.
func (s *scanner) valueOrNone() ([]byte, error) {
	v, err := s.peek()
	if err == nil && v == nil {
		return nil, s.stepOver(newLargeRow())
	}
	s.pos += len(v)
	return v, err
}

// peek returns the next value, checked and unread still; nil if it is too large
// to be held.
func (s *scanner) peek() ([]byte, error) {
	if _, err := s.next(); err != nil {
		return nil, err
	}
	for {
		end, _ := valueEnd(s.unread(), 0)
		switch {
		case end > maxValue, end < 0 && s.end-s.pos > maxValue:
			return nil, nil
		case end >= 0:
			v := s.buf[s.pos : s.pos+end]
			if !json.Valid(v) {
				return nil, s.broken("not JSON")
			}
			return v, nil
		case !s.more():
			return nil, s.ended()
		}
	}
}

// object walks the object that stands next; member consumes each key's value.
func (s *scanner) object(member func(key string) error) error {
	if ok, err := s.is('{'); err != nil || !ok {
		return orBroken(s, err)
	}
	for first := true; ; first = false {
		if done, err := s.separator('}', first); err != nil || done {
			return err
		}
		if c, err := s.next(); err != nil || c != '"' {
			return orBroken(s, err)
		}
		raw, err := s.value()
		if err != nil {
			return err
		}
		key, _ := unquote(raw) // valid, as value has checked
		if ok, err := s.is(':'); err != nil || !ok {
			return orBroken(s, err)
		}
		if err := member(key); err != nil {
			return err
		}
	}
}

// separator consumes what stands before an element: nothing before the first
// one, a comma before the others; true when the closing bracket came instead.
func (s *scanner) separator(closing byte, first bool) (done bool, err error) {
	if done, err = s.is(closing); err != nil || done || first {
		return done, err
	}
	if ok, err := s.is(','); err != nil || !ok {
		return false, orBroken(s, err)
	}
	if c, err := s.next(); err != nil || c == closing {
		return false, orBroken(s, err)
	}
	return false, nil
}

func orBroken(s *scanner, err error) error {
	if err != nil {
		return err
	}
	return s.broken("not JSON")
}

// rows walks the array of rows that stands next. A row that fits the window
// reaches row, its bytes valid during the call; a larger one reaches large.
func (s *scanner) rows(row func(raw []byte, p probe) error, large func(*largeRow) error) error {
	if ok, err := s.is('['); err != nil || !ok {
		return orBroken(s, err)
	}
	for first := true; ; first = false {
		if done, err := s.separator(']', first); err != nil || done {
			return err
		}
		if err := s.row(row, large); err != nil {
			return err
		}
	}
}

func (s *scanner) row(row func(raw []byte, p probe) error, large func(*largeRow) error) error {
	if _, err := s.next(); err != nil {
		return err
	}
	for {
		p, end := frameRow(s.unread())
		if end >= 0 {
			raw := s.buf[s.pos : s.pos+end]
			if !p.object && !json.Valid(raw) {
				return s.broken("not JSON")
			}
			s.pos += end
			return row(raw, p)
		}
		if s.more() {
			continue
		}
		if s.err != nil {
			return s.ended()
		}
		l := newLargeRow()
		if err := s.stepOver(l); err != nil {
			return err
		}
		return large(l)
	}
}

// stepOver streams over a row, or another value, that is larger than the window.
func (s *scanner) stepOver(l *largeRow) error {
	if classes[s.buf[s.pos]] == classScalar {
		return s.broken("a number or word without end")
	}
	for {
		n, done := l.feed(s.unread())
		s.pos += n
		if done {
			return nil
		}
		if !s.more() {
			return s.ended()
		}
	}
}

// finish checks that nothing but white space follows to the end of the body.
func (s *scanner) finish() error {
	_, err := s.next()
	switch {
	case err == nil:
		return s.broken("more than one JSON value")
	case s.err == io.EOF:
		return nil
	}
	return err
}

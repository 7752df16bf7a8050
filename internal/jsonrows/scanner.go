package jsonrows

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"golang.org/x/sync/semaphore"
)

// Bounds of what a scanner returns.
const (
	MaxRow   = 4 << 20 // a larger row is framed with the scanners' turn, and the caller should reject it
	MaxValue = 1 << 20 // of any other value, and of a key
)

// Scanner reads one JSON body, in its order. After an error it is of no use but
// to be closed.
type Scanner struct {
	window
	probe  Probe
	row    Row
	opened bool // nothing has been read yet of the object or array at hand
}

// NewScanner returns a scanner that reads the members that probe names of each
// row. Scanners with the same turn, a semaphore of one, hold one row of more than
// MaxRow at a time.
func NewScanner(r io.Reader, probe Probe, turn *semaphore.Weighted) *Scanner {
	return &Scanner{window: window{r: r, buf: make([]byte, windowSize), turn: turn}, probe: probe, row: probe.row()}
}

// Close gives up the turn, should the scanner have it. It does not close the body.
func (s *Scanner) Close() { s.shrink() }

// SyntaxError says that a body is not the JSON that it should be. It holds
// nothing of the body.
type SyntaxError struct {
	What   string
	Offset int64 // in the body
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s at byte %d", e.What, e.Offset) }

// Broken is the error of a body in which what stands next is wrong.
func (s *Scanner) Broken(what string) error {
	return &SyntaxError{What: what, Offset: s.base + int64(s.pos)}
}

func (s *Scanner) notJSON() error { return s.Broken("not JSON") }

// Peek skips white space and returns the byte after it, unread still.
func (s *Scanner) Peek() (byte, error) {
	s.shrink()
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

// must consumes c, which must stand next.
func (s *Scanner) must(c byte) error {
	got, err := s.Peek()
	switch {
	case err != nil:
		return err
	case got != c:
		return s.notJSON()
	}
	s.pos++
	return nil
}

// Object enters the object that stands next: Key returns its members' names.
func (s *Scanner) Object() error {
	s.opened = true
	return s.must('{')
}

// Array enters the array that stands next: Row returns its elements.
func (s *Scanner) Array() error {
	s.opened = true
	return s.must('[')
}

// Key returns the next member's name; its value stands next, and must be consumed
// before the next key. False: the object has ended.
func (s *Scanner) Key() (string, bool, error) {
	if more, err := s.separator('}'); err != nil || !more {
		return "", false, err
	}
	if s.buf[s.pos] != '"' {
		return "", false, s.notJSON()
	}
	raw, err := s.Value()
	if err != nil {
		return "", false, err
	}
	key, _ := unquote(raw) // valid, as Value has checked
	return key, true, s.must(':')
}

// EachKey enters the object that stands next and calls read for each of its members,
// whose value stands next then and is read's to consume. An error of read ends it.
func (s *Scanner) EachKey(read func(key string) error) error {
	if err := s.Object(); err != nil {
		return err
	}
	for {
		key, ok, err := s.Key()
		if err != nil || !ok {
			return err
		}
		if err := read(key); err != nil {
			return err
		}
	}
}

// Row returns the next row, which is valid until the next call. False: the array
// has ended.
func (s *Scanner) Row(ctx context.Context) (*Row, bool, error) {
	if more, err := s.separator(']'); err != nil || !more {
		return nil, false, err
	}
	n, err := s.holdLarge(ctx, "row", s.frameRow)
	if err != nil {
		return nil, false, err
	}
	s.row.Raw = s.unread()[:n]
	if !s.row.Object && !json.Valid(s.row.Raw) {
		return nil, false, s.notJSON()
	}
	s.pos += n
	return &s.row, true, nil
}

func (s *Scanner) frameRow(b []byte) int { return s.probe.frame(b, &s.row) }

// separator consumes what stands before a member or an element: nothing before
// the first one, a comma before the others; false when the closing bracket came
// instead.
func (s *Scanner) separator(closing byte) (more bool, err error) {
	first := s.opened
	s.opened = false
	c, err := s.Peek()
	switch {
	case err != nil:
		return false, err
	case c == closing:
		s.pos++
		return false, nil
	case first:
		return true, nil
	case c != ',':
		return false, s.notJSON()
	}
	s.pos++
	if c, err = s.Peek(); err == nil && c == closing {
		err = s.notJSON()
	}
	return err == nil, err
}

// Value consumes the next value and returns it as it stands, checked to be JSON;
// it is valid until the next call. One of more than MaxValue breaks the body.
func (s *Scanner) Value() ([]byte, error) {
	if _, err := s.Peek(); err != nil {
		return nil, err
	}
	n, err := s.hold(MaxValue, frameValue)
	switch {
	case err != nil:
		return nil, err
	case n < 0:
		return nil, s.tooLarge("value", MaxValue)
	}
	return s.checked(n)
}

// Optional is Value for what the caller can do without: a value of more than
// MaxValue is stepped over, and nil.
func (s *Scanner) Optional(ctx context.Context) ([]byte, error) {
	if _, err := s.Peek(); err != nil {
		return nil, err
	}
	n, err := s.holdLarge(ctx, "value", frameValue)
	switch {
	case err != nil:
		return nil, err
	case n <= MaxValue:
		return s.checked(n)
	case classes[s.buf[s.pos]] == classScalar:
		return nil, s.Broken("a number or word without end")
	}
	s.pos += n
	return nil, nil
}

func (s *Scanner) checked(n int) ([]byte, error) {
	v := s.unread()[:n]
	if !json.Valid(v) {
		return nil, s.notJSON()
	}
	s.pos += n
	return v, nil
}

// hold reads until the window holds the whole of what stands next, whose size
// frame finds; -1: it has more than limit bytes.
func (s *Scanner) hold(limit int, frame func([]byte) int) (int, error) {
	for {
		switch n := frame(s.unread()); {
		case n > limit, n < 0 && len(s.unread()) >= limit:
			return -1, nil
		case n >= 0:
			return n, nil
		case !s.more():
			return 0, s.ended()
		}
	}
}

// holdLarge is hold with the large window where it takes that.
func (s *Scanner) holdLarge(ctx context.Context, what string, frame func([]byte) int) (int, error) {
	n, err := s.hold(MaxRow, frame)
	if err != nil || n >= 0 {
		return n, err
	}
	if err := s.enlarge(ctx); err != nil {
		return 0, err
	}
	n, err = s.hold(maxWindow, frame)
	if err == nil && n < 0 {
		err = s.tooLarge(what, maxWindow)
	}
	return n, err
}

func (s *Scanner) tooLarge(what string, limit int) error {
	return s.Broken(fmt.Sprintf("a %s of more than %d MiB", what, limit>>20))
}

// End checks that nothing but white space follows to the end of the body.
func (s *Scanner) End() error {
	_, err := s.Peek()
	switch {
	case err == nil:
		return s.Broken("more than one JSON value")
	case s.err == io.EOF:
		return nil
	}
	return err
}

package jsonrows

import (
	"context"
	"io"

	"golang.org/x/sync/semaphore"
)

const (
	windowSize = 64 << 10 // to begin with
	maxWindow  = 32 << 20 // while it holds a row of more than MaxRow
)

// window holds the part of a body that is being read.
type window struct {
	r    io.Reader
	buf  []byte
	pos  int   // buf[pos:end] is unread
	end  int   //
	base int64 // offset of buf[0] in the body
	err  error // of r, once it has ended

	turn  *semaphore.Weighted // held while the window is enlarged
	small []byte              // what buf was before it was enlarged; nil: it is not
}

func (w *window) unread() []byte { return w.buf[w.pos:w.end] }

// more reads until twice as much is unread as before, so that to frame the same
// bytes again costs a constant factor; false when nothing came.
func (w *window) more() bool {
	had := w.end - w.pos
	want := max(2*had, 1)
	if w.small != nil { // what follows the large row must fit the small window
		want = had + MaxRow
	}
	for w.err == nil && w.end-w.pos < want {
		if w.end == len(w.buf) && !w.room() {
			break
		}
		free := w.buf[w.end:]
		if w.small != nil {
			free = free[:min(len(free), w.pos+want-w.end)]
		}
		var n int
		n, w.err = w.r.Read(free)
		w.end += n
	}
	return w.end-w.pos > had
}

// room makes room after the unread bytes: it moves them to the front, or grows
// the window.
func (w *window) room() bool {
	switch {
	case w.pos > 0:
		w.move(w.buf)
	case len(w.buf) < MaxRow:
		w.move(make([]byte, min(2*len(w.buf), MaxRow)))
	default:
		return false
	}
	return true
}

func (w *window) move(to []byte) {
	w.base += int64(w.pos)
	w.end = copy(to, w.unread())
	w.buf, w.pos = to, 0
}

// enlarge waits for the turn to hold a large row, and grows the window for it.
func (w *window) enlarge(ctx context.Context) error {
	if err := w.turn.Acquire(ctx, 1); err != nil {
		return err
	}
	w.small = w.buf
	w.move(make([]byte, maxWindow))
	return nil
}

// shrink gives up the large window and the turn, once its row has been read.
func (w *window) shrink() {
	if w.small != nil {
		w.move(w.small)
		w.small = nil
		w.turn.Release(1)
	}
}

// ended is the error of a body that ends inside a value.
func (w *window) ended() error {
	if w.err == nil || w.err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return w.err
}

package airuddersim

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
)

// shown is a row as one response sends it. It never changes once it is made, so
// that responses share it.
type shown struct {
	raw    []byte
	call   *Call     // the finished call that it shows; nil: none
	damage FaultKind // empty: none

	version Version // of an undamaged call: what it says
}

// body is what a response is to send: head, the rows with commas between them,
// tail. A body without rows is its head alone.
type body struct {
	head, tail []byte
	rows       []*shown
	sent       []int64 // where each row ends, counted from the body's start
	state      *StateAt

	refused bool // it says itself that it is not good
	unread  bool // it says so before the rows
}

// size is the body's length in bytes.
func (b *body) size() int64 {
	if len(b.sent) == 0 {
		return int64(len(b.head) + len(b.tail))
	}
	return b.sent[len(b.sent)-1] + int64(len(b.tail))
}

// measure works out where each row ends.
func (b *body) measure() {
	b.sent = make([]int64, len(b.rows))
	at := int64(len(b.head))
	for i, row := range b.rows {
		if i > 0 {
			at++
		}
		at += int64(len(row.raw))
		b.sent[i] = at
	}
}

// writeTo writes the body's first limit bytes and says how many were taken.
func (b *body) writeTo(w io.Writer, limit int64) (int64, error) {
	left := limit
	counted := &counter{w: w}
	out := bufio.NewWriterSize(counted, 64<<10)
	put := func(p []byte) bool {
		p = p[:min(int64(len(p)), left)]
		left -= int64(len(p))
		_, err := out.Write(p)
		return err == nil && left > 0
	}
	more := put(b.head)
	for i, row := range b.rows {
		if !more {
			break
		}
		more = (i == 0 || put([]byte{','})) && put(row.raw)
	}
	if more {
		put(b.tail)
	}
	err := out.Flush()
	return counted.n, err
}

// counter counts the bytes that a writer has taken.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// row is the row in its usual form, rendered when it changed.
func (s *Sim) row(t *task, index int) *shown {
	r := t.Rows[index]
	if r.shown == nil {
		out := &shown{call: t.shownCall(r), damage: r.Spoiled}
		switch {
		case r.Raw != "":
			out.raw = []byte(r.Raw)
			out.says(fieldsOf(r.Raw))
		case r.Spoiled != "":
			out.raw = s.damaged(t, index, Fault{Kind: r.Spoiled}, nil)
		default:
			fields := s.rowFields(t, index)
			out.raw = slices.Clip(appendObject(make([]byte, 0, 2048), fields))
			out.says(fields)
		}
		r.shown = out
	}
	return r.shown
}

// says notes what a row says that shows a call.
func (s *shown) says(fields []field) {
	if s.call != nil {
		s.version = versionOf(fields)
	}
}

// signed is a row with a link that is another one in each answer.
func (s *Sim) signed(row *shown) *shown {
	out := *row
	link := fmt.Appendf(nil, `,%s:"https://recordings.example/%016x?sig=%016x"}`, quote(s.odd.text(SignedLink)), sumOf(row.raw), s.drawn.Uint64())
	out.raw = slices.Concat(bytes.TrimSuffix(row.raw, []byte{'}'}), link)
	return &out
}

// detailBody is a task's detail as it is now, in its form and with its damage.
func (s *Sim) detailBody(t *task, drawn []Fault) *body {
	form := formOf(drawn)
	b := &body{state: t.States[len(t.States)-1]}
	b.refused = s.goodCode() != http.StatusOK || form.code != 0
	b.unread = form.codeFirst
	indexes := s.shownRows(t)
	if form.rows != allRows {
		indexes = nil
	}
	for _, i := range indexes {
		r := t.Rows[i]
		if form.plain() || r.Raw != "" || r.Spoiled != "" {
			b.rows = append(b.rows, s.row(t, i))
		} else {
			b.rows = append(b.rows, s.formed(t, i, form))
		}
		if last := len(b.rows) - 1; s.odd.has(SignedLink) && r.Raw == "" {
			b.rows[last] = s.signed(b.rows[last])
		}
	}
	for _, f := range drawn {
		s.damageOne(t, b, indexes, f)
	}
	b.head, b.tail = s.envelope(s.taskFields(t), form)
	b.measure()
	return b
}

// damageOne damages the row that a fault means; without such a row nothing.
func (s *Sim) damageOne(t *task, b *body, indexes []int, f Fault) {
	if !f.Kind.spoils() {
		return
	}
	at := f.Row - 1
	if f.Row == 0 {
		var finished []int
		for i, row := range b.rows {
			if row.call != nil && t.Rows[indexes[i]].Raw == "" {
				finished = append(finished, i)
			}
		}
		if len(finished) == 0 {
			return
		}
		at = pick(s.drawn, finished)
	}
	if at >= 0 && at < len(b.rows) && t.Rows[indexes[at]].Raw == "" {
		raw := s.damaged(t, indexes[at], f, s.drawn)
		b.rows[at] = &shown{raw: raw, call: b.rows[at].call, damage: f.Kind}
	}
}

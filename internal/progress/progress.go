// Package progress shows how far long work has come: what is done, how fast, and how
// long the rest takes.
package progress

import (
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
	"time"
)

// Out is where progress is shown. The zero Out shows nothing.
type Out struct {
	To       io.Writer
	Terminal bool // a line that changes; else one line every ten seconds
}

// How often it is shown, and how long work goes on before it first is.
const (
	onTerminal = 200 * time.Millisecond
	elsewhere  = 10 * time.Second
)

// Work is one piece of work. Its methods may be called by several goroutines.
type Work struct {
	out   Out
	what  string // what is done, such as "replay"
	unit  string // what is counted, such as "calls"
	total int64  // 0: unknown
	done  atomic.Int64
	start time.Time
	stop  chan struct{}
	ended chan struct{}
}

// Start begins a piece of work. Whoever starts it calls Done, whatever becomes of it.
func (o Out) Start(what, unit string, total int64) *Work {
	w := &Work{
		out: o, what: what, unit: unit, total: total,
		start: time.Now(), stop: make(chan struct{}), ended: make(chan struct{}),
	}
	go w.show()
	return w
}

// Add counts n more.
func (w *Work) Add(n int) { w.done.Add(int64(n)) }

// Done ends the showing, once. On a terminal nothing is left of it.
func (w *Work) Done() {
	close(w.stop)
	<-w.ended
}

func (w *Work) show() {
	defer close(w.ended)
	if w.out.To == nil {
		return
	}
	every, begin, end := elsewhere, "", "\n"
	if w.out.Terminal {
		every, begin, end = onTerminal, clear, ""
	}
	shown := false
	for tick := time.NewTicker(every); ; {
		select {
		case now := <-tick.C:
			shown = true
			fmt.Fprint(w.out.To, begin, w.line(now.Sub(w.start)), end) // an error of the terminal's is no error of the work's
		case <-w.stop:
			tick.Stop()
			if shown {
				fmt.Fprint(w.out.To, begin)
			}
			return
		}
	}
}

// clear is what empties a terminal's line.
const clear = "\r\x1b[K"

// line says where the work is after so long.
func (w *Work) line(after time.Duration) string {
	done := w.done.Load()
	rate := float64(done) / after.Seconds()
	of, left := "", ""
	if w.total > 0 {
		of = " of " + Count(w.total)
	}
	if rest := w.total - done; rest > 0 && done > 0 {
		left = ", " + (time.Duration(float64(rest) / rate * float64(time.Second))).Round(time.Second).String() + " left"
	}
	return fmt.Sprintf("%s: %s%s %s, %s/s%s", w.what, Count(done), of, w.unit, Count(int64(rate)), left)
}

// Count is a number that is easily read: 1,234,567.
func Count(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

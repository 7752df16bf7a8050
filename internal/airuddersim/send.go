package airuddersim

import (
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// send writes a body with whatever happens to it on its way, and settles what
// the client could see of it before the client can see the end.
func (s *Sim) send(w http.ResponseWriter, r *http.Request, b *body, drawn []Fault) {
	s.mark(b)
	fault := onTheWay(drawn)
	limit := b.size()
	if fault.Kind != "" && fault.Kind != Slow {
		limit = s.cutAt(fault, limit)
	}
	w.Header().Set("Content-Type", "application/json")
	zipped := s.cfg.Gzip && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
	switch {
	case zipped:
		w.Header().Set("Content-Encoding", "gzip")
	case fault.Kind == Truncated:
		w.Header().Set("Content-Length", strconv.FormatInt(limit, 10))
	}
	if fault.Kind == ShortLength {
		w.Header().Set("Content-Length", strconv.FormatInt(b.size()+1, 10))
	}
	out := newOutlet(w, zipped)
	to := io.Writer(out)
	if fault.Kind == Slow {
		to = newSlowly(out, r, limit, fault)
	}
	if fault.Kind == Truncated {
		s.settle(b, limit, false) // the client sees this end with the last byte, not when the handler returns
	}
	n, err := b.writeTo(to, limit)
	whole := err == nil && !b.refused && (fault.Kind == "" || fault.Kind == Slow)
	s.settle(b, n, whole)
	out.finish(r, fault)
}

// mark puts a byte order mark before a body where the account does.
func (s *Sim) mark(b *body) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.odd.has(BOM) {
		b.head = slices.Concat([]byte("\ufeff"), b.head)
		b.measure()
	}
}

// onTheWay is the one fault that concerns a body's transfer; none: a zero Fault.
func onTheWay(drawn []Fault) Fault {
	for _, f := range drawn {
		for _, kind := range bodyFaults() {
			if f.Kind == kind {
				return f
			}
		}
	}
	return Fault{}
}

// cutAt is how many bytes of a body get through: never all of them.
func (s *Sim) cutAt(f Fault, size int64) int64 {
	if f.After > 0 {
		return min(f.After, size-1)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.drawn.Int64N(size)
}

// slowly is a writer that flushes and waits after each piece.
type slowly struct {
	out   *outlet
	r     *http.Request
	piece int
	delay time.Duration
}

// newSlowly writes a body of that size in about ten pieces.
func newSlowly(out *outlet, r *http.Request, size int64, f Fault) *slowly {
	delay := time.Duration(or(f.DelayMS, 50)) * time.Millisecond
	return &slowly{out: out, r: r, piece: int(size/10) + 1, delay: delay}
}

func (s *slowly) Write(p []byte) (n int, err error) {
	for n < len(p) {
		sent, err := s.out.Write(p[n:min(n+s.piece, len(p))])
		n += sent
		if err != nil {
			return n, err
		}
		s.out.flush()
		if !wait(s.r, s.delay) {
			return n, s.r.Context().Err()
		}
	}
	return n, nil
}

// wait waits, and reports false when the client gave up; 0 or less waits for
// that alone.
func wait(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		<-r.Context().Done()
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-r.Context().Done():
		return false
	case <-t.C:
		return true
	}
}

// outlet is a response's body, compressed or not.
type outlet struct {
	http.ResponseWriter
	zip *gzip.Writer // nil: not compressed
}

func newOutlet(w http.ResponseWriter, zipped bool) *outlet {
	out := &outlet{ResponseWriter: w}
	if zipped {
		out.zip = zips.Get().(*gzip.Writer)
		out.zip.Reset(w)
	}
	return out
}

// zips are compressors: one is larger than most bodies.
var zips = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is a valid one
	return z
}}

func (o *outlet) Write(p []byte) (int, error) {
	if o.zip != nil {
		return o.zip.Write(p)
	}
	return o.ResponseWriter.Write(p)
}

// flush hands what was written to the connection.
func (o *outlet) flush() {
	if o.zip != nil {
		_ = o.zip.Flush() // an error shows again at the next write
	}
	_ = http.NewResponseController(o.ResponseWriter).Flush()
}

// finish ends the response the way that the fault ends it.
func (o *outlet) finish(r *http.Request, f Fault) {
	switch f.Kind {
	case Cut, Reset:
		o.flush()
		abort(o.ResponseWriter, f.Kind == Reset)
	case Stall:
		o.flush()
		wait(r, time.Duration(f.DelayMS)*time.Millisecond)
		abort(o.ResponseWriter, false)
	case ShortLength:
		o.flush() // the server closes the connection: less came than was promised
	default:
		if o.zip != nil {
			_ = o.zip.Close() // only the client's going away can fail it
			zips.Put(o.zip)
		}
	}
}

// abort closes the connection under a response; with reset, by RST.
func abort(w http.ResponseWriter, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: the stream is reset
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

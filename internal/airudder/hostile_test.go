package airudder

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"airudder-exporter/internal/call"
)

// stream writes text, and then each part of what repeats, n times.
type stream struct {
	w    *bufio.Writer
	gone bool // the client hung up
}

func (s *stream) text(text string) {
	if !s.gone {
		_, err := s.w.WriteString(text)
		s.gone = err != nil
	}
}

func (s *stream) times(n int, part func(i int) string) {
	for i := 0; i < n && !s.gone; i++ {
		s.text(part(i))
	}
}

// bytes writes so many, a piece at a time.
func (s *stream) bytes(n int, c string) {
	piece := strings.Repeat(c, 64<<10)
	s.times(n/len(piece), func(int) string { return piece })
}

// streamed serves a body that is never held whole, as gzip where packed.
func streamed(packed bool, write func(*stream)) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		to := io.Writer(w)
		if packed {
			w.Header().Set("Content-Encoding", "gzip")
			zip := gzip.NewWriter(w)
			defer zip.Close()
			to = zip
		}
		s := &stream{w: bufio.NewWriterSize(to, 64<<10)}
		write(s)
		s.w.Flush()
	}
}

// hostile is a detail with these rows between a good header and a good end.
func hostile(packed bool, rows func(*stream)) http.HandlerFunc {
	return streamed(packed, func(s *stream) {
		s.text(`{"data":{` + header + `,"detail":[`)
		rows(s)
		s.text(`]},"code":200}`)
	})
}

// peak runs something and returns the most bytes that the heap held meanwhile,
// beyond what it held before.
func peak(run func()) uint64 {
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	runtime.GC()
	before := heap()
	var most atomic.Uint64
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-tick.C:
				most.Store(max(most.Load(), heap()))
			case <-done:
				tick.Stop()
				return
			}
		}
	}()
	run()
	close(done)
	<-stopped
	return max(most.Load(), before) - before
}

// A gigabyte, and what does where gzip makes the time.
const (
	giga = 1 << 30
	bomb = giga / 8
)

// size is n, or less under the race detector, which is slow.
func size(n int) int {
	if raceDetector || testing.Short() {
		return n / 16
	}
	return n
}

// Whatever a detail holds, what is held of it stays small, what is wrong is
// said, and a whole row after what can be stepped over is published.
func TestHostileDetail(t *testing.T) {
	whole := finished("last")
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for name, tt := range map[string]struct {
		serve http.HandlerFunc
		kind  string
		says  string // of the error, or of the one reject
		new   int    // rows
		most  uint64 // MiB
	}{
		"one row of a gigabyte": {serve: hostile(false, func(s *stream) {
			s.text(`{"CallID":"a","Status":"finished","x":"`)
			s.bytes(size(giga), "x")
			s.text(`"},` + whole)
		}), kind: KindGarbage, says: "a row of more than 32 MiB at byte ", most: 64},
		"a row of 20 MB": {serve: hostile(false, func(s *stream) {
			s.text(`{"CallID":"a","Status":"finished","x":"`)
			s.bytes(20<<20, "x")
			s.text(`"},` + whole)
		}), says: "the row has 20971561 bytes", new: 1, most: 64},
		"a bomb of gzip, a thousand to one": {serve: hostile(true, func(s *stream) {
			s.text(whole + `,{"CallID":"a","Status":"finished","x":"`)
			s.bytes(giga/16, "x")
			s.text(`"}`)
		}), kind: KindGarbage, says: "a row of more than 32 MiB", new: 1, most: 64},
		"a gigabyte of known rows": {serve: hostile(false, func(s *stream) {
			row := `{"CallID":"known","Status":"finished","x":"` + strings.Repeat("x", 1000) + `"},`
			s.times(size(giga/1000), func(int) string { return row })
			s.text(whole)
		}), new: 1, most: 64},
		"a million new rows": {serve: hostile(false, func(s *stream) {
			s.times(size(1_000_000), func(i int) string { return finished(fmt.Sprint(i+1)) + "," })
			s.text(whole)
		}), new: size(1_000_000) + 1, most: 128},
		"a million rejects": {serve: hostile(false, func(s *stream) {
			s.times(size(1_000_000), func(i int) string { return fmt.Sprintf(`{"Status":"finished","id":%d},`, i) })
			s.text(whole)
		}), new: 1, most: 128},
		"a row of a million empty redials": {serve: hostile(true, func(s *stream) {
			s.text(`{"CallID":"a","Status":"finished","RedailCall":[{}`)
			s.times(1_000_000, func(int) string { return ",{}" })
			s.text(`]},` + whole)
		}), says: "more than 20000 values", new: 1, most: 64},
		"a row of 300,000 unknown fields": {serve: hostile(true, func(s *stream) {
			s.text(`{"CallID":"a","Status":"finished"`)
			s.times(300_000, func(i int) string { return fmt.Sprintf(`,"%x":1`, i) })
			s.text(`},` + whole)
		}), says: "more than 20000 values", new: 1, most: 64},
		"a row nested 10,000 deep": {serve: hostile(false, func(s *stream) {
			s.text(`{"CallID":"a","Status":"finished","x":` + deep(10_000) + `},` + whole)
		}), says: "nests too deeply", new: 1, most: 64},
		"a row nested 1,000,000 deep": {serve: hostile(true, func(s *stream) {
			s.text(`{"CallID":"a","Status":"finished","x":` + deep(1_000_000) + `},` + whole)
		}), says: "nests too deeply", new: 1, most: 64},
		"rows nested without end": {serve: hostile(true, func(s *stream) {
			s.text(`{"CallID":"a","Status":"finished","x":`)
			s.bytes(giga/16, "[")
		}), kind: KindGarbage, says: "a row of more than 32 MiB", most: 64},
		"a row without end": {serve: hostile(true, func(s *stream) {
			s.text(`{"CallID":"a","Status":"finished","x":{"`)
			s.bytes(20<<20, "[")
		}), kind: KindCut, most: 64},
		"a field nested 10,000 deep": {serve: streamed(false, func(s *stream) {
			s.text(`{"data":{` + header + `,"x":` + deep(10_001) + `,"detail":[` + whole + `]}}`)
		}), kind: KindGarbage, says: "not JSON", most: 64},
		"an envelope nested 1,000,000 deep": {serve: streamed(true, func(s *stream) {
			s.text(`{"x":` + deep(1_000_000) + `,"data":{` + header + `,"detail":[` + whole + `]}}`)
		}), new: 1, most: 64},
		"a name of 20 MB": {serve: streamed(false, func(s *stream) {
			s.text(`{"data":{"TaskName":"`)
			s.bytes(20<<20, "x")
			s.text(`",` + header + `,"detail":[` + whole + `]}}`)
		}), new: 1, most: 64},
		"a name without end": {serve: streamed(true, func(s *stream) {
			s.text(`{"data":{"TaskName":"`)
			s.bytes(giga/16, "x")
		}), kind: KindGarbage, says: "a value of more than 32 MiB at byte 20", most: 64},
		"a key of 100 MB": {serve: streamed(false, func(s *stream) {
			s.text(`{"`)
			s.bytes(100<<20, "x")
		}), kind: KindGarbage, says: "more than 1 MiB", most: 64},
		"a million fields of the task": {serve: streamed(true, func(s *stream) {
			s.text(`{"data":{`)
			s.times(1_000_000, func(i int) string { return fmt.Sprintf(`"%x":1,`, i) })
			s.text(header + `,"detail":[` + whole + `]}}`)
		}), new: 1, most: 64},
		"white space without end": {serve: streamed(true, func(s *stream) {
			s.bytes(size(bomb), " ")
			s.text(detailBody(whole))
		}), new: 1, most: 64},
		"data twice": {serve: body(`{"data":{` + header + `,"detail":[` + whole + `]},"data":{` + header + `,"detail":[]}}`),
			kind: KindGarbage, says: "data twice", new: 1, most: 64},
		"detail twice": {serve: body(`{"data":{` + header + `,"detail":[` + whole + `],"detail":[]}}`),
			kind: KindGarbage, says: "detail twice", new: 1, most: 64},
		"a row's fields twice": {serve: body(detailBody(`{"CallID":"x","CallID":"last","Status":"calling","Status":"finished"}`)), new: 1, most: 64},
		"keys and values of no UTF-8": {serve: body(detailBody("{\"CallID\":\"a\",\"Status\":\"finished\",\"\xff\":\"\xfe\"}", whole)),
			says: "not valid UTF-8", new: 1, most: 64},
	} {
		t.Run(name, func(t *testing.T) { hostileDetail(t, tt.serve, tt.kind, tt.says, tt.new, tt.most) })
	}
}

func hostileDetail(t *testing.T, serve http.HandlerFunc, kind, says string, want int, most uint64) {
	cfg := testConfig(newUpstream(t, serve).URL)
	cfg.Timeout, cfg.ResponseTimeout = 10*time.Minute, 10*time.Minute // a gigabyte on a busy machine
	c := newClient(t, cfg)
	rows, last := 0, ""
	var got call.Reading
	var err error
	held := peak(func() {
		judge := knows(func(callID []byte, _ uint64) bool { return string(callID) == "known" })
		got, err = c.Read(t.Context(), "t1", judge, func(p call.Part) error {
			rows, last = rows+len(p.Rows), p.Rows[len(p.Rows)-1].CallID
			return nil
		})
	})
	t.Logf("held %d MiB", held>>20)
	if held > most<<20 {
		t.Errorf("held %d MiB, want %d at most", held>>20, most)
	}
	if kind == "" {
		kind = "ok"
	}
	if kindOf(err) != kind || rows != want || want > 0 && last != "last" {
		t.Errorf("got %v and %d rows, the last %q; want %s and %d", err, rows, last, kind, want)
	}
	said := fmt.Sprint(err)
	if err == nil && len(got.Rejects) > 0 {
		said = got.Rejects[0].Detail
	}
	if !strings.Contains(said, says) {
		t.Errorf("said %q, want %q", said, says)
	}
}

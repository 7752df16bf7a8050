package benchtest

import (
	"airudder-exporter/internal/rig"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	lagRows     = 5000
	lagBefore   = 2500                 // rows that have finished before the clock starts
	lagApart    = 4 * time.Millisecond // between two calls that finish
	lagInterval = 200 * time.Millisecond
)

// BenchmarkLag is the time from a call finishing to a read_committed consumer
// holding its event: one task of 5,000 rows, polled every 200 ms, of which one
// finishes every 4 ms. One program after the other.
func BenchmarkLag(b *testing.B) {
	b.Run("exporter", func(b *testing.B) {
		benchmarkLag(b, ours, func(w *world, url string) *rig.Process {
			return w.exporter(url, "AIRUDDER_POLL_MIN_INTERVAL="+lagInterval.String())
		})
	})
	b.Run("obvious", func(b *testing.B) {
		benchmarkLag(b, theirs, func(w *world, url string) *rig.Process { return w.obvious(url, lagInterval) })
	})
}

func benchmarkLag(b *testing.B, topic func(*world) string, start func(*world, string) *rig.Process) {
	var lags, gaps []time.Duration
	for b.Loop() {
		w := newWorld(rig.RealKafka(b))
		c := newCalling(b)
		child := start(w, c.url)
		lags = append(lags, w.follow(topic(w), c)...)
		gaps = append(gaps, c.gaps()...)
		child.Kill()
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(milliseconds(median(lags)), "p50-ms")
	b.ReportMetric(milliseconds(quantile(lags, 0.99)), "p99-ms")
	b.ReportMetric(milliseconds(slices.Max(lags)), "max-ms")
	b.ReportMetric(milliseconds(median(gaps)), "ms-between-polls")
}

// follow reads the events as a consumer would, and returns how late those of
// the calls came that finished while it looked.
func (w *world) follow(topic string, c *calling) (lags []time.Duration) {
	w.T.Helper()
	number := make(map[string]int, lagRows)
	for i := range lagRows {
		number[callID(i)] = i
	}
	seen := 0
	w.Consume(topic, func(r *kgo.Record) bool {
		call := ""
		for _, h := range r.Headers {
			if h.Key == "ce_subject" {
				call = string(h.Value)
			}
		}
		i, ok := number[call]
		if !ok {
			w.T.Fatalf("call %s is none, or comes twice", call)
		}
		delete(number, call)
		if i >= lagBefore {
			lags = append(lags, time.Since(c.finished(i)))
		}
		if seen++; seen == lagBefore {
			c.begin()
		}
		return seen < lagRows
	})
	return lags
}

// calling is a task whose rows finish one after the other.
type calling struct {
	detail        detail
	open, through []byte // all rows, before and after they finish
	url           string

	mu    sync.Mutex
	start time.Time // when row lagBefore-1 finished; zero: not yet
	asked []time.Time
}

func newCalling(b *testing.B) *calling {
	d := newDetail(b)
	c := &calling{detail: d, open: d.rows(0, lagRows, "calling"), through: d.rows(0, lagRows, "finished")}
	c.url = newUpstream(b, c.serve).URL
	return c
}

func (c *calling) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.start = time.Now()
}

// finished is when a row finished that had not before the clock started.
func (c *calling) finished(row int) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.start.Add(time.Duration(row-lagBefore+1) * lagApart)
}

// rows is how many have finished by now, of a reading that begins.
func (c *calling) rows() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.start.IsZero() {
		return lagBefore
	}
	c.asked = append(c.asked, time.Now())
	return min(lagBefore+int(time.Since(c.start)/lagApart), lagRows)
}

// serve sends the task as it stands when it is asked for.
func (c *calling) serve(w http.ResponseWriter, _ *http.Request) {
	at := c.rows() * c.detail.step()
	parts := [][]byte{c.detail.head, c.through[:min(at, len(c.through))], c.open[min(at, len(c.open)):], c.detail.tail}
	length := 0
	for _, part := range parts {
		length += len(part)
	}
	w.Header().Set("Content-Length", strconv.Itoa(length))
	for _, part := range parts {
		_, _ = w.Write(part) // to whom that matters, they find it too short
	}
}

// gaps are the times between two readings while calls finished.
func (c *calling) gaps() (all []time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := 1; i < len(c.asked); i++ {
		all = append(all, c.asked[i].Sub(c.asked[i-1]))
	}
	return all
}

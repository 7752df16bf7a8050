package benchtest

import (
	"io"
	"net/http"
	"testing"
	"time"

	"airudder-exporter/internal/rig"
)

// BenchmarkFirstPoll starts the exporter on a ledger of a million entries, from
// the start of the process to its first request for a task.
func BenchmarkFirstPoll(b *testing.B) {
	b.Run("embedded", func(b *testing.B) { benchmarkFirstPoll(b, newWorld(brokerProcess(b))) })
	b.Run("real", func(b *testing.B) { benchmarkFirstPoll(b, newWorld(rig.RealKafka(b))) })
}

func benchmarkFirstPoll(b *testing.B, w *world) {
	asked := make(chan time.Time, 1)
	upstream := newUpstream(b, func(rw http.ResponseWriter, _ *http.Request) {
		select {
		case asked <- time.Now():
		default: // only the first one counts
		}
		_, _ = io.WriteString(rw, `{"status":"OK","code":200,"data":{"TaskID":"`+taskID+`","Status":"calling","detail":[]}}`)
	})
	first := func() time.Duration {
		select {
		case <-asked: // of the process before
		default:
		}
		began := time.Now()
		c := w.exporter(upstream.URL)
		took := (<-asked).Sub(began)
		c.Kill()
		return took
	}
	first() // begins the ledger
	w.fillLedger(w.dial())
	var all []time.Duration
	for b.Loop() {
		for range 5 {
			all = append(all, first())
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(milliseconds(median(all)), "ms")
}

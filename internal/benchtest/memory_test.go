package benchtest

import (
	"airudder-exporter/internal/rig"
	"net/http"
	"testing"
)

const largeRows = 50_000

// BenchmarkMemory is the most memory that each program ever holds to publish a
// response of 82 MB and 50,000 rows, all of them new.
func BenchmarkMemory(b *testing.B) {
	var our, their int64
	for b.Loop() {
		our = max(our, publishLarge(b, ours, func(w *world, url string) *rig.Process { return w.exporter(url) }))
		their = max(their, publishLarge(b, theirs, func(w *world, url string) *rig.Process { return w.obvious(url, 0) }))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(our)/1e6, "MB")
	b.ReportMetric(float64(their)/1e6, "obvious-MB")
}

// publishLarge returns the peak of a program that has published the large
// response and asks for it again.
func publishLarge(b *testing.B, topic func(*world) string, start func(*world, string) *rig.Process) int64 {
	w := newWorld(rig.EmbeddedKafka(b))
	gate, d := newGate(), newDetail(b)
	var sent int
	url := newUpstream(b, func(rw http.ResponseWriter, r *http.Request) {
		if gate.wait(r) {
			sent = d.stream(rw, largeRows)
		}
	}).URL
	child := start(w, url)
	<-gate.asked
	gate.open <- struct{}{}
	<-gate.asked
	if sent < 80e6 || sent > 84e6 {
		b.Fatalf("the response has %d bytes", sent)
	}
	w.awaitCalls(topic(w), largeRows)
	peak := child.PeakRSS()
	child.Kill()
	return peak
}

// stream sends a task of n finished rows, rendered as they go, and returns how
// many bytes that are.
func (d detail) stream(w http.ResponseWriter, n int) (sent int) {
	const chunk = 50
	send := func(part []byte) {
		written, _ := w.Write(part) // who is gone shows by what was sent
		sent += written
	}
	send(d.head)
	rows := d.rows(0, chunk, "finished")
	for from := 0; from < n; from += chunk {
		if from > 0 {
			send([]byte(","))
		}
		for i := range chunk {
			d.number(rows[i*d.step():], from+i)
		}
		send(rows)
	}
	send(d.tail)
	return sent
}

package benchtest

import (
	"net/http"
	"testing"
)

const largeRows = 50_000

// BenchmarkMemory is the most memory that each program ever holds to publish a
// response of 82 MB and 50,000 rows, all of them new.
func BenchmarkMemory(b *testing.B) {
	var ours, theirs int64
	for b.Loop() {
		ours = max(ours, publishLarge(b, eventName, func(w *world, url string) *child { return w.exporter(url) }))
		theirs = max(theirs, publishLarge(b, obviousName, func(w *world, url string) *child { return w.obvious(url, 0) }))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(ours)/1e6, "MB")
	b.ReportMetric(float64(theirs)/1e6, "obvious-MB")
}

// publishLarge returns the peak of a program that has published the large
// response and asks for it again.
func publishLarge(b *testing.B, topic string, start func(*world, string) *child) int64 {
	w := newWorld(b, embeddedBrokers(b))
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
	w.awaitCalls(topic, largeRows)
	peak := child.peakRSS()
	child.stop()
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

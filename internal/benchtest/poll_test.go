package benchtest

import (
	"airudder-exporter/internal/rig"
	"net/http"
	"strconv"
	"testing"
	"time"
)

const (
	pollRows = 5000
	pollNew  = 200
)

// polled is a task of pollRows finished rows, of which each reading shows
// pollNew as new calls, and a program that reads it.
type polled struct {
	gate   gate
	url    string
	detail detail
	body   []byte
	rows   []byte // in body
	calls  int    // so far
}

func newPolled(b *testing.B) *polled {
	p := &polled{gate: newGate(), detail: newDetail(b), calls: pollRows}
	p.body = append(p.body, p.detail.head...)
	from := len(p.body)
	p.body = append(p.body, p.detail.rows(0, pollRows, "finished")...)
	p.rows = p.body[from:]
	p.body = append(p.body, p.detail.tail...)
	p.url = newUpstream(b, func(w http.ResponseWriter, r *http.Request) {
		if p.gate.wait(r) {
			w.Header().Set("Content-Length", strconv.Itoa(len(p.body)))
			_, _ = w.Write(p.body) // to whom that matters, they find it too short
		}
	}).URL
	return p
}

// renew makes the next pollNew rows new calls, as redials are.
func (p *polled) renew() {
	for range pollNew {
		p.detail.number(p.rows[p.calls%pollRows*p.detail.step():], p.calls)
		p.calls++
	}
}

// poll lets the program read the task once and returns how long it is until it
// asks again, its events committed.
func (p *polled) poll() time.Duration {
	began := time.Now()
	p.gate.open <- struct{}{}
	<-p.gate.asked
	return time.Since(began)
}

// BenchmarkPoll polls a 5,000-row task of which 200 are new each time. The two
// programs take turns.
func BenchmarkPoll(b *testing.B) {
	w := newWorld(rig.EmbeddedKafka(b))
	ours, theirs := newPolled(b), newPolled(b)
	exporter := w.exporter(ours.url, "AIRUDDER_POLL_MIN_INTERVAL=1ms")
	obvious := w.obvious(theirs.url, 0)
	for _, p := range []*polled{ours, theirs} {
		<-p.gate.asked
		p.poll() // all new
	}
	ourCPU, theirCPU := exporter.CPU(), obvious.CPU()
	var our, their []time.Duration
	for b.Loop() {
		for range 10 {
			ours.renew()
			our = append(our, ours.poll())
			theirs.renew()
			their = append(their, theirs.poll())
		}
	}
	ourCPU, theirCPU = exporter.CPU()-ourCPU, obvious.CPU()-theirCPU
	w.awaitCalls(w.topics.Events, ours.calls)
	w.awaitCalls(w.obviousTopic, theirs.calls)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(pollNew/median(our).Seconds(), "calls/s")
	b.ReportMetric(pollNew/median(their).Seconds(), "obvious-calls/s")
	b.ReportMetric(float64(median(their))/float64(median(our)), "times-obvious")
	b.ReportMetric(milliseconds(ourCPU)/float64(len(our)), "cpu-ms/poll")
	b.ReportMetric(milliseconds(theirCPU)/float64(len(their)), "obvious-cpu-ms/poll")
}

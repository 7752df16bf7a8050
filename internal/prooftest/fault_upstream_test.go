package prooftest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// TestUpstreamFaultTable has every answer of the upstream go wrong in every way
// that the simulation knows, one row after the other in the life of one
// exporter: once, and for a while. After each row the same request has to be
// answered and a call to be published, without help; in the end every call has
// been published once, or its damaged row is a dead letter.
func TestUpstreamFaultTable(t *testing.T) {
	t.Parallel()
	for i, endpoint := range []string{airuddersim.Auth, airuddersim.List, airuddersim.Detail} {
		t.Run(endpoint, func(t *testing.T) {
			t.Parallel()
			cfg := renewed(uint64(91 + i))
			cfg.TokenTTL = time.Second // so that it is asked for often
			w := newWorld(t, cfg, nil)
			rows := upstreamRows(endpoint)
			if !wholeTable(t) {
				rows = everyNth(rows, 3)
			}
			one := w.exporter("one", "AIRUDDER_RESPONSE_TIMEOUT=2s")
			w.play(10)
			one.Start()
			tally := faultTally{}
			for _, row := range rows {
				took := w.spoil(row)
				tally.book(fmt.Sprintf("%s, %s", endpoint, row.Kind), row.Times, took)
			}
			w.settle()
			proof := w.check(nil).Proof
			tally.report(t, "upstream: "+endpoint, len(proof.Duplicates), len(proof.Missing))
		})
	}
}

// upstreamRows are the faults that an endpoint's answers can have.
func upstreamRows(endpoint string) (rows []airuddersim.Fault) {
	kinds := airuddersim.FaultKinds()
	if endpoint != airuddersim.Detail { // damaged rows and odd forms are a detail's
		kinds = kinds[:slices.Index(kinds, airuddersim.BrokenJSON)]
	}
	for _, kind := range kinds {
		for _, times := range []int{1, aWhile} {
			rows = append(rows, airuddersim.Fault{Kind: kind, Endpoint: endpoint, Times: times})
		}
	}
	return rows
}

// spoil has one row happen, and waits until the same endpoint was asked again
// and a call published; it returns how long that took.
func (w *world) spoil(row airuddersim.Fault) time.Duration {
	w.T.Helper()
	what := fmt.Sprintf("%s, %s, %d times", row.Endpoint, row.Kind, row.Times)
	w.Sim.Script(row)
	rig.Eventually(w.T, what+": that it happens", rig.Patience, func() bool { return w.Sim.Scripted() == 0 })
	hit, asked := time.Now(), w.Sim.Requests()[row.Endpoint]
	rig.Eventually(w.T, what+": an event after it", rig.Patience, func() bool {
		return w.Sim.Requests()[row.Endpoint] > asked && w.seen.newest().After(hit)
	})
	return time.Since(hit)
}

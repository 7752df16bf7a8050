package prooftest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"airudder-exporter/internal/airuddersim"
)

// everyFifth are faults on about a fifth of all requests, and forms of a
// response that are right, but odd, beside them.
func everyFifth() map[airuddersim.FaultKind]float64 {
	return map[airuddersim.FaultKind]float64{
		airuddersim.Unauthorized: 0.015, airuddersim.ServerError: 0.02, airuddersim.HTMLPage: 0.015, airuddersim.HTMLError: 0.015,
		airuddersim.Garbage: 0.015, airuddersim.NullData: 0.015, airuddersim.EmptyBody: 0.015, airuddersim.BadCode: 0.015,
		airuddersim.Cut: 0.02, airuddersim.Reset: 0.02, airuddersim.ShortLength: 0.015, airuddersim.Truncated: 0.015,
		airuddersim.TruncatedChunked: 0.015, airuddersim.Slow: 0.005,
		airuddersim.Hang: 0.001, airuddersim.Stall: 0.001, airuddersim.TooManyRequests: 0.001, // each holds up a second
		airuddersim.Shuffled: 0.05, airuddersim.DetailFirst: 0.05, airuddersim.DuplicateKeys: 0.05,
		airuddersim.Sparse: 0.05, airuddersim.Nested: 0.05,
		airuddersim.BrokenJSON: 0.01, airuddersim.InvalidUTF8: 0.01, airuddersim.NoCallID: 0.01, airuddersim.HugeRow: 0.01, airuddersim.DeepRow: 0.01,
	}
}

// TestKilledAnywhere kills the one exporter again and again, at random and at
// each step of its protocol, while the upstream fails a fifth of all requests.
// Many kills fall on several ledgers: an exporter that never lives for a second
// comes to all tasks only while they are not too many.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	const most = 100 // kills of one ledger
	all := &killer{tally: map[string]tally{}}
	var calls, events, doubled, lost int
	var mu sync.Mutex
	t.Run("on", func(t *testing.T) {
		for n, seed := killsOr(t, 40, 60), uint64(11); n > 0; n, seed = n-most, seed+1 {
			t.Run(fmt.Sprint("ledger ", seed), func(t *testing.T) {
				t.Parallel()
				k, proof := killAnywhere(t, seed, min(n, most))
				mu.Lock()
				defer mu.Unlock()
				all.add(k)
				calls, events = calls+proof.Finished, events+proof.Events
				doubled, lost = doubled+len(proof.Duplicates), lost+len(proof.Missing)
			})
		}
	})
	all.report(t)
	t.Logf("in all: calls %d · events %d · duplicates %d · losses %d", calls, events, doubled, lost)
	if all.open*10 < all.kills {
		t.Errorf("kills inside an open transaction: got %d of %d, want a tenth", all.open, all.kills)
	}
	if len(all.resumed) == 0 {
		t.Error("no event followed any kill")
	}
}

func killAnywhere(t *testing.T, seed uint64, kills int) (*killer, airuddersim.Proof) {
	cfg := campaigns(seed, 5, 60, 8)
	cfg.Renew, cfg.FaultRates, cfg.TokenTTL = true, everyFifth(), 3*time.Second
	cfg.Oddities = map[airuddersim.Oddity]string{airuddersim.LateChanges: "20s", airuddersim.Heals: "20s"}
	w := newWorld(t, cfg, nil)
	w.Topics.Changes()
	var settings []string
	if seed%2 == 0 {
		settings = w.lender()
	}
	w.exporter("one", settings...)
	k := newKiller(w, seed)
	w.play(15)
	k.run(kills)
	w.settle()
	w.seal("sealing", settings...)
	return k, w.check(nil).Proof
}

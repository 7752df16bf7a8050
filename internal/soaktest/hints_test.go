package soaktest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/exporter/fakekafka"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/rig"
)

// hinting is how hints arrive.
type hinting struct {
	lost   float64 // share
	late   time.Duration
	forged int // a second: half of unknown tasks, half of one that is known
}

// TestHintsBringEventsSooner lets 100 tasks call for a quarter of an hour, a call ending every two
// seconds in one of them, with one request a second. With hints an event comes at once;
// with all of them lost, or ten thousand forged ones a second, as without.
func TestHintsBringEventsSooner(t *testing.T) {
	none := lags(t, hinting{lost: 1})
	told := lags(t, hinting{late: 300 * time.Millisecond})
	half := lags(t, hinting{lost: .5, late: 300 * time.Millisecond})
	forged := lags(t, hinting{lost: 1, forged: 10_000})
	for name, all := range map[string][]time.Duration{"none": none, "told": told, "half": half, "forged": forged} {
		t.Logf("%-6s %d events, median %s, p90 %s, longest %s", name, len(all), at(all, .5), at(all, .9), at(all, 1))
	}
	if got := at(told, .5); got > 1500*time.Millisecond {
		t.Errorf("with hints the median lag is %s, want 1.5 s at most", got)
	}
	if got, want := at(told, 1), at(none, 1); got > want+want/4 {
		t.Errorf("with hints the longest lag is %s, without it is %s", got, want)
	}
	if got, want := at(half, .9), at(none, .9); got > want {
		t.Errorf("with half of the hints 9 of 10 events come within %s, without any within %s", got, want)
	}
	if got, want := at(forged, .5), at(none, .5); got > want+want/2 {
		t.Errorf("with forged hints the median lag is %s, without them %s", got, want)
	}
}

func at(all []time.Duration, share float64) time.Duration {
	slices.Sort(all)
	return all[int(share*float64(len(all)-1))].Round(time.Millisecond)
}

// lags are how late the events come, in virtual time.
func lags(t *testing.T, h hinting) (all []time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		const tasks, rows = 100, 40
		dice := rand.New(rand.NewPCG(7, 7))
		sim := airuddersim.New(airuddersim.Config{Seed: 7, Start: time.Now(), Clock: time.Now})
		var ids []string
		for range tasks {
			open := make([]airuddersim.RowSpec, rows)
			ids = append(ids, sim.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling, Rows: open}))
		}
		server := rig.ServePipes(sim.Handler())
		defer server.Close()
		p := &process{t: t, metrics: prometheus.NewRegistry()}
		e := p.run(server, fakekafka.New(ledgerTopic, 1), fakekafka.Faults{}, exporter.Config{
			ListInterval: time.Minute, PollMin: 5 * time.Second, PollMax: pollMax,
			Policy: ledger.Policy{AfterEnd: 24 * time.Hour, Retention: 720 * time.Hour, Between: pollMax},
		})
		defer p.stop()
		time.Sleep(20 * time.Minute) // until all are read at their pace
		ended, seen := map[string]time.Time{}, map[string]bool{}
		collect := func() {
			for _, p := range e.Recent() {
				if end, known := ended[p.CallID]; known && !seen[p.CallID] {
					seen[p.CallID] = true
					all = append(all, p.Committed.Sub(end))
				}
			}
		}
		for second := range 900 {
			sim.SetNow(time.Now())
			if second%2 == 0 {
				id := ids[dice.IntN(tasks)]
				calls, err := sim.FinishNext(id, 1)
				if err != nil {
					t.Fatal(err)
				}
				for _, call := range calls {
					ended[call] = time.Now()
				}
				if dice.Float64() >= h.lost {
					time.AfterFunc(rand.N(h.late+1), func() { e.Hint(id) })
				}
			}
			for i := range h.forged / 10 {
				e.Hint(fmt.Sprint("forged ", i))
				e.Hint(ids[0])
			}
			time.Sleep(time.Second)
			collect()
		}
		for len(all) < len(ended) {
			time.Sleep(time.Second)
			collect()
		}
	})
	return all
}

package prooftest

import (
	"fmt"
	"testing"
	"time"
)

// TestSeveralExporters kills exporters that share a ledger through their
// consumer group: hot standbys on one shard, and owners of several.
func TestSeveralExporters(t *testing.T) {
	t.Parallel()
	for _, s := range []struct {
		exporters, shards int
		real              bool // on real brokers alone: each takes a group's rig.Patience
	}{
		{2, 1, false}, {3, 4, false}, {3, 1, true}, {2, 4, true},
	} {
		t.Run(fmt.Sprintf("%d exporters, %d shards", s.exporters, s.shards), func(t *testing.T) {
			t.Parallel()
			kills := killsOr(t, 20, 80) / 10
			cfg := renewed(uint64(10*s.exporters + s.shards))
			cfg.FaultRates, cfg.TokenTTL = everyFifth(), 3*time.Second
			w := newWorld(t, cfg, nil)
			if s.real && !w.Real {
				t.Skip("only with TEST_KAFKA_BROKERS")
			}
			for i := range s.exporters {
				w.exporter(fmt.Sprint("exporter-", i+1), "KAFKA_ASSIGNMENT=group", fmt.Sprint("KAFKA_LEDGER_PARTITIONS=", s.shards))
			}
			k := newKiller(w, uint64(s.exporters))
			k.calm = true
			w.play(10)
			k.run(kills)
			w.settle()
			k.report(t)
			w.check(nil)
		})
	}
}

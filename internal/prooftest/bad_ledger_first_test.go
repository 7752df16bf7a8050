package prooftest

import (
	"fmt"
	"testing"
)

// TestFirstStart starts exporters of one deployment at the same moment, with no
// topic there yet: one ledger comes of it, and each call is published once.
func TestFirstStart(t *testing.T) {
	t.Parallel()
	for round := range 6 {
		exporters, shards, assignment := 2+round%2, 1+3*(round%2), "group"
		if round >= 4 {
			assignment = "all" // by mistake
		}
		t.Run(fmt.Sprintf("%d exporters, %d shards, assignment %s, round %d", exporters, shards, assignment, round), func(t *testing.T) {
			t.Parallel()
			cfg := campaigns(uint64(70+round), 3, 20, 6)
			w := newWorld(t, cfg, nil)
			for i := range exporters {
				w.exporter(fmt.Sprint("exporter-", i+1), fmt.Sprint("KAFKA_LEDGER_PARTITIONS=", shards), "KAFKA_ASSIGNMENT="+assignment)
			}
			for _, c := range w.children {
				c.Start()
			}
			w.play(10)
			w.awaitMore(20)
			w.settle()
			w.mustHaveBegunOnce(w.check(nil).ByTopic[w.Topics.Ledger])
		})
	}
}

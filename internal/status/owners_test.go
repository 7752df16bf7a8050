package status

import (
	"strings"
	"testing"
)

// A standby knows nothing of the ledger, and says who does.
func TestPageOfAStandby(t *testing.T) {
	_, body := get(t, handler(running(standby())), "/")
	order(t, plain(body), "Standing by this process owns no shard: their owner is host exporter-1, pid 4711, since 01:32:07 UTC",
		"events in the ledger –", "dead letters –", "ledger entries –", "0 of 0 owned, 1 in all",
		"Tasks", "Those of other exporters", "Shards", "0 host exporter-1, pid 4711 since 01:32:07 – –")
	unknown := standby()
	unknown.Owners = nil
	_, body = get(t, handler(running(unknown)), "/")
	order(t, plain(body), "another exporter does the work", "Shards None owned.")
	given := standby()
	given.Owners[0].Self = true
	_, body = get(t, handler(running(given)), "/")
	order(t, plain(body), "their owner is nobody yet: this exporter was the last", "0 nobody yet")
}

// The page shows the owners of all shards, and one that was lost without this exporter's
// having noticed.
func TestPageShowsWhoOwnsEachShard(t *testing.T) {
	_, body := get(t, handler(running(shared())), "/")
	order(t, plain(body), "Ready", "2 of 2 owned, 5 in all", "Shards", "0 this exporter 1 d 2 h ago commit transaction",
		"1 host exporter-1, pid 8 since 01:32:07 – –", "2 host exporter-1, pid 9 since 01:32:07, as of 03:07:07 – –",
		"3 nobody: a tool was the last (host exporter-1, pid 10), and is done – –", "4 host exporter-1, pid 11 since 01:32:07 1 d 2 h ago none")
	if n := strings.Count(body, `data-label="owner" class="warn"`); n != 1 {
		t.Errorf("%d shards are marked as lost, want the last alone", n)
	}
}

package rig

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"airudder-exporter/internal/airuddersim"
)

// checkLedger holds the ledger's entries against events and dead letters, both
// ways: one entry for each, from the same reading, in the task's own shard. Only
// a closed task's are taken back.
func (e *Evidence) checkLedger() {
	type published struct {
		as string
		at time.Time
	}
	topics := map[airuddersim.CallKey][]published{}
	for _, call := range e.Calls {
		topics[call.Call()] = append(topics[call.Call()], published{"event", call.Time("observed_at")})
	}
	for _, l := range e.Letters {
		topics[letterKey(l)] = append(topics[letterKey(l)], published{"dead_letter", l.Time("observed_at")})
	}
	found, closed := map[airuddersim.CallKey]int{}, map[string]bool{}
	for _, entry := range e.Entries {
		closed[entry.TaskID] = closed[entry.TaskID] || entry.Kind == "task" && !entry.Time("closed_at").IsZero()
		key := entry.call()
		switch {
		case !entry.publication():
			continue
		case entry.Value == nil:
			if !closed[entry.TaskID] {
				e.wrong(key, "ledger: a tombstone for %s, whose task is not closed", entry.Key)
			}
			continue
		}
		if found[key]++; found[key] > 1 {
			e.wrong(key, "ledger: %s was entered %d times", entry.Key, found[key])
			continue
		}
		got := topics[key]
		if len(got) != 1 || got[0].as != entry.Text("as") || !got[0].at.Equal(entry.Time("at")) {
			e.wrong(key, "ledger: %s says %s at %s, the topics have %v", entry.Key, entry.Text("as"), entry.Text("at"), got)
		}
		if shard := ShardOf(entry.TaskID, e.Shards); int32(shard) != entry.Partition {
			e.wrong(key, "ledger: %s stands in shard %d, its task lives in %d", entry.Key, entry.Partition, shard)
		}
	}
	for key, got := range topics {
		if found[key] == 0 {
			e.wrong(key, "%v is published, and not in the ledger: %v", key, got)
		}
	}
}

// letterKey is what the ledger knows a dead letter by.
func letterKey(l Record) airuddersim.CallKey {
	switch {
	case l.Fields["call_id"] != nil:
		return l.Call()
	case l.Fields["row_id"] != nil:
		return l.row()
	}
	return airuddersim.CallKey{TaskID: l.Text("task_id"), CallID: "row sha256:" + l.Text("raw_sha256")[:16]}
}

// checkLetters holds each dead letter against itself.
func (e *Evidence) checkLetters() {
	const most = 64 << 10
	reasons := []string{"no_call_id", "broken_json", "invalid_utf8", "too_large"}
	for _, l := range e.Letters {
		raw, _ := l.Fields["raw"].([]byte)
		size := l.Number("raw_size")
		if !slices.Contains(reasons, l.Text("reason")) {
			e.wrong(l.Call(), "%s: reason %q", l, l.Text("reason"))
		}
		if want := min(size, most); int64(len(raw)) != want {
			e.wrong(l.Call(), "%s: got %d bytes of a row of %d, want %d", l, len(raw), size, want)
		}
		sum := sha256.Sum256(raw)
		if size == int64(len(raw)) && l.Text("raw_sha256") != hex.EncodeToString(sum[:]) {
			e.wrong(l.Call(), "%s: raw_sha256 is not that of raw", l)
		}
		if l.Text("reason") == "no_call_id" && l.Fields["call_id"] != nil {
			e.wrong(l.Call(), "%s: no_call_id with a CallID", l)
		}
	}
}

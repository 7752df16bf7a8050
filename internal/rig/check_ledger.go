package rig

import (
	"strings"

	"airudder-exporter/internal/airuddersim"
)

// publication is an event or a dead letter, as its topic and its entry say it.
type publication struct {
	as     string // event, dead_letter; resolved: the end of a row's dead letter
	at     int64  // milliseconds
	n      int64  // an event's number
	reason string // of a dead letter
	callID string // of the row whose dead letter has ended
}

// publications are those that the topics have. The end of a call's dead letter has no
// entry but its event's.
func (e *Evidence) publications() map[airuddersim.CallKey][]publication {
	all := map[airuddersim.CallKey][]publication{}
	add := func(key airuddersim.CallKey, p publication) { all[key] = append(all[key], p) }
	for _, l := range e.Letters {
		p := publication{as: "dead_letter", at: l.Time("observed_at").UnixMilli(), reason: l.Text("reason")}
		switch key := l.letterKey(); {
		case !l.Resolved():
			add(key, p)
		case key != l.Call():
			p.as, p.callID = "resolved", l.Text("call_id")
			add(key, p)
		}
	}
	for _, call := range e.Calls {
		add(call.Call(), publication{as: "event", at: call.Time("observed_at").UnixMilli(), n: call.Number("task_sequence")})
	}
	return all
}

func (entry Entry) said() publication {
	p := publication{as: entry.Text("as"), at: entry.Time("at").UnixMilli(), n: entry.Number("n"),
		reason: entry.Text("reason"), callID: entry.Text("call_id")}
	return p
}

// entered is how far the ledger has come with a call or a row.
type entered struct {
	last  Entry
	count map[publication]int
}

// checkLedger holds the ledger's entries against events and dead letters, both
// ways: one entry for each, from the same reading, in the task's own shard. Only
// a closed task's are taken back.
func (e *Evidence) checkLedger() {
	topics, found, closed := e.publications(), map[airuddersim.CallKey]entered{}, map[string]bool{}
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
		if shard := ShardOf(entry.TaskID, e.Shards); int32(shard) != entry.Partition {
			e.wrong(key, "ledger: %s stands in shard %d, its task lives in %d", entry.Key, entry.Partition, shard)
		}
		of := found[key]
		if entry.stillTooLarge(of.last) || entry.revises(of.last) {
			of.last = entry
			found[key] = of
			continue
		}
		if of.count == nil {
			of.count = map[publication]int{}
		}
		if of.last.Value != nil && (of.last.Text("as") != "dead_letter" || entry.Text("as") == "dead_letter") {
			e.wrong(key, "ledger: %s says %s, and said %s before", entry.Key, entry.Text("as"), of.last.Text("as"))
		}
		of.count[entry.said()]++
		of.last = entry
		found[key] = of
	}
	e.compareLedger(topics, found)
}

// stillTooLarge reports whether an entry says of a dead letter only that its event is too
// large for a limit, or for a higher one.
func (entry Entry) stillTooLarge(before Entry) bool {
	return before.Value != nil && entry.Text("as") == "dead_letter" && entry.said() == before.said() &&
		entry.Number("limit") > before.Number("limit")
}

// revises reports whether an entry says of an event only what became of it since: that
// there is one revision more, or that from now on it is known what its row said.
func (entry Entry) revises(before Entry) bool {
	if before.Value == nil || before.Text("as") != "event" || entry.Text("as") != "event" || before.Number("n") != entry.Number("n") {
		return false
	}
	then, _, _ := strings.Cut(before.Text("fields"), ":")
	now, _, _ := strings.Cut(entry.Text("fields"), ":")
	more := entry.Number("revision") - before.Number("revision")
	return now != "" && (more == 1 && now == then || more == 0 && now != then)
}

func (e *Evidence) compareLedger(topics map[airuddersim.CallKey][]publication, found map[airuddersim.CallKey]entered) {
	for key, of := range found {
		for p, n := range of.count {
			published := 0
			for _, in := range topics[key] {
				if in == p {
					published++
				}
			}
			if published != 1 || n != 1 {
				e.wrong(key, "ledger: %s says %d times %+v, the topics %d times: %+v", of.last.Key, n, p, published, topics[key])
			}
		}
	}
	for key, published := range topics {
		of := found[key]
		for _, p := range published {
			// A broker's cleaner may have left the last entry alone.
			replaced := p.as == "dead_letter" && of.last.Value != nil && of.last.Text("as") != "dead_letter"
			if of.count[p] == 0 && !replaced {
				e.wrong(key, "%v is published, and not in the ledger: %+v", key, p)
			}
		}
	}
}

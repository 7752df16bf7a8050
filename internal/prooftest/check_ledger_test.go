package prooftest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/airuddersim"
)

// checkLedger holds the ledger's entries against events and dead letters, both
// ways: one entry for each, from the same reading, in the task's own shard.
func (c *checker) checkLedger() {
	type published struct {
		as string
		at time.Time
	}
	topics := map[airuddersim.CallKey][]published{}
	for _, e := range c.calls {
		topics[e.call()] = append(topics[e.call()], published{"event", e.time("observed_at")})
	}
	for _, l := range c.letters {
		topics[c.letterKey(l)] = append(topics[c.letterKey(l)], published{"dead_letter", l.time("observed_at")})
	}
	found := map[airuddersim.CallKey]int{}
	for _, e := range c.entries {
		if e.kind != "call" && e.kind != "row" || e.value == nil {
			continue
		}
		key := e.call()
		if e.kind == "row" {
			key.CallID = "row " + e.id
		}
		if found[key]++; found[key] > 1 {
			c.wrong(key, "ledger: %s was entered %d times", e.Key, found[key])
			continue
		}
		got := topics[key]
		if len(got) != 1 || got[0].as != e.text("as") || !got[0].at.Equal(e.time("at")) {
			c.wrong(key, "ledger: %s says %s at %s, the topics have %v", e.Key, e.text("as"), e.text("at"), got)
		}
		shard := kgo.StickyKeyPartitioner(nil).ForTopic(e.Topic).Partition(&kgo.Record{Key: []byte(e.taskID)}, c.w.shards)
		if int32(shard) != e.Partition {
			c.wrong(key, "ledger: %s stands in shard %d, its task lives in %d", e.Key, e.Partition, shard)
		}
	}
	for key, got := range topics {
		if found[key] == 0 {
			c.wrong(key, "%v is published, and not in the ledger: %v", key, got)
		}
	}
}

// letterKey is what the ledger knows a dead letter by.
func (c *checker) letterKey(l record) airuddersim.CallKey {
	if l.fields["call_id"] != nil {
		return l.call()
	}
	if l.fields["row_id"] != nil {
		return l.row()
	}
	return airuddersim.CallKey{TaskID: l.text("task_id"), CallID: "row sha256:" + l.text("raw_sha256")[:16]}
}

// checkLetters holds each dead letter against itself.
func (c *checker) checkLetters() {
	const most = 64 << 10
	reasons := map[string]bool{"no_call_id": true, "broken_json": true, "invalid_utf8": true, "too_large": true}
	for _, l := range c.letters {
		raw, _ := l.fields["raw"].([]byte)
		size := l.number("raw_size")
		if !reasons[l.text("reason")] {
			c.wrong(l.call(), "%s: reason %q", l, l.text("reason"))
		}
		if want := min(size, most); int64(len(raw)) != want {
			c.wrong(l.call(), "%s: got %d bytes of a row of %d, want %d", l, len(raw), size, want)
		}
		sum := sha256.Sum256(raw)
		if size == int64(len(raw)) && l.text("raw_sha256") != hex.EncodeToString(sum[:]) {
			c.wrong(l.call(), "%s: raw_sha256 is not that of raw", l)
		}
		if l.text("reason") == "no_call_id" && l.fields["call_id"] != nil {
			c.wrong(l.call(), "%s: no_call_id with a CallID", l)
		}
	}
}

// history is what is known around a call or a task, oldest first: the truth,
// every record that names it, committed or not, with its neighbours, and what
// the exporters asked the brokers at those times.
func (c *checker) history(about airuddersim.CallKey) []string {
	lines := c.truthOf(about)
	var times []time.Time
	for _, topic := range c.w.topics.all() {
		for _, r := range c.around(topic, about) {
			lines = append(lines, r.line)
			if r.itself {
				times = append(times, r.at)
			}
		}
	}
	for _, child := range c.w.children {
		for _, asked := range child.net.around(times, 60*time.Millisecond) {
			lines = append(lines, child.name+": "+asked)
		}
	}
	return lines[:min(len(lines), 80)]
}

func (c *checker) truthOf(about airuddersim.CallKey) (lines []string) {
	for _, task := range c.truth.Tasks {
		if task.TaskID != about.TaskID {
			continue
		}
		lines = append(lines, fmt.Sprintf("truth: task %s, %d rows, states %v", task.TaskID, task.Rows, task.States))
		for _, of := range task.Calls {
			if of.CallID == about.CallID {
				lines = append(lines, fmt.Sprintf("truth: %+v", of))
			}
		}
	}
	return lines
}

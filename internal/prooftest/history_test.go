package prooftest

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/airuddersim"
)

// around are a topic's records about a call, each with two on either side.
func (c *checker) around(topic string, about airuddersim.CallKey) (found []remembered) {
	const neighbours = 2
	h := c.byTopic[topic]
	hidden := map[place]bool{}
	for _, r := range h.hidden {
		hidden[placeOf(r)] = true
	}
	all := slices.Concat(h.committed, h.hidden)
	slices.SortFunc(all, func(a, b *kgo.Record) int {
		if a.Partition != b.Partition {
			return int(a.Partition - b.Partition)
		}
		return int(a.Offset - b.Offset)
	})
	shown := -1
	for i, r := range all {
		if !names(r, about) {
			continue
		}
		for j := max(shown+1, i-neighbours); j <= min(i+neighbours, len(all)-1); j++ {
			found = append(found, remember(all[j], hidden[placeOf(all[j])], names(all[j], about)))
			shown = j
		}
	}
	return found
}

// remembered is one record in a history.
type remembered struct {
	line   string
	at     time.Time
	itself bool // it names what the history is about
}

func remember(r *kgo.Record, hidden, itself bool) remembered {
	state, mark := "committed", "  "
	if hidden {
		state = "aborted"
	}
	if itself {
		mark = "→ "
	}
	id := headerOf(r, "ce_id")
	if id == "" {
		id = string(r.Key) + " " + string(r.Value)
	}
	return remembered{at: r.Timestamp, itself: itself, line: fmt.Sprintf("%s%s[%d]@%d %s producer %d/%d %s: %s", mark,
		r.Topic, r.Partition, r.Offset, r.Timestamp.Format("15:04:05.000"), r.ProducerID, r.ProducerEpoch, state, id)}
}

// names reports whether a record is about a call; about its task where no call
// is given.
func names(r *kgo.Record, about airuddersim.CallKey) bool {
	want := about.CallID
	if want == "" {
		want = about.TaskID
	}
	return want != "" && (bytes.Contains(r.Key, []byte(want)) || bytes.Contains([]byte(headerOf(r, "ce_id")), []byte(want)))
}

// around are the journal's lines not further than a margin from any of the
// times.
func (t *tracker) around(times []time.Time, margin time.Duration) (lines []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, line := range t.journal {
		for _, at := range times {
			if line.at.Sub(at).Abs() <= margin {
				lines = append(lines, line.at.Format("15:04:05.000 ")+line.text)
				break
			}
		}
	}
	return lines
}

package rig

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/airuddersim"
)

// history is what is known around a call or a task, oldest first: the truth,
// every record that names it, committed or not, with its neighbours, and what
// around tells of those times.
func (e *Evidence) history(about airuddersim.CallKey, around func([]time.Time) []string) []string {
	lines := e.truthOf(about)
	var times []time.Time
	for _, topic := range e.Topics.All() {
		found, at := e.near(topic, about)
		lines, times = append(lines, found...), append(times, at...)
	}
	if around != nil {
		lines = append(lines, around(times)...)
	}
	return lines[:min(len(lines), 80)]
}

func (e *Evidence) truthOf(about airuddersim.CallKey) (lines []string) {
	for _, task := range e.Truth.Tasks {
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

// near are a topic's records about a call, each with two on either side, and
// when those about it were written.
func (e *Evidence) near(topic string, about airuddersim.CallKey) (lines []string, times []time.Time) {
	const neighbours = 2
	h := e.ByTopic[topic]
	all := slices.Concat(h.Committed, h.Hidden)
	slices.SortFunc(all, byPlace)
	shown := -1
	for i, r := range all {
		if !names(r, about) {
			continue
		}
		times = append(times, r.Timestamp)
		for j := max(shown+1, i-neighbours); j <= min(i+neighbours, len(all)-1); j++ {
			lines = append(lines, line(all[j], slices.Contains(h.Hidden, all[j]), names(all[j], about)))
			shown = j
		}
	}
	return lines, times
}

func line(r *kgo.Record, hidden, itself bool) string {
	state, mark := "committed", "  "
	if hidden {
		state = "aborted"
	}
	if itself {
		mark = "→ "
	}
	id := Header(r, "ce_id")
	if id == "" {
		id = string(r.Key) + " " + string(r.Value)
	}
	return fmt.Sprintf("%s%s[%d]@%d %s producer %d/%d %s: %s", mark,
		r.Topic, r.Partition, r.Offset, r.Timestamp.Format("15:04:05.000"), r.ProducerID, r.ProducerEpoch, state, id)
}

// names reports whether a record is about a call; about its task where no call
// is given.
func names(r *kgo.Record, about airuddersim.CallKey) bool {
	want := about.CallID
	if want == "" {
		want = about.TaskID
	}
	return want != "" && (bytes.Contains(r.Key, []byte(want)) || bytes.Contains([]byte(Header(r, "ce_id")), []byte(want)))
}

package exporter

import (
	"log/slog"
	"sync"

	"airudder-exporter/internal/call"
)

// deadNews tells the operator of dead letters: of a task's first of each reason, and
// again of its tenth, hundredth and so on.
type deadNews struct {
	log *slog.Logger

	mu     sync.Mutex
	counts map[deadLetters]int
}

// deadLetters are those of one task and reason.
type deadLetters struct {
	taskID string // empty: of all tasks beyond the bound
	reason call.Reason
}

// maxDeadNews bounds the tasks that are told apart.
const maxDeadNews = 10_000

// leftOut tells once of a task that has more dead letters of rows without an id than
// are published.
func (n *deadNews) leftOut(taskID string, rows int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	of := deadLetters{taskID: taskID}
	if _, known := n.counts[of]; known || len(n.counts) >= maxDeadNews {
		return
	}
	n.counts[of] = rows
	n.log.Warn("more rows without an id cannot become events than are published as dead letters; the others are counted alone",
		"task", taskID, "rows", rows)
}

func (n *deadNews) note(taskID string, reject *call.Reject) {
	n.mu.Lock()
	defer n.mu.Unlock()
	of := deadLetters{taskID, reject.Reason}
	if _, known := n.counts[of]; !known && len(n.counts) >= maxDeadNews {
		of.taskID = ""
	}
	n.counts[of]++
	count := n.counts[of]
	for round := 1; round <= count; round *= 10 {
		if round == count {
			n.log.Warn("a row cannot become an event; it is a dead letter",
				"task", taskID, "reason", reject.Reason, "detail", reject.Detail, "so_far", count)
		}
	}
}

package exporter

import (
	"fmt"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/notice"
)

// tasksFailing is the one notice for all tasks that cannot be read: so many of those
// that are read.
func (c Config) tasksFailing(failing, tasks int, kind, last string) notice.Sighting {
	return notice.Sighting{
		Cause: causeTasksFailing,
		Text:  fmt.Sprintf("%s cannot be read, two times in a row or more; %s", ofTasks(failing, tasks), mostly(failing, kind, last)),
		Cure: "the other tasks continue, and these are tried again, at least every " + c.PollMax.String() +
			" (" + c.Setting("PollMax") + "); if it lasts, do what the error says, or ask AIRudder about it",
	}
}

// upstreamHangs is the notice for requests that nobody answers.
func (c Config) upstreamHangs(f call.Flight) notice.Sighting {
	since := "yet"
	if !f.Answered.IsZero() {
		since = "since " + f.Answered.UTC().Format(time.RFC3339)
	}
	requests := "the one request under way has waited"
	if n := len(f.Waiting); n > 1 {
		requests = fmt.Sprintf("all %d requests under way have waited", n)
	}
	return notice.Sighting{
		Cause: causeUpstreamHangs,
		Text:  fmt.Sprintf("AIRudder has answered nothing %s; %s far longer than its answers take", since, requests),
		Cure: "see whether AIRudder, or a proxy or firewall on the way to " + c.Setting("BaseURL") + ", hangs; a request is given up after " +
			c.Setting("Timeout") + " and made again",
	}
}

// noTask is why the exporter is not ready where no task can be read.
func noTask(failing, tasks int, kind, last string) string {
	return fmt.Sprintf("no task can be read: %s failed; %s", ofTasks(failing, tasks), mostly(failing, kind, last))
}

func ofTasks(n, all int) string {
	all = max(n, all)
	if all == 1 {
		return "the one task"
	}
	return fmt.Sprintf("%d of %d tasks", n, all)
}

// mostly is the commonest error of n tasks, the last one of its kind.
func mostly(n int, kind, last string) string {
	if n == 1 {
		return "the error is " + last
	}
	return "the commonest error (" + kind + ") is " + last
}

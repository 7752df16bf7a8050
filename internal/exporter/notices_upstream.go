package exporter

import (
	"fmt"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/notice"
)

// tasksFailing is the one notice for all tasks that cannot be read: so many of those
// that are read, most of them for one reason.
func (c Config) tasksFailing(failing, tasks int, why reason, most trouble) notice.Sighting {
	text := fmt.Sprintf("%s cannot be read, two times in a row or more; %s", ofTasks(failing, tasks), mostly(failing, why, most))
	if nobodysOwn[why.kind] { // the others have only to be asked
		text = fmt.Sprintf("AIRudder cannot be read, so far not for %s: %s", ofTasks(most.tasks, tasks), most.last)
	}
	return notice.Sighting{
		Cause: causeTasksFailing,
		Text:  text,
		Cure: c.cureOf(why.kind) + "; they are tried again by themselves, at least every " + c.PollMax.String() + " (" + c.Setting("PollMax") +
			"), and the other tasks continue",
	}
}

// cureOf says what to do about errors of a kind.
func (c Config) cureOf(kind string) string {
	switch kind {
	case "auth":
		return fmt.Sprintf("set %s and %s right (their files are read again, else restart), or have AIRudder unblock the account", c.Setting("AppKey"), c.Setting("AppSecret"))
	case "network":
		return "see whether AIRudder at " + c.Setting("BaseURL") + ", DNS, or a proxy or firewall on the way is out of order"
	case "html", "client":
		return "see whether " + c.Setting("BaseURL") + " is right, and what a proxy on the way does"
	case tooMany:
		return "lower " + c.Setting("RequestsPerSecond") + ", or see who else uses the account"
	}
	return "if it lasts, do what the error says, or ask AIRudder about it"
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
func (c Config) noTask(failing, tasks int, why reason, most trouble) string {
	return fmt.Sprintf("no task can be read: %s failed; %s; %s", ofTasks(failing, tasks), mostly(failing, why, most), c.cureOf(why.kind))
}

// noList is why it is not where the list cannot be: nor can so many tasks, for the same
// reason.
func (c Config) noList(err error, failing, tasks int) string {
	text := "the task list cannot be read"
	if failing > 0 {
		text += ", nor can " + ofTasks(failing, tasks)
	}
	return fmt.Sprintf("%s: %s; %s", text, causeOf(err), c.cureOf(kindOf(err)))
}

func ofTasks(n, all int) string {
	all = max(n, all)
	if all == 1 {
		return "the one task"
	}
	return fmt.Sprintf("%d of %d tasks", n, all)
}

// mostly is why n tasks fail, or most of them.
func mostly(n int, why reason, most trouble) string {
	switch {
	case n == 1:
		return "the error is " + most.last
	case most.tasks >= n:
		return "the error (" + why.kind + ") is " + most.last
	}
	return "the commonest error (" + why.kind + ") is " + most.last
}

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"airudder-exporter/internal/airudder"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/exporter"
)

// listing shows what the list holds, and whether that is all, as far as it says.
func (c *checker) listing(l call.Listing) {
	c.ok("%d tasks are listed or named by hand", len(l.Tasks))
	var oldest, newest time.Time
	statuses := map[string]int{}
	for _, task := range l.Tasks {
		switch end := task.ScheduleEnd; {
		case end.IsZero():
		case oldest.IsZero():
			oldest, newest = end, end
		case end.Before(oldest):
			oldest = end
		case end.After(newest):
			newest = end
		}
		statuses[shownStatus(task.Status)]++
	}
	if !oldest.IsZero() {
		c.info("the list's oldest schedule ends %s, its newest %s", oldest.Format(time.RFC3339), newest.Format(time.RFC3339))
	}
	var counts []string
	for _, status := range slices.Sorted(maps.Keys(statuses)) {
		counts = append(counts, fmt.Sprintf("%d %s", statuses[status], status))
	}
	if len(counts) > 0 {
		c.info("of the listed tasks, by status: %s", strings.Join(counts, ", "))
	}
	for _, seen := range loop(c.cfg).OfListing(l) {
		c.needs("a task list that is read whole", "", "%s: %s", seen.Text, seen.Cure)
	}
}

// shownStatus is a task's status where it is a documented one: others could be
// anything.
func shownStatus(status string) string {
	switch status = call.Fold(status); status {
	case "":
		return "without one"
	case call.Created, call.Pending, call.Calling, call.Paused, call.Finished, call.Canceled:
		return status
	}
	return "in another word"
}

// plan shows what follows from the configuration: requests a minute, how late a
// call is seen, and how many tasks are exported.
func (c *checker) plan(listed []call.Listed, listErr error) {
	budget := c.cfg.Upstream.RequestsPerSecond * 60
	c.info("the request budget is %.0f a minute for the whole deployment", budget)
	if listErr != nil {
		c.info("the tasks cannot be counted without the list")
		return
	}
	since, open := c.since(), 0
	inReach := 0
	for _, l := range listed {
		if l.ScheduleEnd.IsZero() || !l.ScheduleEnd.Before(since) || call.Underway(l.Status) {
			inReach++
			if !call.Terminal(l.Status) {
				open++
			}
		}
	}
	c.info("%d of %d tasks are exported, by AIRUDDER_EXPORT_SINCE (%s); of these, %d are not known to have ended",
		inReach, len(listed), since.Format(time.RFC3339), open)
	interval, asked := c.interval(open)
	worst := interval.Round(10 * time.Millisecond)
	c.info("with %d tasks calling at once, each is read every %s (%.0f requests a minute): a call is seen %s after its end "+
		"on average and %s at worst, plus the time of the response", open, worst, asked, (interval / 2).Round(10*time.Millisecond), worst)
	if interval > c.cfg.Polling.MinInterval {
		c.info("that is as often as the request budget allows; AIRUDDER_POLL_MIN_INTERVAL is %s", c.cfg.Polling.MinInterval)
	}
}

// interval is how often each of n calling tasks is read, and how many requests a
// minute that takes, those for the list included.
func (c *checker) interval(n int) (time.Duration, float64) {
	perMinute := c.cfg.Upstream.RequestsPerSecond * 60
	lists := 0.0
	if c.cfg.Upstream.ListRequest != airudder.Off {
		lists = float64(time.Minute) / float64(c.cfg.Polling.ListInterval)
	}
	interval := c.cfg.Polling.MinInterval
	if n > 0 {
		left := max(perMinute-lists, perMinute/100)
		interval = max(interval, time.Duration(float64(n)/left*float64(time.Minute)))
	}
	return interval, float64(n)*float64(time.Minute)/float64(interval) + lists
}

// since is the time from which on tasks are exported: the ledger's own
// ExportSince, which an earlier setting lowers.
func (c *checker) since() time.Time {
	since := c.cfg.Polling.ExportSince
	switch {
	case !c.begun.IsZero() && (since.IsZero() || c.begun.Before(since)):
		return c.begun
	case !since.IsZero():
		return since
	}
	return time.Now().Add(-exporter.Lookback).UTC().Truncate(time.Second)
}

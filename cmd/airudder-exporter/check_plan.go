package main

import (
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/exporter"
)

// plan says what the configuration comes to: requests a minute, how late a call
// is seen, and how many tasks are in reach.
func (c *checker) plan(listed []call.Listed, listErr error) {
	budget := c.cfg.Upstream.RequestsPerSecond * 60
	c.note("the request budget is %.0f a minute for the whole deployment", budget)
	if listErr != nil {
		c.note("without the list, the tasks cannot be counted")
		return
	}
	since, open := c.since(), 0
	inReach := 0
	for _, l := range listed {
		if l.ScheduleEnd.IsZero() || !l.ScheduleEnd.Before(since) {
			inReach++
			if !call.Terminal(l.Status) {
				open++
			}
		}
	}
	c.note("%d of %d tasks are in reach of AIRUDDER_EXPORT_SINCE (%s); %d of them are not known to have ended",
		inReach, len(listed), since.Format(time.RFC3339), open)
	interval, asked := c.interval(open)
	c.note("with %d tasks calling at once, each is read every %s (%.0f requests a minute), so a call is seen %s after its end on average and %s at worst, beside the response's own time",
		open, interval.Round(10*time.Millisecond), asked, (interval / 2).Round(10*time.Millisecond), interval.Round(10*time.Millisecond))
	if interval > c.cfg.Polling.MinInterval {
		c.note("the budget, not AIRUDDER_POLL_MIN_INTERVAL (%s), is what sets that pace", c.cfg.Polling.MinInterval)
	}
}

// interval is how often each of n calling tasks is read, and how many requests
// a minute that comes to, the list's included.
func (c *checker) interval(n int) (time.Duration, float64) {
	perMinute := c.cfg.Upstream.RequestsPerSecond * 60
	lists := 0.0
	if c.cfg.Upstream.ListEnabled {
		lists = float64(time.Minute) / float64(c.cfg.Polling.ListInterval)
	}
	interval := c.cfg.Polling.MinInterval
	if n > 0 {
		left := max(perMinute-lists, perMinute/100)
		interval = max(interval, time.Duration(float64(n)/left*float64(time.Minute)))
	}
	return interval, float64(n)*float64(time.Minute)/float64(interval) + lists
}

// since is from when on tasks are exported: the ledger's own ExportSince, which
// an earlier setting lowers.
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

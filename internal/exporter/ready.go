package exporter

import (
	"cmp"
	"strconv"
	"time"
)

// The components that can keep an exporter from being ready. Their names are the
// metric's labels.
const (
	ComponentStart    = "start"    // topics, schemas, the ledger, the group: what must be there first
	ComponentLedger   = "ledger"   // every shard that this process owns is restored
	ComponentCommits  = "commits"  // Kafka takes what is to be published
	ComponentGroup    = "group"    // the group would give this process shards
	ComponentList     = "list"     // of tasks
	ComponentUpstream = "upstream" // tasks can be read
)

// Components are all of them.
func Components() []string {
	return []string{ComponentStart, ComponentLedger, ComponentCommits, ComponentGroup, ComponentList, ComponentUpstream}
}

// Down is a component that keeps the exporter from being ready, and why.
type Down struct {
	Component, Why string

	covers string // the cause of the notice that would say the same; empty: there is none
}

// down names what keeps events from flowing, or would once another exporter
// ends; none when nothing does. An exporter that owns nothing is ready. e.mu is
// held.
func (e *Exporter) down(shards []ShardStatus, now time.Time) (all []Down) {
	add := func(component, why, covers string) {
		if why != "" {
			all = append(all, Down{component, why, covers})
		}
	}
	for _, s := range shards {
		if why := s.whyNotReady(e.runs[s.Shard], now); why != "" {
			component := ComponentCommits
			if s.Restored.IsZero() {
				component = ComponentLedger
			}
			add(component, "shard "+strconv.Itoa(s.Shard)+" "+why, causeGroupSilent) // the same outage silences both
		}
	}
	add(ComponentCommits, e.holds.whyNotReady(), "")
	add(ComponentGroup, e.refused, "")
	if len(e.runs) == 0 {
		return all
	}
	tasks, list := tasksRead(e.runs), e.listing.err == nil && !e.listing.off
	why, covers := e.upstream.down(e.cfg, now, list, tasks)
	if err := e.listing.err; err != nil {
		failing, same := e.upstream.like(err)
		long := now.Sub(e.listing.at) > e.cfg.ListInterval+time.Minute // one answer alone may break
		if same {
			covers = causeTasksFailing
		}
		if long || same && why != "" {
			add(ComponentList, e.cfg.noList(err, failing, tasks), covers)
		}
	}
	add(ComponentUpstream, why, covers)
	return all
}

// whyNotReady names what keeps a shard from committing; empty: nothing. run is
// nil where no producer is at work. One that can open the shard need not be able
// to write events: until it has, the end of the one before counts.
func (s ShardStatus) whyNotReady(run *run, now time.Time) string {
	why := cmp.Or(s.Waiting, s.Error)
	var oldest time.Time
	if run != nil {
		oldest = run.uncommitted.oldest(run)
	}
	switch {
	case s.Restored.IsZero() && why == "":
		return restoring
	case s.Restored.IsZero():
		return "is not restored: " + why
	case s.ends > 1 && now.Sub(s.Restored) < time.Minute: // the next one has yet to show that it can
		return "commits nothing: " + why
	case oldest.IsZero(): // nothing to commit
		return ""
	case s.Waiting != "" || s.ErrorAt.After(s.Committed):
		return "commits nothing: " + why
	case now.Sub(oldest) > time.Minute:
		why = "commits nothing since " + oldest.UTC().Format(time.RFC3339)
		for _, throttled := range ofCommit(run.throttled(now)) {
			why += ": " + throttled.Text + "; " + throttled.Cure
		}
		return why
	}
	return ""
}

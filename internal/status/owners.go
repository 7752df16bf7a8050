package status

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"airudder-exporter/internal/exporter"
)

// ownership is what the page says of a shard: who has it, and how it fares where that is
// this process.
type ownership struct {
	Shard  int
	Own    bool // given to this process
	Status exporter.ShardStatus
	Owner  exporter.Owner // its SeenAt is zero where nobody is known
	Lost   bool           // another exporter owns it, though it was given to this process and is restored
	Old    bool           // nobody could look for a while
}

// Who is the owner in words; empty: nobody is known.
func (o ownership) Who() string {
	switch w := o.Owner; {
	case w.SeenAt.IsZero():
		return ""
	case w.Done:
		return fmt.Sprintf("nobody: a tool was the last (host %s, pid %d), and is done", w.Host, w.PID)
	case w.Tool:
		return fmt.Sprintf("a tool: host %s, pid %d", w.Host, w.PID)
	case w.Self && !o.Own:
		return "nobody yet: this exporter was the last"
	case w.Self:
		return "this exporter"
	}
	return fmt.Sprintf("host %s, pid %d", o.Owner.Host, o.Owner.PID)
}

// ownerships are all shards that anything is known of, in order.
func ownerships(s exporter.Snapshot) (all []ownership) {
	for _, owner := range s.Owners {
		all = append(all, ownership{Shard: owner.Shard, Owner: owner, Old: s.At.Sub(owner.SeenAt) > time.Minute && !owner.Self})
	}
	for _, status := range s.Shards {
		i := slices.IndexFunc(all, func(o ownership) bool { return o.Shard == status.Shard })
		if i < 0 {
			i, all = len(all), append(all, ownership{Shard: status.Shard})
		}
		o := &all[i]
		o.Own, o.Status = true, status
		o.Lost = !status.Restored.IsZero() && !o.Owner.SeenAt.IsZero() && !o.Owner.Self && !o.Owner.Tool
	}
	slices.SortFunc(all, func(a, b ownership) int { return cmp.Compare(a.Shard, b.Shard) })
	return all
}

// worker says of a standby who does the work instead.
func worker(s exporter.Snapshot) string {
	const none = "this process owns no shard: "
	var by []string
	for _, o := range ownerships(s) {
		if who := o.Who(); who != "" && !slices.Contains(by, who) {
			by = append(by, who)
		}
	}
	switch len(by) {
	case 0:
		return none + "another exporter does the work"
	case 1:
		return none + "their owner is " + by[0] + ", since " + clock(s.At, s.Owners[0].Since).Text + " UTC"
	}
	return none + "others do the work, as the shards tell below"
}

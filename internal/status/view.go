package status

import (
	"cmp"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"

	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/history"
	"airudder-exporter/internal/plot"
)

// maxTasks is how many tasks the page shows. /api/status has all, page by page.
const maxTasks = 200

// group is what the page sorts tasks by, in this order.
type group int

const (
	failing group = iota // the last reading failed
	calling              // places calls now
	open                 // may still place calls: created, pending, paused
	ended                // may still show late rows
	sealed
	passed // ended before the export began
	closed
	groups // how many there are
)

func (g group) String() string {
	return [groups]string{"failing", "calling", "open", "ended", "sealed", "not exported", "closed"}[g]
}

// Class is the group's name in the style sheet and in /api/status.
func (g group) Class() string {
	return [groups]string{"failing", "calling", "open", "ended", "sealed", "passed", "closed"}[g]
}

func groupOf(t exporter.TaskStatus) group {
	switch {
	case t.Error != "":
		return failing
	case t.Phase == "ended":
		return ended
	case t.Phase == "sealed":
		return sealed
	case t.Phase == "before_export_since":
		return passed
	case t.Phase == "closed":
		return closed
	case t.Calling():
		return calling
	}
	return open
}

// view is what the template draws.
type view struct {
	exporter.Snapshot
	Info
	Verdict judgement

	Notes    []note
	Restored int  // shards
	Blind    bool // no shard is owned, or none was ever restored: nothing is known of the ledger
	Owned    []ownership

	Events, DeadLetters int64 // of all tasks
	Groups              []tally
	Tasks               []task
	Hidden              int // tasks beyond maxTasks
	Recent              []event
}

// Past reports whether what is said of the ledger and of some tasks is not current.
func (v view) Past() bool { return !v.AsOf.IsZero() }

// judgement is the page's first line: a colour, a title and a sentence.
type judgement struct {
	Level string // good, idle, warn, bad: also the class and the icon
	Title string
	Why   string
}

// note is what is wrong apart from what the verdict says.
type note struct {
	What string
	At   time.Time // zero: not known
	Text string
}

// tally is how many tasks a group has.
type tally struct {
	Group group
	Tasks int
}

type task struct {
	exporter.TaskStatus
	Group group
	Spark template.HTML // events in the last two hours
	Pace  string        // events a minute now; empty: none, or not known
	Done  time.Time     // when the open rows are done at that pace; zero: not known
}

// pace shows how fast tasks go that still may place calls.
func (v *view) pace(paces *history.Paces) {
	for i := range v.Tasks {
		t := &v.Tasks[i]
		if t.Group > ended || !t.AsOf.IsZero() {
			continue
		}
		steps, rate := paces.Of(t.TaskID)
		t.Spark = template.HTML(plot.Spark(steps))
		if !(rate > 0) { // or not known
			continue
		}
		t.Pace = amount(rate)
		if left := float64(t.Open) / rate; t.Calling() && t.Open > 0 && left < 7*24*60 {
			t.Done = v.At.Add(time.Duration(left * float64(time.Minute)))
		}
	}
}

// Fault is the task's own error: what it shares with others is told once.
func (t task) Fault() string {
	if t.ErrorShared {
		return ""
	}
	return t.Error
}

// Read reports whether the rows are known: they come with the first reading by
// this producer.
func (t task) Read() bool { return !t.ReadAt.IsZero() }

// Past reports whether the task is shown as it was once, and not as it is now.
func (t task) Past() bool { return !t.AsOf.IsZero() }

// Over reports whether the task will not be read again, whatever the list shows.
// A closed task that is due still has entries to delete.
func (t task) Over() bool { return t.Group >= passed && t.NextRead.IsZero() }

type event struct {
	exporter.Published
	TaskName string
	Lag      time.Duration // from the call's end to the commit; only where Ended is set
}

// newView arranges a picture for the page.
func newView(p *picture, info Info) view {
	v := view{
		Snapshot: p.Snapshot, Info: info, Verdict: judge(p.Snapshot), Notes: notes(p.Snapshot),
		Events: p.totals.Events, DeadLetters: p.totals.DeadLetters,
		Tasks: p.urgent, Hidden: p.totals.Tasks - len(p.urgent),
	}
	for _, shard := range p.Shards {
		if !shard.Restored.IsZero() {
			v.Restored++
		}
	}
	v.Blind = v.Restored == 0 && p.AsOf.IsZero()
	v.Owned = ownerships(p.Snapshot)
	for g, n := range p.tallying {
		if group(g) == passed {
			n += int(p.PassedOver)
		}
		if n > 0 {
			v.Groups = append(v.Groups, tally{group(g), n})
		}
	}
	for _, e := range p.Recent {
		v.Recent = append(v.Recent, event{Published: e, TaskName: p.names[e.TaskID], Lag: e.Committed.Sub(e.Ended)})
	}
	return v
}

// byUrgency sorts by group. Tasks that have ended are sorted by their last reading,
// the latest first; the others by name, so that rows keep their place from one
// refresh to the next.
func byUrgency(a, b task) int {
	if c := cmp.Compare(a.Group, b.Group); c != 0 {
		return c
	}
	if a.Group >= ended {
		if c := b.ReadAt.Compare(a.ReadAt); c != 0 {
			return c
		}
	}
	return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.TaskID, b.TaskID))
}

// judge says in a line how the exporter fares. A stuck exporter comes first: what
// else it says of itself may be old.
func judge(s exporter.Snapshot) judgement {
	switch {
	case !s.Healthy:
		return judgement{Level: "bad", Title: "Stuck", Why: strings.Join(compact(stuck, s.Why), "; ")}
	case !s.Ready:
		return judgement{Level: "bad", Title: "Not ready", Why: s.Why}
	case len(s.Notices) > 0:
		return judgement{Level: "warn", Title: "Ready, but", Why: needs(len(s.Notices))}
	case len(s.Shards) == 0:
		return judgement{Level: "idle", Title: "Standing by",
			Why: worker(s)}
	}
	return judgement{Level: "good", Title: "Ready"}
}

// notes are the shards that are not restored and the list that cannot be read,
// without what the verdict has said already.
func notes(s exporter.Snapshot) (all []note) {
	for _, shard := range s.Shards {
		if shard.Restored.IsZero() {
			all = append(all, note{
				What: "Shard " + strconv.Itoa(shard.Shard) + " is not restored",
				At:   shard.ErrorAt, Text: cmp.Or(shard.Waiting, shard.Error, "being restored"),
			})
		}
	}
	if s.List.Error != "" && !s.List.ErrorShared {
		all = append(all, note{"Task list", s.List.ErrorAt, s.List.Error})
	}
	return slices.DeleteFunc(all, func(n note) bool { return strings.Contains(s.Why, n.Text) })
}

// needs counts the notices in words.
func needs(notices int) string {
	if notices == 1 {
		return "events flow, and one thing needs you"
	}
	return "events flow, and " + strconv.Itoa(notices) + " things need you"
}

func compact(texts ...string) []string {
	return slices.DeleteFunc(texts, func(t string) bool { return t == "" })
}

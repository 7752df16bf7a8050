package rebuild

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"airudder-exporter/internal/ledger"
)

// report is what a rebuild says before it writes. It holds no personal data.
type report struct {
	topic   string // the ledger's
	exists  bool
	others  int // records of other ledgers
	read    []source
	tasks   []outcome
	unknown []string
	twice   []ledger.Fact
	meta    ledger.Meta
	entries map[ledger.Kind]int // to be written
	phases  map[ledger.Phase]int
	doubts  int
}

func (r *Rebuild) report(read []source, tasks []outcome, unknown []string, meta ledger.Meta) report {
	p := report{
		topic: r.cfg.Topics.Ledger, exists: r.exists, meta: meta, others: r.origins.others(),
		read: read, tasks: tasks, unknown: unknown, twice: r.past.twice,
		entries: map[ledger.Kind]int{}, phases: map[ledger.Phase]int{}, doubts: len(unknown),
	}
	for _, t := range tasks {
		p.phases[t.phase]++
		if t.doubt != "" {
			p.doubts++
		}
		for e := range t.entries() {
			p.entries[e.Kind]++
		}
	}
	return p
}

func (p report) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "Published")
	for _, t := range p.read {
		fmt.Fprintf(w, "  %s\t%d %s\t%s\n", t.topic, t.records, t.what, since(t.since))
	}
	_ = w.Flush() // out's errors are those of the next line
	if p.others > 0 {
		fmt.Fprintf(out, "  beside them, %d records of other ledgers\n", p.others)
	}
	there := "is there, without a meta entry"
	if !p.exists {
		there = "missing: it is created"
	}
	fmt.Fprintf(w, "\nLedger %s (%s), partitions: %d\n", p.topic, there, p.meta.Partitions)
	fmt.Fprintf(w, "  entries to write\t%d of calls, %d of rows, %d of tasks\n",
		p.entries[ledger.KindCall], p.entries[ledger.KindRow], p.entries[ledger.KindTask])
	fmt.Fprintf(w, "  tasks\t%d open, %d ended, %d sealed, %d closed\n",
		p.phases[ledger.Open], p.phases[ledger.Ended], p.phases[ledger.Sealed], p.phases[ledger.Closed])
	fmt.Fprintf(w, "  id\t%s\n  event key\t%s\n", p.meta.LedgerID, p.meta.EventKey)
	fmt.Fprintf(w, "  export_since\t%s\n", p.meta.ExportSince.Format(time.RFC3339))
	_ = w.Flush()
	p.printTwice(out)
	p.printTasks(out)
}

func since(t time.Time) string {
	if t.IsZero() {
		return "all of them"
	}
	return "all since " + t.Format(time.RFC3339)
}

// shownTwice is how many of those that were published twice are named.
const shownTwice = 20

func (p report) printTwice(out io.Writer) {
	if len(p.twice) == 0 {
		return
	}
	fmt.Fprintf(out, "\nPublished more than once: %d records; one entry stands for all of a call\n",
		len(p.twice))
	for i, f := range p.twice {
		if i == shownTwice {
			fmt.Fprintln(out, "  …")
			return
		}
		fmt.Fprintf(out, "  task %s, call %s: %s, observed at %s\n",
			f.TaskID, f.CallID+f.RowKey, f.As, f.ObservedAt.UTC().Format(time.RFC3339))
	}
}

func (p report) printTasks(out io.Writer) {
	cut := 0
	for _, t := range p.tasks {
		if t.cut == "" {
			continue
		}
		if cut++; cut == 1 {
			fmt.Fprintln(out, "\nSealed tasks that are closed early, so that nothing of them is published again")
		}
		fmt.Fprintf(out, "  %s: %s\n", t.taskID, t.cut)
	}
	if p.doubts == 0 {
		return
	}
	fmt.Fprintln(out, "\nTasks of which calls may be published again")
	for _, t := range p.tasks {
		if t.doubt != "" {
			fmt.Fprintf(out, "  %s: %s\n", t.taskID, t.doubt)
		}
	}
	for _, id := range p.unknown {
		fmt.Fprintf(out, "  %s: named by hand, and nothing of it is left\n", id)
	}
}

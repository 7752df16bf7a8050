package repair

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"time"

	"airudder-exporter/internal/audit"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/record"
)

// Config says what is repaired, and how.
type Config struct {
	Exporter   exporter.Config // of the exporters that use the ledger
	Topics     record.Topics
	Process    ledger.Writer // this process
	Source     audit.Source  // AIRudder
	NewEncoder exporter.NewEncoder
	Execute    bool // else only the plan is shown
}

// Repair mends one ledger, once. It reports to out.
type Repair struct {
	cfg     Config
	client  *kafka.Client
	decoder *record.Decoder
	log     *slog.Logger
	out     io.Writer
	meta    ledger.Meta

	plan []mend            // in the order of the findings
	left []string          // why other findings are not mended
	read []audit.Partition // what the audit has read of the event topic

	// Of one attempt, after the fence.
	entries map[place]ledger.Entry  // of the calls of the plan
	states  map[string]ledger.State // of their tasks
	found   map[place]bool          // events of them that came since the audit
}

// place is a call.
type place struct{ taskID, callID string }

// mend is one call that can be mended: by its row, where its event is missing, or else by
// the entry that its event tells of.
type mend struct {
	place
	shard int
	n     int64 // its task_sequence

	row     *call.Row
	task    call.Task
	started time.Time
	entry   ledger.Entry // where there is no row
}

// New returns a Repair that has asked nothing yet.
func New(cfg Config, client *kafka.Client, decoder *record.Decoder, log *slog.Logger, out io.Writer) *Repair {
	return &Repair{cfg: cfg, client: client, decoder: decoder, log: log, out: out}
}

// Run shows what of an audit's findings can be mended and, with Execute, mends it. It
// returns how many findings there still are.
func (r *Repair) Run(ctx context.Context, report *audit.Report) (left int, err error) {
	if r.meta, _, err = exporter.Holds(ctx, r.cfg.Exporter, r.client); err != nil {
		return 0, err
	}
	if err := r.cfg.Exporter.Pins.Check(r.meta.Pins, r.cfg.Exporter.LedgerTopics()); err != nil {
		return 0, err
	}
	r.read = report.Partitions
	if err := r.prepare(ctx, report); err != nil {
		return 0, err
	}
	r.print()
	switch {
	case !r.cfg.Execute && len(r.plan) > 0:
		fmt.Fprintln(r.out, "\nnothing was written: run this again with --execute")
		return len(report.Findings), nil
	case !r.cfg.Execute || len(r.plan) == 0:
		return len(report.Findings), nil
	}
	mended, err := r.write(ctx)
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(r.out, "\nmended: %d of %d findings\n", mended, len(report.Findings))
	return len(report.Findings) - mended, nil
}

// prepare plans a mend for each finding that can be mended.
func (r *Repair) prepare(ctx context.Context, report *audit.Report) error {
	missing := map[string]map[string]audit.Finding{}
	for _, f := range report.Findings {
		switch f.Class {
		case audit.MissingEvent:
			if missing[f.TaskID] == nil {
				missing[f.TaskID] = map[string]audit.Finding{}
			}
			missing[f.TaskID][f.CallID] = f
		case audit.EventWithoutEntry:
			if err := r.prepareEntry(ctx, f); err != nil {
				return err
			}
		default:
			r.leave(f, "is for people to decide about: nothing that was published can be taken back")
		}
	}
	for _, taskID := range slices.Sorted(maps.Keys(missing)) {
		if err := r.prepareEvents(ctx, taskID, missing[taskID]); err != nil {
			return err
		}
	}
	return nil
}

func (r *Repair) leave(f audit.Finding, why string) {
	line := string(f.Class) + ": task " + f.TaskID
	if f.CallID != "" {
		line += ", call " + f.CallID
	}
	r.left = append(r.left, line+": "+why)
}

func (r *Repair) shardOf(taskID string) int { return r.cfg.Exporter.ShardOf(taskID, r.meta.Partitions) }

// errFound ends a scan at its first record.
var errFound = errors.New("found")

// prepareEntry plans the entry of an event that has none.
func (r *Repair) prepareEntry(ctx context.Context, f audit.Finding) error {
	if len(f.Events) == 0 {
		r.leave(f, "its event cannot be found any more")
		return nil
	}
	at := f.Events[0]
	var fact ledger.Fact
	var found bool
	// Up to where the audit read: whether the event is committed stands after it.
	err := r.client.Scan(ctx, r.cfg.Topics.CallCompleted, at.Partition, at.Offset, r.read[at.Partition].End, func(m kafka.Message) (err error) {
		if m.Offset == at.Offset {
			fact, err = r.decoder.Fact(ctx, m.Record)
			found = err == nil
		}
		return cmp.Or(err, errFound)
	})
	switch {
	case err != nil && !errors.Is(err, errFound):
		return fmt.Errorf("%s[%d]@%d: %w", r.cfg.Topics.CallCompleted, at.Partition, at.Offset, err)
	case !found || fact.TaskID != f.TaskID || fact.CallID != f.CallID:
		r.leave(f, "its event cannot be found any more")
		return nil
	}
	r.plan = append(r.plan, mend{place: place{f.TaskID, f.CallID}, shard: r.shardOf(f.TaskID), n: fact.N,
		entry: ledger.Entry{Kind: ledger.KindCall, TaskID: f.TaskID, ID: f.CallID,
			Published: ledger.Published{At: fact.ObservedAt, As: ledger.Event, N: fact.N}}})
	return nil
}

// prepareEvents plans the missing events of a task, from AIRudder's answer.
func (r *Repair) prepareEvents(ctx context.Context, taskID string, missing map[string]audit.Finding) (err error) {
	shown := map[string]mend{}
	err = audit.Ask(ctx, r.cfg.Source, taskID,
		func(callID []byte, _ uint64) call.Verdict {
			if _, wanted := missing[string(callID)]; wanted {
				return call.RowNew
			}
			return call.RowKnown
		},
		func(part call.Part) error {
			for i := range part.Rows {
				row := &part.Rows[i]
				f, wanted := missing[row.CallID]
				if _, again := shown[row.CallID]; wanted && !again {
					shown[row.CallID] = mend{place: place{taskID, row.CallID}, shard: r.shardOf(taskID), n: f.Number,
						row: row, task: part.Task, started: part.Started}
				}
			}
			return nil
		})
	if err != nil && !errors.Is(err, call.ErrNoTask) {
		return fmt.Errorf("task %s: %w", taskID, err)
	}
	for _, callID := range slices.Sorted(maps.Keys(missing)) {
		switch m, there := shown[callID]; {
		case there:
			r.plan = append(r.plan, m)
		case err != nil:
			r.leave(missing[callID], "AIRudder does not know the task any more, so its event cannot be made again")
		default:
			r.leave(missing[callID], "AIRudder shows another attempt in its row, or no such row, so its event cannot be made again")
		}
	}
	return nil
}

// shownLines is how many lines of a kind people are shown.
const shownLines = 20

func (r *Repair) print() {
	events, entries := 0, 0
	var lines []string
	for _, m := range r.plan {
		what := "write the entry that its event tells of"
		if entries++; m.row != nil {
			what = "publish the event again, as AIRudder shows the call now"
			events++
		}
		lines = append(lines, fmt.Sprintf("task %s, call %s, number %d: %s", m.taskID, m.callID, m.n, what))
	}
	fmt.Fprintf(r.out, "\nto mend: %d events with their entries, %d entries; to be left: %d findings\n",
		events, entries-events, len(r.left))
	for _, lines := range [][]string{lines, r.left} {
		for i, line := range lines {
			if i == shownLines {
				fmt.Fprintf(r.out, "… and %d more\n", len(lines)-i)
				break
			}
			fmt.Fprintln(r.out, line)
		}
	}
}

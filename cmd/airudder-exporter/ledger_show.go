package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/ledger"
)

func (p program) showCommand() *cobra.Command {
	entries := false
	cmd := &cobra.Command{
		Use:   "show TASK",
		Short: "Show what the ledger knows of a task.",
		Long: `Shows what the ledger knows of a task: its status, events, dead letters and seal,
and with --entries each of its entries as it stands in the topic. It only reads, so
exporters may run beside it. Configuration comes from the environment, as for run; it
needs the variables KAFKA_… alone.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, log, err := p.configure(cmd.Context(), "AIRUDDER_", "SCHEMA_REGISTRY_", "PRIVACY")
			if err != nil {
				return err
			}
			return showTask(cmd.Context(), cfg, log, args[0], entries, p.stdout)
		},
	}
	cmd.Flags().BoolVar(&entries, "entries", false, "the entries too, as JSON lines")
	return cmd
}

func showTask(ctx context.Context, cfg Config, log *slog.Logger, taskID string, entries bool, out io.Writer) error {
	client, err := cluster(cfg.Kafka, log, prometheus.NewRegistry())
	if err != nil {
		return err
	}
	defer client.Close()
	topic := cfg.Kafka.Topics.Ledger
	shards, err := client.Partitions(ctx, topic)
	if err != nil {
		return fmt.Errorf("%s", client.Explain(err))
	}
	known := knownTask{id: taskID, shard: batch.PartitionFor([]byte(taskID), shards), published: map[string]ledger.Entry{}}
	_, err = client.Look(ctx, topic, func(shard int, key, value []byte) (enough bool, err error) {
		if shard == known.shard {
			known.take(key, value)
		}
		return shard != known.shard, nil
	})
	switch {
	case err != nil:
		return fmt.Errorf("%s", client.Explain(err))
	case !known.hasState && len(known.published) == 0:
		return fmt.Errorf("%s knows nothing of the task %s: it was never read, or is written otherwise (`inspect` lists them)", topic, taskID)
	}
	fmt.Fprintf(out, "task %s, partition %d of %d of %s\n", taskID, known.shard, shards, topic)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, line := range known.lines() {
		fmt.Fprintf(w, "  %s\t%s\n", line[0], line[1])
	}
	if err := w.Flush(); err != nil || !entries {
		return err
	}
	return known.print(out)
}

// knownTask is what a ledger's topic holds of a task: the last entry of each key.
type knownTask struct {
	id        string
	shard     int
	published map[string]ledger.Entry // calls and rows, by their keys
	state     ledger.Entry
	hasState  bool
	writer    ledger.Writer // of the partition
}

func (k *knownTask) take(key, value []byte) {
	e, err := ledger.ParseEntry(key, value)
	switch {
	case err != nil: // a stranger's, which a run refuses
	case e.Kind == ledger.KindProducer:
		k.writer = e.Writer
	case e.TaskID != k.id:
	case e.Kind == ledger.KindTask:
		k.state, k.hasState = e, !e.Tombstone
	case e.Tombstone:
		delete(k.published, string(key))
	default:
		k.published[string(key)] = e
	}
}

// lines are the task in words.
func (k *knownTask) lines() [][2]string {
	s := k.state.State
	count, reasons := map[ledger.As]int{}, map[string]int{}
	numbers, last, revised := map[int64]bool{}, s.Events, 0
	for _, e := range k.published {
		p := e.Published
		count[p.As]++
		switch p.As {
		case ledger.Event:
			numbers[p.N], last = true, max(last, p.N)
			if p.Revision > 0 {
				revised++
			}
		case ledger.DeadLetter:
			reasons[string(p.Reason)]++
		}
	}
	events := fmt.Sprintf("%d, the last number is %d", count[ledger.Event], last)
	switch missing := last - int64(len(numbers)); {
	case !s.ClosedAt.IsZero():
		events = fmt.Sprintf("%d, of which the entries are gone: the task is closed", last)
	case missing > 0:
		events += fmt.Sprintf(": %d numbers have no entry", missing)
	}
	lines := [][2]string{
		{"status", fmt.Sprintf("%s, change %d", cmp.Or(s.Status, "(none yet)"), s.Sequence)},
		{"events", events},
	}
	add := func(name, text string) { lines = append(lines, [2]string{name, text}) }
	if revised > 0 {
		add("revised", fmt.Sprintf("%d of them", revised))
	}
	if n := count[ledger.DeadLetter]; n > 0 {
		var all []string
		for _, reason := range slices.Sorted(maps.Keys(reasons)) {
			all = append(all, fmt.Sprintf("%s %d", reason, reasons[reason]))
		}
		add("dead letters", fmt.Sprintf("%d: %s", n, strings.Join(all, ", ")))
	}
	if n := count[ledger.Resolved]; n > 0 {
		add("resolved", fmt.Sprintf("%d rows that have shown a call since", n))
	}
	if s.Unconfirmed != "" {
		add("unconfirmed", s.Unconfirmed+", as one reading said")
	}
	return append(lines, k.end(last)...)
}

// end says how far the task's end is, and who wrote last.
func (k *knownTask) end(last int64) (lines [][2]string) {
	s := k.state.State
	when := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	seal := "none"
	switch {
	case s.Seal > 0 && s.SealedAt.IsZero():
		seal = fmt.Sprintf("%d, which does not hold any more", s.Seal)
	case s.Seal > 0:
		seal = fmt.Sprintf("%d at %s, of the events up to %d", s.Seal, when(s.SealedAt), s.SealedEvents)
		if !s.SealHolds(last) {
			seal += ": there are more since, and it is sealed again"
		}
	}
	lines = append(lines, [2]string{"seal", seal})
	for _, at := range []struct {
		name string
		time time.Time
	}{{"ended", s.TerminalSince}, {"gone", s.GoneSince}, {"closed", s.ClosedAt}} {
		if !at.time.IsZero() {
			lines = append(lines, [2]string{at.name, "since " + when(at.time)})
		}
	}
	if s.BeforeExportSince {
		lines = append(lines, [2]string{"passed over", "it ended before the export began, at " + when(s.ScheduleEnd)})
	}
	role := cmp.Or(k.writer.Role, "exporter")
	return append(lines, [2]string{"last writer", fmt.Sprintf("%s, host %s, pid %d, epoch %d, started %s",
		role, k.writer.Host, k.writer.PID, k.writer.Epoch, when(k.writer.Started))})
}

// print prints the entries as JSON lines, by their keys.
func (k *knownTask) print(out io.Writer) error {
	all := slices.Collect(maps.Values(k.published))
	if k.hasState {
		all = append(all, k.state)
	}
	slices.SortFunc(all, func(a, b ledger.Entry) int { return cmp.Compare(string(a.AppendKey(nil)), string(b.AppendKey(nil))) })
	for _, e := range all {
		line, err := json.Marshal(map[string]any{"key": string(e.AppendKey(nil)), "value": json.RawMessage(e.AppendValue(nil))})
		if err == nil {
			_, err = fmt.Fprintf(out, "%s\n", line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

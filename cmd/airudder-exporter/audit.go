package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"airudder-exporter/internal/airudder"
	"airudder-exporter/internal/audit"
	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/progress"
	"airudder-exporter/internal/record"
	"airudder-exporter/internal/repair"
)

// askEvery is how often a tool asks AIRudder at most: an exporter may run on the account.
const askEvery = 5 * time.Second

func (p program) auditCommand() *cobra.Command {
	var of audit.Config
	var asJSON, source, mend, execute bool
	now := time.Now()
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Hold ledger, events and seals side by side, and say what does not fit.",
		Long: `Holds what the ledger says was published against the events that a consumer can read,
and both against the tasks' numbers and seals. It only reads, so exporters may run
beside it. With --source it also asks AIRudder, at most once in five seconds, for each
task that is not closed: a finished call that should have been published by now is a
finding.

With --repair it says what can be mended, and with --execute mends it: an entry without
an event has its event published again, with AIRudder's row as it is now, under its own
number and ce_id, in one transaction with the entry; an event without an entry gets its
entry. Exporters wait meanwhile, a few seconds. One that was killed is simply run again.

The exit code is 0 where all fits, or is mended, 1 with findings, 2 where it could not
tell. What each class means, and what to do: deploy/OPERATING.md, "Verify". Configuration comes
from the environment, as for run; without --source and --repair it needs the variables
KAFKA_… and SCHEMA_REGISTRY_… alone.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case mend && asJSON:
				return errors.New("--json and --repair: give one of them")
			case execute && !mend:
				return errors.New("--execute: an audit writes nothing; give it with --repair")
			}
			return p.audit(cmd.Context(), of, how{source: source, asJSON: asJSON, mend: mend, execute: execute})
		},
	}
	set := cmd.Flags()
	set.Func("task", "only the task with this `TASKID`", func(id string) error {
		if of.TaskID = id; id == "" {
			return errors.New("give a TaskID")
		}
		return nil
	})
	set.Func("since", "only calls that were first seen finished at or after this `TIME`: RFC 3339, or a duration such as 24h for so long ago",
		func(text string) (err error) { of.Since, err = past(text, now); return err })
	set.Func("until", "only calls that were first seen finished before this `TIME`",
		func(text string) (err error) { of.Until, err = past(text, now); return err })
	set.BoolVar(&source, "source", false, "ask AIRudder, too, for each task that is not closed")
	set.BoolVar(&mend, "repair", false, "say what can be mended")
	set.BoolVar(&execute, "execute", false, "with --repair: mend it")
	set.BoolVar(&asJSON, "json", false, "one JSON object, with all that was found")
	return cmd
}

// how says what an audit is to do besides reading the topics.
type how struct{ source, asJSON, mend, execute bool }

// audit checks the options, and opens what is needed for them.
func (p program) audit(ctx context.Context, of audit.Config, how how) error {
	if !of.Until.IsZero() && !of.Since.Before(of.Until) {
		return errors.New("--until: give a time after that of --since")
	}
	if of.TaskID != "" && !(of.Since.IsZero() && of.Until.IsZero()) {
		return errors.New("--task and --since or --until: give one of them")
	}
	ignored := []string{"AIRUDDER_APP_", "AIRUDDER_BASE_URL", "PRIVACY"}
	if how.source || how.mend {
		ignored = nil
	}
	cfg, log, err := p.configure(ctx, ignored...)
	if err != nil {
		return err
	}
	of.Progress = p.progress()
	var asked *airudder.Client
	if how.source || how.mend {
		seldom := cfg
		seldom.Upstream.RequestsPerSecond, seldom.Polling.Concurrency = 1/askEvery.Seconds(), 1
		if asked, err = upstream(seldom, log, prometheus.NewRegistry()); err != nil {
			return err
		}
		defer asked.CloseIdleConnections()
	}
	if how.source {
		of.Source = asked
		of.Lags = audit.Lags{Late: cfg.Polling.AfterEnd, Export: 2*cfg.Polling.MaxInterval + cfg.Upstream.ResponseTimeout}
	}
	return auditLedger(ctx, cfg, log, of, how, asked, p.stdout)
}

func auditLedger(
	ctx context.Context, cfg Config, log *slog.Logger, of audit.Config, how how, asked *airudder.Client, out io.Writer,
) error {
	client, decoder, err := reader(cfg, log)
	if err != nil {
		return err
	}
	defer client.Close()
	of.Exporter, of.Topics = loop(cfg), recordTopics(cfg.Kafka)
	report, err := audit.New(of, client, decoder).Run(ctx)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%w: interrupted before the end", errUntold)
	case err != nil:
		return fmt.Errorf("%w: %s", errUntold, client.Explain(err))
	case of.TaskID != "" && report.Tasks == 0:
		return fmt.Errorf("%w: neither ledger nor events know the task %s: it was never read, or is written otherwise (`inspect` lists them)", errUntold, of.TaskID)
	}
	if how.asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		err = encoder.Encode(report)
	} else {
		err = printAudit(out, report)
	}
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errUntold, err)
	case report.Clean:
		return nil
	case !how.mend:
		return errShown
	}
	left, err := repair.New(repair.Config{
		Exporter: of.Exporter, Topics: of.Topics, Process: process(), Source: asked, Execute: how.execute,
		NewEncoder: func(meta ledger.Meta, limits record.Limits) (exporter.Encoder, error) {
			ids, err := record.Register(ctx, registry(cfg.Registry), of.Topics)
			if err != nil {
				return nil, err
			}
			return encoder(cfg, ids)(meta, limits)
		},
	}, client, decoder, log, out).Run(ctx, report)
	if err == nil && left > 0 {
		return errShown
	}
	return told(err, func(err error) bool { return errors.Is(err, ledger.ErrRefused) }, client.Explain)
}

// classTexts say what is counted.
var classTexts = map[audit.Class]string{
	audit.OK:                "calls with one event and one entry that fit",
	audit.Expired:           "calls whose events may have expired",
	audit.Changed:           "calls of which AIRudder says something else now",
	audit.NotYet:            "calls that AIRudder shows and that may still be published",
	audit.DeadLetter:        "rows that are dead letters",
	audit.MissingEvent:      "entries without an event",
	audit.DoubledEvent:      "calls with more than one event",
	audit.EventWithoutEntry: "events without an entry",
	audit.NumberMissing:     "numbers that no call has",
	audit.NumberDoubled:     "numbers that several calls have",
	audit.NumberDiffers:     "events whose number is not their entry's",
	audit.SealMismatch:      "seals that do not fit",
	audit.NotPublished:      "finished calls of AIRudder that are neither in the ledger nor events",
}

// shownFindings is how many findings of a class people are shown.
const shownFindings = 20

func printAudit(out io.Writer, r *audit.Report) error {
	fmt.Fprintf(out, "ledger %s, %s: %s tasks, of which %s are closed; %s seals\n", r.LedgerID, r.Events,
		progress.Count(int64(r.Tasks)), progress.Count(int64(r.Closed)), progress.Count(r.Seals))
	if r.Others+r.Foreign > 0 {
		fmt.Fprintf(out, "passed over: %s records of other ledgers, %s of no exporter\n", progress.Count(r.Others), progress.Count(r.Foreign))
	}
	if r.Unjudged > 0 {
		fmt.Fprintf(out, "not judged: %s seals of tasks whose events expired, or whose numbers do not fit\n", progress.Count(r.Unjudged))
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, class := range append(append([]audit.Class{audit.OK}, audit.Noted...), audit.Findings...) {
		if n := r.Counts[class]; n > 0 || class == audit.OK {
			fmt.Fprintf(w, "  %s\t%s\t%s\n", class, progress.Count(n), classTexts[class])
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if !r.FullSince.IsZero() && r.Counts[audit.Expired] > 0 {
		fmt.Fprintf(out, "retention has deleted events: of those since %s all are there\n", r.FullSince.UTC().Format(time.RFC3339))
	}
	shown := map[audit.Class]int{}
	for _, f := range r.Findings {
		switch shown[f.Class]++; {
		case shown[f.Class] <= shownFindings:
			fmt.Fprintln(out, findingLine(f))
		case shown[f.Class] == shownFindings+1:
			fmt.Fprintf(out, "%s: …, all of them with --json\n", f.Class)
		}
	}
	if r.Clean {
		_, err := fmt.Fprintln(out, "nothing was found")
		return err
	}
	_, err := fmt.Fprintf(out, "%d findings\n", len(r.Findings))
	return err
}

// findingLine is a finding on one line.
func findingLine(f audit.Finding) string {
	line := fmt.Sprintf("%s: task %s", f.Class, f.TaskID)
	if f.CallID != "" {
		line += ", call " + f.CallID
	}
	switch {
	case f.Through > f.Number:
		line += fmt.Sprintf(", numbers %d to %d", f.Number, f.Through)
	case f.Number > 0:
		line += fmt.Sprintf(", number %d", f.Number)
	}
	if f.SealNumber > 0 {
		line += fmt.Sprintf(", seal %d", f.SealNumber)
	}
	for _, id := range f.Calls {
		line += ", call " + id
	}
	for i, at := range f.Events {
		if i == 0 {
			line += ", at"
		}
		line += fmt.Sprintf(" %d@%d", at.Partition, at.Offset)
	}
	return line + ": " + f.Text
}

package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"airudder-exporter/internal/airudder"
	"airudder-exporter/internal/rebuild"
)

func (p program) ledgerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Tools for the ledger, the topic that records what has been published.",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("ledger: which tool? There is: ledger rebuild, ledger create, ledger adopt, ledger show TASK")
		},
	}
	cmd.AddCommand(p.rebuildCommand(), p.createCommand(), p.adoptCommand(), p.showCommand())
	return cmd
}

func (p program) rebuildCommand() *cobra.Command {
	var execute, accept bool
	var ledgerID string
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Make a new ledger in the place of a lost one, from what was published.",
		Long: `Makes a new ledger in the place of a lost one, so that a run continues exactly
once: it reads the topics of events, dead letters and status changes to their end
and writes the entries that follow from them. Configuration comes from the
environment, as for run.

It shows its plan, and acts only with --execute. Stop the exporters first: their
shards are fenced. The ledger's topic must be gone, or hold no meta entry;
where it is gone, it is created. The meta entry, without which no exporter takes a
ledger, is written last: a rebuild that was interrupted is simply run again.

A rebuilt ledger keeps its id. Where several ledgers share the topics, --ledger-id
says which one is meant: the others' records are passed over. The event key is what
is configured, else that of the newest events.

Where retention has deleted the beginning of a topic, what was published before is
not known. Tasks that this can matter for are listed and refused; with --accept
their export continues, and calls of theirs from before may be published again. No
other task from before is exported: not even an earlier AIRUDDER_EXPORT_SINCE
brings it back.

The exit code is 0 when the ledger is there (without --execute: would be), 1 when
that is refused, 2 when something could not be asked or read.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// Tasks named by hand are looked at, but AIRudder is asked nothing.
			cfg, log, err := p.configure(cmd.Context(), "AIRUDDER_APP_")
			if err != nil {
				return err
			}
			return rebuildLedger(cmd.Context(), cfg, rebuild.Config{Execute: execute, Accept: accept, LedgerID: ledgerID}, log, p.stdout)
		},
	}
	cmd.Flags().BoolVar(&execute, "execute", false, "act, and do not only show the plan")
	cmd.Flags().StringVar(&ledgerID, "ledger-id", "", "the ledger that is meant, where the topics hold records of several")
	cmd.Flags().BoolVar(&accept, "accept", false, "continue with the tasks of which calls may be published again")
	return cmd
}

func rebuildLedger(ctx context.Context, cfg Config, how rebuild.Config, log *slog.Logger, out io.Writer) error {
	client, decoder, err := reader(cfg, log)
	if err != nil {
		return err
	}
	defer client.Close()
	how.Exporter, how.Topics, how.Specs, how.Process = loop(cfg), recordTopics(cfg.Kafka), topicSpecs(cfg.Kafka), process()
	how.Named = func(ctx context.Context) ([]string, error) { return namedTasks(ctx, cfg, log) }
	return told(rebuild.New(how, client, decoder, log, out).Run(ctx), rebuild.Refused, client.Explain)
}

// namedTasks are the tasks that were named by hand. AIRudder is asked nothing.
func namedTasks(ctx context.Context, cfg Config, log *slog.Logger) (ids []string, err error) {
	cfg.Upstream.ListRequest = airudder.Off
	source, err := upstream(cfg, log, prometheus.NewRegistry())
	if err != nil {
		return nil, err
	}
	named, err := source.List(ctx, time.Time{})
	for _, l := range named.Tasks {
		ids = append(ids, l.TaskID)
	}
	return ids, err
}

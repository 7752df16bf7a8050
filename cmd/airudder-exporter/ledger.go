package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"airudder-exporter/internal/record"
)

func (p program) ledgerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Tools for the ledger, the topic that records what has been published.",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("ledger: which tool? There is: ledger rebuild")
		},
	}
	cmd.AddCommand(p.rebuildCommand())
	return cmd
}

func (p program) rebuildCommand() *cobra.Command {
	var r rebuilder
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Make a lost ledger anew from the events, dead letters and status changes that were published.",
		Long: `Makes a lost ledger anew from what was published, so that a run goes on exactly
once: it reads the topics of events, dead letters and status changes to their end
and writes the entries that they stand for. Configuration comes from the
environment, as for run.

Stop the exporters first. The ledger's topic must be gone, or hold no meta entry;
where it is gone, it is created. The meta entry, without which no exporter takes a
ledger, is written last: a rebuild that was interrupted is simply run again.

Where retention has deleted the beginning of a topic, what was published before is
not known. Tasks that this can matter for are listed and refused; with --accept
they are exported on, and calls of theirs from before may be published again. No
other task from before is exported: not even an earlier AIRUDDER_EXPORT_SINCE
brings it back.

The exit code is 0 when the ledger is there (or, with --dry-run, would be), else 1.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// Tasks named by hand are looked at, but AIRudder is asked nothing.
			cfg, log, err := p.configure(cmd.Context(), "AIRUDDER_APP_")
			if err != nil {
				return err
			}
			r.cfg, r.log, r.out, r.now = cfg, log, p.stdout, time.Now().UTC()
			if r.client, err = cluster(cfg.Kafka, log, prometheus.NewRegistry()); err != nil {
				return err
			}
			defer r.client.Close()
			if r.decoder, err = record.NewDecoder(registry(cfg.Registry)); err != nil {
				return err
			}
			switch err = r.run(cmd.Context()); {
			case err == nil:
				return nil
			case cmd.Context().Err() != nil:
				return errors.New("interrupted: no exporter takes a ledger that is not finished; run this again to finish it")
			case r.writing:
				err = fmt.Errorf("%w; no exporter takes a ledger that is not finished: run this again to finish it", err)
			}
			return errors.New(r.client.Explain(err))
		},
	}
	cmd.Flags().BoolVar(&r.dryRun, "dry-run", false, "show what would be written, and write nothing")
	cmd.Flags().BoolVar(&r.accept, "accept", false, "go on with the tasks of which calls may be published again")
	return cmd
}

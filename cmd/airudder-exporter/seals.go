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

	"github.com/spf13/cobra"

	"airudder-exporter/internal/seals"
)

func (p program) sealsCommand() *cobra.Command {
	var of seals.Config
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "seals",
		Short: "Show which tasks are sealed, and which of them a consumer group has read.",
		Long: `Shows the last seal of each task, as the topic of statuses has it: how many events it
tells of, and in which offsets of their topic they end. With --group it says of each
whether the group has committed offsets up to those, in every partition.

The exit code is 0, and with --group 1 where a seal that is shown has not been read to
its end. Configuration comes from the environment, as for run; it needs the variables
KAFKA_… and SCHEMA_REGISTRY_… alone, and AIRUDDER_ACCOUNT where there are several.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, log, err := p.configure(cmd.Context(), "AIRUDDER_APP_", "AIRUDDER_BASE_URL", "PRIVACY")
			if err != nil {
				return err
			}
			return showSeals(cmd.Context(), cfg, log, of, asJSON, p.stdout)
		},
	}
	cmd.Flags().StringVar(&of.TaskID, "task", "", "this task alone")
	cmd.Flags().StringVar(&of.Group, "group", "", "the consumer group that is asked about")
	cmd.Flags().BoolVar(&asJSON, "json", false, "a line of JSON a seal, with the offsets")
	return cmd
}

func showSeals(ctx context.Context, cfg Config, log *slog.Logger, of seals.Config, asJSON bool, out io.Writer) error {
	client, decoder, err := reader(cfg, log)
	if err != nil {
		return err
	}
	defer client.Close()
	of.StatusTopic, of.EventTopic, of.Account = cfg.Kafka.Topics.TaskStatus, cfg.Kafka.Topics.CallCompleted, cfg.Upstream.Account
	report, err := seals.Read(ctx, client, decoder, of)
	if err != nil {
		return fmt.Errorf("%s", client.Explain(err))
	}
	if of.TaskID != "" && report.Tasks == 0 {
		return fmt.Errorf("%s has nothing of the task %s", of.StatusTopic, of.TaskID)
	}
	if asJSON {
		err = printSeals(out, report)
	} else {
		err = tabulateSeals(out, of, report)
	}
	if behind := report.Behind(); err == nil && behind > 0 {
		return errors.New(of.Group + " has not read " + fmt.Sprint(behind) + " of the seals to their end")
	}
	return err
}

func printSeals(out io.Writer, report seals.Report) error {
	encoder := json.NewEncoder(out)
	for _, s := range report.Seals {
		if err := encoder.Encode(s); err != nil {
			return err
		}
	}
	return nil
}

func tabulateSeals(out io.Writer, of seals.Config, report seals.Report) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if len(report.Seals) > 0 {
		fmt.Fprintf(w, "task\tseal\tevents\tunexported\tsealed\t%s\n", of.Group)
	}
	for _, s := range report.Seals {
		read := ""
		switch {
		case s.Behind != nil:
			read = fmt.Sprintf("partition %d: at %d of %d", s.Behind.Partition, max(0, s.Behind.Offset), s.Behind.End)
		case of.Group != "":
			read = "read"
		}
		number := fmt.Sprint(s.Number)
		if s.Stale {
			number += ", there are more events since"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\n", s.TaskID, number, s.Events, s.Unexported, s.At.UTC().Format(time.RFC3339), read)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%d of %d tasks are sealed\n", len(report.Seals), report.Tasks)
	return err
}

package main

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/inspect"
)

func (p program) inspectCommand() *cobra.Command {
	var pages bool
	var watch time.Duration
	var save string
	cmd := &cobra.Command{
		Use:   "inspect [TaskID]",
		Short: "Look at an account for the first time: its list, a detail, and the settings that follow.",
		Long: `Asks for a token, the list and one task's detail, and says what they look like and
which settings follow. No value that could be personal is printed or saved.

It asks at most once in five seconds, since an exporter may run on the same account.
It reads the variables AIRUDDER_… as run does, and needs none of Kafka's or the
registry's.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			cfg, _, err := p.configure(cmd.Context(), "KAFKA_", "SCHEMA_REGISTRY_", "LEDGER_", "HTTP_")
			if err != nil {
				return err
			}
			look := inspect.Config{
				Account: account(cfg), Since: cfg.Polling.ExportSince, Pages: pages, Watch: watch,
				Out: p.stdout, Progress: p.stderr,
			}
			if look.Since.IsZero() {
				look.Since = time.Now().Add(-exporter.Lookback).UTC().Truncate(time.Second)
			}
			if len(args) == 1 {
				look.TaskID = args[0]
			}
			if save != "" {
				file, err := os.Create(save)
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, file.Close()) }()
				look.Save = io.Writer(file)
			}
			return inspect.Run(cmd.Context(), look)
		},
	}
	cmd.Flags().BoolVar(&pages, "pages", false, "look for the list's second page even if it looks whole")
	cmd.Flags().DurationVar(&watch, "watch", 0, "then read the task again and again for so long, such as 10m, and say what changes")
	cmd.Flags().StringVar(&save, "save", "", "write the shapes of the answers, without values, to this file as JSON")
	return cmd
}

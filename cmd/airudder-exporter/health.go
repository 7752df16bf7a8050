package main

import (
	"github.com/spf13/cobra"

	"airudder-exporter/internal/status"
)

// healthCommand serves images that have no shell to ask with.
func (p program) healthCommand() *cobra.Command {
	path := "/healthz"
	cmd := &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask a running exporter whether it is healthy: exit code 0, else 1.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := loadConfig(cmd.Context(), p.environ, "AIRUDDER_", "KAFKA_", "SCHEMA_REGISTRY_", "LEDGER_", "LOG_")
			if err != nil {
				return err
			}
			return status.Healthcheck(cmd.Context(), page(cfg.HTTP), path)
		},
	}
	cmd.Flags().StringVar(&path, "path", path, "endpoint to ask: /healthz or /readyz")
	return cmd
}

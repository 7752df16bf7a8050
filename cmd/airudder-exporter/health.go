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
		Short: "Ask a running exporter whether it is healthy; the exit code tells.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			addr := "127.0.0.1:8080"
			if set, ok := p.lookuper.Lookup("HTTP_ADDR"); ok && set != "" {
				addr = set
			}
			return status.Healthcheck(cmd.Context(), addr, path)
		},
	}
	cmd.Flags().StringVar(&path, "path", path, "what to ask: /healthz or /readyz")
	return cmd
}

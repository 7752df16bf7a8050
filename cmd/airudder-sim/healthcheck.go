package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// newHealthcheck asks a running airudder-sim whether it is well.
func newHealthcheck() *cobra.Command {
	var addr string
	cmd := &cobra.Command{
		Use:   "healthcheck",
		Short: "Exit 0 when an airudder-sim at --addr answers /healthz",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client := &http.Client{Timeout: 3 * time.Second}
			req, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, "http://"+addr+"/healthz", nil)
			if err != nil {
				return fmt.Errorf("check %s: %w", addr, err)
			}
			res, err := client.Do(req)
			if err != nil {
				return fmt.Errorf("check: %w", err)
			}
			defer res.Body.Close()
			if res.StatusCode != http.StatusOK {
				return fmt.Errorf("check %s: it answers %s", addr, res.Status)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:8090", "address that it listens on")
	return cmd
}

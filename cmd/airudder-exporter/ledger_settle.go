package main

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"airudder-exporter/internal/settle"
)

func (p program) createCommand() *cobra.Command {
	return p.settleCommand(&cobra.Command{
		Use:   "create",
		Short: "Begin a ledger for another account, beside existing events.",
		Long: `Begins a ledger for another account whose events go to topics that hold events
already. Without it a run refuses such a ledger, since it looks like a lost one.
Configuration comes from the environment, as for run; AIRUDDER_ACCOUNT names the
account, and KAFKA_TOPIC_LEDGER is a topic of its own, created where it is missing.

Refused where the topic is a ledger or was one, and where the newest events of the
account are of another ledger: each of its calls would be published twice.

It shows its plan, and acts only with --execute; one that was killed is simply run
again. The exit code is 0 when the ledger is there (without --execute: would be), 1
when that is refused, 2 when Kafka could not tell.`,
	}, (*settle.Tool).Create)
}

func (p program) adoptCommand() *cobra.Command {
	return p.settleCommand(&cobra.Command{
		Use:   "adopt",
		Short: "Have the ledger go on with what is configured now, where it was made with something else.",
		Long: `Has the ledger go on with the event key, account, base URL, path of the detail
request and privacy that are configured now. A run refuses a ledger that was made
with others. A stricter privacy needs no adopting, and an event key that is not
configured is what the ledger says.

Stop the exporters first. One that runs all the same, with another configuration,
publishes nothing more and ends.

It shows its plan, old → new, and acts only with --execute; one that was killed is
simply run again. The exit code is 0 when the ledger has what is configured (without
--execute: when it can have it), 1 when that is refused, 2 when Kafka could not tell.`,
	}, (*settle.Tool).Adopt)
}

// settleCommand is a command that settles the ledger.
func (p program) settleCommand(cmd *cobra.Command, act func(*settle.Tool, context.Context) error) *cobra.Command {
	execute := false
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, log, err := p.configure(cmd.Context(), "AIRUDDER_APP_", "SCHEMA_REGISTRY_") // AIRudder is asked nothing, and no event is read
		if err != nil {
			return err
		}
		client, err := cluster(cfg.Kafka, log, prometheus.NewRegistry())
		if err != nil {
			return err
		}
		defer client.Close()
		tool := settle.New(settle.Config{
			Exporter: loop(cfg), Specs: topicSpecs(cfg.Kafka), Process: process(), Execute: execute,
		}, client, log, p.stdout)
		return told(act(tool, cmd.Context()), settle.Refused, client.Explain)
	}
	cmd.Flags().BoolVar(&execute, "execute", false, "act, and do not only show the plan")
	return cmd
}

// told is a tool's error in words. One that is no refusal leaves open what is wrong.
func told(err error, refused func(error) bool, explain func(error) string) error {
	switch {
	case err == nil:
		return nil
	case refused(err):
		return fmt.Errorf("%s", explain(err))
	}
	return fmt.Errorf("%w: %s", errUntold, explain(err))
}

package main

import (
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"airudder-exporter/internal/demo"
)

func (p program) demoCommand() *cobra.Command {
	o := demo.Options{KillAfter: 5 * time.Second, CatchUp: 5 * time.Second, Exporter: exporterProcess, Terminal: p.terminal}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the exporter against a simulated AIRudder and an in-process Kafka.",
		Long: `Starts a simulated AIRudder, an in-process Kafka broker and a schema registry,
and the real exporter as a child process beside them, all in memory. Each call
that is published is one line on stdout (JSON when stdout is not a terminal).

Some seconds after the first line the exporter is killed inside an open
transaction. Ctrl-C ends the demo and counts: the exit code is 0 when every
finished call was published exactly once.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Check(); err != nil {
				return err
			}
			return demo.Run(cmd.Context(), o, p.stdout, p.stderr)
		},
	}
	cmd.Flags().IntVar(&o.Tasks, "tasks", 6, "campaigns at once")
	cmd.Flags().Float64Var(&o.Rate, "rate", 8, "calls that finish in a second, roughly")
	cmd.Flags().BoolVar(&o.Kill, "kill", true, "kill the exporter once, inside a transaction")
	return cmd
}

// exporterProcess is this program as an exporter of its own.
func exporterProcess() (*exec.Cmd, error) {
	self, err := os.Executable()
	return exec.Command(self, "run"), err
}

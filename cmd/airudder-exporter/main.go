// Command airudder-exporter publishes every finished AIRudder call to Kafka,
// exactly once.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"

	"airudder-exporter/internal/env"
	"airudder-exporter/internal/interrupt"
	"airudder-exporter/internal/progress"
	"airudder-exporter/internal/status"

	"github.com/spf13/cobra"
)

func main() {
	// net/http writes what a server sends out of turn to the standard logger, and
	// that can be part of a response: personal data.
	log.SetOutput(io.Discard)
	ctx, stop := interrupt.Context(context.Background())
	p := program{environ: os.Environ(), stdout: os.Stdout, stderr: os.Stderr, terminal: isTerminal(os.Stdout), watched: isTerminal(os.Stderr)}
	code := p.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// program is all of the process that a command uses, so that a test can start one
// whole.
type program struct {
	environ  []string
	stdout   io.Writer
	stderr   io.Writer
	terminal bool // stdout is one
	watched  bool // stderr is one
}

// progress is where long work shows how far it has come.
func (p program) progress() progress.Out { return progress.Out{To: p.stderr, Terminal: p.watched} }

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// errShown marks an error that the user has been shown already.
var errShown = errors.New("shown")

// errUntold marks an error that leaves open whether something is wrong: what would tell
// could not be asked.
var errUntold = errors.New("could not tell")

// run executes one command; its result is the exit code.
func (p program) run(ctx context.Context, args []string) int {
	root := &cobra.Command{
		Use:           "airudder-exporter",
		Short:         "Publishes every finished AIRudder call to Kafka, exactly once.",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(p.runCommand(), p.demoCommand(), p.checkCommand(), p.inspectCommand(), p.tailCommand(), p.sealsCommand(), p.auditCommand(), p.replayCommand(), p.ledgerCommand(), p.contractCommand(),
		p.healthCommand(), p.versionCommand())
	root.Version = version()
	root.SetVersionTemplate("airudder-exporter {{.Version}}\n")
	root.SetArgs(args)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	err := root.ExecuteContext(ctx)
	if err != nil && !errors.Is(err, errShown) {
		fmt.Fprintln(p.stderr, "airudder-exporter:", err)
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUntold):
		return 2
	}
	return 1
}

func (p program) runCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Run the exporter. Configuration comes from the environment alone.",
		Long:  "Runs the exporter. Configuration comes from the environment alone:\n\n" + variables(),
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, logger, level, err := p.configureLevel(cmd.Context())
			if cmd.Context().Err() != nil { // while a secret's file was waited for
				return nil
			}
			if err != nil {
				return err
			}
			defer interrupt.Hangups(func() {
				logger.Info("SIGHUP changes nothing: the configuration is read at the start alone, " +
					"and secrets' files are read again by themselves; restart the exporter for another configuration")
			})()
			return export(cmd.Context(), cfg, logger, level)
		},
	}
}

// variables lists those of the configuration, with their defaults.
func variables() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	group := ""
	for _, v := range env.Table(Config{}) {
		if v.Group != group {
			fmt.Fprintf(w, "\n%s\n", v.Group)
			group = v.Group
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\n", v.Name, v.Default, v.Doc)
	}
	_ = w.Flush() // a Builder takes everything
	return strings.TrimLeft(text.String(), "\n")
}

// configure loads the configuration, opens the log and warns of what is probably
// a mistake. ignored is as for loadConfig.
func (p program) configure(ctx context.Context, ignored ...string) (Config, *slog.Logger, error) {
	cfg, logger, _, err := p.configureLevel(ctx, ignored...)
	return cfg, logger, err
}

// configureLevel is configure, with the log's level, which can be changed.
func (p program) configureLevel(ctx context.Context, ignored ...string) (Config, *slog.Logger, *status.LogLevel, error) {
	cfg, r := readConfig(ctx, p.environ, ignored...)
	if err := r.Err(); err != nil {
		return cfg, nil, nil, fmt.Errorf("configuration:\n%w", err)
	}
	level := status.NewLogLevel(cfg.LogLevel.Level)
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: readable}
	logger := slog.New(cfg.LogFormat.handler(p.stderr, options))
	r.Log(logger)
	for _, w := range r.Warnings() {
		logger.Warn(w)
	}
	return cfg, logger, level, nil
}

// readable writes a duration as 1.5s; JSON would show nanoseconds.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		return slog.String(a.Key, a.Value.Duration().String())
	}
	return a
}

func (p program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version.",
		Args:  cobra.NoArgs,
		Run: func(*cobra.Command, []string) {
			fmt.Fprintln(p.stdout, "airudder-exporter", version())
		},
	}
}

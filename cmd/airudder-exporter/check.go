package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/env"
	"airudder-exporter/internal/record"
)

func (p program) checkCommand() *cobra.Command {
	c := checker{out: p.stdout, aside: p.stderr}
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check configuration, credentials, topics and schemas, and print the plan. Changes nothing.",
		Long: `Checks configuration, credentials, topics, schemas and ledger, and prints the plan.
Changes nothing. A note is what works and could be better; at the end they are counted, and
it is said which of them the promise needs. The exit code is 0 when all is well, notes or
not, 1 when something is wrong, 2 when nothing else is than that AIRudder, Kafka or the
registry did not answer.

With --compatibility it tries what the promise needs of this Kafka and this registry
instead, by the code that a run uses: transactions, their markers in the log, what
read_committed consumers see, the fence, compaction, sizes, the consumer group; a schema
registered, read back, compared. It makes two topics and a subject for that, named like the
configured ones with "-check-", the time and random digits after it, and deletes them, also
after an error or Ctrl-C; what a killed check has left, the next one deletes once it is an
hour old. The configured topics and subjects are not touched. That needs the rights
Create, Delete, Read, Write and DescribeConfigs on topics with these prefixes, and Read on
groups; without them nothing is made, and the commands that grant them are printed. Each try
takes as long as --timeout at most, and after the first that has no answer nothing more is
tried. The exit code is 2, too, when something could not be tried.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.timeout <= 0 {
				return fmt.Errorf("--timeout: got %s, give a duration above 0", c.timeout)
			}
			if c.offline && c.trying {
				return errors.New("--offline asks nobody and --compatibility tries Kafka and the registry: give one of them")
			}
			var r *env.Reader
			c.cfg, r = readConfig(cmd.Context(), p.environ)
			c.configuration(r)
			switch {
			case c.offline || c.verdict.failed > 0:
			case c.trying:
				c.try(cmd.Context())
			default:
				c.ask(cmd.Context())
			}
			return c.verdict.end(c.out)
		},
	}
	cmd.Flags().BoolVar(&c.offline, "offline", false, "judge the configuration and the files that it names alone: AIRudder, Kafka and the registry are not asked")
	cmd.Flags().BoolVar(&c.trying, "compatibility", false, "try what the promise needs of this Kafka and this registry, on topics and a subject that are made for it and deleted")
	cmd.Flags().DurationVar(&c.timeout, "timeout", 15*time.Second, "how long each answer is waited for")
	return cmd
}

// checker asks everything that a run would ask, and writes nothing anywhere, unless it is
// told to try.
type checker struct {
	cfg     Config
	out     io.Writer
	aside   io.Writer     // for what is no result
	offline bool          // nobody is asked anything
	trying  bool          // Kafka and the registry are tried, instead of asked
	timeout time.Duration // of each question: check is for people who wait
	verdict verdict
	follows []string  // tries that are yet to be told of, together
	begun   time.Time // the ledger's own ExportSince; zero: there is no ledger yet
}

// waiting is a context for one question, whose end has to be called. It says after two
// seconds what is waited for.
func (c *checker) waiting(ctx context.Context, of string) (context.Context, func()) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	say := time.AfterFunc(min(2*time.Second, c.timeout/2), func() { fmt.Fprintf(c.aside, "waiting for %s, %s at most (--timeout)\n", of, c.timeout) })
	return ctx, func() { say.Stop(); cancel() }
}

// ask asks AIRudder, Kafka and the registry.
func (c *checker) ask(ctx context.Context) {
	c.heading("AIRudder")
	listed, listErr := c.upstream(ctx)
	c.heading("Kafka")
	c.kafka(ctx)
	c.heading("Schema registry")
	c.registry(ctx)
	c.heading("Plan")
	c.plan(listed, listErr)
}

// upstream asks for a token and for the list.
func (c *checker) upstream(ctx context.Context) ([]call.Listed, error) {
	source, err := upstream(c.cfg, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		c.fail("%v", err)
		return nil, err
	}
	source.Share(1)
	if err := c.askUpstream(ctx, source.Check); err != nil {
		c.failOf(err, c.hung(err))
		return nil, err
	}
	c.ok("AIRudder accepts the credentials")
	var all call.Listing
	err = c.askUpstream(ctx, func(ctx context.Context) (err error) {
		all, err = source.List(ctx, c.since())
		return err
	})
	switch {
	case errors.Is(err, context.DeadlineExceeded): // the request budget allows only so many pages
		c.note("the list was not read to its end within %s, the longest that check waits (--timeout): %v", c.timeout, err)
	case err != nil:
		c.failOf(err, err.Error())
	default:
		c.listing(all)
	}
	return all.Tasks, err
}

// askUpstream asks AIRudder one question.
func (c *checker) askUpstream(ctx context.Context, ask func(context.Context) error) error {
	ctx, end := c.waiting(ctx, "AIRudder at "+c.cfg.Upstream.BaseURL)
	defer end()
	return ask(ctx)
}

// hung is an error in words, where it may be that AIRudder took the question and gave no
// answer.
func (c *checker) hung(err error) string {
	if !errors.Is(err, context.DeadlineExceeded) {
		return err.Error()
	}
	return fmt.Sprintf("AIRudder did not answer within %s (--timeout; a run waits %s, AIRUDDER_TIMEOUT): "+
		"is AIRUDDER_BASE_URL right, and does a proxy or a firewall hold the request? %v", c.timeout, c.cfg.Upstream.Timeout, err)
}

func (c *checker) registry(ctx context.Context) {
	ctx, end := c.waiting(ctx, "the schema registry at "+c.cfg.Registry.URL)
	defer end()
	findings, err := record.CheckSchemas(ctx, registry(c.cfg.Registry), recordTopics(c.cfg.Kafka))
	if err != nil {
		c.failOf(err, err.Error())
		return
	}
	if len(findings) == 0 {
		c.ok("the schemas are registered")
	}
	for _, f := range findings {
		switch {
		case f.Refused:
			c.fail("%s", f.Text)
		case f.Usual:
			c.info("%s", f.Text)
		default:
			c.note("%s", f.Text)
		}
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"airudder-exporter/internal/env"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/record"
)

func (p program) tailCommand() *cobra.Command {
	var topic string
	var asJSON bool
	var only selection
	lines := printer{out: p.stdout}
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Print committed events as they come, or those of a time, a task, a value.",
		Long: `Prints the decoded records of one topic, read_committed: JSON lines, or a table where
stdout is a terminal. The JSON lines hold personal data (dead letters only with --raw).
Each partition's records come in order, the partitions side by side.

It continues until it is interrupted; with --end or --until it stops at the end that each
partition has now, with exit code 0. Times are those of publishing, the records' own.

It reads the variables KAFKA_… and, for every topic but the ledger,
SCHEMA_REGISTRY_…, as run does. It needs none of AIRUDDER_… and PRIVACY….`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			of, err := tailedTopic(topic)
			if err != nil {
				return err
			}
			if err := only.check(of); err != nil {
				return err
			}
			if lines.raw && of.name != "dead-letters" {
				return errors.New("--raw: only --topic dead-letters has raw rows: leave it out")
			}
			ignored := []string{"AIRUDDER_", privacyVariables, "HTTP_", "LEDGER_"}
			if of.schema == nil {
				ignored = append(ignored, "SCHEMA_REGISTRY_")
			}
			cfg, log, err := p.configure(cmd.Context(), ignored...)
			if err != nil {
				return err
			}
			lines.of, lines.people = of, p.terminal && !asJSON
			return tail(cmd.Context(), cfg, log, only, lines)
		},
	}
	cmd.Flags().StringVar(&topic, "topic", "events", "events, status, dead-letters, private, revised or ledger")
	only.flags(cmd, time.Now())
	cmd.Flags().BoolVar(&asJSON, "json", false, "JSON lines also on a terminal")
	cmd.Flags().BoolVar(&lines.headers, "headers", false, "print the records' headers, too")
	cmd.Flags().BoolVar(&lines.raw, "raw", false, "print the rows that dead letters are about, too: personal data")
	return cmd
}

// tail prints the records that are meant.
func tail(ctx context.Context, cfg Config, log *slog.Logger, only selection, lines printer) error {
	topic, variable := lines.of.topic(cfg.Kafka.Topics), env.Settings(cfg.Kafka)(lines.of.setting)
	if topic == "" {
		return fmt.Errorf("--topic %s: set %s to the topic's name", lines.of.name, variable)
	}
	client, err := cluster(cfg.Kafka, log, prometheus.NewRegistry())
	if err != nil {
		return err
	}
	defer client.Close()
	var decoder *record.Decoder
	if lines.of.schema != nil {
		if decoder, err = record.NewDecoder(registry(cfg.Registry)); err != nil {
			return err
		}
	}
	err = client.Tail(ctx, []string{topic}, only.stretch, func(m kafka.Message) error {
		if err := show(ctx, decoder, m, &only, &lines); err != nil {
			return fmt.Errorf("%s[%d]@%d: %w", m.Topic, m.Partition, m.Offset, err)
		}
		return nil
	})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kafka.ErrNoTopic):
		return fmt.Errorf("there is no topic %s, or none that this user may read: set %s to the topic's name", topic, variable)
	case ctx.Err() == nil:
		return fmt.Errorf("%s", client.Explain(err))
	case only.stretch.ToEnd:
		return errors.New("interrupted before the end")
	}
	return nil
}

// show prints a record, if it is meant.
func show(ctx context.Context, decoder *record.Decoder, m kafka.Message, only *selection, lines *printer) error {
	value := m.Value // of the ledger: JSON already
	if value == nil {
		value = []byte("null")
	} else if decoder != nil {
		var err error
		if value, err = decoder.JSON(ctx, m.Record); err != nil {
			return err
		}
	}
	of := lines.of.read(value)
	if !only.takes(m, of) {
		return nil
	}
	return lines.print(m, value, of)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/record"
)

func (p program) tailCommand() *cobra.Command {
	var topic string
	var fromStart bool
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Print committed events as JSON lines, as they come.",
		Long: `Prints the decoded records of one topic as JSON lines, read_committed, until it
is interrupted. The lines hold personal data.

It reads the variables KAFKA_… and, for every topic but the ledger,
SCHEMA_REGISTRY_…, as run does. It needs none of AIRUDDER_….`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ignored := []string{"AIRUDDER_"}
			if topic == tailedLedger {
				ignored = append(ignored, "SCHEMA_REGISTRY_")
			}
			cfg, log, err := p.configure(cmd.Context(), ignored...)
			if err != nil {
				return err
			}
			name, err := tailTopic(cfg.Kafka.Topics, topic)
			if err != nil {
				return err
			}
			return tail(cmd.Context(), cfg, log, name, fromStart, p.stdout)
		},
	}
	cmd.Flags().StringVar(&topic, "topic", "events", "events, status, dead-letters or "+tailedLedger+"; private or revised, where these topics are used")
	cmd.Flags().BoolVar(&fromStart, "from-start", false, "begin with the oldest record instead of the next one")
	return cmd
}

// tailedLedger names the topic whose records are JSON, which needs no registry.
const tailedLedger = "ledger"

func tailTopic(t Topics, name string) (string, error) {
	names := map[string]string{
		"events": t.CallCompleted, "status": t.TaskStatus, "dead-letters": t.DeadLetter, tailedLedger: t.Ledger,
		"private": t.CallPrivate, "revised": t.CallRevised,
	}
	maps.DeleteFunc(names, func(_, topic string) bool { return topic == "" })
	if topic, ok := names[name]; ok {
		return topic, nil
	}
	return "", fmt.Errorf("--topic: %q is none of %s", name, strings.Join(slices.Sorted(maps.Keys(names)), ", "))
}

// tail prints one topic's records until ctx ends.
func tail(ctx context.Context, cfg Config, log *slog.Logger, topic string, fromStart bool, out io.Writer) error {
	client, err := cluster(cfg.Kafka, log, prometheus.NewRegistry())
	if err != nil {
		return err
	}
	defer client.Close()
	ledger := cfg.Kafka.Topics.Ledger
	var decoder *record.Decoder
	if topic != ledger {
		if decoder, err = record.NewDecoder(registry(cfg.Registry)); err != nil {
			return err
		}
	}
	err = client.Tail(ctx, []string{topic}, kafka.Stretch{FromStart: fromStart}, func(m kafka.Message) error {
		line, err := tailLine(ctx, decoder, ledger, m)
		if err != nil {
			return fmt.Errorf("%s[%d]@%d: %w", m.Topic, m.Partition, m.Offset, err)
		}
		_, err = out.Write(append(line, '\n'))
		return err
	})
	if ctx.Err() != nil || errors.Is(err, context.Canceled) {
		return nil
	}
	return fmt.Errorf("%s", client.Explain(err))
}

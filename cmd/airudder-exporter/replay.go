package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/env"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/record"
	"airudder-exporter/internal/replay"
)

func (p program) replayCommand() *cobra.Command {
	var topic, by string
	var where conditions
	of := replay.Config{Progress: p.progress()}
	cmd := &cobra.Command{
		Use:   "replay NAME --to-topic TOPIC",
		Short: "Copy events into a new topic, for consumers that read them again.",
		Long: `Copies the events that are selected, committed ones alone, into a topic of their own,
which is created with as many partitions. Key, value, time, headers and partition stay;
each copy has two headers more: airudder_replay (NAME/<digest of the selection>) and
airudder_origin (topic/partition/offset).

It shows its plan, and acts only with --execute. It writes in transactions, and each run
copies up to the end that each partition has when the run starts. One that was killed is
simply run again, with the same options: it continues after the last record of each
partition of the target, which holds each selected record once, in order. One that has
finished adds what was published since.

Refused are a topic that holds anything else or another selection, and one whose settings
would not keep the records. It reads the variables KAFKA_… and SCHEMA_REGISTRY_…, as run
does, and needs none of AIRUDDER_… and PRIVACY….

The exit code is 0 when all is copied (without --execute: when it can be), 1 when that is
refused or records were lost to retention before they were copied, 2 when something could
not be asked or written.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("replay: give it one name, as in replay march-scores --to-topic scores.replay")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			source, err := tailedTopic(topic)
			if err != nil {
				return err
			}
			of.Name, of.Select.By = args[0], replay.By(by)
			if err := checkReplay(of, source, where); err != nil {
				return err
			}
			cfg, log, err := p.configure(cmd.Context(), "AIRUDDER_", privacyVariables, "HTTP_", "LEDGER_")
			if err != nil {
				return err
			}
			return p.replay(cmd.Context(), cfg, log, of, source, where)
		},
	}
	set := cmd.Flags()
	set.StringVar(&of.Target, "to-topic", "", "the `TOPIC` that is written: one that does not exist yet, or this replay's")
	set.StringVar(&topic, "topic", "events", "what is copied: events, revised or status")
	taskFlag(cmd, &of.Select.TaskID)
	set.StringVar(&of.Select.CallID, "call", "", "only records of the call with this `CALLID`")
	where.flag(cmd)
	timeFlag(cmd, "since", "only records of this `TIME` or later, in RFC 3339", &of.Select.Since)
	timeFlag(cmd, "until", "only records from before this `TIME`, in RFC 3339", &of.Select.Until)
	set.StringVar(&by, "by", string(replay.Published), "the time that --since and --until are about: published, or occurred (the header ce_time)")
	set.IntSliceVar(&of.Select.Partitions, "partition", nil, "only this partition; more of them by commas")
	set.StringVar(&of.Select.LedgerID, "ledger-id", "", "only records of this ledger's exporters, where the topic has several")
	set.IntVar(&of.Rate, "rate", 0, "records a second at most; 0: as fast as it goes")
	set.BoolVar(&of.Execute, "execute", false, "copy, and do not only show the plan")
	return cmd
}

// timeFlag is a time that means the same in each run.
func timeFlag(cmd *cobra.Command, name, usage string, at *time.Time) {
	cmd.Flags().Func(name, usage, func(text string) (err error) {
		if *at, err = time.Parse(time.RFC3339, text); err != nil {
			return errors.New("give a time such as 2026-01-31T08:00:00Z, which means the same when the replay is run again")
		}
		return nil
	})
}

// checkReplay holds the options against each other and against the fields that there are.
func checkReplay(of replay.Config, source tailable, where conditions) error {
	if err := replay.CheckName(of.Name); err != nil {
		return err
	}
	s := of.Select
	switch {
	case of.Target == "":
		return errors.New("--to-topic: give the topic that is to be written")
	case source.name != "events" && source.name != "revised" && source.name != "status":
		return fmt.Errorf("--topic %s: give events, revised or status", source.name)
	case s.CallID != "" && source.name == "status":
		return errors.New("--call: the records of --topic status are about tasks: leave it out, or select with --task")
	case s.By != replay.Published && s.By != replay.Occurred:
		return fmt.Errorf("--by: %q is none of %s, %s", s.By, replay.Published, replay.Occurred)
	case !s.Since.IsZero() && !s.Until.IsZero() && !s.Since.Before(s.Until):
		return errors.New("--until: give a time after that of --since")
	case of.Rate < 0:
		return fmt.Errorf("--rate %d: give 1 or more, or 0 for as fast as it goes", of.Rate)
	}
	return where.check(source)
}

// replay copies what is selected.
func (p program) replay(ctx context.Context, cfg Config, log *slog.Logger, of replay.Config, source tailable, where conditions) error {
	of.Select.Topic, of.SourceSetting = source.topic(cfg.Kafka.Topics), env.Settings(cfg.Kafka)(source.setting)
	if of.Select.Topic == "" {
		return fmt.Errorf("--topic %s: set %s to the topic's name", source.name, of.SourceSetting)
	}
	of.RegistrySetting = env.Settings(cfg.Registry)("URL")
	of.Schema, of.Compression, of.Create = source.record(), cfg.Kafka.Compression, cfg.Kafka.CreateTopics
	of.Select.Where = where.texts()
	decoder, err := record.NewDecoder(registry(cfg.Registry))
	if err != nil {
		return err
	}
	if len(where) > 0 {
		of.Where = func(ctx context.Context, value []byte) (bool, error) {
			text, err := decoder.JSON(ctx, batch.Record{Topic: of.Select.Topic, Value: value})
			return err == nil && where.hold(source.read(text)), err
		}
	}
	client, err := replayClient(cfg.Kafka, log, of.Target)
	if err != nil {
		return err
	}
	defer client.Close()
	return told(replay.New(of, client, decoder, log, p.stdout).Run(ctx), replay.Refused, client.Explain)
}

// replayClient is a client that knows the target besides the configured topics, which are
// refused as one.
func replayClient(k Kafka, log *slog.Logger, target string) (*kafka.Client, error) {
	c := brokers(k)
	c.ReplayTopic = target
	called := c.SettingName
	c.SettingName = func(field string) string {
		if field == "ReplayTopic" {
			return "--to-topic"
		}
		return called(field)
	}
	client, err := kafka.Dial(c, log, prometheus.NewRegistry())
	if err != nil {
		return nil, errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return client, nil
}

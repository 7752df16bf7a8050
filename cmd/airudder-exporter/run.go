package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/hint"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/notice"
	"airudder-exporter/internal/record"
	"airudder-exporter/internal/service"
	"airudder-exporter/internal/shards"
	"airudder-exporter/internal/status"
	"airudder-exporter/internal/token"
	"airudder-exporter/internal/topics"
)

// export runs the exporter until ctx ends. It ends by itself only on bad
// configuration, an incompatible schema or a refused ledger; whatever else is
// not there yet is waited for.
func export(ctx context.Context, cfg Config, log *slog.Logger, level *status.LogLevel) error {
	if problems := hints(cfg.Hints).Web().Check(); len(problems) > 0 { // else it would be told once all the rest is there
		return problems[0]
	}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	self := process()
	state := &status.State{}
	metrics.MustRegister(state.Metrics(), buildInfo())
	info := status.Info{Version: version(), Host: self.Host, Started: self.Started}
	// The page stays up while the exporter ends.
	past := status.NewPast(metrics, self.Started, log)
	server, err := status.Serve(context.WithoutCancel(ctx), page(cfg.HTTP), status.Handler(state, metrics, past, info, operator(cfg.HTTP, level, log)), log)
	if err != nil {
		return err
	}
	defer func() { _ = server.Close() }() // the exporter's own error matters more
	context.AfterFunc(ctx, state.Stopping)
	defer watch(ctx, state, past, metrics, log)()
	source, err := upstream(cfg, log, metrics)
	if err != nil {
		return err
	}
	if err := registry(cfg.Registry).CheckFiles(); err != nil {
		return err
	}
	if tokens := cfg.Kafka.SASL.Token.source; tokens != nil {
		tokens.Log(log)
		metrics.MustRegister(tokenEnds(tokens))
	}
	brokers := brokers(cfg.Kafka)
	brokers.Watched = true // the voice tells what the exporter waits for
	client, err := kafka.Dial(brokers, log, metrics)
	if err != nil {
		return err
	}
	defer client.Close()

	log.Info("the exporter starts", "version", info.Version, "instance", self.Instance,
		"upstream", cfg.Upstream.BaseURL, "brokers", cfg.Kafka.Brokers, "ledger", cfg.Kafka.Topics.Ledger,
		"assignment", cfg.Kafka.Assignment, "privacy", choice(cfg).Header(), "http", cfg.HTTP.Addr)
	s := starter{cfg: cfg, log: log, state: state, client: client, metrics: metrics}
	ids, err := s.prepare(ctx)
	if err == nil {
		looped := loop(cfg)
		looped.LastDay = lastDay(past)
		err = s.own(ctx, exporter.New(looped, source, encoder(cfg, ids), self, log, metrics))
	}
	if err != nil && ctx.Err() == nil {
		if unfit, ok := errors.AsType[*kafka.UnfitError](err); ok { // the rest of the chain says nothing more
			err = unfit
		}
		log.Error("the exporter ends", "error", err)
		return errShown
	}
	log.Info("the exporter has ended")
	return nil
}

// tokenEnds shows when the token for Kafka ends.
func tokenEnds(tokens *token.Source) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "airudder_kafka_token_expiry_timestamp_seconds",
		Help: "When the token for Kafka ends that is in use; the next one is fetched before. 0: there is none yet.",
	}, func() float64 {
		ends := tokens.Ends()
		if ends.IsZero() {
			return 0
		}
		return float64(ends.Unix())
	})
}

// watch tells the log and systemd how the exporter fares, and records it for the page's
// plots, until ctx ends or the returned function is called.
func watch(
	ctx context.Context, state *status.State, past *status.Past, metrics prometheus.Gatherer, log *slog.Logger,
) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	voice := notice.Voice{Log: log, Look: state.Health, Summary: status.Summary(state, metrics)}
	var watching sync.WaitGroup
	watching.Go(func() { voice.Run(ctx) })
	watching.Go(func() { past.Run(ctx, state) })
	watching.Go(func() { service.Run(ctx, state.Line, log) })
	return func() { cancel(); watching.Wait() }
}

// starter brings the exporter from a checked configuration to its loop.
type starter struct {
	cfg    Config
	log    *slog.Logger
	state  *status.State
	client *kafka.Client

	metrics prometheus.Registerer
}

// prepare waits for topics and schemas, both at once.
func (s starter) prepare(ctx context.Context) (ids record.IDs, err error) {
	s.state.Waiting("waiting for the first answers of Kafka and the schema registry")
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return s.persist(ctx, "Kafka", s.topics)
	})
	group.Go(func() error {
		return s.persist(ctx, theRegistry, func(ctx context.Context) (err error) {
			ids, err = record.Register(ctx, registry(s.cfg.Registry), recordTopics(s.cfg.Kafka))
			return err
		})
	})
	err = group.Wait()
	return ids, err
}

const waitingForGroup = "waiting for the consumer group to answer"

// own settles the ledger and runs the shards that this process is given.
func (s starter) own(ctx context.Context, e *exporter.Exporter) error {
	var meta ledger.Meta
	err := s.persist(ctx, "the ledger", func(ctx context.Context) (err error) {
		meta, err = e.Start(ctx, s.client)
		return err
	})
	if err != nil {
		return err
	}
	if err := s.cfg.checkKey(meta.EventKey); err != nil {
		return err
	}
	s.state.Waiting(waitingForGroup)
	changed := func(owned []int) {
		e.Owned(len(owned))
		s.state.Running(e)
	}
	group, ctx := errgroup.WithContext(ctx)
	if err := s.hear(ctx, group, e); err != nil {
		return err
	}
	group.Go(func() error { return e.List(ctx) })
	group.Go(func() error { return s.watchTopics(ctx, time.Minute, e.TopicsSeen) })
	group.Go(func() error { return e.WatchOwners(ctx, s.client, 15*time.Second) })
	group.Go(func() error {
		own := func(ctx context.Context, owned *shards.Shard) error {
			return e.RunShard(ctx, shard{s.client.Partition(owned.Partition)}, owned)
		}
		given := assignment(s.cfg.Kafka, meta.Partitions)
		given.Refused = func(why string) {
			e.Refused(why)
			s.state.Waiting(cmp.Or(why, waitingForGroup))
		}
		given.Silent = func(why string) {
			e.GroupSilent(why)
			if why != "" {
				s.state.Waiting(waitingForGroup + ": " + why)
			}
		}
		return shards.Assign(ctx, given, s.client, s.log, own, changed)
	})
	return group.Wait()
}

// hear listens for hints, where that is configured.
func (s starter) hear(ctx context.Context, group *errgroup.Group, e *exporter.Exporter) error {
	if s.cfg.Hints.Addr == "" {
		return nil
	}
	var outcomes []string
	for _, h := range exporter.Hints {
		outcomes = append(outcomes, string(h))
	}
	server := hint.New(hints(s.cfg.Hints), func(taskID string) string { return string(e.Hint(taskID)) }, outcomes, s.metrics)
	l, err := server.Listen(ctx)
	if err != nil {
		return err
	}
	group.Go(func() error {
		server.Serve(ctx, l, s.log)
		return nil
	})
	return nil
}

// topics checks the topics, creates those that are missing where that is
// configured, and logs what is not as recommended.
func (s starter) topics(ctx context.Context) error {
	findings, err := s.look(ctx, s.cfg.Kafka.CreateTopics)
	if advice := topics.Advice(findings); len(advice) > 0 {
		s.log.Warn("topic settings are not as recommended; `airudder-exporter check` says why", "settings", advice)
	}
	return err
}

// look compares the topics with what they should be; with create it creates those
// that are missing. Its error says what prevents a start.
func (s starter) look(ctx context.Context, create bool) ([]topics.Finding, error) {
	findings, err := topics.Ensure(ctx, s.client, topicSpecs(s.cfg.Kafka), create)
	if err == nil {
		err = topics.Refused(findings)
	}
	return findings, err
}

// theRegistry is what persist waits for where it is not Kafka.
const theRegistry = "the schema registry"

// persist tries until it succeeds, ctx ends, or trying again cannot help. The page and
// the log say what it waits for.
func (s starter) persist(ctx context.Context, what string, try func(context.Context) error) error {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval, wait.MaxElapsedTime = 100*time.Millisecond, 15*time.Second, 0
	began := time.Now()
	for {
		err := try(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case final(err):
			return err
		}
		why := err.Error()
		if what != theRegistry {
			why = s.client.Explain(err)
		}
		s.state.Waiting(fmt.Sprintf("waiting for %s since %s: %s", what, began.UTC().Format(time.RFC3339), why))
		s.log.Debug("still waiting", "for", what, "error", why)
		if !pause(ctx, wait.NextBackOff()) {
			return ctx.Err()
		}
	}
}

// pause waits; false when ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// final reports whether an error at the start lasts until the operator acts.
func final(err error) bool {
	_, unfit := errors.AsType[*kafka.UnfitError](err)
	return unfit || errors.Is(err, topics.ErrUnfit) || errors.Is(err, record.ErrIncompatible) || errors.Is(err, ledger.ErrRefused)
}

// lastDay tells the page what others have done.
func lastDay(past *status.Past) func(ledger.Day) {
	return func(day ledger.Day) {
		past.EventsBefore(day.Events)
		for _, w := range day.Starts {
			who := fmt.Sprintf("%s (pid %d)", w.Host, w.PID)
			if w.Role == ledger.Tool {
				who = "a tool on " + who
			}
			past.Started(w.Started, who)
		}
	}
}

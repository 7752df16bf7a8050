package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/airudder"
	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/certs"
	"airudder-exporter/internal/env"
	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/hint"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/kafka/access"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/record"
	"airudder-exporter/internal/record/privacy"
	"airudder-exporter/internal/shards"
	"airudder-exporter/internal/status"
	"airudder-exporter/internal/token"
	"airudder-exporter/internal/topics"
)

// This file turns the configuration into the rooms' own, and joins the rooms
// where the loop's seams are.

// account is AIRudder's account and how it is read.
func account(cfg Config) airudder.Config {
	u := cfg.Upstream
	return airudder.Config{
		BaseURL: u.BaseURL, AppKey: u.AppKey.First(), AppSecret: u.AppSecret.First(), AuthScheme: u.AuthScheme,
		Credentials: func() (key, secret string) { return u.AppKey.Now(), u.AppSecret.Now() },
		ListRequest: u.ListRequest, DetailRequest: u.DetailRequest, TotalFields: u.TotalFields, TaskIDs: u.TaskIDs, TaskIDsFile: u.TaskIDsFile,
		RequestsPerSecond: u.RequestsPerSecond, Concurrency: cfg.Polling.Concurrency,
		Timeout: u.Timeout, ResponseTimeout: u.ResponseTimeout, RowStatuses: u.RowStatuses, Zone: u.Zone.Location,
		SettingName: env.Settings(u, cfg.Polling),
	}
}

func upstream(cfg Config, log *slog.Logger, reg prometheus.Registerer) (*airudder.Client, error) {
	return airudder.New(account(cfg), log, reg)
}

// brokers is how the brokers are reached.
func brokers(k Kafka) kafka.Config {
	return kafka.Config{
		Config: access.Config{
			Brokers: k.Brokers, TLS: access.TLS(k.TLS), SettingName: env.Settings(k),
			SASL: login(k.SASL),
		},
		ClientID: "airudder-exporter", TransactionTimeout: k.TransactionTimeout, Compression: k.Compression,
		EventTopic: k.Topics.CallCompleted, StatusTopic: k.Topics.TaskStatus,
		DeadLetterTopic: k.Topics.DeadLetter, PrivateTopic: k.Topics.CallPrivate, RevisedTopic: k.Topics.CallRevised, LedgerTopic: k.Topics.Ledger,
	}
}

// login is who we are to the brokers.
func login(s SASL) access.SASL {
	l := access.SASL{
		Mechanism: s.Mechanism, Username: s.Username, Password: s.Password.First(), PasswordNow: s.Password.Now,
		TokenSource: s.Token.Source, Extensions: s.Extensions,
	}
	if source := s.Token.source; source != nil {
		l.Token, l.Refused = source.Text, source.Refused
	}
	return l
}

// tokens is where the tokens of OAUTHBEARER come from.
func tokens(k Kafka) token.Config {
	t := k.SASL.Token
	return token.Config{
		Source: t.Source, URL: t.URL, ClientID: t.ClientID, ClientSecret: t.ClientSecret.Now, Scope: t.Scope,
		File: t.File, Command: t.Command, Region: token.Region(k.Brokers), SettingName: env.Settings(t),
	}
}

// tokenOfKafka has the registry shown the same token as Kafka.
const tokenOfKafka = "kafka"

func cluster(k Kafka, log *slog.Logger, reg prometheus.Registerer) (*kafka.Client, error) {
	return kafka.Dial(brokers(k), log, reg)
}

// reader is what a command reads published records with.
func reader(cfg Config, log *slog.Logger) (*kafka.Client, *record.Decoder, error) {
	decoder, err := record.NewDecoder(registry(cfg.Registry))
	if err != nil {
		return nil, nil, err
	}
	client, err := cluster(cfg.Kafka, log, prometheus.NewRegistry())
	return client, decoder, err
}

// assignment is who gives the shards of a ledger out.
func assignment(k Kafka, count int) shards.Config {
	c := brokers(k)
	return shards.Config{
		Mode: k.Assignment, Brokers: c.Brokers, ClientID: c.ClientID, Ledger: c.LedgerTopic, Shards: count,
		SettingName: c.SettingName,
	}
}

// topicSpecs are the topics as they should be.
func topicSpecs(k Kafka) []topics.Spec { return topics.Specs(brokers(k), layout(k)) }

func layout(k Kafka) topics.Layout {
	return topics.Layout{
		EventPartitions: k.Partitions, LedgerPartitions: k.LedgerPartitions,
		ReplicationFactor: k.ReplicationFactor, UniqueEventKeys: record.EventKey(k.EventKey).Unique(),
	}
}

func recordTopics(k Kafka) record.Topics {
	return record.Topics{
		CallCompleted: k.Topics.CallCompleted, TaskStatus: k.Topics.TaskStatus,
		DeadLetter: k.Topics.DeadLetter, CallPrivate: k.Topics.CallPrivate, CallRevised: k.Topics.CallRevised, Ledger: k.Topics.Ledger,
	}
}

// protection is what becomes of personal data.
func protection(cfg Config) record.Privacy {
	p := cfg.Privacy
	return record.Privacy{
		Preset: p.Preset, Fields: p.Fields, Key: p.Key, EventKey: record.EventKey(cfg.Kafka.EventKey),
		SettingName: env.Settings(p, cfg.Kafka),
	}
}

// choice is the same once it was checked.
func choice(cfg Config) privacy.Choice {
	choice, _ := protection(cfg).Choice() // a wrong one is refused with the configuration
	return choice
}

func registry(r Registry) record.Registry {
	c := record.Registry{
		URL: r.URL, Username: r.Username, Password: r.Password.First(), PasswordNow: r.Password.Now, AutoRegister: r.AutoRegister,
		TLS: certs.Files(r.TLS), Headers: r.Headers.Now, SettingName: env.Settings(r),
	}
	if r.token != nil {
		c.Token = r.token.Text
	}
	return c
}

// hints is where AIRudder's webhooks are listened for.
func hints(h Hints) hint.Config {
	return hint.Config{Addr: h.Addr, Secret: h.Secret.Now, WebConfigFile: h.WebConfigFile, CIDRs: h.CIDRs, SettingName: env.Settings(h)}
}

// page is where the status page, health and metrics listen.
func page(h HTTP) status.Config {
	return status.Config{
		Addr: h.Addr, WebConfigFile: h.WebConfigFile, SettingName: env.Settings(h),
		HealthcheckUsername: h.HealthcheckUsername, HealthcheckPassword: h.HealthcheckPassword.First(),
	}
}

// operator is what the page serves for the operator alone.
func operator(h HTTP, level *status.LogLevel, log *slog.Logger) status.Operator {
	c := page(h)
	return status.Operator{Level: level, Log: log, Profiles: h.Pprof, Authenticated: c.Web().Authenticated, SettingName: c.SettingName}
}

// encoder makes encoders for what the registry, the ledger and the broker said.
func encoder(cfg Config, ids record.IDs) exporter.NewEncoder {
	topics := recordTopics(cfg.Kafka)
	return func(meta ledger.Meta, limits record.Limits) (exporter.Encoder, error) {
		return record.NewEncoder(record.EncoderConfig{
			Topics: topics, IDs: ids, EventKey: record.EventKey(meta.EventKey),
			BaseURL: meta.Source, LedgerID: meta.LedgerID, Account: meta.Account,
			Limits: limits, Privacy: choice(cfg),
		})
	}
}

// pins are what the configuration asks of the ledger's.
func pins(cfg Config) ledger.Wanted {
	source, _ := record.Source(cfg.Upstream.BaseURL) // a wrong URL is the account's mistake
	return ledger.Wanted{Pins: ledger.Pins{
		EventKey: cfg.Kafka.EventKey, Account: cfg.Upstream.Account,
		Source: source, DetailPath: account(cfg).DetailPath(), Privacy: choice(cfg).String(),
	}, Stricter: stricter}
}

// stricter takes what this release cannot read for another choice.
func stricter(old, new string) bool {
	is, err := privacy.Stricter(old, new)
	return is && err == nil
}

func loop(cfg Config) exporter.Config {
	p := cfg.Polling
	var revisions *ledger.Revisions
	if cfg.Kafka.Topics.CallRevised != "" {
		revisions = record.Revisions(choice(cfg))
	}
	return exporter.Config{
		Revisions:   revisions,
		LedgerTopic: cfg.Kafka.Topics.Ledger, EventTopic: cfg.Kafka.Topics.CallCompleted, Pins: pins(cfg),
		ExportSince: p.ExportSince, ListInterval: p.ListInterval, PollMin: p.MinInterval, PollMax: p.MaxInterval,
		Policy:      ledger.Policy{AfterEnd: p.AfterEnd, Retention: p.LedgerRetention, Between: p.MaxInterval, OpenFor: p.SealOpenAfter},
		Concurrency: p.Concurrency,
		ShardOf:     func(taskID string, shards int) int { return batch.PartitionFor([]byte(taskID), shards) },
		SettingName: env.Settings(p, cfg.Kafka, cfg.Upstream, cfg.Privacy),
	}
}

// process names this process in the producer entries that it writes.
func process() ledger.Writer {
	host, _ := os.Hostname() // unknown: an empty name says as much
	return ledger.Writer{Host: host, PID: os.Getpid(), Started: time.Now().UTC().Truncate(time.Millisecond), Instance: exporter.NewID()}
}

// shard is a kafka.Partition as the loop needs it: Go wants its very type of
// Producer.
type shard struct{ kafka.Partition }

func (s shard) Open(ctx context.Context, barrier func(id int64, epoch int16) batch.Record, replay func(key, value []byte) error) (exporter.Producer, error) {
	p, err := s.Partition.Open(ctx, barrier, replay)
	if err != nil {
		return nil, err
	}
	return p, nil
}

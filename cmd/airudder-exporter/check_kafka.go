package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/kafka/access"
	"airudder-exporter/internal/shards"
	"airudder-exporter/internal/topics"
)

func (c *checker) kafka(ctx context.Context) {
	ctx, end := c.waiting(ctx, "Kafka at "+strings.Join(c.cfg.Kafka.Brokers, ", "))
	defer end()
	client, err := cluster(c.cfg.Kafka, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		c.fail("%v", err)
		return
	}
	defer client.Close()
	if source := c.cfg.Kafka.SASL.Token.source; source != nil {
		if t, err := source.Token(ctx); err == nil { // else the first request says it
			c.ok("KAFKA_SASL_TOKEN_SOURCE %s gives a token, which ends at %s", c.cfg.Kafka.SASL.Token.Source, t.Ends.UTC().Format(time.RFC3339))
		}
	}
	k := kafkaChecker{checker: c, client: client}
	k.look(ctx)
}

// kafkaChecker is the part of a checker that asks the brokers.
type kafkaChecker struct {
	*checker
	client  *kafka.Client
	missing []*access.RightError // the rights that a run needs and lacks
}

// look asks for everything before it says anything: an operator shall have all that is
// missing in one round.
func (k *kafkaChecker) look(ctx context.Context) {
	var untold error
	k.missing, untold = k.client.MissingRights(ctx, k.group())
	t, err := k.topics(ctx)
	if err != nil {
		k.failOf(err, k.client.Explain(err))
		return
	}
	if k.cfg.Kafka.CreateTopics {
		if err = k.creation(ctx, t); err != nil {
			k.fail("%s", k.client.Explain(err))
		}
	} else if t.missing != nil {
		k.fail("%v", t.missing)
	}
	if len(t.there) == len(t.all) {
		k.ok("all topics exist")
	}
	k.rights(untold)
	k.findings(t.findings)
	if slices.ContainsFunc(t.there, func(s topics.Spec) bool { return s.Ledger }) {
		k.ledger(ctx)
	}
}

// group is the consumer group that a run joins; empty: none.
func (k *kafkaChecker) group() string {
	if k.cfg.Kafka.Assignment != shards.Group {
		return ""
	}
	return shards.GroupID(k.cfg.Kafka.Topics.Ledger)
}

// seenTopics are the topics that a run needs, as the brokers show them.
type seenTopics struct {
	all      []topics.Spec
	there    []topics.Spec
	missing  *topics.MissingError // nil: none is
	hidden   []string             // may exist: we have no right on them
	findings []topics.Finding     // about those that are there
}

func (k *kafkaChecker) topics(ctx context.Context) (t seenTopics, err error) {
	t.all = topicSpecs(k.cfg.Kafka)
	t.there = slices.Clone(t.all)
	without := func(names []string) {
		t.there = slices.DeleteFunc(t.there, func(s topics.Spec) bool { return slices.Contains(names, s.Name) })
	}
	for {
		if len(t.there) == 0 {
			return t, nil
		}
		t.findings, err = topics.Ensure(ctx, k.client, t.there, false)
		hidden := namesOf(access.Missing(err))
		missing, isMissing := errors.AsType[*topics.MissingError](err)
		switch {
		case isMissing && t.missing == nil:
			t.missing = missing
			without(missing.Names)
		case len(hidden) > 0:
			t.hidden = append(t.hidden, hidden...)
			without(hidden)
		default:
			return t, err
		}
	}
}

func namesOf(rights []*access.RightError) (names []string) {
	for _, right := range rights {
		names = append(names, right.Name)
	}
	return names
}

// creation asks the broker whether a run could create the topics that are not there, or
// are hidden and may not be. The right Create, where it is missing, is noted as others are.
func (k *kafkaChecker) creation(ctx context.Context, t seenTopics) error {
	wanted := slices.DeleteFunc(slices.Clone(t.all), func(s topics.Spec) bool {
		return slices.ContainsFunc(t.there, func(there topics.Spec) bool { return there.Name == s.Name })
	})
	if len(wanted) == 0 {
		return nil
	}
	err := topics.TryCreate(ctx, k.client, wanted)
	if refused := access.Missing(err); len(refused) > 0 {
		k.missing = append(k.missing, refused...)
		return nil
	}
	if err == nil && t.missing != nil {
		k.info("a run would create the topics that are missing: %s", strings.Join(t.missing.Names, ", "))
		err = k.few(ctx, wanted)
	}
	return err
}

// few says where the cluster is too small for what the topics should be.
func (k *kafkaChecker) few(ctx context.Context, wanted []topics.Spec) error {
	fitted, brokers, err := topics.Fit(ctx, k.client, wanted)
	if err != nil {
		return err
	}
	if n := fitted[0].ReplicationFactor; n >= 0 && n < topics.SafeReplicas {
		k.needs(fmt.Sprintf("replication factor %d or more", topics.SafeReplicas), "", "they would have %s, and the cluster shows %s: "+
			"records that were acknowledged are lost with the brokers that hold them", count(n, "replica"), count(brokers, "broker"))
	}
	return nil
}

// canBeRead is what the promise needs of a topic's settings before anything else.
const canBeRead = "settings that can be checked"

// rights shows all the rights that are missing, and the commands that grant them.
func (k *kafkaChecker) rights(untold error) {
	for _, right := range k.missing {
		if right.Operation == "DescribeConfigs" { // a run can do without
			k.needs(canBeRead, right.Name, "%s: its settings cannot be checked, and 1 MiB is taken for its max.message.bytes", k.client.Lacks(right))
		} else {
			k.fail("%s", k.client.Lacks(right))
		}
	}
	switch {
	case len(k.missing) > 0:
		fmt.Fprintf(k.out, "        grant them, for example with these (an administrator's login in a file: --command-config FILE):\n")
		for _, command := range k.client.Grants(k.missing...) {
			fmt.Fprintf(k.out, "          %s\n", command)
		}
	case untold == nil:
		k.ok("all rights that a run needs are granted")
	}
	if untold != nil {
		k.note("the brokers do not say all about the rights: %s", k.client.Explain(untold))
	}
}

func (k *kafkaChecker) findings(findings []topics.Finding) {
	for _, f := range findings {
		unreadable := slices.ContainsFunc(k.missing, func(r *access.RightError) bool {
			return r.Operation == "DescribeConfigs" && r.Name == f.Topic && f.Setting == topics.AllSettings
		})
		switch {
		case unreadable: // said with the rights
		case f.Severity == topics.Fatal, f.Severity == topics.Wrong:
			k.fail("%s", f)
		case f.Setting == topics.AllSettings:
			k.needs(canBeRead, f.Topic, "%s", f)
		case f.Promise:
			k.needs(f.Setting+" "+f.Want, f.Topic, "%s", f)
		default:
			k.note("%s", f)
		}
	}
}

// ledger shows which ledger the topic holds. It writes nothing.
func (k kafkaChecker) ledger(ctx context.Context) {
	c, client := k.checker, k.client
	meta, found, err := exporter.Inspect(ctx, loop(c.cfg), client)
	switch {
	case len(access.Missing(err)) > 0 && len(k.missing) > 0: // has been said
	case err != nil:
		c.failOf(err, client.Explain(err))
	case !found:
		c.info("the ledger is empty: a run makes a new one")
	default:
		of := ""
		if meta.Account != "" {
			of = " of the account " + meta.Account
		}
		c.ok("ledger %s%s, partitions: %d, event key: %s, exports tasks whose schedule ended at %s or later",
			meta.LedgerID, of, meta.Partitions, meta.EventKey, meta.ExportSince.Format(time.RFC3339))
		c.begun = meta.ExportSince
		if c.cfg.Kafka.EventKey == "" {
			c.personalKeys(meta.EventKey)
		}
	}
}

package prooftest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// This file does to topics what operators, other programs and mistakes do.

// remove deletes a topic, and returns when it is gone.
func (w *world) remove(topic string) {
	w.t.Helper()
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TimeoutMillis = 30_000
	of := kmsg.NewDeleteTopicsRequestTopic()
	of.Topic = &topic
	req.TopicNames, req.Topics = []string{topic}, append(req.Topics, of)
	w.ask("delete "+topic, func(ctx context.Context) error {
		res, err := req.RequestWith(ctx, w.client)
		if err != nil {
			return err
		}
		return kerr.ErrorForCode(res.Topics[0].ErrorCode)
	})
	eventually(w.t, "the end of "+topic, patience, func() bool { return w.partitions(topic) == 0 })
}

// make creates a topic of so many partitions, and returns when it is there.
func (w *world) make(topic string, partitions int, settings ...string) {
	w.t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = 30_000
	of := kmsg.NewCreateTopicsRequestTopic()
	of.Topic, of.NumPartitions, of.ReplicationFactor = topic, int32(partitions), -1
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		config := kmsg.NewCreateTopicsRequestTopicConfig()
		config.Name, config.Value = name, &value
		of.Configs = append(of.Configs, config)
	}
	req.Topics = append(req.Topics, of)
	w.ask("create "+topic, func(ctx context.Context) error {
		res, err := req.RequestWith(ctx, w.client)
		if err != nil {
			return err
		}
		return kerr.ErrorForCode(res.Topics[0].ErrorCode)
	})
	eventually(w.t, topic, patience, func() bool { return len(w.ends(topic, 0)) == partitions })
}

// remake deletes a topic and creates it again, empty.
func (w *world) remake(topic string, partitions int, settings ...string) {
	w.t.Helper()
	w.remove(topic)
	w.make(topic, partitions, settings...)
}

// grow gives a topic more partitions.
func (w *world) grow(topic string, partitions int) {
	w.t.Helper()
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.TimeoutMillis = 30_000
	of := kmsg.NewCreatePartitionsRequestTopic()
	of.Topic, of.Count = topic, int32(partitions)
	req.Topics = append(req.Topics, of)
	w.ask("more partitions for "+topic, func(ctx context.Context) error {
		res, err := req.RequestWith(ctx, w.client)
		if err != nil {
			return err
		}
		return kerr.ErrorForCode(res.Topics[0].ErrorCode)
	})
	eventually(w.t, "the new partitions of "+topic, patience, func() bool { return len(w.ends(topic, 0)) == partitions })
}

// set changes a topic's settings, and returns when every broker shows them.
func (w *world) set(topic string, settings ...string) {
	w.t.Helper()
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	of := kmsg.NewIncrementalAlterConfigsRequestResource()
	of.ResourceType, of.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		config.Name, config.Value = name, &value
		of.Configs = append(of.Configs, config)
	}
	req.Resources = append(req.Resources, of)
	w.ask("set "+topic, func(ctx context.Context) error {
		res, err := req.RequestWith(ctx, w.client)
		if err != nil {
			return err
		}
		return kerr.ErrorForCode(res.Resources[0].ErrorCode)
	})
	eventually(w.t, "the settings of "+topic, patience, func() bool {
		now := w.settingsOf(topic)
		return !slices.ContainsFunc(settings, func(s string) bool { return !slices.Contains(now, s) })
	})
}

// settingsOf is what a topic is set to, as name=value; none while the brokers do
// not say.
func (w *world) settingsOf(topic string) (all []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req := kmsg.NewPtrDescribeConfigsRequest()
	of := kmsg.NewDescribeConfigsRequestResource()
	of.ResourceType, of.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	req.Resources = append(req.Resources, of)
	res, err := req.RequestWith(ctx, w.client)
	if err != nil {
		return nil
	}
	for _, config := range res.Resources[0].Configs {
		if config.Value != nil {
			all = append(all, config.Name+"="+*config.Value)
		}
	}
	return all
}

// truncate deletes the first records of a topic's first partition. Kafka does
// so only where the policy is not compact alone.
func (w *world) truncate(topic string, before int64) {
	w.t.Helper()
	w.set(topic, "cleanup.policy=compact,delete")
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.TimeoutMillis = 30_000
	of := kmsg.NewDeleteRecordsRequestTopic()
	p := kmsg.NewDeleteRecordsRequestTopicPartition()
	p.Offset = before
	of.Topic, of.Partitions = topic, append(of.Partitions, p)
	req.Topics = append(req.Topics, of)
	w.ask("delete records of "+topic, func(ctx context.Context) error {
		res, err := req.RequestWith(ctx, w.client)
		if err != nil {
			return err
		}
		return kerr.ErrorForCode(res.Topics[0].Partitions[0].ErrorCode)
	})
	w.set(topic, "cleanup.policy=compact")
}

// ask tries something until the cluster does it: a setting, a new topic, takes
// a moment to reach every broker.
func (w *world) ask(what string, try func(ctx context.Context) error) {
	w.t.Helper()
	var last error
	defer func() {
		if last != nil {
			w.t.Logf("%s: %v", what, last)
		}
	}()
	eventually(w.t, what, patience, func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		last = try(ctx)
		return last == nil
	})
}

// partitions counts a topic's partitions; 0: it is not there.
func (w *world) partitions(topic string) int {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return partitionsOf(ctx, w.t, w.client, topic)
}

// entryOf is a record for a partition of the ledger; an empty value is a
// tombstone.
func (w *world) entryOf(partition int, key, value string) *kgo.Record {
	r := &kgo.Record{Topic: w.topics.ledger, Partition: int32(partition), Key: []byte(key)}
	if value != "" {
		r.Value = []byte(value)
	}
	return r
}

// scribble writes records outside any transaction, as a stranger would.
func (w *world) scribble(records ...*kgo.Record) error {
	w.t.Helper()
	client, err := kgo.NewClient(
		kgo.SeedBrokers(w.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.DisableIdempotentWrite(), kgo.RequiredAcks(kgo.AllISRAcks()),
	)
	if err != nil {
		w.t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, r := range records {
		if err := client.ProduceSync(ctx, r).FirstErr(); err != nil {
			return fmt.Errorf("write %q: %w", r.Key, err)
		}
	}
	return nil
}

// mustScribble is scribble where no broker refuses it.
func (w *world) mustScribble(records ...*kgo.Record) {
	w.t.Helper()
	if err := w.scribble(records...); err != nil {
		w.t.Fatal(err)
	}
}

// page is what one of the exporter's pages says; 0: it is not there.
func (c *child) page(path string) (code int, text string) {
	client := http.Client{Timeout: 5 * time.Second}
	res, err := client.Get("http://" + settingOf(c, "HTTP_ADDR") + path)
	if err != nil {
		return 0, ""
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body) // of a cut one, what came
	return res.StatusCode, string(body)
}

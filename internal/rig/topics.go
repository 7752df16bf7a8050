package rig

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// This file does to topics what operators, other programs and mistakes do.

// Remove deletes topics, and returns when they are gone.
func (k *Kafka) Remove(topics ...string) {
	k.T.Helper()
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TimeoutMillis = 30_000
	for _, topic := range topics {
		of := kmsg.NewDeleteTopicsRequestTopic()
		of.Topic = &topic
		req.TopicNames, req.Topics = append(req.TopicNames, topic), append(req.Topics, of)
	}
	insist[kmsg.DeleteTopicsResponse](k, fmt.Sprint("the deletion of ", topics), req)
	Eventually(k.T, fmt.Sprint("the end of ", topics), Patience, func() bool {
		return !slices.ContainsFunc(topics, func(topic string) bool { return k.Partitions(topic) > 0 })
	})
}

// Create creates a topic of so many partitions, and returns when it is there.
// Settings are name=value.
func (k *Kafka) Create(topic string, partitions int, settings ...string) {
	k.T.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = 30_000
	of := kmsg.NewCreateTopicsRequestTopic()
	of.Topic, of.NumPartitions, of.ReplicationFactor = topic, int32(partitions), -1
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		of.Configs = append(of.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: name, Value: &value})
	}
	req.Topics = append(req.Topics, of)
	insist[kmsg.CreateTopicsResponse](k, "the creation of "+topic, req)
	k.awaitPartitions(topic, partitions)
}

// Grow gives a topic more partitions.
func (k *Kafka) Grow(topic string, partitions int) {
	k.T.Helper()
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.TimeoutMillis = 30_000
	of := kmsg.NewCreatePartitionsRequestTopic()
	of.Topic, of.Count = topic, int32(partitions)
	req.Topics = append(req.Topics, of)
	insist[kmsg.CreatePartitionsResponse](k, "more partitions for "+topic, req)
	k.awaitPartitions(topic, partitions)
}

func (k *Kafka) awaitPartitions(topic string, partitions int) {
	k.T.Helper()
	Eventually(k.T, "leaders of "+topic, Patience, func() bool { return len(k.Ends(topic)) == partitions })
}

// Set changes a topic's settings, and returns when every broker shows them.
func (k *Kafka) Set(topic string, settings ...string) {
	k.T.Helper()
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	of := kmsg.NewIncrementalAlterConfigsRequestResource()
	of.ResourceType, of.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		of.Configs = append(of.Configs, kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: name, Value: &value})
	}
	req.Resources = append(req.Resources, of)
	insist[kmsg.IncrementalAlterConfigsResponse](k, "the change of "+topic, req)
	Eventually(k.T, "the settings of "+topic, Patience, func() bool {
		now := k.settings(topic)
		return !slices.ContainsFunc(settings, func(s string) bool { return !slices.Contains(now, s) })
	})
}

// settings is what a topic is set to, as name=value; none while the brokers do
// not say.
func (k *Kafka) settings(topic string) (all []string) {
	req := kmsg.NewPtrDescribeConfigsRequest()
	of := kmsg.NewDescribeConfigsRequestResource()
	of.ResourceType, of.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	req.Resources = append(req.Resources, of)
	res, err := Ask[kmsg.DescribeConfigsResponse](k, req)
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

// Truncate deletes the records of a topic's partitions before an offset; below
// 0: all there are, as retention does. Kafka does so only where the policy is
// not compact alone.
func (k *Kafka) Truncate(topic string, before int64) {
	k.T.Helper()
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.TimeoutMillis = 30_000
	of := kmsg.NewDeleteRecordsRequestTopic()
	of.Topic = topic
	for partition := range k.SettledEnds(topic) {
		of.Partitions = append(of.Partitions, kmsg.DeleteRecordsRequestTopicPartition{Partition: partition, Offset: before})
	}
	req.Topics = append(req.Topics, of)
	insist[kmsg.DeleteRecordsResponse](k, "the deletion of records of "+topic, req)
}

// Partitions counts a topic's partitions; 0: it is not there.
func (k *Kafka) Partitions(topic string) int {
	req := kmsg.NewPtrMetadataRequest()
	of := kmsg.NewMetadataRequestTopic()
	of.Topic = &topic
	req.Topics = append(req.Topics, of)
	res, err := Ask[kmsg.MetadataResponse](k, req)
	if err != nil {
		return 0
	}
	return len(res.Topics[0].Partitions)
}

// Write writes records to the partitions that they name, outside any
// transaction, as a stranger would.
func (k *Kafka) Write(records ...*kgo.Record) error {
	k.T.Helper()
	client, err := kgo.NewClient(
		kgo.SeedBrokers(k.Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.DisableIdempotentWrite(), kgo.RequiredAcks(kgo.AllISRAcks()),
	)
	if err != nil {
		k.T.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	for _, r := range records {
		if err := client.ProduceSync(ctx, r).FirstErr(); err != nil {
			return fmt.Errorf("write %q: %w", r.Key, err)
		}
	}
	return nil
}

// MustWrite is Write where no broker refuses it.
func (k *Kafka) MustWrite(records ...*kgo.Record) {
	k.T.Helper()
	if err := k.Write(records...); err != nil {
		k.T.Fatal(err)
	}
}

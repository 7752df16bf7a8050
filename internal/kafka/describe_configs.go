package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go/protocol/describeconfigs"

	"airudder-exporter/internal/kafka/access"
)

// DescribeConfigs (API 32), the latest version up to 3, sent to any broker.
//
// Behaviour: says what a topic's settings are in effect, the broker's defaults
// included.
// Errors, for each topic: 29 (31 from older brokers) without the right
// DescribeConfigs; 3 UNKNOWN_TOPIC_OR_PARTITION.
// Notes: beside a broker that restarts it may fail, which says nothing about the
// settings; so does a broker that leaves a setting out.

// Settings is what a topic is set to in effect, or why the broker does not say.
type Settings struct {
	Values map[string]string
	Err    error // a *access.RightError where the right DescribeConfigs is missing
}

// Describe asks for settings of topics; without names, for all of them.
func (c *Client) Describe(ctx context.Context, topics []string, names ...string) (map[string]Settings, error) {
	const topicResource = 2
	req := &describeconfigs.Request{}
	for _, topic := range topics {
		req.Resources = append(req.Resources, describeconfigs.RequestResource{
			ResourceType: topicResource, ResourceName: topic, ConfigNames: names,
		})
	}
	res, err := ask[*describeconfigs.Response](ctx, c, req)
	if err != nil {
		return nil, fmt.Errorf("describe topics: %w", err)
	}
	all := make(map[string]Settings, len(res.Resources))
	for _, r := range res.Resources {
		s := Settings{
			Values: make(map[string]string, len(r.ConfigEntries)),
			Err:    access.OnTopic(codeError(r.ErrorCode), "DescribeConfigs", r.ResourceName),
		}
		for _, entry := range r.ConfigEntries {
			s.Values[entry.ConfigName] = entry.ConfigValue
		}
		all[r.ResourceName] = s
	}
	return all, nil
}

// assumedMaxMessageBytes stands for a topic's max.message.bytes where we may
// not read it; Kafka's default is a little above.
const assumedMaxMessageBytes = 1 << 20

// limits are the topics' max.message.bytes. Only a right that is missing, or a
// broker that leaves the setting out, has one assumed: any other failure says
// nothing about it.
func (c *Client) limits(ctx context.Context, topics []string) (map[string]int, error) {
	const setting = "max.message.bytes"
	described, err := c.Describe(ctx, topics, setting)
	if err != nil {
		c.forget(ctx, err)
		return nil, err
	}
	limits := make(map[string]int, len(topics))
	for _, topic := range topics {
		of, answered := described[topic]
		_, unreadable := errors.AsType[*access.RightError](of.Err)
		switch {
		case !answered:
			return nil, fmt.Errorf("describe topics: the broker does not answer for %s", topic)
		case of.Err != nil && !unreadable:
			return nil, fmt.Errorf("describe topic %s: %w", topic, of.Err)
		}
		limits[topic], err = strconv.Atoi(of.Values[setting])
		if err != nil {
			limits[topic] = assumedMaxMessageBytes
		}
	}
	return limits, nil
}

// Retention is how old a topic's records must be for the brokers to delete them;
// false where they may be deleted sooner, or the settings may not be read.
func (c *Client) Retention(ctx context.Context, topic string) (time.Duration, bool, error) {
	all, err := c.Describe(ctx, []string{topic})
	if err == nil {
		err = all[topic].Err
	}
	if _, unreadable := errors.AsType[*access.RightError](err); err != nil && !unreadable {
		return 0, false, err
	}
	values := all[topic].Values
	n, err := strconv.ParseInt(values["retention.ms"], 10, 64)
	const longest = int64(1<<63-1) / int64(time.Millisecond)
	if err != nil || n < 0 || n > longest || values["retention.bytes"] != "-1" || values["cleanup.policy"] != "delete" {
		return 0, false, nil
	}
	return time.Duration(n) * time.Millisecond, true, nil
}

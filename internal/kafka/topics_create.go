package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/segmentio/kafka-go/protocol/createtopics"
)

// TryCreate asks whether those of specs that are missing could be created, and
// creates nothing. Its errors are EnsureTopics's.
func (c *Client) TryCreate(ctx context.Context, specs []TopicSpec) error {
	return c.createTopics(ctx, specs, true)
}

// createTopics creates all of specs, or only asks whether it could, or says
// which one is refused, and why.
func (c *Client) createTopics(ctx context.Context, specs []TopicSpec, validateOnly bool) error {
	req := &createtopics.Request{TimeoutMs: int32(c.cfg.TransactionTimeout.Milliseconds()), ValidateOnly: validateOnly}
	for _, spec := range specs {
		topic := createtopics.RequestTopic{
			Name:              spec.Name,
			NumPartitions:     int32(spec.Partitions),
			ReplicationFactor: int16(spec.ReplicationFactor),
		}
		for _, name := range slices.Sorted(maps.Keys(spec.Configs)) {
			topic.Configs = append(topic.Configs, createtopics.RequestConfig{Name: name, Value: spec.Configs[name]})
		}
		req.Topics = append(req.Topics, topic)
	}
	send := ask[*createtopics.Response]
	if validateOnly {
		send = askAside
	}
	res, err := send(ctx, c, req)
	if err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	var errs []error
	for _, t := range res.Topics {
		errs = append(errs, c.topicRefusal(t))
		if t.ErrorCode == 0 && !validateOnly {
			c.log.Info("topic created", "topic", t.Name)
		}
	}
	return errors.Join(errs...)
}

// topicRefusal turns the answer for one topic into a sentence; nil when it exists
// now, whoever created it.
func (c *Client) topicRefusal(t createtopics.ResponseTopic) error {
	err := codeError(t.ErrorCode)
	if err != nil && t.ErrorMessage != "" {
		err = fmt.Errorf("%w: %s", err, t.ErrorMessage)
	}
	switch t.ErrorCode {
	case 0, 36: // TOPIC_ALREADY_EXISTS
		return nil
	case 7, 41: // REQUEST_TIMED_OUT, NOT_CONTROLLER
		return fmt.Errorf("create topic %s: %w", t.Name, err)
	case 29, 31: // TOPIC_ and CLUSTER_AUTHORIZATION_FAILED
		return fmt.Errorf("create topic %s: %w", t.Name, onTopic(err, "Create", t.Name))
	case 38: // INVALID_REPLICATION_FACTOR
		return fmt.Errorf("%w: %s does not fit the cluster, topic %s cannot be created: %w",
			ErrTopics, c.cfg.setting("ReplicationFactor"), t.Name, err)
	}
	return fmt.Errorf("%w: topic %s cannot be created: %w", ErrTopics, t.Name, err)
}

// MissingTopicsError says which topics are not there. It is ErrTopics.
type MissingTopicsError struct {
	Names    []string
	setting  string   // the one that has them created
	commands []string // that create them
}

// Error names the topics and both cures.
func (e *MissingTopicsError) Error() string {
	return fmt.Sprintf("%v: missing: %s (or the right Describe on them is). Set %s=true, or create them:\n  %s",
		ErrTopics, strings.Join(e.Names, ", "), e.setting, strings.Join(e.commands, "\n  "))
}

// Is says that it is ErrTopics.
func (e *MissingTopicsError) Is(target error) bool { return target == ErrTopics }

func (c *Client) missingTopics(missing []TopicSpec) error {
	e := &MissingTopicsError{setting: c.cfg.setting("CreateTopics")}
	for _, spec := range missing {
		e.Names = append(e.Names, spec.Name)
		e.commands = append(e.commands, spec.command(c.cfg.Brokers))
	}
	return e
}

// command is the command line by which Kafka's own tool creates the topic. On a
// secured cluster it needs --command-config as well.
func (s TopicSpec) command(brokers []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "kafka-topics.sh --bootstrap-server %s --create --topic %s --partitions %d", strings.Join(brokers, ","), s.Name, s.Partitions)
	if s.ReplicationFactor > 0 {
		fmt.Fprintf(&b, " --replication-factor %d", s.ReplicationFactor)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Configs)) {
		fmt.Fprintf(&b, " --config %s=%s", name, s.Configs[name])
	}
	return b.String()
}

package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// ErrTopics says that the topics are not as they must be, and that another attempt
// does not help before the operator has acted.
var ErrTopics = errors.New("the topics are not as they must be")

// TopicSpec is a topic as it should be. Everything but the name matters only
// when it is created, and to the findings about one that exists.
type TopicSpec struct {
	Name              string
	Partitions        int
	ReplicationFactor int // -1: the broker's default
	Configs           map[string]string

	// Ledger: the topic must be compacted. Any other topic must not be, or
	// records are lost; Compacted says how bad that would be.
	Ledger    bool
	Compacted Severity
}

// Layout says how missing topics are created, and how events are keyed.
type Layout struct {
	EventPartitions   int
	LedgerPartitions  int
	ReplicationFactor int  // -1: the broker's default
	UniqueEventKeys   bool // nearly every event has a key of its own (the call's id)
}

// TopicSpecs are the client's topics in the order events, status, dead
// letters, ledger, without those that it was given no name for.
//
// Compaction keeps one record a key. With the call's id as the key it takes an
// event only where two tasks show the same call, so it is a warning there; with
// any other key it takes most events. Of a task's transitions it leaves the
// last one, which some users want: a warning.
func (c *Client) TopicSpecs(l Layout) []TopicSpec {
	compactedEvents := Fatal
	if l.UniqueEventKeys {
		compactedEvents = Warning
	}
	kept := func(name string, partitions, days int, compacted Severity) TopicSpec {
		configs := map[string]string{
			"cleanup.policy": "delete",
			"retention.ms":   millis(time.Duration(days) * 24 * time.Hour),
		}
		return TopicSpec{
			Name: name, Partitions: partitions, ReplicationFactor: l.ReplicationFactor,
			Configs: configs, Compacted: compacted,
		}
	}
	specs := []TopicSpec{
		kept(c.cfg.EventTopic, l.EventPartitions, 30, compactedEvents),
		kept(c.cfg.StatusTopic, 1, 90, Warning),
		kept(c.cfg.DeadLetterTopic, 1, 14, Fatal),
		{
			Name: c.cfg.LedgerTopic, Partitions: l.LedgerPartitions, ReplicationFactor: l.ReplicationFactor,
			Configs: ledgerConfigs(), Ledger: true,
		},
	}
	return slices.DeleteFunc(specs, func(s TopicSpec) bool { return s.Name == "" })
}

// ledgerConfigs keep the ledger short, since each start reads all of it: the
// cleaner works often, and never on the segment that is being written.
func ledgerConfigs() map[string]string {
	return map[string]string{
		"cleanup.policy":            "compact",
		"compression.type":          "uncompressed", // any tool reads it
		"segment.ms":                millis(time.Hour),
		"min.cleanable.dirty.ratio": "0.1",
		"max.compaction.lag.ms":     millis(6 * time.Hour),
		"delete.retention.ms":       millis(24 * time.Hour),
	}
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// EnsureTopics returns once every topic exists with a leader for each partition,
// and what there is to say about its settings: see Refused for those that forbid
// to start. A missing topic is created only with create; otherwise, or when that
// is refused, the error wraps ErrTopics and says what to do. Any other error is the
// cluster's or a *RightError, and worth another attempt. Two exporters may create
// the same topics at once.
func (c *Client) EnsureTopics(ctx context.Context, specs []TopicSpec, create bool) ([]Finding, error) {
	findings, err := c.ensureTopics(ctx, specs, create)
	if err != nil {
		return nil, fmt.Errorf("ensure topics: %w", err)
	}
	return findings, nil
}

func (c *Client) ensureTopics(ctx context.Context, specs []TopicSpec, create bool) ([]Finding, error) {
	found, err := c.lookUpAll(ctx, specs)
	if err != nil {
		return nil, err
	}
	missing := slices.DeleteFunc(slices.Clone(specs), func(s TopicSpec) bool {
		_, exists := found[s.Name]
		return exists
	})
	switch {
	case len(missing) > 0 && !create:
		return nil, c.missingTopics(missing)
	case len(missing) > 0:
		if err := c.createTopics(ctx, missing, false); err != nil {
			return nil, err
		}
	}
	if found, err = c.awaitLeaders(ctx, specs); err != nil {
		return nil, err
	}
	return c.checkTopics(ctx, specs, found)
}

// lookUpAll is what the cluster says now of those topics that exist.
func (c *Client) lookUpAll(ctx context.Context, specs []TopicSpec) (map[string]topicState, error) {
	states, err := c.lookUp(ctx, namesOf(specs)...)
	if err != nil {
		return nil, err
	}
	for name, s := range states {
		switch {
		case s.err == nil, errors.Is(s.err, kafkago.LeaderNotAvailable): // exists, and a leader is being elected
		case errors.Is(s.err, kafkago.UnknownTopicOrPartition):
			delete(states, name)
		default:
			return nil, fmt.Errorf("look up topic %s: %w", name, onTopic(s.err, "Write", name)) // which includes Describe
		}
	}
	return states, nil
}

func namesOf(specs []TopicSpec) []string {
	var names []string
	for _, spec := range specs {
		names = append(names, spec.Name)
	}
	return names
}

// leaderWait is how long a topic may be without its leaders: one that was just
// created has them within a second.
const leaderWait = 30 * time.Second

// awaitLeaders looks until every topic has all its leaders.
func (c *Client) awaitLeaders(ctx context.Context, specs []TopicSpec) (map[string]topicState, error) {
	ctx, cancel := context.WithTimeout(ctx, leaderWait)
	defer cancel()
	pace := pacing(20*time.Millisecond, time.Second)
	for {
		found, err := c.lookUpAll(ctx, specs)
		if err != nil {
			return nil, err
		}
		waiting := slices.DeleteFunc(namesOf(specs), func(name string) bool { return found[name].led() })
		if len(waiting) == 0 {
			return found, nil
		}
		if !sleep(ctx, pace.NextBackOff()) {
			return nil, fmt.Errorf("topics with partitions that have no leader: %s: %w", strings.Join(waiting, ", "), ctx.Err())
		}
	}
}

// MissingTopicsError says which topics do not exist. It is ErrTopics.
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
	e := &MissingTopicsError{Names: namesOf(missing), setting: c.cfg.setting("CreateTopics")}
	for _, spec := range missing {
		e.commands = append(e.commands, spec.command(c.cfg.Brokers))
	}
	return e
}

// command is the command line by which Kafka's own tool creates the topic. On a
// secured cluster it needs --command-config as well.
func (s TopicSpec) command(brokers []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "kafka-topics.sh --bootstrap-server %s --create --topic %s --partitions %d",
		strings.Join(brokers, ","), s.Name, s.Partitions)
	if s.ReplicationFactor > 0 {
		fmt.Fprintf(&b, " --replication-factor %d", s.ReplicationFactor)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Configs)) {
		fmt.Fprintf(&b, " --config %s=%s", name, s.Configs[name])
	}
	return b.String()
}

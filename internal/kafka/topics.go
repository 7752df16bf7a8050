package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go/protocol/metadata"
)

// ErrTopics says that the topics are not as they must be, and that asking
// again does not help before somebody has acted.
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

// Layout says how topics are created that are missing, and how events are keyed.
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
		return TopicSpec{Name: name, Partitions: partitions, ReplicationFactor: l.ReplicationFactor, Compacted: compacted, Configs: map[string]string{
			"cleanup.policy": "delete",
			"retention.ms":   millis(time.Duration(days) * 24 * time.Hour),
		}}
	}
	specs := []TopicSpec{
		kept(c.cfg.EventTopic, l.EventPartitions, 30, compactedEvents),
		kept(c.cfg.StatusTopic, 1, 90, Warning),
		kept(c.cfg.DeadLetterTopic, 1, 14, Fatal),
		{Name: c.cfg.LedgerTopic, Partitions: l.LedgerPartitions, ReplicationFactor: l.ReplicationFactor, Ledger: true, Configs: ledgerConfigs()},
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

// EnsureTopics returns once every topic exists with a leader for each
// partition, and what there is to say about its settings: see Refused for
// those that forbid to start. A missing topic is created only with create;
// else, or when that is refused, the error wraps ErrTopics and says what to do.
// Any other error is the cluster's or a *RightError, and worth another try. Two exporters may
// create the same topics at once.
func (c *Client) EnsureTopics(ctx context.Context, specs []TopicSpec, create bool) ([]Finding, error) {
	found, err := c.lookUp(ctx, specs)
	if err != nil {
		return nil, fmt.Errorf("ensure topics: %w", err)
	}
	missing := slices.DeleteFunc(slices.Clone(specs), func(s TopicSpec) bool { return found[s.Name].exists })
	switch {
	case len(missing) > 0 && !create:
		return nil, fmt.Errorf("ensure topics: %w", c.missingTopics(missing))
	case len(missing) > 0:
		if err := c.createTopics(ctx, missing, false); err != nil {
			return nil, fmt.Errorf("ensure topics: %w", err)
		}
	}
	if found, err = c.awaitLeaders(ctx, specs); err != nil {
		return nil, fmt.Errorf("ensure topics: %w", err)
	}
	findings, err := c.checkTopics(ctx, specs, found)
	if err != nil {
		return nil, fmt.Errorf("ensure topics: %w", err)
	}
	return findings, nil
}

// topicState is what the cluster's metadata says of a topic.
type topicState struct {
	exists     bool
	partitions int
	replicas   int // of the partition that has the fewest
	leaderless int // partitions without a leader
}

// lookUp asks for the topics' metadata anew.
func (c *Client) lookUp(ctx context.Context, specs []TopicSpec) (map[string]topicState, error) {
	if err := c.refresh(ctx); err != nil {
		c.transport.CloseIdleConnections() // it keeps the first metadata's error
		return nil, err
	}
	req := &metadata.Request{}
	for _, spec := range specs {
		req.TopicNames = append(req.TopicNames, spec.Name)
	}
	res, err := ask[*metadata.Response](ctx, c, req)
	if err != nil {
		return nil, fmt.Errorf("look up topics: %w", err)
	}
	states := make(map[string]topicState, len(res.Topics))
	for _, t := range res.Topics {
		switch err := codeError(t.ErrorCode); t.ErrorCode {
		case 0, 5: // LEADER_NOT_AVAILABLE: exists, and is being elected
			states[t.Name] = stateOf(t)
		case 3: // UNKNOWN_TOPIC_OR_PARTITION
		case 29: // TOPIC_AUTHORIZATION_FAILED
			return nil, fmt.Errorf("look up topics: %w", onTopic(err, "Write", t.Name)) // which includes Describe
		default:
			return nil, fmt.Errorf("look up topic %s: %w", t.Name, err)
		}
	}
	return states, nil
}

func stateOf(t metadata.ResponseTopic) topicState {
	s := topicState{exists: true, partitions: len(t.Partitions)}
	for i, p := range t.Partitions {
		if i == 0 || len(p.ReplicaNodes) < s.replicas {
			s.replicas = len(p.ReplicaNodes)
		}
		if p.LeaderID < 0 {
			s.leaderless++
		}
	}
	return s
}

// leaderPatience is how long a topic may be without its leaders: one that was
// just created has them within a second.
const leaderPatience = 30 * time.Second

// awaitLeaders looks until every topic has all its leaders.
func (c *Client) awaitLeaders(ctx context.Context, specs []TopicSpec) (map[string]topicState, error) {
	ctx, cancel := context.WithTimeout(ctx, leaderPatience)
	defer cancel()
	wait := pacing(20*time.Millisecond, time.Second)
	for {
		found, err := c.lookUp(ctx, specs)
		if err != nil {
			return nil, err
		}
		var waiting []string
		for _, spec := range specs {
			if s := found[spec.Name]; s.partitions == 0 || s.leaderless > 0 {
				waiting = append(waiting, spec.Name)
			}
		}
		if waiting == nil {
			return found, nil
		}
		if !sleep(ctx, wait.NextBackOff()) {
			return nil, fmt.Errorf("topics with partitions that have no leader: %s: %w", strings.Join(waiting, ", "), ctx.Err())
		}
	}
}

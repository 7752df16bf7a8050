package topics

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"airudder-exporter/internal/kafka"
)

// State is a topic as it is now.
type State struct {
	Name       string
	Ledger     bool
	Partitions int // 0: the topic is missing, or may not be known of
	Replicas   int
	Findings   []Finding

	settings map[string]string // in effect; none: they may not be read
}

// CleanupPolicy is the topic's; empty: not known.
func (s State) CleanupPolicy() string { return s.settings["cleanup.policy"] }

// Retention is how long the topic keeps a record; below 0: for ever. It is false where
// that is not known, and where no time decides, since the topic is compacted alone.
func (s State) Retention() (time.Duration, bool) {
	n, err := strconv.ParseInt(s.settings["retention.ms"], 10, 64)
	switch {
	case err != nil || s.CleanupPolicy() == "compact":
		return 0, false
	case n < 0 || n > int64(1<<63-1)/int64(time.Millisecond):
		return -1, true
	}
	return time.Duration(n) * time.Millisecond, true
}

// Look is how the topics are now. It asks once for what there is and once for the
// settings, and waits for nothing. An error says nothing about the topics.
func Look(ctx context.Context, c *kafka.Client, specs []Spec) ([]State, error) {
	found, err := lookUp(ctx, c, specs)
	if err != nil {
		return nil, fmt.Errorf("look at the topics: %w", err)
	}
	specs = alike(specs, found)
	names := slices.DeleteFunc(namesOf(specs), func(name string) bool { return found[name].Missing() })
	described := map[string]kafka.Settings{}
	if len(names) > 0 { // asked for none, the broker would describe nothing
		if described, err = c.Describe(ctx, names); err != nil {
			return nil, fmt.Errorf("look at the topics: %w", err)
		}
	}
	var all []State
	for _, spec := range specs {
		topic := found[spec.Name]
		state := State{
			Name: spec.Name, Ledger: spec.Ledger, Partitions: len(topic.Leaders), Replicas: topic.Replicas,
			settings: described[spec.Name].Values,
		}
		if state.Partitions > 0 {
			if state.Findings, err = spec.check(topic, described[spec.Name]); err != nil {
				return nil, fmt.Errorf("look at the topics: %w", err)
			}
		}
		all = append(all, state)
	}
	return all, nil
}

package main

import (
	"context"
	"time"

	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/topics"
)

// watchTopics looks at the topics from time to time while the exporter works: what
// would prevent its next start, such as a retention on the ledger, is told before it
// does harm.
func (s starter) watchTopics(ctx context.Context, apart time.Duration, tell func([]exporter.TopicStatus)) error {
	tick := time.NewTicker(apart)
	defer tick.Stop()
	for {
		states, err := topics.Look(ctx, s.client, topicSpecs(s.cfg.Kafka))
		switch {
		case err == nil:
			tell(topicStatuses(states))
		case ctx.Err() == nil:
			s.log.Debug("cannot look at the topics; trying again later", "error", s.client.Explain(err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// topicStatuses are topics as the exporter shows them. What is merely not as recommended
// in a small way is left to check.
func topicStatuses(states []topics.State) []exporter.TopicStatus {
	all := make([]exporter.TopicStatus, 0, len(states))
	for _, state := range states {
		t := exporter.TopicStatus{
			Name: state.Name, Partitions: state.Partitions, Replicas: state.Replicas, CleanupPolicy: state.CleanupPolicy(),
		}
		if kept, known := state.Retention(); known && kept < 0 {
			t.RetentionMS = -1
		} else if known {
			t.RetentionMS = kept.Milliseconds()
		}
		for _, f := range state.Findings {
			if f.Severity != topics.Info {
				t.Odd = append(t.Odd, exporter.TopicSetting{
					Setting: f.Setting, Got: f.Got, Want: f.Want, Why: f.Why, Breaks: f.Severity == topics.Fatal,
				})
			}
		}
		all = append(all, t)
	}
	return all
}

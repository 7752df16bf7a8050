package topics

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"airudder-exporter/internal/kafka"
)

// MissingError says which topics do not exist. It is ErrUnfit.
type MissingError struct {
	Names    []string
	setting  string   // the one that has them created
	commands []string // that create them
	brokers  int      // so few that the commands ask for fewer replicas than the promise needs; 0: they are enough
}

// Error names the topics and both cures.
func (e *MissingError) Error() string {
	few := ""
	if e.brokers > 0 {
		few = fmt.Sprintf(" (the promise needs %d replicas, and brokers in the cluster: %d; if it is to hold, add brokers first)", SafeReplicas, e.brokers)
	}
	return fmt.Sprintf("%v: missing: %s (or the right Describe on them is). Set %s=true, or create them%s:\n  %s",
		ErrUnfit, strings.Join(e.Names, ", "), e.setting, few, strings.Join(e.commands, "\n  "))
}

// Is says that it is ErrUnfit.
func (e *MissingError) Is(target error) bool { return target == ErrUnfit }

func missingError(ctx context.Context, c *kafka.Client, missing []Spec) error {
	e := &MissingError{Names: namesOf(missing), setting: c.Setting("CreateTopics")}
	fitted, brokers, err := Fit(ctx, c, missing)
	if err != nil {
		return err
	}
	for i, spec := range fitted {
		if missing[i].ReplicationFactor == 0 && spec.ReplicationFactor < SafeReplicas {
			e.brokers = brokers
		}
		e.commands = append(e.commands, spec.command(c.Brokers()))
	}
	return e
}

// command is the command line by which Kafka's own tool creates the topic. On a
// secured cluster it needs --command-config as well.
func (s Spec) command(brokers []string) string {
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

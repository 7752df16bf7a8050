package topics

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"
	kafkago "github.com/segmentio/kafka-go"

	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/kafka/access"
	"airudder-exporter/internal/setting"
)

// ErrUnfit says that the topics are not as they must be, and that another attempt
// does not help before the operator has acted.
var ErrUnfit = errors.New("the topics are not as they must be")

// Spec is a topic as it should be. Everything but the name matters only
// when it is created, and to the findings about one that exists.
type Spec struct {
	Name              string
	Partitions        int
	ReplicationFactor int // -1: the broker's default; 0: see Fit
	Configs           map[string]string
	InSync            bool // Fit adds min.insync.replicas

	// Like is a topic of the same keys whose partitions this one has, if it exists, so
	// that a key is in one partition of both; empty: there is none.
	Like string

	// Ledger: the topic must be compacted. Any other topic must not be, or
	// records are lost; Compacted says how bad that would be.
	Ledger    bool
	Compacted Severity
}

// Layout says how missing topics are created, and how events are keyed.
type Layout struct {
	EventPartitions   int
	LedgerPartitions  int
	ReplicationFactor int  // -1: the broker's default; 0: see Fit
	UniqueEventKeys   bool // every event has a key of its own (the call's)
}

// Check says what is wrong with the layout. name is what the operator calls the
// settings "Partitions", "LedgerPartitions" and "ReplicationFactor".
func (l Layout) Check(name func(setting string) string) []*setting.Error {
	var rules setting.Check
	if n := l.ReplicationFactor; n < -1 || n > math.MaxInt16 {
		rules.Bad(name("ReplicationFactor"), n,
			"is not a number of replicas: give 1 or more, 0 for 3 or as many as there are brokers, or -1 for the broker's default")
	}
	rules.AtLeastOne(name("Partitions"), l.EventPartitions)
	rules.AtLeastOne(name("LedgerPartitions"), l.LedgerPartitions)
	return rules.Problems
}

// Specs are the topics of a Config in the order events, status, dead letters,
// private values, revisions, ledger, without those that it was given no name for.
//
// Compaction keeps one record a key. With the call as the key it takes no event, so
// it is a warning there; with any other key it takes earlier attempts or most
// events. Of a task's transitions it leaves the
// last one, which some users want: a warning.
func Specs(cfg kafka.Config, l Layout) []Spec {
	compactedEvents := Fatal
	if l.UniqueEventKeys {
		compactedEvents = Warning
	}
	kept := func(name string, partitions, days int, compacted Severity) Spec {
		configs := map[string]string{
			"cleanup.policy": "delete",
			"retention.ms":   millis(time.Duration(days) * 24 * time.Hour),
		}
		return Spec{
			Name: name, Partitions: partitions, ReplicationFactor: l.ReplicationFactor,
			Configs: configs, InSync: true, Compacted: compacted,
		}
	}
	private := kept(cfg.PrivateTopic, l.EventPartitions, 7, compactedEvents)
	revised := kept(cfg.RevisedTopic, l.EventPartitions, 30, Fatal)
	private.Like, revised.Like = cfg.EventTopic, cfg.EventTopic
	specs := []Spec{
		kept(cfg.EventTopic, l.EventPartitions, 30, compactedEvents),
		kept(cfg.StatusTopic, 1, 30, Warning),
		kept(cfg.DeadLetterTopic, 1, 14, Fatal),
		private,
		revised,
		{
			Name: cfg.LedgerTopic, Partitions: l.LedgerPartitions, ReplicationFactor: l.ReplicationFactor,
			Configs: ledgerConfigs(), InSync: true, Ledger: true,
		},
	}
	return slices.DeleteFunc(specs, func(s Spec) bool { return s.Name == "" })
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

// Ensure returns once every topic exists with a leader for each partition, and
// what there is to say about its settings: see Refused for those that forbid to
// start. A missing topic is created only with create; otherwise, or when that is
// refused, the error wraps ErrUnfit and says what to do. Any other error is the
// cluster's or a *access.RightError, and worth another attempt. Two exporters may
// create the same topics at once.
func Ensure(ctx context.Context, c *kafka.Client, specs []Spec, create bool) ([]Finding, error) {
	findings, err := ensure(ctx, c, specs, create)
	if errors.Is(err, ErrUnfit) { // which says what to do
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("ensure topics: %w", err)
	}
	return findings, nil
}

func ensure(ctx context.Context, c *kafka.Client, specs []Spec, create bool) ([]Finding, error) {
	found, err := lookUp(ctx, c, specs)
	if err != nil {
		return nil, err
	}
	specs = alike(specs, found)
	missing := slices.DeleteFunc(slices.Clone(specs), func(s Spec) bool {
		_, exists := found[s.Name]
		return exists
	})
	switch {
	case len(missing) > 0 && !create:
		return nil, missingError(ctx, c, missing)
	case len(missing) > 0:
		if err := createAll(ctx, c, missing, false); err != nil {
			return nil, err
		}
	}
	if found, err = awaitLeaders(ctx, c, specs); err != nil {
		return nil, err
	}
	return check(ctx, c, specs, found)
}

// Divide returns the ledger's spec, and the others'.
func Divide(specs []Spec) (own, others []Spec) {
	for _, s := range specs {
		if s.Ledger {
			own = append(own, s)
		} else {
			others = append(others, s)
		}
	}
	return own, others
}

// alike gives topics the partitions of those that they are to be like.
func alike(specs []Spec, found map[string]kafka.Topic) []Spec {
	specs = slices.Clone(specs)
	for i := range specs {
		if like, exists := found[specs[i].Like]; exists && len(like.Leaders) > 0 {
			specs[i].Partitions = len(like.Leaders)
		}
	}
	return specs
}

// lookUp is what the cluster says now of those topics that exist.
func lookUp(ctx context.Context, c *kafka.Client, specs []Spec) (map[string]kafka.Topic, error) {
	found, err := c.LookUp(ctx, namesOf(specs)...)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, name := range namesOf(specs) {
		switch err := found[name].Err; {
		case err == nil, errors.Is(err, kafkago.LeaderNotAvailable): // exists, and a leader is being elected
		case errors.Is(err, kafkago.UnknownTopicOrPartition):
			delete(found, name)
		default:
			errs = append(errs, fmt.Errorf("look up topic %s: %w", name, err))
		}
	}
	return found, errors.Join(errs...)
}

func namesOf(specs []Spec) []string {
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
func awaitLeaders(ctx context.Context, c *kafka.Client, specs []Spec) (found map[string]kafka.Topic, err error) {
	ctx, cancel := context.WithTimeout(ctx, leaderWait)
	defer cancel()
	var waiting []string
	pace := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(20*time.Millisecond), backoff.WithMaxInterval(time.Second))
	err = backoff.Retry(func() (err error) {
		if found, err = lookUp(ctx, c, specs); err != nil {
			return backoff.Permanent(err)
		}
		waiting = slices.DeleteFunc(namesOf(specs), func(name string) bool { return found[name].Led() })
		if len(waiting) > 0 {
			return errors.New("ask again")
		}
		return nil
	}, backoff.WithContext(pace, ctx))
	if err != nil && len(waiting) > 0 {
		return nil, fmt.Errorf("%s: partitions have no leader: a broker that has them is down, or starting: %w", strings.Join(waiting, ", "), err)
	}
	return found, err
}

// TryCreate asks whether those of specs that are missing could be created, and
// creates nothing. Its errors are Ensure's.
func TryCreate(ctx context.Context, c *kafka.Client, specs []Spec) error {
	return createAll(ctx, c, specs, true)
}

// createAll creates all of specs, or only asks whether it could, or says which one
// is refused, and why.
func createAll(ctx context.Context, c *kafka.Client, specs []Spec, validateOnly bool) error {
	fitted, _, err := Fit(ctx, c, specs)
	if err != nil {
		return err
	}
	var topics []kafka.NewTopic
	for _, s := range fitted {
		topics = append(topics, kafka.NewTopic{
			Name: s.Name, Partitions: s.Partitions, ReplicationFactor: s.ReplicationFactor, Configs: s.Configs,
		})
	}
	answers, err := c.CreateTopics(ctx, topics, validateOnly)
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range specs {
		errs = append(errs, refusal(c, s, answers[s.Name]))
	}
	return errors.Join(errs...)
}

// refusal turns the answer for one topic into a sentence; nil when it exists now,
// whoever created it.
func refusal(c *kafka.Client, s Spec, err error) error {
	topic, missing := s.Name, new(access.RightError)
	switch {
	case err == nil, errors.Is(err, kafkago.TopicAlreadyExists):
		return nil
	case errors.Is(err, kafkago.RequestTimedOut), errors.Is(err, kafkago.NotController), errors.As(err, &missing),
		errors.Is(err, kafkago.InvalidReplicationFactor) && s.ReplicationFactor == 0: // a broker has just gone
		return fmt.Errorf("create topic %s: %w", topic, err)
	case errors.Is(err, kafkago.InvalidReplicationFactor):
		return fmt.Errorf("%w: give %s no more than there are brokers; topic %s cannot be created: %w",
			ErrUnfit, c.Setting("ReplicationFactor"), topic, err)
	}
	return fmt.Errorf("%w: topic %s cannot be created: %w", ErrUnfit, topic, err)
}

package compat

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/kafka/access"
	"airudder-exporter/internal/shards"
	"airudder-exporter/internal/topics"
)

// names are throw-away ones beside those that are configured, which rights on prefixes
// cover.
type names struct{ event, ledger, subject string }

// stamp is the time in a throw-away name.
const stamp = "20060102t150405"

func newNames(cfg Config, now time.Time) names {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	suffix := "-check-" + now.UTC().Format(stamp) + "-" + hex.EncodeToString(b[:])
	event := cfg.Kafka.EventTopic + suffix
	return names{event: event, ledger: cfg.Kafka.LedgerTopic + suffix, subject: event + "-value"}
}

// on is a configuration that knows the throw-away topics alone.
func (n names) on(cfg kafka.Config) kafka.Config {
	cfg.EventTopic, cfg.LedgerTopic = n.event, n.ledger
	cfg.StatusTopic, cfg.DeadLetterTopic, cfg.PrivateTopic, cfg.RevisedTopic = "", "", "", ""
	return cfg
}

// leftFor is for how long what another check has made is taken for one that still runs.
const leftFor = time.Hour

// left are those of names that a check of the same topics has left, by its name alone; and
// the others that may be of one that runs now.
func left(all []string, now time.Time, after string, of ...string) (old, young []string) {
	for _, name := range all {
		for _, topic := range of {
			found := regexp.MustCompile(`^` + regexp.QuoteMeta(topic) + `-check-(\d{8}t\d{6})-[0-9a-f]{8}` + regexp.QuoteMeta(after) + `$`).FindStringSubmatch(name)
			if found == nil {
				continue
			}
			made, err := time.Parse(stamp, found[1])
			switch {
			case err != nil:
			case now.Sub(made) > leftFor:
				old = append(old, name)
			default:
				young = append(young, name)
			}
		}
	}
	return old, young
}

// place is where Kafka is tried.
type place struct {
	cfg    Config
	names  names
	client *kafka.Client
	made   bool // topics were asked for
}

// making are the tries that come before all others.
func (p *place) making(t *tries) []try {
	return []try{
		{name: "requests", breaks: "the exporter does not start", cure: "use a later version of these brokers",
			run: func(ctx context.Context) (string, error) {
				lacking, err := p.client.Lacking(ctx)
				if err == nil && len(lacking) > 0 {
					err = unlike("the brokers do not know %s", strings.Join(lacking, ", "))
				}
				return "the brokers know all requests, in versions that fit", err
			}},
		{name: "topics", needs: "requests", breaks: "nothing can be tried, and run cannot make its topics", cure: "create run's topics yourself",
			run: func(ctx context.Context) (string, error) { return p.make(ctx, t) }},
		{name: "compaction", needs: "topics", breaks: "the ledger grows for ever, or its entries are deleted and calls are published twice",
			cure: "have the provider allow cleanup.policy=compact", run: p.compaction},
	}
}

// make creates the topics, once it is known that they may be deleted.
func (p *place) make(ctx context.Context, t *tries) (seen string, err error) {
	p.tidy(ctx, t)
	pause := time.NewTicker(200 * time.Millisecond)
	defer pause.Stop()
	for {
		if seen, err = p.makeOnce(ctx); !silent(err) {
			return seen, err
		}
		select { // a broker may have just gone
		case <-pause.C:
		case <-ctx.Done():
			return seen, err
		}
	}
}

func (p *place) makeOnce(ctx context.Context) (string, error) {
	specs := topics.Specs(p.names.on(p.cfg.Kafka), topics.Layout{
		EventPartitions: 2, LedgerPartitions: 1, ReplicationFactor: p.cfg.Layout.ReplicationFactor,
	})
	// The topics do not exist: that tells the rights, and the other ones where all are hidden.
	if err := errors.Join(topics.TryCreate(ctx, p.client, specs), p.remove(ctx), p.rights(ctx)); err != nil {
		return "", p.byPrefix(err)
	}
	p.made = true
	if _, err := topics.Ensure(ctx, p.client, specs, true); err != nil {
		return "", p.byPrefix(err)
	}
	if err := p.rights(ctx); err != nil {
		return "", p.byPrefix(err)
	}
	found, err := p.client.LookUp(ctx, p.names.ledger)
	return fmt.Sprintf("may be created and deleted; replicas: %d", found[p.names.ledger].Replicas), err
}

// remove deletes the topics, where they are there.
func (p *place) remove(ctx context.Context) error {
	answers, err := p.client.DeleteTopics(ctx, p.names.event, p.names.ledger)
	errs := []error{err}
	for _, name := range []string{p.names.event, p.names.ledger} {
		if err := answers[name]; err != nil && !errors.Is(err, kafkago.UnknownTopicOrPartition) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// rights says which of those that a run needs are missing.
func (p *place) rights(ctx context.Context) error {
	group := ""
	if p.cfg.Assignment == shards.Group {
		group = shards.GroupID(p.names.ledger)
	}
	missing, err := p.client.MissingRights(ctx, group)
	errs := []error{err}
	for _, m := range missing {
		errs = append(errs, m)
	}
	return errors.Join(errs...)
}

// byPrefix has rights on what is thrown away be those on all of it: the next check's has
// other names. A transactional id's is what a run needs anyway.
func (p *place) byPrefix(err error) error {
	missing := access.Missing(err)
	if len(missing) == 0 {
		return err
	}
	var errs []error
	for _, m := range missing {
		for _, topic := range []string{p.cfg.Kafka.EventTopic, p.cfg.Kafka.LedgerTopic} {
			switch {
			case !strings.HasPrefix(m.Name, topic+"-check-"):
			case m.Resource == "transactional-id":
				m.Name, m.Prefixed = topic+"-", true
			default:
				m.Name, m.Prefixed = topic+"-check-", true
			}
		}
		errs = append(errs, m)
	}
	return errors.Join(errs...)
}

// tidy deletes what a check that was killed has left.
func (p *place) tidy(ctx context.Context, t *tries) {
	all, err := p.client.TopicNames(ctx)
	if err != nil {
		return // whatever it is, the next request says so
	}
	old, young := left(all, time.Now(), "", p.cfg.Kafka.EventTopic, p.cfg.Kafka.LedgerTopic)
	for _, name := range slices.Sorted(slices.Values(old)) {
		answers, err := p.client.DeleteTopics(ctx, name)
		if err = errors.Join(err, answers[name]); err != nil {
			t.say(Verdict{Outcome: Told, Text: "an earlier check left the topic " + name + ", which cannot be deleted: " + p.client.Explain(err)})
		} else {
			t.say(Verdict{Outcome: Told, Text: "an earlier check left the topic " + name + ": deleted"})
		}
	}
	if len(young) > 0 {
		slices.Sort(young)
		t.say(Verdict{Outcome: Told, Text: "less than an hour old, of a check that runs, was killed or could not delete them; a later one deletes them: " + strings.Join(young, ", ")})
	}
}

// leave deletes the topics, whatever became of ctx.
func (p *place) leave(ctx context.Context, t *tries) {
	if !p.made {
		return
	}
	t.mute = false
	t.one(context.WithoutCancel(ctx), try{name: "deletion", breaks: "the throw-away topics stay",
		cure: fmt.Sprintf("kafka-topics.sh --bootstrap-server %s --delete --topic '%s|%s'", strings.Join(p.client.Brokers(), ","), p.names.event, p.names.ledger),
		run: func(ctx context.Context) (string, error) {
			return "the throw-away topics are deleted", p.byPrefix(p.remove(ctx))
		}})
}

// compaction looks at the ledger's settings in effect.
func (p *place) compaction(ctx context.Context) (string, error) {
	const policy, replicas, times = "cleanup.policy", "min.insync.replicas", "message.timestamp.type"
	all, err := p.client.Describe(ctx, []string{p.names.ledger}, policy, replicas, times, "delete.retention.ms")
	if err == nil {
		err = all[p.names.ledger].Err
	}
	if err != nil {
		return "", p.byPrefix(err)
	}
	is := all[p.names.ledger].Values
	if is[policy] != "compact" {
		return "", unlike("the ledger was created with cleanup.policy=compact, and has %q", is[policy])
	}
	seen := "cleanup.policy=compact is in effect"
	for _, name := range []string{replicas, "delete.retention.ms", times} {
		if is[name] != "" {
			seen += ", " + name + "=" + is[name]
		}
	}
	return seen, nil
}

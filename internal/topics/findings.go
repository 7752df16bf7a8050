package topics

import (
	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/kafka/access"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Severity says how bad a finding is.
type Severity string

// The severities, from the mildest.
const (
	Info    Severity = "info"    // differs from what is recommended
	Warning Severity = "warning" // can lose or double records when a broker fails, or sooner than expected
	Wrong   Severity = "wrong"   // a run begins, and holds back what the topic does not take
	Fatal   Severity = "error"   // breaks the promise: no start
)

// AllSettings stands for a topic's settings where we may not read them.
const AllSettings = "settings"

// Finding is one setting of a topic that is not as it should be.
type Finding struct {
	Topic    string
	Setting  string // as Kafka names it, or "partitions", "replication factor", AllSettings
	Got      string
	Want     string
	Severity Severity
	Promise  bool // while it is so, events can be lost or doubled by what the promise covers
	Why      string
}

func (f Finding) String() string {
	if f.Setting == AllSettings {
		return fmt.Sprintf("topic %s: its settings cannot be read: %s", f.Topic, f.Why)
	}
	return fmt.Sprintf("topic %s: %s: %s", f.Topic, f.advice(), f.Why)
}

// advice is what is and what should be, whatever the topic.
func (f Finding) advice() string {
	switch f.Setting {
	case AllSettings:
		return "settings cannot be read without the right DescribeConfigs on the topic"
	case "partitions":
		return fmt.Sprintf("it has %s partitions, should have %s", f.Got, f.Want)
	}
	return fmt.Sprintf("%s is %s, should be %s", f.Setting, f.Got, f.Want)
}

// Advice are the findings that can lose or double records, or hold them back: each once,
// with all of its topics.
func Advice(findings []Finding) (lines []string) {
	for _, f := range findings {
		if f.Severity != Warning && f.Severity != Wrong {
			continue
		}
		begins := f.advice() + ": "
		if f.Setting == AllSettings {
			begins = f.advice() + " "
		}
		topic := strconv.Quote(f.Topic)
		i := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, begins) })
		if i >= 0 {
			lines[i] += ", " + topic
		} else {
			lines = append(lines, begins+topic)
		}
	}
	return lines
}

// Refused is the error of the findings that forbid to start; it wraps
// ErrUnfit. Nil: there are none.
func Refused(findings []Finding) error {
	var errs []error
	for _, f := range findings {
		if f.Severity == Fatal {
			errs = append(errs, errors.New(f.String()))
		}
	}
	if errs == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrUnfit, errors.Join(errs...))
}

// check holds the topics that exist against specs.
func check(ctx context.Context, c *kafka.Client, specs []Spec, found map[string]kafka.Topic) ([]Finding, error) {
	described, err := c.Describe(ctx, namesOf(specs))
	if err != nil {
		return nil, err
	}
	var findings []Finding
	for _, spec := range specs {
		of, err := spec.check(found[spec.Name], described[spec.Name])
		if err != nil {
			return nil, err
		}
		findings = append(findings, of...)
	}
	return findings, nil
}

// check holds what the cluster says of the topic against the spec.
func (s Spec) check(topic kafka.Topic, settings kafka.Settings) ([]Finding, error) {
	findings := s.checkCounts(topic)
	if missing, ok := errors.AsType[*access.RightError](settings.Err); ok {
		return append(findings, s.unreadable(missing)), nil
	}
	if settings.Err != nil {
		return nil, fmt.Errorf("describe topic %s: %w", s.Name, settings.Err)
	}
	findings = append(findings, s.checkSettings(settings.Values)...)
	return append(findings, s.checkInSync(topic, settings.Values)...), nil
}

func (s Spec) unreadable(missing error) Finding {
	return Finding{
		Topic: s.Name, Setting: AllSettings, Severity: Warning,
		Why: fmt.Sprintf("nothing of it could be checked, and it is taken to have the default max.message.bytes: %v",
			missing),
	}
}

// checkCounts looks at partitions and replicas.
func (s Spec) checkCounts(t kafka.Topic) []Finding {
	var findings []Finding
	if n := len(t.Leaders); s.Partitions > 0 && n != s.Partitions {
		f := Finding{
			Topic: s.Name, Setting: "partitions", Got: strconv.Itoa(n), Want: strconv.Itoa(s.Partitions), Severity: Info,
			Why: "the topic keeps the count that it has; more would move keys to other partitions",
		}
		if s.Like != "" {
			f.Severity, f.Why = Warning, "a key is in another partition there than in "+s.Like+", so no join finds the two"
		}
		if s.Ledger {
			f.Why = "the count is pinned when the ledger is first used: partitions added later are ignored"
		}
		findings = append(findings, f)
	}
	if t.Replicas < 3 {
		findings = append(findings, Finding{
			Topic: s.Name, Setting: "replication factor", Got: strconv.Itoa(t.Replicas), Want: "3 or more", Severity: Warning, Promise: true,
			Why: "records that were acknowledged are lost with the brokers that hold them, " +
				"and a ledger that lost entries publishes calls again",
		})
	}
	return findings
}

// checkInSync holds min.insync.replicas against the replicas that there are.
func (s Spec) checkInSync(t kafka.Topic, values map[string]string) []Finding {
	const setting = "min.insync.replicas"
	inSync, err := strconv.Atoi(values[setting])
	f := Finding{Topic: s.Name, Setting: setting, Got: values[setting]}
	switch {
	case err != nil:
		return nil
	case inSync > t.Replicas:
		f.Want, f.Severity = fmt.Sprintf("at most the replication factor, %d", t.Replicas), Fatal
		f.Why = "no write can ever be acknowledged"
	case inSync < 2:
		f.Want, f.Severity, f.Promise = "2 or more", Warning, true
		f.Why = "a record that only one broker has counts as written, and is lost with that broker"
	case inSync == t.Replicas:
		f.Want, f.Severity = "less than the replication factor", Warning
		f.Why = "nothing can be written while one broker is away"
	default:
		return nil
	}
	return []Finding{f}
}

// rule is what one setting should be.
type rule struct {
	setting  string
	want     string
	ok       func(value string) bool
	severity Severity
	promise  bool // see Finding
	why      string
}

// checkSettings holds the effective settings against the rules for the topic.
// A setting that the broker does not name is passed over.
func (s Spec) checkSettings(values map[string]string) []Finding {
	rules := s.eventRules()
	if s.Ledger {
		rules = ledgerRules()
	}
	var findings []Finding
	for _, r := range append(rules, s.commonRules()...) {
		got, named := values[r.setting]
		if named && !r.ok(got) {
			findings = append(findings, Finding{s.Name, r.setting, got, r.want, r.severity, r.promise, r.why})
		}
	}
	return findings
}

func (s Spec) commonRules() []rule {
	small, what := Wrong, "what does not fit is held back, and its task is not sealed meanwhile"
	if s.Ledger {
		small, what = Warning, "large plans take many transactions"
	}
	return []rule{
		{"unclean.leader.election.enable", "false", is("false"), Warning, true,
			"a broker that fell behind may become the leader, and what it never had is gone for all"},
		{"max.message.bytes", strconv.Itoa(batch.MaxMessageBytes) + " or more", atLeast(1 << 20), small, false, what},
	}
}

func ledgerRules() []rule {
	const often = "each start reads the whole ledger, and this lets it grow longer than need be"
	return []rule{
		{"cleanup.policy", "compact", is("compact"), Fatal, true,
			"entries that retention deletes are forgotten, and their calls are published again"},
		{"compression.type", "uncompressed or producer", is("uncompressed", "producer"), Info, false,
			"the entries are written uncompressed, so that any tool reads them; the broker spends time on compressing them"},
		{"segment.ms", "3600000 or less", atMost(time.Hour.Milliseconds()), Info, false, often},
		{"min.cleanable.dirty.ratio", "0.1 or less", rarelyDirty, Info, false, often},
		{"max.compaction.lag.ms", "21600000 or less", atMost((6 * time.Hour).Milliseconds()), Info, false, often},
		{"delete.retention.ms", "86400000 or more", atLeast((24 * time.Hour).Milliseconds()), Info, false,
			"tools that read the ledger slowly may miss that an entry was deleted"},
	}
}

func (s Spec) eventRules() []rule {
	const week = 7 * 24 * time.Hour
	notCompacted := func(policy string) bool { return !slices.Contains(strings.Split(policy, ","), "compact") }
	return []rule{
		{"cleanup.policy", "delete", notCompacted, s.Compacted, false,
			"compaction keeps the last record of each key: earlier ones are lost"},
		{"retention.ms", millis(week) + " or more", atLeastOrNone(week.Milliseconds()), Warning, true,
			"consumers that are down for longer miss events, and no replay reaches further back"},
		{"retention.bytes", "-1", is("-1"), Info, true,
			"records may be deleted by size, before their time"},
	}
}

func is(values ...string) func(string) bool {
	return func(v string) bool { return slices.Contains(values, v) }
}

func rarelyDirty(v string) bool {
	ratio, err := strconv.ParseFloat(v, 64)
	return err == nil && ratio <= 0.1
}

func atLeast(least int64) func(string) bool {
	return func(v string) bool { n, err := strconv.ParseInt(v, 10, 64); return err == nil && n >= least }
}

func atMost(most int64) func(string) bool {
	return func(v string) bool { n, err := strconv.ParseInt(v, 10, 64); return err == nil && n <= most }
}

// atLeastOrNone takes -1 for no limit.
func atLeastOrNone(least int64) func(string) bool {
	enough := atLeast(least)
	return func(v string) bool { return v == "-1" || enough(v) }
}

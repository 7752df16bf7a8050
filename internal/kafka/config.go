package kafka

import (
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka/access"
	"airudder-exporter/internal/setting"
)

// Config says how to reach the cluster and which topics are ours.
type Config struct {
	access.Config

	ClientID string // shown in the broker's logs and quotas; may be empty

	// TransactionTimeout is how long the coordinator leaves a transaction
	// open, and the deadline of a commit. 0: 10 s.
	TransactionTimeout time.Duration

	// Compression of every topic but the ledger: none, gzip, snappy, lz4 or
	// zstd. Empty: none.
	Compression string

	// The topics. No other can be read or written: metadata is requested for
	// these alone. An empty name is a topic that is not used.
	EventTopic, StatusTopic, DeadLetterTopic, PrivateTopic, RevisedTopic, LedgerTopic string

	// ReplayTopic is what a replay writes: no exporter's topic. Empty: there is none.
	ReplayTopic string

	// Watched: whoever uses the Client looks at Waiting, so that the log need not tell of
	// requests that do not succeed.
	Watched bool

	// Dial opens connections; nil: the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Check says what is wrong with the settings by themselves: it reads no file and
// asks no broker.
func (c Config) Check() []*setting.Error {
	problems := slices.Concat(c.checkTopics(), c.Config.Check())
	if t := c.TransactionTimeout; t < time.Second || t > 15*time.Minute {
		problems = append(problems, &setting.Error{Setting: c.Setting("TransactionTimeout"), Value: t.String(),
			Text: "is out of range: give a duration from 1s to 15m"})
	}
	if _, err := batch.ParseCodec(c.Compression); err != nil {
		problems = append(problems, &setting.Error{Setting: c.Setting("Compression"), Text: err.Error()})
	}
	return problems
}

// checkTopics refuses what no broker accepts, and two topics in one.
func (c Config) checkTopics() (problems []*setting.Error) {
	taken := make(map[string]string)
	for _, t := range []struct{ field, name string }{
		{"EventTopic", c.EventTopic}, {"StatusTopic", c.StatusTopic},
		{"DeadLetterTopic", c.DeadLetterTopic}, {"PrivateTopic", c.PrivateTopic}, {"RevisedTopic", c.RevisedTopic},
		{"LedgerTopic", c.LedgerTopic}, {"ReplayTopic", c.ReplayTopic},
	} {
		plain := strings.ReplaceAll(t.name, ".", "_") // brokers refuse topics that differ by . and _ alone
		first, twice := taken[plain]
		switch {
		case t.name == "":
			continue
		case !validTopic(t.name):
			problems = append(problems, &setting.Error{Setting: c.Setting(t.field), Value: t.name,
				Text: "is not a topic name: give up to 249 letters, digits, dots, dashes and underscores"})
		case twice:
			problems = append(problems, &setting.Error{Setting: c.Setting(t.field), Value: t.name,
				Text: "is also " + c.Setting(first) + ": " +
					"give each topic a name of its own, and not one that differs by . and _ alone"})
		default:
			taken[plain] = t.field
		}
	}
	return problems
}

// validTopic is Kafka's own rule (org.apache.kafka.common.internals.Topic).
func validTopic(name string) bool {
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
	}
	return len(name) <= 249 && name != "." && name != ".." && !strings.ContainsFunc(name, odd)
}

// withDefaults fills in what may be left out, and refuses what is wrong.
func (c Config) withDefaults() (Config, error) {
	c.TransactionTimeout = cmp.Or(c.TransactionTimeout, 10*time.Second)
	var errs []error
	for _, problem := range c.Check() {
		errs = append(errs, problem)
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	return c, errors.Join(errs...)
}

// topics are those that are used.
func (c Config) topics() []string {
	all := []string{c.EventTopic, c.StatusTopic, c.DeadLetterTopic, c.PrivateTopic, c.RevisedTopic, c.LedgerTopic, c.ReplayTopic}
	return slices.DeleteFunc(all, func(name string) bool { return name == "" })
}

const (
	dialTimeout = 3 * time.Second

	// hung is how long a broker may take to answer one request. One that hangs
	// would otherwise hold us for as long as a transaction may last, or longer.
	hung = 10 * time.Second
)

// requestLimit is how long one request may take.
func (c Config) requestLimit() time.Duration { return min(hung, c.TransactionTimeout) }

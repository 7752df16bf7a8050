package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"airudder-exporter/internal/batch"
)

// Config says how to reach the cluster and which topics are ours.
type Config struct {
	Brokers  []string // host:port, at least one
	ClientID string   // shown in the broker's logs and quotas; may be empty
	TLS      TLS
	SASL     SASL

	// TransactionTimeout is how long the coordinator leaves a transaction
	// open, and the deadline of a commit. 0: 10 s.
	TransactionTimeout time.Duration

	// Compression of every topic but the ledger: none, gzip, snappy, lz4 or
	// zstd. Empty: none.
	Compression string

	// The topics. No other can be read or written: metadata is requested for
	// these alone. An empty name is a topic that is not used.
	EventTopic, StatusTopic, DeadLetterTopic, LedgerTopic string

	// SettingName is what the operator calls a setting. This package knows no
	// variable: where a message names a setting it passes the field as Config
	// spells it, such as "TLS.CertFile", or, for what is passed to a call
	// instead, "CreateTopics" and "ReplicationFactor". nil: the field's name.
	// Every room that names settings has this field, and the program alone
	// says what it returns.
	SettingName func(field string) string

	// Dial opens connections; nil: the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// TLS is how connections are encrypted. The zero value is plain text.
type TLS struct {
	Enabled  bool
	CAFile   string // PEM; empty: the system's roots
	CertFile string // PEM; empty: no client certificate
	KeyFile  string // PEM; goes with CertFile
}

// SASL is who we are to the brokers.
type SASL struct {
	Mechanism string // empty: no authentication
	Username  string
	Password  string // a secret: in no log, error or metric
}

// The SASL mechanisms.
const (
	Plain       = "PLAIN"
	ScramSHA256 = "SCRAM-SHA-256"
	ScramSHA512 = "SCRAM-SHA-512"
)

// mechanisms are all of them, in a sentence.
const mechanisms = Plain + ", " + ScramSHA256 + " or " + ScramSHA512

// SettingError says what is wrong with one setting.
type SettingError struct {
	Setting string // by Config.SettingName
	Value   string // as it was given; empty for a secret, and where there is none
	Needs   string // the other setting without which this one is wrong; empty: none
	Text    string // follows the value: what is wrong and what would be right
}

func (e *SettingError) Error() string {
	if e.Value == "" {
		return e.Setting + ": " + e.Text
	}
	return fmt.Sprintf("%s: %q %s", e.Setting, e.Value, e.Text)
}

// setting is how messages name a setting.
func (c Config) setting(field string) string {
	if c.SettingName == nil {
		return field
	}
	return c.SettingName(field)
}

// Check says what is wrong with the settings by themselves: it reads no file and
// asks no broker.
func (c Config) Check() []*SettingError {
	problems := slices.Concat(c.checkTopics(), c.checkTLS(), c.checkSASL())
	if _, err := batch.ParseCodec(c.Compression); err != nil {
		problems = append(problems, &SettingError{Setting: c.setting("Compression"), Text: err.Error()})
	}
	return problems
}

// checkTopics refuses what no broker accepts, and two topics in one.
func (c Config) checkTopics() (problems []*SettingError) {
	taken := make(map[string]string)
	for _, t := range []struct{ field, name string }{
		{"EventTopic", c.EventTopic}, {"StatusTopic", c.StatusTopic},
		{"DeadLetterTopic", c.DeadLetterTopic}, {"LedgerTopic", c.LedgerTopic},
	} {
		plain := strings.ReplaceAll(t.name, ".", "_") // brokers refuse topics that differ by . and _ alone
		first, twice := taken[plain]
		switch {
		case t.name == "":
			continue
		case !validTopic(t.name):
			problems = append(problems, &SettingError{Setting: c.setting(t.field), Value: t.name,
				Text: "is not a topic name: give up to 249 letters, digits, dots, dashes and underscores"})
		case twice:
			problems = append(problems, &SettingError{Setting: c.setting(t.field), Value: t.name,
				Text: "is also " + c.setting(first) + ": give each topic a name of its own, and not one that differs by . and _ alone"})
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

// checkTLS refuses files that nothing would use, since whoever sets them believes
// the connection to be encrypted, and half a client certificate.
func (c Config) checkTLS() (problems []*SettingError) {
	enabled, cert, key := c.setting("TLS.Enabled"), c.setting("TLS.CertFile"), c.setting("TLS.KeyFile")
	for _, file := range []struct{ name, path string }{
		{c.setting("TLS.CAFile"), c.TLS.CAFile}, {cert, c.TLS.CertFile}, {key, c.TLS.KeyFile},
	} {
		if file.path != "" && !c.TLS.Enabled {
			problems = append(problems, &SettingError{Setting: file.name, Value: file.path, Needs: enabled,
				Text: "has no effect without TLS: set " + enabled + " to true, or leave it out"})
		}
	}
	switch {
	case c.TLS.CertFile != "" && c.TLS.KeyFile == "":
		problems = append(problems, &SettingError{Setting: key, Text: "is required with " + cert})
	case c.TLS.CertFile == "" && c.TLS.KeyFile != "":
		problems = append(problems, &SettingError{Setting: cert, Text: "is required with " + key})
	}
	return problems
}

func (c Config) checkSASL() (problems []*SettingError) {
	s, mechanism := c.SASL, c.setting("SASL.Mechanism")
	user, password := c.setting("SASL.Username"), c.setting("SASL.Password")
	bad := func(setting, value, text string) {
		problems = append(problems, &SettingError{Setting: setting, Value: value, Text: text})
	}
	switch s.Mechanism {
	case "":
		unused := "has no effect without " + mechanism + ": give " + mechanisms
		if s.Username != "" {
			bad(user, s.Username, unused)
		}
		if s.Password != "" {
			bad(password, "", unused)
		}
		return problems
	case Plain, ScramSHA256, ScramSHA512:
	default:
		bad(mechanism, s.Mechanism, "is not one of them: give "+mechanisms)
	}
	if s.Username == "" {
		bad(user, "", "is required with "+mechanism)
	}
	if s.Password == "" {
		bad(password, "", "is required with "+mechanism)
	}
	return problems
}

// withDefaults fills in what may be left out, and refuses what is wrong.
func (c Config) withDefaults() (Config, error) {
	if len(c.Brokers) == 0 {
		return c, errors.New("dial kafka: no brokers given")
	}
	var errs []error
	for _, problem := range c.Check() {
		errs = append(errs, problem)
	}
	c.TransactionTimeout = cmp.Or(c.TransactionTimeout, 10*time.Second)
	if c.Dial == nil {
		c.Dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	return c, errors.Join(errs...)
}

// topics are those that are used.
func (c Config) topics() []string {
	all := []string{c.EventTopic, c.StatusTopic, c.DeadLetterTopic, c.LedgerTopic}
	return slices.DeleteFunc(all, func(name string) bool { return name == "" })
}

const (
	dialTimeout = 3 * time.Second

	// hung is how long a broker may take to answer one request. One that hangs
	// would otherwise hold us for as long as a transaction may last, or for ever.
	hung = 10 * time.Second
)

// requestLimit is how long one request may take.
func (c Config) requestLimit() time.Duration { return min(hung, c.TransactionTimeout) }

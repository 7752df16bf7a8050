package access

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"airudder-exporter/internal/setting"
)

// Config says how the brokers are reached, and as whom.
type Config struct {
	Brokers []string // host:port, at least one
	TLS     TLS
	SASL    SASL

	// Reached: the brokers have taken all that was asked of them before, so that a
	// connection that breaks now is no setting's fault.
	Reached bool

	Log *slog.Logger // of a certificate that cannot be read any more; nil: none

	// SettingName is what the operator calls a setting. No room knows a variable:
	// where a message names a setting, the room passes the field as its Config
	// spells it, such as "TLS.CertFile", or the name of what is passed to a call
	// instead, such as "CreateTopics". nil: the field's name. Every room that names
	// settings has this field, and the program alone says what it returns.
	SettingName func(field string) string
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

	// PasswordNow is the password for a new connection, where it can change while the
	// program runs. Nil: Password.
	PasswordNow func() string

	// Of OAUTHBEARER: where tokens come from, by name; the token of now; who is told that
	// the broker refuses it (may be nil); and name=value pairs that are sent beside it.
	TokenSource string
	Token       func(ctx context.Context) (string, error)
	Refused     func()
	Extensions  []string
}

// The SASL mechanisms.
const (
	Plain       = "PLAIN"
	ScramSHA256 = "SCRAM-SHA-256"
	ScramSHA512 = "SCRAM-SHA-512"
)

// mechanisms are all of them, in a sentence, and withPassword those of user and password.
const (
	mechanisms   = Plain + ", " + ScramSHA256 + ", " + ScramSHA512 + " or " + OAuthBearer
	withPassword = Plain + ", " + ScramSHA256 + " or " + ScramSHA512
)

// Setting is how messages name a setting.
func (c Config) Setting(field string) string {
	return setting.Name(c.SettingName, field)
}

// Check says what is wrong with the settings by themselves: it reads no file and
// asks no broker.
func (c Config) Check() []*setting.Error {
	return slices.Concat(c.checkBrokers(), c.checkTLS(), c.checkSASL(), c.checkBearer())
}

func (c Config) checkBrokers() []*setting.Error {
	if len(c.Brokers) > 0 && !slices.ContainsFunc(c.Brokers, func(b string) bool { return !setting.IsHostPort(b) }) {
		return nil
	}
	return []*setting.Error{{Setting: c.Setting("Brokers"), Value: fmt.Sprint(c.Brokers),
		Text: "is not a list of host:port: give one such as kafka-1:9092,kafka-2:9092"}}
}

// checkTLS refuses files that nothing would use, since whoever sets them believes
// the connection to be encrypted, and half a client certificate.
func (c Config) checkTLS() (problems []*setting.Error) {
	enabled, cert, key := c.Setting("TLS.Enabled"), c.Setting("TLS.CertFile"), c.Setting("TLS.KeyFile")
	for _, file := range []struct{ name, path string }{
		{c.Setting("TLS.CAFile"), c.TLS.CAFile}, {cert, c.TLS.CertFile}, {key, c.TLS.KeyFile},
	} {
		if file.path != "" && !c.TLS.Enabled {
			problems = append(problems, &setting.Error{Setting: file.name, Value: file.path, Needs: enabled,
				Text: "has no effect without TLS: set " + enabled + " to true, or leave it out"})
		}
	}
	return append(problems, c.files().Check()...)
}

func (c Config) checkSASL() (problems []*setting.Error) {
	s, mechanism := c.SASL, c.Setting("SASL.Mechanism")
	user, password := c.Setting("SASL.Username"), c.Setting("SASL.Password")
	bad := func(name, value, text string) {
		problems = append(problems, &setting.Error{Setting: name, Value: value, Text: text})
	}
	switch s.Mechanism {
	case "":
		unused := "has no effect without " + mechanism + ": give " + withPassword
		if s.Username != "" {
			bad(user, s.Username, unused)
		}
		if s.Password != "" {
			bad(password, "", unused)
		}
		return problems
	case OAuthBearer:
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

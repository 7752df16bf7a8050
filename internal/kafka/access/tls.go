package access

import (
	"context"
	"crypto/tls"
	"errors"
	"time"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"

	"airudder-exporter/internal/certs"
	"airudder-exporter/internal/setting"
)

// Secure reads the files and returns what a connection needs; nil stands for
// "without". Its error has a line for each setting that is bad.
func (c Config) Secure() (*tls.Config, sasl.Mechanism, error) {
	config, errTLS := c.tlsConfig()
	mechanism, errSASL := c.mechanism()
	return config, mechanism, errors.Join(errTLS, errSASL)
}

func (c Config) tlsConfig() (*tls.Config, error) {
	if !c.TLS.Enabled {
		return nil, nil
	}
	return c.files().Config()
}

// files reads the certificates.
func (c Config) files() certs.Reader {
	return certs.Reader{
		Files: certs.Files{CAFile: c.TLS.CAFile, CertFile: c.TLS.CertFile, KeyFile: c.TLS.KeyFile}, Of: "Kafka", Log: c.Log,
		Setting: func(field string) string { return c.Setting("TLS." + field) },
	}
}

// CertificateEnds is when the client certificate ends; zero: there is none that can be
// read.
func (c Config) CertificateEnds() time.Time { return c.files().Ends() }

func (c Config) mechanism() (sasl.Mechanism, error) {
	first, err := c.login(c.SASL.Password)
	if first == nil || err != nil || c.SASL.PasswordNow == nil {
		return first, err
	}
	return renewedLogin{first.Name(), func() (sasl.Mechanism, error) { return c.login(c.SASL.PasswordNow()) }}, nil
}

// renewedLogin logs each connection in with the password as it is then.
type renewedLogin struct {
	name string
	now  func() (sasl.Mechanism, error)
}

func (r renewedLogin) Name() string { return r.name }

func (r renewedLogin) Start(ctx context.Context) (sasl.StateMachine, []byte, error) {
	mechanism, err := r.now()
	if err != nil {
		return nil, nil, err
	}
	return mechanism.Start(ctx)
}

// login is by which we log in with a password; nil: we do not.
func (c Config) login(password string) (sasl.Mechanism, error) {
	algorithm := scram.SHA512
	switch c.SASL.Mechanism {
	case "":
		return nil, nil
	case OAuthBearer:
		return bearer{c.SASL.Token, c.SASL.Refused, c.SASL.Extensions}, nil
	case Plain:
		return plain.Mechanism{Username: c.SASL.Username, Password: password}, nil
	case ScramSHA256:
		algorithm = scram.SHA256
	}
	m, err := scram.Mechanism(algorithm, c.SASL.Username, password)
	if err != nil { // the library's own error quotes the password
		return nil, &setting.Error{Setting: c.Setting("SASL.Username"), Value: c.SASL.Username, Text: "or " +
			c.Setting("SASL.Password") + " holds characters that SCRAM forbids (RFC 4013: control and unassigned characters)"}
	}
	return m, nil
}

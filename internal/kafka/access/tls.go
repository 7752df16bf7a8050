package access

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"

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
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	roots, errCA := c.roots()
	config.RootCAs = roots
	certificate, errCert := c.clientCertificate()
	if certificate != nil {
		config.GetClientCertificate = (&renewedCertificate{config: c, last: certificate}).now
	}
	return config, errors.Join(errCA, errCert)
}

// read reads the file that a setting names.
func (c Config) read(field, path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if pathErr, ok := errors.AsType[*os.PathError](err); ok {
		err = pathErr.Err // the sentence has the path already
	}
	if err != nil {
		return nil, &setting.Error{Setting: c.Setting(field), Value: path, Text: "cannot be read: " + err.Error()}
	}
	return text, nil
}

// roots are the certificates that may have signed a broker's; nil: the system's.
func (c Config) roots() (*x509.CertPool, error) {
	if c.TLS.CAFile == "" {
		return nil, nil
	}
	text, err := c.read("TLS.CAFile", c.TLS.CAFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, &setting.Error{Setting: c.Setting("TLS.CAFile"), Value: c.TLS.CAFile, Text: fmt.Sprintf(
			"holds %s: it must hold the brokers' CA certificates in PEM (-----BEGIN CERTIFICATE-----)", pemTypes(text))}
	}
	return roots, nil
}

func (c Config) clientCertificate() (*tls.Certificate, error) {
	if c.TLS.CertFile == "" {
		return nil, nil
	}
	cert, errCert := c.read("TLS.CertFile", c.TLS.CertFile)
	key, errKey := c.read("TLS.KeyFile", c.TLS.KeyFile)
	if err := errors.Join(errCert, errKey); err != nil {
		return nil, err
	}
	if strings.Contains(string(key), "ENCRYPTED") {
		return nil, &setting.Error{Setting: c.Setting("TLS.KeyFile"), Value: c.TLS.KeyFile,
			Text: "is encrypted: it must be a PEM key without a passphrase"}
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, &setting.Error{Setting: c.Setting("TLS.CertFile"), Value: c.TLS.CertFile, Text: fmt.Sprintf(
			"(%s) and %s %q (%s) are no certificate in PEM with its own key: %v",
			pemTypes(cert), c.Setting("TLS.KeyFile"), c.TLS.KeyFile, pemTypes(key), err)}
	}
	return &pair, nil
}

// CertificateEnds is when the client certificate ends; zero: there is none that can be
// read.
func (c Config) CertificateEnds() time.Time {
	pair, err := c.clientCertificate()
	if err != nil || pair == nil || pair.Leaf == nil {
		return time.Time{}
	}
	return pair.Leaf.NotAfter
}

// renewedCertificate is read again for each connection: a new one needs no restart. One
// that cannot be read, as while its files are being replaced, is what it was before.
type renewedCertificate struct {
	config Config

	mu     sync.Mutex
	last   *tls.Certificate
	broken bool // the last reading went wrong, which has been said
}

func (r *renewedCertificate) now(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	certificate, err := r.config.clientCertificate()
	if err == nil {
		r.last = certificate
	} else if !r.broken && r.config.Log != nil {
		r.config.Log.Warn("the client certificate for Kafka cannot be read; the one from before is used", "error", err)
	}
	r.broken = err != nil
	return r.last, nil
}

// pemTypes says which kinds of PEM block there are, never what is in them.
func pemTypes(text []byte) string {
	var types []string
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		types, text = append(types, block.Type), rest
	}
	if types == nil {
		return "no PEM block"
	}
	return strings.Join(types, ", ")
}

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

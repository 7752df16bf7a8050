package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// The SASL mechanisms there are.
const (
	Plain       = "PLAIN"
	ScramSHA256 = "SCRAM-SHA-256"
	ScramSHA512 = "SCRAM-SHA-512"
)

// Security says how the brokers are reached and by whom. The zero value is
// plain text without a user.
type Security struct {
	TLSEnabled bool
	CAFile     string // PEM; empty: the system's roots
	CertFile   string // PEM; empty: no client certificate
	KeyFile    string // PEM; goes with CertFile

	Mechanism string // empty: no SASL
	Username  string
	Password  string // a secret: in no log, error or metric
}

// Check reads the files and says what is wrong with them and with the rest, one
// line each, which begins with the variable.
func (s Security) Check() error {
	_, _, err := s.connection()
	return err
}

// connection reads the files and returns what a connection needs; nil stands for
// "without". Its error names every setting that is bad, by its variable.
func (s Security) connection() (*tls.Config, sasl.Mechanism, error) {
	config, errTLS := s.tls()
	mechanism, errSASL := s.sasl()
	if err := errors.Join(errTLS, errSASL); err != nil {
		return nil, nil, err
	}
	return config, mechanism, nil
}

func (s Security) tls() (*tls.Config, error) {
	if !s.TLSEnabled {
		return nil, s.unusedFiles()
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	roots, errCA := s.roots()
	config.RootCAs = roots
	certificate, errCert := s.clientCertificate()
	if certificate != nil {
		// Read again for each connection: one that was renewed needs no restart.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return s.clientCertificate() }
	}
	return config, errors.Join(errCA, errCert)
}

// unusedFiles refuses files that nothing would use: whoever set them believes
// the connection to be encrypted.
func (s Security) unusedFiles() error {
	var errs []error
	for _, file := range []struct{ variable, path string }{
		{"KAFKA_TLS_CA_FILE", s.CAFile},
		{"KAFKA_TLS_CERT_FILE", s.CertFile},
		{"KAFKA_TLS_KEY_FILE", s.KeyFile},
	} {
		if file.path != "" {
			errs = append(errs, fmt.Errorf("%s is %q, but KAFKA_TLS_ENABLED is false: set it to true, or leave the file out", file.variable, file.path))
		}
	}
	return errors.Join(errs...)
}

// roots are the certificates that may have signed a broker's; nil: the system's.
func (s Security) roots() (*x509.CertPool, error) {
	if s.CAFile == "" {
		return nil, nil
	}
	text, err := os.ReadFile(s.CAFile)
	if err != nil {
		return nil, fmt.Errorf("KAFKA_TLS_CA_FILE: %q cannot be read: %w", s.CAFile, bare(err))
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("KAFKA_TLS_CA_FILE: %q holds %s: it must hold the brokers' CA certificates in PEM (-----BEGIN CERTIFICATE-----)", s.CAFile, pemTypes(text))
	}
	return roots, nil
}

func (s Security) clientCertificate() (*tls.Certificate, error) {
	switch {
	case s.CertFile == "" && s.KeyFile == "":
		return nil, nil
	case s.KeyFile == "":
		return nil, fmt.Errorf("KAFKA_TLS_CERT_FILE is %q, but KAFKA_TLS_KEY_FILE is empty: a client certificate needs its key", s.CertFile)
	case s.CertFile == "":
		return nil, fmt.Errorf("KAFKA_TLS_KEY_FILE is %q, but KAFKA_TLS_CERT_FILE is empty: a key needs its client certificate", s.KeyFile)
	}
	cert, errCert := os.ReadFile(s.CertFile)
	if errCert != nil {
		errCert = fmt.Errorf("KAFKA_TLS_CERT_FILE: %q cannot be read: %w", s.CertFile, bare(errCert))
	}
	key, errKey := os.ReadFile(s.KeyFile)
	if errKey != nil {
		errKey = fmt.Errorf("KAFKA_TLS_KEY_FILE: %q cannot be read: %w", s.KeyFile, bare(errKey))
	}
	if err := errors.Join(errCert, errKey); err != nil {
		return nil, err
	}
	if strings.Contains(string(key), "ENCRYPTED") {
		return nil, fmt.Errorf("KAFKA_TLS_KEY_FILE: %q is encrypted: it must be a PEM key without a passphrase", s.KeyFile)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("KAFKA_TLS_CERT_FILE: %q (%s) and KAFKA_TLS_KEY_FILE %q (%s) are no certificate in PEM with its own key: %w",
			s.CertFile, pemTypes(cert), s.KeyFile, pemTypes(key), err)
	}
	return &pair, nil
}

// bare drops the path from an error of os, which the sentence already has.
func bare(err error) error {
	if path, ok := errors.AsType[*os.PathError](err); ok {
		return path.Err
	}
	return err
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

func (s Security) sasl() (sasl.Mechanism, error) {
	if err := s.checkUser(); err != nil {
		return nil, err
	}
	switch s.Mechanism {
	case Plain:
		return plain.Mechanism{Username: s.Username, Password: s.Password}, nil
	case ScramSHA256:
		return s.scram(scram.SHA256)
	case ScramSHA512:
		return s.scram(scram.SHA512)
	}
	return nil, nil
}

func (s Security) checkUser() error {
	switch s.Mechanism {
	case "":
		if s.Username != "" || s.Password != "" {
			return fmt.Errorf("KAFKA_SASL_USERNAME or KAFKA_SASL_PASSWORD is set, but KAFKA_SASL_MECHANISM is empty: set it to %s, %s or %s", Plain, ScramSHA256, ScramSHA512)
		}
		return nil
	case Plain, ScramSHA256, ScramSHA512:
	default:
		return fmt.Errorf("KAFKA_SASL_MECHANISM is %q: it must be empty, %s, %s or %s", s.Mechanism, Plain, ScramSHA256, ScramSHA512)
	}
	var errs []error
	if s.Username == "" {
		errs = append(errs, fmt.Errorf("KAFKA_SASL_USERNAME is empty: KAFKA_SASL_MECHANISM %s needs a user", s.Mechanism))
	}
	if s.Password == "" {
		errs = append(errs, fmt.Errorf("KAFKA_SASL_PASSWORD is empty: KAFKA_SASL_MECHANISM %s needs a password (KAFKA_SASL_PASSWORD or KAFKA_SASL_PASSWORD_FILE)", s.Mechanism))
	}
	return errors.Join(errs...)
}

func (s Security) scram(algorithm scram.Algorithm) (sasl.Mechanism, error) {
	m, err := scram.Mechanism(algorithm, s.Username, s.Password)
	if err != nil {
		// The library's own error quotes the password.
		return nil, fmt.Errorf("KAFKA_SASL_USERNAME %q or KAFKA_SASL_PASSWORD holds characters that SCRAM forbids (RFC 4013: control and unassigned characters)", s.Username)
	}
	return m, nil
}

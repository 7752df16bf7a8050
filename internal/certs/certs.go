// Package certs reads the files by which a connection is encrypted: CA certificates, and
// a client certificate with its key, which is read again for each connection.
package certs

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"airudder-exporter/internal/setting"
)

// Files are PEM files by their names.
type Files struct {
	CAFile   string // empty: the system's roots
	CertFile string // empty: no client certificate
	KeyFile  string // goes with CertFile
}

// Reader reads Files for whoever connects.
type Reader struct {
	Files
	Of      string                    // whom the certificate is shown to, in the log, such as Kafka
	Setting func(field string) string // what the operator calls the fields of Files
	Log     *slog.Logger              // of a certificate that cannot be read any more; nil: none
}

// Check refuses half a client certificate.
func (r Reader) Check() []*setting.Error {
	var rules setting.Check
	rules.Together(r.Setting("CertFile"), r.CertFile, r.Setting("KeyFile"), r.KeyFile)
	return rules.Problems
}

// Config reads the files. Its error has a line for each setting that is bad.
func (r Reader) Config() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	roots, errCA := r.roots()
	config.RootCAs = roots
	certificate, errCert := r.Certificate()
	if certificate != nil {
		config.GetClientCertificate = (&renewed{reader: r, last: certificate}).now
	}
	return config, errors.Join(errCA, errCert)
}

// read reads the file that a setting names.
func (r Reader) read(field, path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, &setting.Error{Setting: r.Setting(field), Value: path, Text: "cannot be read: " + setting.WithoutPath(err).Error()}
	}
	return text, nil
}

// roots are the certificates that may have signed a server's; nil: the system's.
func (r Reader) roots() (*x509.CertPool, error) {
	if r.CAFile == "" {
		return nil, nil
	}
	text, err := r.read("CAFile", r.CAFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, &setting.Error{Setting: r.Setting("CAFile"), Value: r.CAFile, Text: fmt.Sprintf(
			"holds %s: it must hold CA certificates in PEM (-----BEGIN CERTIFICATE-----)", pemTypes(text))}
	}
	return roots, nil
}

// Certificate is the client certificate as the files have it now; nil: there is none.
func (r Reader) Certificate() (*tls.Certificate, error) {
	if r.CertFile == "" {
		return nil, nil
	}
	cert, errCert := r.read("CertFile", r.CertFile)
	key, errKey := r.read("KeyFile", r.KeyFile)
	if err := errors.Join(errCert, errKey); err != nil {
		return nil, err
	}
	if strings.Contains(string(key), "ENCRYPTED") {
		return nil, &setting.Error{Setting: r.Setting("KeyFile"), Value: r.KeyFile,
			Text: "is encrypted: it must be a PEM key without a passphrase"}
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, &setting.Error{Setting: r.Setting("CertFile"), Value: r.CertFile, Text: fmt.Sprintf(
			"(%s) and %s %q (%s) are no certificate in PEM with its own key: %v",
			pemTypes(cert), r.Setting("KeyFile"), r.KeyFile, pemTypes(key), err)}
	}
	return &pair, nil
}

// Ends is when the client certificate ends; zero: there is none that can be read.
func (r Reader) Ends() time.Time {
	pair, err := r.Certificate()
	if err != nil || pair == nil || pair.Leaf == nil {
		return time.Time{}
	}
	return pair.Leaf.NotAfter
}

// Lapsed says that the client certificate is not valid at a time, where that is so.
func (r Reader) Lapsed(now time.Time) string {
	pair, err := r.Certificate()
	if err != nil || pair == nil || pair.Leaf == nil {
		return ""
	}
	if !now.Before(pair.Leaf.NotBefore) && !now.After(pair.Leaf.NotAfter) {
		return ""
	}
	return fmt.Sprintf(": it is valid from %s to %s only, and must be renewed "+
		"(or the clock here is wrong); a new file needs no restart",
		Day(pair.Leaf.NotBefore), Day(pair.Leaf.NotAfter))
}

// Day is a date, as the sentences about certificates give it.
func Day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// renewed is read again for each connection: a new certificate needs no restart. One
// that cannot be read, as while its files are being replaced, is what it was before.
type renewed struct {
	reader Reader

	mu     sync.Mutex
	last   *tls.Certificate
	broken bool // the last reading went wrong, which has been said
}

func (r *renewed) now(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	certificate, err := r.reader.Certificate()
	if err == nil {
		r.last = certificate
	} else if !r.broken && r.reader.Log != nil {
		r.reader.Log.Warn("the client certificate for "+r.reader.Of+" cannot be read; the one from before is used", "error", err)
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

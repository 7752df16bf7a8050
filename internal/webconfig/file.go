package webconfig

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"

	"airudder-exporter/internal/setting"
)

// Config is the file, if there is one.
type Config struct {
	WebConfigFile string // empty: neither TLS nor authentication

	// SettingName is what the operator calls a setting, by its field's name here.
	SettingName func(field string) string
}

// Check reads the file and what it names, and says what is wrong.
func (c Config) Check() []*setting.Error {
	if c.WebConfigFile == "" {
		return nil
	}
	if _, err := c.read(); err != nil {
		return []*setting.Error{{Setting: setting.Name(c.SettingName, "WebConfigFile"), Value: c.WebConfigFile, Text: err.Error()}}
	}
	return nil
}

// Says is what the file configures. A file that Check refuses says nothing.
type Says struct {
	TLS   bool
	Users int  // that may ask with a password
	Certs bool // clients may be authenticated by their certificate, or must be
}

// Says reads the file.
func (c Config) Says() Says {
	f, err := c.read()
	if err != nil {
		return Says{}
	}
	return Says{TLS: f.TLSConfig.IsEnabled(), Users: len(f.Users), Certs: verifies(f.TLSConfig)}
}

func (s Says) String() string {
	var all []string
	if s.TLS {
		all = append(all, "TLS")
	}
	if s.Certs {
		all = append(all, "client certificates")
	}
	if s.Users > 0 {
		all = append(all, "basic auth")
	}
	if len(all) == 0 {
		return "neither TLS nor authentication"
	}
	return strings.Join(all, ", ")
}

// read reads the file as it is now, and what it names. Its error follows the file's name.
func (c Config) read() (web.Config, error) {
	var f web.Config
	info, err := os.Stat(c.WebConfigFile)
	if err == nil && !info.Mode().IsRegular() {
		return f, errors.New("is no regular file, which can be read again and again: give one")
	}
	text, err := os.ReadFile(c.WebConfigFile)
	if err != nil {
		return f, fmt.Errorf("cannot be read: %w", setting.WithoutPath(err))
	}
	_ = yaml.Unmarshal(text, &f) // what is wrong is what the library says
	f.TLSConfig.SetDirectory(filepath.Dir(c.WebConfigFile))
	if err := files(f.TLSConfig); err != nil {
		return f, fmt.Errorf("names a file that cannot be used: %w", err)
	}
	if err := web.Validate(c.WebConfigFile); err != nil {
		return f, errors.New("is not a web configuration as Prometheus's exporters have it: " + reason(err.Error()))
	}
	if err := clients(f.TLSConfig); err != nil {
		return f, err
	}
	return f, nil
}

// files says which of the files cannot be read. Their paths are not shown: somebody may
// have put the key itself there.
func files(t web.TLSConfig) error {
	for _, f := range []struct{ field, path string }{
		{"cert_file", t.TLSCertPath}, {"key_file", t.TLSKeyPath}, {"client_ca_file", t.ClientCAs},
	} {
		if f.path == "" {
			continue
		}
		if _, err := os.ReadFile(f.path); err != nil {
			return fmt.Errorf("%s: %w", f.field, setting.WithoutPath(err))
		}
	}
	return nil
}

// clients refuses what the library takes, but would not do what was meant: without
// authorities of one's own the system's would count, that is, everybody's certificate;
// and the library ends the connection of a client without certificate in a panic.
func clients(t web.TLSConfig) error {
	switch {
	case verifies(t) && !hasCertificate(authorities(t)):
		return errors.New("has a client_auth_type without authorities: give those whose certificates are let in, as client_ca_file")
	case len(t.ClientAllowedSans) > 0 && t.ClientAuth != "RequireAndVerifyClientCert":
		return errors.New("has client_allowed_sans without verifying every client: set client_auth_type to RequireAndVerifyClientCert")
	}
	return nil
}

// verifies reports whether clients' certificates are verified where they have one.
func verifies(t web.TLSConfig) bool {
	return t.ClientAuth == "VerifyClientCertIfGiven" || t.ClientAuth == "RequireAndVerifyClientCert"
}

// authorities are the certificates that clients' are checked against, PEM.
func authorities(t web.TLSConfig) []byte {
	if t.ClientCAs == "" {
		return []byte(t.ClientCAsText)
	}
	text, _ := os.ReadFile(t.ClientCAs) // it was read a moment ago
	return text
}

func hasCertificate(text []byte) bool { return x509.NewCertPool().AppendCertsFromPEM(text) }

// own is the certificate that the server shows, DER; nil: it cannot be read.
func own(t web.TLSConfig) []byte {
	text := []byte(t.TLSCert)
	if t.TLSCertPath != "" {
		text, _ = os.ReadFile(t.TLSCertPath)
	}
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return nil
		}
		if block.Type == "CERTIFICATE" {
			return block.Bytes
		}
	}
}

// Client is how a program beside the server trusts it: by its very certificate, since
// that names another host than loopback. nil: the server speaks no TLS.
func (c Config) Client() *tls.Config {
	f, err := c.read()
	if err != nil || !f.TLSConfig.IsEnabled() {
		return nil
	}
	return &tls.Config{
		InsecureSkipVerify: true, // VerifyConnection does it
		VerifyConnection: func(s tls.ConnectionState) error {
			if !bytes.Equal(s.PeerCertificates[0].Raw, own(f.TLSConfig)) {
				return errors.New("the server shows another certificate than the web configuration has")
			}
			return nil
		},
	}
}

var (
	atLine    = regexp.MustCompile(`line (\d+)`)
	noField   = regexp.MustCompile(`line (\d+): field (\w{1,40}) not found`)
	unchanged = regexp.MustCompile(`^(missing one of |failed to load X509KeyPair: (tls|x509): |client CA's |HTTP header "[\w-]{1,60}" can not |invalid value for |unknown (cipher|curve|TLS version): \w{1,60}$)`)
)

// reason is what the library says without what it quotes of the file, which can be a
// password or a key.
func reason(says string) string {
	switch {
	case strings.HasPrefix(says, "crypto/bcrypt"):
		return "a password of basic_auth_users is no bcrypt hash: make one, for instance with htpasswd -nB USER"
	case strings.HasPrefix(says, "invalid ClientAuth"):
		return "client_auth_type is none of NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven and RequireAndVerifyClientCert"
	case unchanged.MatchString(says):
		return says
	case strings.HasPrefix(says, "failed to load X509KeyPair"):
		return "the certificate or its key cannot be understood"
	}
	if m := noField.FindStringSubmatch(says); m != nil {
		return fmt.Sprintf("line %s: there is no field %s", m[1], m[2])
	}
	if m := atLine.FindStringSubmatch(says); m != nil {
		return fmt.Sprintf("line %s is not as it should be", m[1])
	}
	return "it cannot be understood"
}

package kafka

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/kafka/access"
)

// brokersAuthority is the CA of the secured broker, whose key stands beside it.
func brokersAuthority(t *testing.T) authority {
	t.Helper()
	file := os.Getenv("TEST_KAFKA_SECURE_CA")
	read := func(path string) []byte {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(text)
		return block.Bytes
	}
	cert, err := x509.ParseCertificate(read(file))
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.ParsePKCS8PrivateKey(read(strings.TrimSuffix(file, ".pem") + ".key"))
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert: cert, key: key.(crypto.Signer)}
}

// A broker that knows its clients by their certificates, and its listeners
// asked in each other's way.
func TestSecureBrokerMutual(t *testing.T) {
	s, cfg := secureSite(t, secureAdmin, access.Plain)
	ca, stranger := brokersAuthority(t), newAuthority(t)
	client := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }
	expired := func(c *x509.Certificate) {
		client(c)
		c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	}
	mutual, internal := os.Getenv("TEST_KAFKA_SECURE_MUTUAL"), os.Getenv("TEST_KAFKA_SECURE_INTERNAL")
	for _, test := range []struct {
		name   string
		broker string
		by     *authority // of the client certificate; nil: none
		change func(*x509.Certificate)
		set    func(*Config)
		want   string // empty: it connects
	}{
		{"right", mutual, &ca, client, nil, ""},
		{"none", mutual, nil, nil, nil, "the broker wants a client certificate"},
		{"a stranger's", mutual, &stranger, client, nil, "the broker refuses the client certificate in TLS.CertFile"},
		{"expired", mutual, &ca, expired, nil, "must be renewed"},
		{"plain text", mutual, nil, nil, func(c *Config) { c.TLS.Enabled, c.TLS.CAFile = false, "" }, "TLS"},
		{"SASL where there is none", mutual, &ca, client, func(c *Config) { c.SASL.Mechanism, c.SASL.Username, c.SASL.Password = access.Plain, "u", password }, "takes no SASL on this listener"},
		{"TLS where there is none", internal, nil, nil, nil, "does not speak TLS"},
		{"SASL where there is neither", internal, nil, nil, func(c *Config) {
			c.TLS.Enabled, c.TLS.CAFile, c.SASL.Mechanism, c.SASL.Username, c.SASL.Password = false, "", access.ScramSHA256, "u", password
		}, "takes no SASL on this listener"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, cfg := s, cfg
			s.brokers, cfg.SASL.Mechanism, cfg.SASL.Username, cfg.SASL.Password = []string{test.broker}, "", "", ""
			if test.by != nil {
				cert, key := test.by.issue(t, test.change)
				cfg.TLS.CertFile, cfg.TLS.KeyFile = write(t, "client.pem", cert), write(t, "client.key", key)
			}
			if test.set != nil {
				test.set(&cfg)
			}
			c := s.client(t, cfg)
			err := c.refresh(t.Context())
			got := c.Explain(err)
			if (err == nil) != (test.want == "") || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if strings.Contains(got, password) {
				t.Errorf("the password is in %q", got)
			}
		})
	}
}

// A certificate that is renewed in its place is used without a restart.
func TestSecureBrokerRenewedCertificate(t *testing.T) {
	s, cfg := secureSite(t, secureAdmin, access.Plain)
	ca := brokersAuthority(t)
	cfg.SASL.Mechanism, cfg.SASL.Username, cfg.SASL.Password = "", "", ""
	s.brokers = []string{os.Getenv("TEST_KAFKA_SECURE_MUTUAL")}
	dir := t.TempDir()
	cfg.TLS.CertFile, cfg.TLS.KeyFile = filepath.Join(dir, "client.pem"), filepath.Join(dir, "client.key")
	put := func(end time.Time) {
		cert, key := ca.issue(t, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), end })
		for path, text := range map[string][]byte{cfg.TLS.CertFile: cert, cfg.TLS.KeyFile: key} {
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	put(time.Now().Add(-time.Hour))
	c := s.client(t, cfg)
	if err := c.refresh(t.Context()); err == nil {
		t.Fatal("an expired certificate connects")
	}
	put(time.Now().Add(time.Hour))
	c.transport.CloseIdleConnections() // as whoever tries again does
	if err := c.refresh(t.Context()); err != nil {
		t.Errorf("with the new certificate: %v", err)
	}
}

package kafka

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/kafka/access"
)

// A password that was replaced is shown by the next connection.
func TestReplacedPassword(t *testing.T) {
	for _, mechanism := range []string{access.Plain, access.ScramSHA256, access.ScramSHA512} {
		t.Run(mechanism, func(t *testing.T) {
			cluster := guardedCluster(t, mechanism)
			var now atomic.Value
			now.Store(password + "?")
			cfg := Config{Config: asExporter, LedgerTopic: "ledger"}
			cfg.SASL.Mechanism, cfg.SASL.PasswordNow = mechanism, func() string { return now.Load().(string) }
			c := site{brokers: cluster.ListenAddrs()}.client(t, cfg)
			if err := c.refresh(t.Context()); err == nil {
				t.Error("the broker takes the wrong password")
			}
			now.Store(password)
			c.transport.CloseIdleConnections() // which remembers the first error
			if err := c.refresh(t.Context()); err != nil {
				t.Errorf("with the new password: %v", err)
			}
			now.Store("\x07") // SCRAM forbids it
			c.transport.CloseIdleConnections()
			if err := c.refresh(t.Context()); err == nil || strings.Contains(err.Error(), "\x07") {
				t.Errorf("got %v, want an error without the password", err)
			}
		})
	}
}

// A certificate is what its files hold at each connection; where they cannot be used, it
// is what it was, which is said once.
func TestReplacedCertificate(t *testing.T) {
	ca := newAuthority(t)
	good := func(*x509.Certificate) {}
	oldCert, oldKey := ca.issue(t, good)
	newCert, newKey := ca.issue(t, good)
	certFile, keyFile := write(t, "cert.pem", oldCert), write(t, "key.pem", oldKey)
	var log bytes.Buffer
	c, err := Dial(Config{Config: access.Config{
		Brokers: []string{"nowhere:9092"}, TLS: access.TLS{Enabled: true, CertFile: certFile, KeyFile: keyFile},
	}}, slog.New(slog.NewTextHandler(&log, nil)), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	of := func(cert, key []byte) string {
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		return string(pair.Certificate[0])
	}
	was, is := of(oldCert, oldKey), of(newCert, newKey)
	for _, step := range []struct {
		cert, key []byte // nil: there is none
		want      string
		told      int
	}{
		{oldCert, oldKey, was, 0},
		{newCert, oldKey, was, 1}, // half of it has been replaced
		{nil, nil, was, 1},
		{newCert, newKey, is, 1},
		{newCert, nil, is, 2},
		{oldCert, oldKey, was, 2},
	} {
		for path, text := range map[string][]byte{certFile: step.cert, keyFile: step.key} {
			_ = os.Remove(path)
			if text != nil {
				if err := os.WriteFile(path, text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		pair, err := c.tls.GetClientCertificate(nil)
		if err != nil || string(pair.Certificate[0]) != step.want {
			t.Errorf("got another certificate than wanted (%v)", err)
		}
		if got := strings.Count(log.String(), "the client certificate for Kafka cannot be read"); got != step.told {
			t.Errorf("it is said %d times, want %d:\n%s", got, step.told, &log)
		}
	}
}

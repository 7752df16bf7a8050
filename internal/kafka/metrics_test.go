package kafka

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	kafkago "github.com/segmentio/kafka-go"

	"airudder-exporter/internal/kafka/access"
)

// Codes have names as label values.
func TestLabel(t *testing.T) {
	for want, err := range map[string]error{
		"network":                   errors.New("cut off"),
		"concurrent_transactions":   kafkago.ConcurrentTransactions,
		"not_coordinator_for_group": kafkago.NotCoordinatorForGroup,
		"code_1234":                 kafkago.Error(1234),
	} {
		if got := label(err); got != want {
			t.Errorf("%v: got %s, want %s", err, got, want)
		}
	}
}

// A client certificate shows when it ends, also after it was renewed; without one the
// metric is not there.
func TestCertificateEnds(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	ends := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	certify(t, cert, key, ends)
	reg := prometheus.NewRegistry()
	dial := func(c access.TLS) {
		t.Helper()
		cfg := Config{Config: access.Config{Brokers: []string{"nowhere:9092"}, TLS: c}, LedgerTopic: "ledger"}
		client, err := Dial(cfg, slog.New(slog.DiscardHandler), reg)
		if err != nil {
			t.Fatal(err)
		}
		client.Close()
	}
	const name = "airudder_kafka_certificate_expiry_timestamp_seconds"
	dial(access.TLS{Enabled: true, CertFile: cert, KeyFile: key})
	for _, want := range []time.Time{ends, ends.AddDate(1, 0, 0)} {
		certify(t, cert, key, want)
		text := "# HELP " + name + " When the client certificate for Kafka ends, as its file has it now; 0: it cannot be read.\n# TYPE " + name + " gauge\n" +
			name + " " + prometheusFloat(want) + "\n"
		if err := testutil.GatherAndCompare(reg, strings.NewReader(text), name); err != nil {
			t.Error(err)
		}
	}
	reg = prometheus.NewRegistry()
	dial(access.TLS{})
	if n, err := testutil.GatherAndCount(reg, name); n != 0 || err != nil {
		t.Errorf("without a certificate there are %d metrics, %v", n, err)
	}
}

func prometheusFloat(t time.Time) string { return big.NewInt(t.Unix()).String() }

// certify writes a certificate and its key.
func certify(t *testing.T, cert, key string, ends time.Time) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: ends}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: signed}, key: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

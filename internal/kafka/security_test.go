package kafka

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	kafkago "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"
)

// authority is a CA of the test.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
	pem  []byte
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue signs a certificate for 127.0.0.1, changed by change, as PEM.
func (a authority) issue(t *testing.T, change func(*x509.Certificate)) (cert, key []byte) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	change(template)
	k := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &k.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}

func write(t *testing.T, name string, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const password = "correct-horse-battery"

func TestSecurityRefusals(t *testing.T) {
	ca := newAuthority(t)
	cert, key := ca.issue(t, func(*x509.Certificate) {})
	_, otherKey := ca.issue(t, func(*x509.Certificate) {})
	certFile, keyFile := write(t, "cert.pem", cert), write(t, "key.pem", key)
	otherKeyFile := write(t, "other.pem", otherKey)
	garbage := write(t, "garbage", []byte("no PEM"))
	locked := write(t, "locked.pem", []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"))
	absent := filepath.Join(t.TempDir(), "absent.pem")

	user := SASL{Mechanism: Plain, Username: "u", Password: password}
	for _, test := range []struct {
		name string
		tls  TLS
		sasl SASL
		want []string // lines, in order; how each begins
	}{
		{"CA absent", TLS{Enabled: true, CAFile: absent}, SASL{}, []string{fmt.Sprintf("TLS.CAFile: %q cannot be read: no such file or directory", absent)}},
		{"CA garbage", TLS{Enabled: true, CAFile: garbage}, SASL{}, []string{fmt.Sprintf("TLS.CAFile: %q holds no PEM block: it must hold", garbage)}},
		{"CA is a key", TLS{Enabled: true, CAFile: keyFile}, SASL{}, []string{fmt.Sprintf("TLS.CAFile: %q holds PRIVATE KEY: it must hold", keyFile)}},
		{"both absent", TLS{Enabled: true, CertFile: absent, KeyFile: absent}, SASL{}, []string{"TLS.CertFile: ", "TLS.KeyFile: "}},
		{"another's key", TLS{Enabled: true, CertFile: certFile, KeyFile: otherKeyFile}, SASL{},
			[]string{fmt.Sprintf("TLS.CertFile: %q (CERTIFICATE) and TLS.KeyFile %q (PRIVATE KEY) are no certificate", certFile, otherKeyFile)}},
		{"locked key", TLS{Enabled: true, CertFile: certFile, KeyFile: locked}, SASL{}, []string{fmt.Sprintf("TLS.KeyFile: %q is encrypted", locked)}},
		{"characters SCRAM forbids", TLS{}, SASL{Mechanism: ScramSHA256, Username: "u", Password: password + "\x07"},
			[]string{`SASL.Username: "u" or SASL.Password holds characters`}},
		{"all at once", TLS{Enabled: true, CAFile: absent, CertFile: certFile, KeyFile: absent}, user, []string{"TLS.CAFile: ", "TLS.KeyFile: "}},
	} {
		c := Config{Brokers: []string{"nowhere:9092"}, TLS: test.tls, SASL: test.sasl}
		_, err := Dial(c, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		if err == nil {
			t.Errorf("%s: got nil, want an error", test.name)
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		for i, want := range test.want {
			if len(lines) != len(test.want) || !strings.HasPrefix(lines[i], want) {
				t.Errorf("%s: got %q, want lines that begin with %q", test.name, lines, test.want)
				break
			}
		}
		if strings.Contains(err.Error(), password) {
			t.Errorf("%s: the password is in %q", test.name, err)
		}
	}
}

func TestSecurityWithoutAnything(t *testing.T) {
	config, mechanism, err := Config{}.secure()
	if config != nil || mechanism != nil || err != nil {
		t.Errorf("got %v, %v, %v, want nothing", config, mechanism, err)
	}
}

// Each mechanism, over TLS with a CA of its own, and each way it goes wrong.
func TestSecurityConnects(t *testing.T) {
	ca := newAuthority(t)
	caFile := write(t, "ca.pem", ca.pem)
	otherCA := write(t, "other.pem", newAuthority(t).pem)
	good := func(*x509.Certificate) {}
	expired := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	elsewhere := func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"kafka.example"} }

	for _, test := range []struct {
		name   string
		cert   func(*x509.Certificate) // nil: no TLS
		asked  bool                    // for a client certificate
		broker string                  // the mechanism that it offers; empty: none
		c      Config
		want   string // empty: it connects
	}{
		{"TLS", good, false, "", Config{TLS: TLS{Enabled: true, CAFile: caFile}}, ""},
		{"TLS and PLAIN", good, false, Plain, Config{TLS: TLS{Enabled: true, CAFile: caFile}, SASL: SASL{Mechanism: Plain, Username: "u", Password: password}}, ""},
		{"SCRAM-SHA-256", nil, false, ScramSHA256, Config{SASL: SASL{Mechanism: ScramSHA256, Username: "u", Password: password}}, ""},
		{"SCRAM-SHA-512", nil, false, ScramSHA512, Config{SASL: SASL{Mechanism: ScramSHA512, Username: "u", Password: password}}, ""},
		{"mechanism off", nil, false, ScramSHA512, Config{SASL: SASL{Mechanism: Plain, Username: "u", Password: password}}, "by PLAIN"},
		{"wrong password", nil, false, Plain, Config{SASL: SASL{Mechanism: Plain, Username: "u", Password: password + "?"}}, `it refuses SASL.Username "u" with SASL.Password`},
		{"no SASL", nil, false, Plain, Config{}, "its listener wants SASL (SASL.Mechanism)"},
		{"unknown CA", good, false, "", Config{TLS: TLS{Enabled: true, CAFile: otherCA}}, fmt.Sprintf(`(issued by "CN=test CA") is signed by a CA that is not known here: put that CA's certificate into TLS.CAFile (now %q)`, otherCA)},
		{"system's CAs", good, false, "", Config{TLS: TLS{Enabled: true}}, "TLS.CAFile (now empty: the system's CAs)"},
		{"expired", expired, false, "", Config{TLS: TLS{Enabled: true, CAFile: caFile}}, "it must be renewed"},
		{"another name", elsewhere, false, "", Config{TLS: TLS{Enabled: true, CAFile: caFile}}, `is not for the name "127.0.0.1"`},
		{"no TLS", good, false, "", Config{}, "TLS"},
		{"no client certificate", good, true, "", Config{TLS: TLS{Enabled: true, CAFile: caFile}}, "the broker wants a client certificate"},
	} {
		t.Run(test.name, func(t *testing.T) {
			verifyGoroutines(t)
			var opts []kfake.Opt
			if test.cert != nil {
				opts = append(opts, kfake.TLS(serverTLS(t, ca, test.cert, test.asked)))
			}
			if test.broker != "" {
				opts = append(opts, kfake.EnableSASL(), kfake.Superuser(test.broker, "u", password))
			}
			err := try(t, test.c, opts)
			switch got := test.c.explain(err); {
			case test.want == "" && err != nil:
				t.Errorf("got %v, want a connection", err)
			case !strings.Contains(got, test.want):
				t.Errorf("got %q, want %q in it", got, test.want)
			case strings.Contains(got, password):
				t.Errorf("the password is in %q", got)
			}
		})
	}
}

func serverTLS(t *testing.T, ca authority, change func(*x509.Certificate), askClients bool) *tls.Config {
	t.Helper()
	cert, key := ca.issue(t, change)
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	if askClients {
		config.ClientAuth = tls.RequireAnyClientCert
	}
	return config
}

// try asks a broker with these options for metadata.
func try(t *testing.T, cfg Config, opts []kfake.Opt) error {
	t.Helper()
	cluster, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	cfg.TransactionTimeout = 3 * time.Second
	c := site{brokers: cluster.ListenAddrs()}.client(t, cfg)
	return c.refresh(t.Context())
}

// A real broker answers a wrong password with a code; the in-process one
// hangs up.
func TestExplainWrongPassword(t *testing.T) {
	cluster := guardedCluster(t)
	cluster.ControlKey(int16(kmsg.SASLAuthenticate), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		res := req.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		res.ErrorCode = 58
		return res, nil, true
	})
	c := site{brokers: cluster.ListenAddrs()}.client(t, Config{LedgerTopic: "ledger", SASL: SASL{Plain, "exporter", password}})
	_, err := c.LookUp(t.Context(), "ledger")
	got := c.Explain(err)
	if want := `the broker refuses SASL.Username "exporter" with SASL.Password by PLAIN`; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestExplain(t *testing.T) {
	c := Config{LedgerTopic: "l", SASL: SASL{Username: "exporter", Mechanism: Plain}}
	for _, test := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{errors.New("something else"), "something else"},
		{&net.OpError{Op: "read", Net: "tcp", Source: &net.TCPAddr{Port: 40312}, Addr: &net.TCPAddr{Port: 9092}, Err: os.ErrDeadlineExceeded},
			"nobody answers in time: is the address in Brokers (or in the brokers' advertised.listeners) right, and is no firewall in between? (read tcp :9092: i/o timeout)"},
		{kafkago.TopicAuthorizationFailed, `the Kafka user "exporter" lacks a right on a topic: it needs Read, Write and Describe on "l"`},
		{kafkago.ClusterAuthorizationFailed, `the Kafka user "exporter" lacks a right on the cluster`},
		{kafkago.TransactionalIDAuthorizationFailed, `the Kafka user "exporter" lacks the right Write on the transactional ids: grant it on the prefix "l-"`},
		{onTopic(kafkago.TopicAuthorizationFailed, "Read", "l"), `the Kafka user "exporter" lacks the right Read on the topic "l": grant it, for example with kafka-acls.sh --bootstrap-server … --add --allow-principal User:exporter --operation Read --topic l; the exporter`},
		{fmt.Errorf("fence: %w", onTransactionalID(kafkago.TransactionalIDAuthorizationFailed, "l")), `the Kafka user "exporter" lacks the right Write on the transactional ids that begin with "l-": grant it, for example with kafka-acls.sh --bootstrap-server … --add --allow-principal User:exporter --operation Write --transactional-id l- --resource-pattern-type prefixed; the exporter`},
		{kafkago.UnsupportedSASLMechanism, "the broker does not offer SASL.Mechanism PLAIN on this listener: try another of PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"},
		{kafkago.IllegalSASLState, "the broker takes no SASL on this listener"},
		{fmt.Errorf("ask: %w", io.ErrUnexpectedEOF), "the broker ends the connection without a word"},
		{&net.DNSError{Name: "kafka.example", IsNotFound: true}, `the name "kafka.example"`},
		{&net.OpError{Op: "remote error", Err: tls.AlertError(42)}, "the broker wants a client certificate"},
		{&net.OpError{Op: "remote error", Err: tls.AlertError(40)}, "the broker ends the TLS handshake with alert 40"},
		{fmt.Errorf("ask: %w", context.DeadlineExceeded), "nobody answers in time"},
		{context.Canceled, context.Canceled.Error()},
	} {
		if got := c.explain(test.err); !strings.HasPrefix(got, test.want) {
			t.Errorf("%v: got %q, want %q", test.err, got, test.want)
		}
	}
}

// A broker that says nothing while we authenticate is given up, and no try on it
// leaves a connection behind.
func TestSilentAuthentication(t *testing.T) {
	cluster := guardedCluster(t)
	cluster.ControlKey(int16(kmsg.SASLAuthenticate), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		return nil, nil, true
	})
	before := goleak.IgnoreCurrent()
	cfg := Config{LedgerTopic: "ledger", TransactionTimeout: 200 * time.Millisecond, SASL: SASL{Plain, "exporter", password}}
	c := site{brokers: cluster.ListenAddrs()}.client(t, cfg)
	for range 3 {
		if err := c.refresh(t.Context()); err == nil {
			t.Error("got no error of a broker that lets nobody in")
		}
	}
	c.Close()
	goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*Cluster).listen"), goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).read"), goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).write"))
}

package kafka

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"airudder-exporter/internal/kafka/access"
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

var asExporter = access.Config{SASL: access.SASL{Mechanism: access.Plain, Username: "exporter", Password: password}}

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

	user := access.SASL{Mechanism: access.Plain, Username: "u", Password: password}
	for _, test := range []struct {
		name string
		tls  access.TLS
		sasl access.SASL
		want []string // lines, in order; how each begins
	}{
		{"CA absent", access.TLS{Enabled: true, CAFile: absent}, access.SASL{}, []string{fmt.Sprintf("TLS.CAFile: %q cannot be read: no such file or directory", absent)}},
		{"CA garbage", access.TLS{Enabled: true, CAFile: garbage}, access.SASL{}, []string{fmt.Sprintf("TLS.CAFile: %q holds no PEM block: it must hold", garbage)}},
		{"CA is a key", access.TLS{Enabled: true, CAFile: keyFile}, access.SASL{}, []string{fmt.Sprintf("TLS.CAFile: %q holds PRIVATE KEY: it must hold", keyFile)}},
		{"both absent", access.TLS{Enabled: true, CertFile: absent, KeyFile: absent}, access.SASL{}, []string{"TLS.CertFile: ", "TLS.KeyFile: "}},
		{"another's key", access.TLS{Enabled: true, CertFile: certFile, KeyFile: otherKeyFile}, access.SASL{},
			[]string{fmt.Sprintf("TLS.CertFile: %q (CERTIFICATE) and TLS.KeyFile %q (PRIVATE KEY) are no certificate", certFile, otherKeyFile)}},
		{"locked key", access.TLS{Enabled: true, CertFile: certFile, KeyFile: locked}, access.SASL{}, []string{fmt.Sprintf("TLS.KeyFile: %q is encrypted", locked)}},
		{"characters SCRAM forbids", access.TLS{}, access.SASL{Mechanism: access.ScramSHA256, Username: "u", Password: password + "\x07"},
			[]string{`SASL.Username: "u" or SASL.Password holds characters`}},
		{"all at once", access.TLS{Enabled: true, CAFile: absent, CertFile: certFile, KeyFile: absent}, user, []string{"TLS.CAFile: ", "TLS.KeyFile: "}},
	} {
		c := Config{Config: access.Config{Brokers: []string{"nowhere:9092"}, TLS: test.tls, SASL: test.sasl}}
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
	config, mechanism, err := access.Config{}.Secure()
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
		c      access.Config
		want   string // empty: it connects
	}{
		{"TLS", good, false, "", access.Config{TLS: access.TLS{Enabled: true, CAFile: caFile}}, ""},
		{"TLS and PLAIN", good, false, access.Plain, access.Config{TLS: access.TLS{Enabled: true, CAFile: caFile}, SASL: access.SASL{Mechanism: access.Plain, Username: "u", Password: password}}, ""},
		{"SCRAM-SHA-256", nil, false, access.ScramSHA256, access.Config{SASL: access.SASL{Mechanism: access.ScramSHA256, Username: "u", Password: password}}, ""},
		{"SCRAM-SHA-512", nil, false, access.ScramSHA512, access.Config{SASL: access.SASL{Mechanism: access.ScramSHA512, Username: "u", Password: password}}, ""},
		{"mechanism off", nil, false, access.ScramSHA512, access.Config{SASL: access.SASL{Mechanism: access.Plain, Username: "u", Password: password}}, "by PLAIN"},
		{"wrong password", nil, false, access.Plain, access.Config{SASL: access.SASL{Mechanism: access.Plain, Username: "u", Password: password + "?"}}, `it refuses SASL.Username "u" with SASL.Password`},
		{"no SASL", nil, false, access.Plain, access.Config{}, "its listener wants SASL (SASL.Mechanism)"},
		{"unknown CA", good, false, "", access.Config{TLS: access.TLS{Enabled: true, CAFile: otherCA}}, fmt.Sprintf(`(issued by "CN=test CA") is signed by a CA that is not known here: put that CA's certificate into TLS.CAFile (now %q)`, otherCA)},
		{"system's CAs", good, false, "", access.Config{TLS: access.TLS{Enabled: true}}, "TLS.CAFile (now empty: the system's CAs)"},
		{"expired", expired, false, "", access.Config{TLS: access.TLS{Enabled: true, CAFile: caFile}}, "it must be renewed"},
		{"another name", elsewhere, false, "", access.Config{TLS: access.TLS{Enabled: true, CAFile: caFile}}, `is not for the name "127.0.0.1"`},
		{"no TLS", good, false, "", access.Config{}, "TLS"},
		{"no client certificate", good, true, "", access.Config{TLS: access.TLS{Enabled: true, CAFile: caFile}}, "the broker wants a client certificate"},
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
			switch got := test.c.Explain(err, "ledger"); {
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
func try(t *testing.T, reached access.Config, opts []kfake.Opt) error {
	t.Helper()
	cluster, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	c := site{brokers: cluster.ListenAddrs()}.client(t, Config{Config: reached, TransactionTimeout: 3 * time.Second})
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
	c := site{brokers: cluster.ListenAddrs()}.client(t, Config{Config: asExporter, LedgerTopic: "ledger"})
	_, err := c.LookUp(t.Context(), "ledger")
	got := c.Explain(err)
	if want := `the broker refuses SASL.Username "exporter" with SASL.Password by PLAIN`; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q", got, want)
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
	cfg := Config{Config: asExporter, TransactionTimeout: time.Second}
	c := site{brokers: cluster.ListenAddrs()}.client(t, cfg)
	for range 3 {
		if err := c.refresh(t.Context()); err == nil {
			t.Error("got no error of a broker that lets nobody in")
		}
	}
	c.Close()
	goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*Cluster).listen"), goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).read"), goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).write"))
}

package webconfig

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// A connection that was answered with an error is held for half a second, so that its
	// client reads the answer (net/http's rstAvoidanceDelay).
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).serve"))
}

// The passwords of the tests, and their hashes; no message may show one.
const (
	first, firstHash   = "first-4711", "$2a$04$xuneJ.Oyj3lbTtYUxpg0AuGoR6J0QS.kNK78AYx3PrRrDBzht8nYe"
	second, secondHash = "second-4712", "$2a$04$d720OP8MN3j0cVGtNB.WHOFDtvjBCqBvph0/6vZPA3kVmdnj.y/qa"
)

const (
	withTLS = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"
	users   = "basic_auth_users:\n  ops: " + firstHash + "\n"
)

// place is a directory with a web configuration and certificates.
type place struct {
	t   *testing.T
	dir string
	Config
}

func newPlace(t *testing.T, text string) place {
	t.Helper()
	dir := t.TempDir()
	p := place{t, dir, Config{WebConfigFile: filepath.Join(dir, "web.yaml")}}
	p.write("web.yaml", text)
	p.certify("cert.pem", "key.pem", "page")
	return p
}

func (p place) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// certify writes a certificate that signs itself, and its key.
func (p place) certify(cert, key, host string) tls.Certificate {
	p.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		p.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, DNSNames: []string{host}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		p.t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		p.t.Fatal(err)
	}
	p.write(cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})))
	p.write(key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})))
	return tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: private}
}

// serve answers "known" or "unknown" until the test ends, and returns the address.
func (p place) serve() string {
	p.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	server := &http.Server{
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			word := "unknown"
			if p.Authenticated(r) {
				word = "known"
			}
			_, _ = io.WriteString(w, word)
		}),
	}
	ended := make(chan error)
	go func() { ended <- p.Serve(l, server, slog.New(slog.DiscardHandler)) }()
	p.t.Cleanup(func() {
		_ = server.Close()
		if err := <-ended; err != http.ErrServerClosed {
			p.t.Errorf("Serve: %v", err)
		}
	})
	return l.Addr().String()
}

// asker is who asks.
type asker struct {
	user, password string
	certificate    *tls.Certificate
}

// ask returns the code and the body, or why there is none.
func (a asker) ask(t *testing.T, c Config, addr string) string {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: c.Client()}
	url := "http://" + addr
	if transport.TLSClientConfig != nil {
		url = "https://" + addr
		if a.certificate != nil {
			transport.TLSClientConfig.Certificates = []tls.Certificate{*a.certificate}
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a.user != "" {
		request.SetBasicAuth(a.user, a.password)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return response.Status[:4] + strings.TrimSpace(string(body))
}

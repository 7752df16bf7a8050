package record

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"airudder-exporter/internal/certs"
)

// secured is a registry by TLS that wants a client certificate where asked says so.
func secured(t *testing.T, asked tls.ClientAuthType, answer http.HandlerFunc) (Registry, certs.Files) {
	t.Helper()
	server := httptest.NewUnstartedServer(answer)
	server.TLS = &tls.Config{ClientAuth: asked}
	server.StartTLS()
	t.Cleanup(server.Close)
	pair := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})
	files := certs.Files{
		CAFile: put(t, cert), CertFile: put(t, cert),
		KeyFile: put(t, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
	}
	return Registry{URL: server.URL, AutoRegister: true}, files
}

func put(t *testing.T, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.pem")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func registered(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	w.Write([]byte(`{"id":7}`))
}

// A CA of its own, a client certificate, and each way they go wrong.
func TestRegistryTLS(t *testing.T) {
	open, files := secured(t, tls.NoClientCert, registered)
	closed, _ := secured(t, tls.RequireAnyClientCert, registered)
	garbage := put(t, []byte("no PEM"))
	for _, test := range []struct {
		name string
		cfg  Registry
		tls  certs.Files
		want string // empty: it answers
	}{
		{"CA", open, certs.Files{CAFile: files.CAFile}, ""},
		{"client certificate", closed, files, ""},
		{"no CA", open, certs.Files{}, `put that CA's certificate into TLS.CAFile (now empty: the system's CAs)`},
		{"no client certificate", closed, certs.Files{CAFile: files.CAFile}, "TLS.CertFile and TLS.KeyFile"}, // one of two sentences: the alert may come too late
		{"CA garbage", open, certs.Files{CAFile: garbage}, `TLS.CAFile: "` + garbage + `" holds no PEM block: it must hold CA certificates in PEM`},
		{"key absent", open, certs.Files{CertFile: files.CertFile, KeyFile: "/nowhere"}, `TLS.KeyFile: "/nowhere" cannot be read: no such file or directory`},
	} {
		test.cfg.TLS = test.tls
		_, err := Register(t.Context(), test.cfg, testTopics())
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
}

// The token and the headers are sent with each request, and no error repeats them.
func TestRegistryToken(t *testing.T) {
	var seen http.Header
	refuse := false
	cfg, files := secured(t, tls.NoClientCert, func(w http.ResponseWriter, r *http.Request) {
		if seen = r.Header.Clone(); refuse {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			w.Write([]byte(`{"error_code":401,"message":"not ` + r.Header.Get("Authorization") + " nor " + r.Header.Get("X-Key") + `"}`))
			return
		}
		registered(w, r)
	})
	cfg.TLS.CAFile = files.CAFile
	cfg.Token = func(context.Context) (string, error) { return "t0ken", nil }
	cfg.Headers = func() string { return "target-sr-cluster=lsrc-1, X-Key=s3cret" }
	if _, err := Register(t.Context(), cfg, testTopics()); err != nil {
		t.Fatal(err)
	}
	if got := seen.Get("Authorization") + " " + seen.Get("Target-Sr-Cluster") + " " + seen.Get("X-Key"); got != "Bearer t0ken lsrc-1 s3cret" {
		t.Errorf("got %q", got)
	}
	refuse = true
	_, err := Register(t.Context(), cfg, testTopics())
	if err == nil || !strings.HasPrefix(err.Error(), "the schema registry does not accept the token (401)") ||
		strings.Contains(err.Error(), "t0ken") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
	cfg.Token = func(context.Context) (string, error) { return "", errors.New("the token file is empty") }
	if _, err := Register(t.Context(), cfg, testTopics()); err == nil || err.Error() != "the token file is empty" || !errors.Is(err, ErrNoAnswer) {
		t.Errorf("got %v", err)
	}
}

func TestRegistryHeaders(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "",
		"a=b":                        "",
		"a=b=c, d=":                  "",
		"a":                          "has a header (the one at 1) that is none: give name=value, separated by commas",
		"a=b,c d=hunter2":            "has a header (the one at 2) that is none: give name=value, separated by commas",
		"authorization=Basic hunter": "has the header Authorization, which the user or the token is sent in: leave one out",
	} {
		cfg := Registry{URL: "http://registry:8081", Username: "u", Password: "p", Headers: func() string { return text }}
		got := ""
		for _, p := range cfg.Check() {
			got += p.Text
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

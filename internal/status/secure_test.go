package status

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"airudder-exporter/internal/rig"

	"github.com/prometheus/client_golang/prometheus"
)

const password = "first-4711"

// secure is a configuration with TLS and the user ops.
func secure(t *testing.T) Config {
	t.Helper()
	dir := t.TempDir()
	shown := httptest.NewTLSServer(nil) // net/http's own certificate for tests
	defer shown.Close()
	key, err := x509.MarshalPKCS8PrivateKey(shown.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"cert.pem": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: shown.TLS.Certificates[0].Certificate[0]})),
		"key.pem":  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
		"web.yaml": "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n" +
			"basic_auth_users:\n  ops: $2a$04$xuneJ.Oyj3lbTtYUxpg0AuGoR6J0QS.kNK78AYx3PrRrDBzht8nYe\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Config{Addr: "127.0.0.1:0", WebConfigFile: filepath.Join(dir, "web.yaml")}
}

// With a web configuration every path wants TLS and a user, who may then change the level
// from anywhere.
func TestServeSecurely(t *testing.T) {
	c := secure(t)
	log := &rig.Lines{}
	logger := slog.New(slog.NewTextHandler(log, nil))
	h := Handler(&State{}, prometheus.NewRegistry(), lived(), info, Operator{Level: NewLogLevel(slog.LevelInfo), Log: logger, Profiles: true, Authenticated: c.Web().Authenticated})
	s, err := Serve(t.Context(), c, h, logger)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c.Addr = s.Addr()
	ask := func(path, user string, headers ...string) (*http.Response, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+s.Addr()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if user != "" {
			request.SetBasicAuth(user, password)
		}
		for i := 0; i < len(headers); i += 2 {
			request.Header.Set(headers[i], headers[i+1])
		}
		response, err := (&http.Transport{DisableKeepAlives: true, TLSClientConfig: c.Web().Client()}).RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response, string(body)
	}
	for _, path := range []string{"/", "/metrics", "/healthz", "/readyz", "/plot/events.svg", "/api/status", "/api/log-level", "/debug/pprof/"} {
		for _, user := range []string{"", "root"} {
			if r, body := ask(path, user); r.StatusCode != http.StatusUnauthorized || r.Header.Get("WWW-Authenticate") != "Basic" || body != "Unauthorized\n" {
				t.Errorf("%s as %q: %s %s", path, user, r.Status, body)
			}
		}
		if r, body := ask(path, "ops"); r.StatusCode == http.StatusUnauthorized || r.StatusCode == http.StatusForbidden {
			t.Errorf("%s as ops: %s %s", path, r.Status, body)
		}
	}
	if r, body := ask("/api/log-level", "ops", "X-Forwarded-For", "203.0.113.7"); r.StatusCode != http.StatusOK {
		t.Errorf("ops through a proxy: %s %s", r.Status, body)
	}
	if got := fetch(s.Addr(), ""); !strings.HasPrefix(got, "400 ") {
		t.Errorf("without TLS: %s", got)
	}
	if said := log.Take(); said != "" {
		t.Errorf("the log has %s", said)
	}
}

func TestHealthcheckSecurely(t *testing.T) {
	c := secure(t)
	s, err := Serve(t.Context(), c, handler(running(idle())), quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c.Addr = s.Addr()
	for _, test := range []struct{ user, password, want string }{
		{"ops", password, ""},
		{"", "", "401 Unauthorized: the web configuration wants a user and a password: set HealthcheckUsername and HealthcheckPassword"},
		{"ops", "wrong", "401 Unauthorized"},
	} {
		c.HealthcheckUsername, c.HealthcheckPassword = test.user, test.password
		got := ""
		if err := Healthcheck(t.Context(), c, "/readyz"); err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, test.want) || test.want == "" && got != "" {
			t.Errorf("as %s: %s, want %s", test.user, got, test.want)
		}
	}
	c.WebConfigFile += "x"
	want := `WebConfigFile: "` + c.WebConfigFile + `" cannot be read: no such file or directory`
	if err := Healthcheck(t.Context(), c, "/readyz"); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("a wrong file: %v, want %s", err, want)
	}
	if _, err := Serve(t.Context(), c, handler(&State{}), quiet); err == nil || err.Error() != want {
		t.Errorf("a server with a wrong file: %v, want %s", err, want)
	}
}

// What a client alone causes is no warning, and what a handshake ended with may quote the
// web configuration.
func TestServerLog(t *testing.T) {
	for line, want := range map[string]string{
		"http: TLS handshake error from 127.0.0.1:4711: yaml: secret\n":         `level=DEBUG msg="a client's TLS handshake did not succeed" from=127.0.0.1:4711`,
		"http: TLS handshake error from [::1]:4711: EOF\n":                      `level=DEBUG msg="a client's TLS handshake did not succeed" from=[::1]:4711`,
		"http2: server: error reading preface from client 127.0.0.1:1: bogus\n": `level=DEBUG msg="http2: server: error reading preface from client 127.0.0.1:1: bogus"`,
		"http: panic serving 127.0.0.1:4711: oh\n":                              `level=WARN msg="http: panic serving 127.0.0.1:4711: oh"`,
	} {
		log := &rig.Lines{}
		newServer(nil, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))).ErrorLog.Print(line)
		if got := log.Take(); !strings.HasSuffix(got, want+"\n") {
			t.Errorf("%q is logged as %s, want %s", line, got, want)
		}
	}
}

package webconfig

import (
	"context"
	"crypto/tls"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/rig"
)

// What is wrong is told in one sentence that shows nothing of what the file holds.
func TestCheck(t *testing.T) {
	const aKey = "-----BEGIN PRIVATE KEY----- c2VjcmV0LTQ3MTM"
	const unlike = "is not a web configuration as Prometheus's exporters have it: "
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{withTLS, ""},
		{users, ""},
		{withTLS + users + "http_server_config:\n  headers:\n    Strict-Transport-Security: max-age=1\n", ""},
		{withTLS + "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: cert.pem\n", ""},

		{"ops: " + first, unlike + "line 1: there is no field ops"},
		{"basic_auth_users: ops:" + first, unlike + "line 1 is not as it should be"},
		{"basic_auth_users:\n  ops: *" + first, unlike + "it cannot be understood"},
		{"basic_auth_users:\n  ops: " + first + ": x", unlike + "line 2 is not as it should be"},
		{"basic_auth_users:\n  ops: " + first, unlike + "a password of basic_auth_users is no bcrypt hash: make one, for instance with htpasswd -nB USER"},
		{"tls_server_config:\n  cert_file: cert.pem\n", unlike + "missing one of key or key_file"},
		{"tls_server_config:\n  cert_file: cert.pem\n  key_file: none.pem\n", "names a file that cannot be used: key_file: no such file or directory"},
		{"tls_server_config:\n  cert_file: cert.pem\n  key_file: " + aKey + "\n", "names a file that cannot be used: key_file: no such file or directory"},
		{"tls_server_config:\n  cert_file: cert.pem\n  key_file: web.yaml\n", unlike + "failed to load X509KeyPair: tls: failed to find any PEM data in key input"},
		{"tls_server_config:\n  cert_file: cert.pem\n  key: " + aKey + "\n", unlike + "failed to load X509KeyPair: tls: failed to find any PEM data in key input"},
		{"tls_server_config:\n  cert_file: cert.pem\n  key_file: other.pem\n", unlike + "failed to load X509KeyPair: tls: private key does not match public key"},
		{"tls_server_config:\n  cert_file: cert.pem\n  key: |\n    -----BEGIN EC PRIVATE KEY-----\n    c2VjcmV0\n    -----END EC PRIVATE KEY-----\n", unlike + "failed to load X509KeyPair: tls: failed to parse private key"},
		{withTLS + "  cipher_suites: [TLS_NONE]\n", unlike + "unknown cipher: TLS_NONE"},
		{withTLS + "  min_version: SSL3\n", unlike + "unknown TLS version: SSL3"},
		{withTLS + "  client_auth_type: " + first + "\n", unlike + "client_auth_type is none of NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven and RequireAndVerifyClientCert"},
		{withTLS + "  client_ca_file: cert.pem\n", unlike + "client CA's have been configured without a Client Auth Policy"},
		{withTLS + "  client_auth_type: RequireAndVerifyClientCert\n", "has a client_auth_type without authorities: give those whose certificates are let in, as client_ca_file"},
		{withTLS + "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: key.pem\n", "has a client_auth_type without authorities: give those whose certificates are let in, as client_ca_file"},
		{withTLS + "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: cert.pem\n  client_allowed_sans: [a]\n", "has client_allowed_sans without verifying every client: set client_auth_type to RequireAndVerifyClientCert"},
		{"http_server_config:\n  headers:\n    X-Other: " + first + "\n", unlike + `HTTP header "X-Other" can not be configured`},
	} {
		p := newPlace(t, test.text)
		p.certify("unused.pem", "other.pem", "other")
		got := ""
		for _, problem := range p.Check() {
			got += problem.Text
		}
		if got != test.want {
			t.Errorf("%s\ngot  %s\nwant %s", test.text, got, test.want)
		}
		if strings.Contains(got, first) || strings.Contains(got, "c2Vj") {
			t.Errorf("it shows a secret: %s", got)
		}
	}
}

func TestCheckOfNoFile(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		"": "", filepath.Join(dir, "none"): "cannot be read: no such file or directory", dir: "is no regular file",
	} {
		got := ""
		for _, problem := range (Config{WebConfigFile: path, SettingName: strings.ToUpper}).Check() {
			got = problem.Error()
		}
		if want != "" {
			want = `WEBCONFIGFILE: "` + path + `" ` + want
		}
		if !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%q: %s, want %s", path, got, want)
		}
	}
}

func TestSays(t *testing.T) {
	for text, want := range map[string]string{
		"": "neither TLS nor authentication", withTLS: "TLS", users: "basic auth", "wrong": "neither TLS nor authentication",
		withTLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: cert.pem\n" + users: "TLS, client certificates, basic auth",
	} {
		if got := newPlace(t, text).Says().String(); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestServe(t *testing.T) {
	stranger, ops, wrong, other := asker{}, asker{user: "ops", password: first}, asker{user: "ops", password: second}, asker{user: "root", password: first}
	for _, test := range []struct {
		text string
		want map[asker]string
	}{
		{"", map[asker]string{stranger: "200 unknown", ops: "200 unknown"}},
		{users, map[asker]string{stranger: "401 Unauthorized", ops: "200 known", wrong: "401 Unauthorized", other: "401 Unauthorized"}},
		{withTLS, map[asker]string{stranger: "200 unknown", ops: "200 unknown"}},
		{withTLS + users, map[asker]string{stranger: "401 Unauthorized", ops: "200 known", wrong: "401 Unauthorized", other: "401 Unauthorized"}},
	} {
		p := newPlace(t, test.text)
		addr := p.serve()
		for who, want := range test.want {
			if got := who.ask(t, p.Config, addr); got != want {
				t.Errorf("%s\n%s asks: %s, want %s", test.text, who.user, got, want)
			}
		}
	}
}

// Whoever has a certificate of the authorities is known; a certificate that was asked for,
// but is not verified, says nothing.
func TestClientCertificates(t *testing.T) {
	p := newPlace(t, withTLS+"  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: client.pem\n")
	client, strange := p.certify("client.pem", "unused.pem", "client"), p.certify("strange.pem", "unused.pem", "strange")
	addr := p.serve()
	for _, test := range []struct {
		who  asker
		want string
	}{
		{asker{}, "200 unknown"}, {asker{certificate: &client}, "200 known"}, {asker{certificate: &strange}, "tls: "},
	} {
		if got := test.who.ask(t, p.Config, addr); !strings.Contains(got, test.want) {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
	p.write("web.yaml", withTLS+"  client_auth_type: RequireAnyClientCert\n")
	if got := (asker{certificate: &strange}).ask(t, p.Config, addr); got != "200 unknown" {
		t.Errorf("a certificate that nobody verified: %s", got)
	}
	p.write("web.yaml", withTLS+"  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: client.pem\n")
	if got := (asker{}).ask(t, p.Config, addr); !strings.Contains(got, "certificate required") {
		t.Errorf("without a certificate: %s", got)
	}
}

// Another certificate and another password need no restart, and a file that is wrong lets
// nobody in until it is right again.
func TestChanges(t *testing.T) {
	p := newPlace(t, withTLS+users)
	addr := p.serve()
	with := func(password, want string) {
		t.Helper()
		if got := (asker{user: "ops", password: password}).ask(t, p.Config, addr); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	shown := func() string {
		conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return string(conn.ConnectionState().PeerCertificates[0].Raw)
	}
	with(first, "200 known")
	before := shown()
	p.certify("cert.pem", "key.pem", "page")
	if shown() == before {
		t.Error("the server shows the certificate of before")
	}
	with(first, "200 known") // Client trusts the one of now
	p.write("web.yaml", strings.Replace(withTLS+users, firstHash, secondHash, 1))
	with(first, "401 Unauthorized")
	with(second, "200 known")
	client := p.Client()
	p.write("web.yaml", "wrong")
	if conn, err := tls.Dial("tcp", addr, client); err == nil {
		conn.Close()
		t.Error("a wrong file lets somebody in")
	}
	p.write("web.yaml", withTLS+users)
	with(first, "200 known")
}

// A program beside the server asks that one alone.
func TestClientTrustsOneCertificate(t *testing.T) {
	p, other := newPlace(t, withTLS+users), newPlace(t, withTLS+users)
	if got := (asker{user: "ops", password: first}).ask(t, other.Config, p.serve()); !strings.Contains(got, "another certificate") {
		t.Errorf("got %s", got)
	}
}

// The log has one line when the file has become wrong, and one when it is right again.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t, withTLS+users)
		var log rig.Lines
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan bool)
		go func() {
			p.watch(ctx, true, slog.New(slog.NewTextHandler(&log, nil)))
			close(ended)
		}()
		after := func(looks int, want string) {
			t.Helper()
			time.Sleep(time.Duration(looks) * every)
			synctest.Wait()
			got := log.Take()
			if want == "" && got != "" || strings.Count(got, "\n") > 1 || !strings.Contains(got, want) {
				t.Errorf("the log has %q, want %q", got, want)
			}
		}
		after(10, "")
		p.write("web.yaml", "ops: "+first)
		after(1, "") // somebody may be writing
		p.write("web.yaml", withTLS)
		after(10, "")
		p.write("web.yaml", "ops: "+first)
		after(10, `level=WARN msg="the web configuration cannot be used: requests are refused, since the file is not a web configuration as Prometheus's exporters have it: line 1: there is no field ops"`)
		after(10, "")
		p.write("web.yaml", withTLS)
		after(10, `level=INFO msg="the web configuration can be used again"`)
		p.write("web.yaml", users)
		after(10, "TLS was turned off there, which takes a restart")
		if err := os.Remove(p.WebConfigFile); err != nil {
			t.Fatal(err)
		}
		after(10, "the file cannot be read: no such file or directory")
		cancel()
		<-ended
	})
}

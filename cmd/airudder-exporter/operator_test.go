package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"airudder-exporter/internal/rig"
)

// A PUT makes the log show what it did not before, and again nothing of it.
func TestLogLevelWhileItRuns(t *testing.T) {
	s := surround(t)
	s.env["SCHEMA_REGISTRY_URL"] = "http://" + rig.FreeAddress(t)
	p := s.start("run")
	p.until("a page that says so", p.shows("/readyz", "waiting for the schema registry"))
	put := func(level, want string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+s.env["HTTP_ADDR"]+"/api/log-level?level="+level, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK || !strings.Contains(p.stderr.String(), want) {
			t.Errorf("%s; the log has\n%s\nwant %s", response.Status, &p.stderr, want)
		}
	}
	if strings.Contains(p.stderr.String(), `"level":"DEBUG"`) {
		t.Errorf("the log begins with\n%s", &p.stderr)
	}
	put("debug", `"level":"INFO","msg":"the log level is debug for a while, then info again","until":"`)
	p.until("a line that info hides", func() bool { return strings.Contains(p.stderr.String(), `"level":"DEBUG","msg":"still waiting"`) })
	put("info", `"level":"INFO","msg":"the log level is info again"`)
	if code, body := p.get("/debug/pprof/"); code != http.StatusNotFound || !strings.Contains(body, "set HTTP_PPROF to true") {
		t.Errorf("profiles: %d %s", code, body)
	}
	p.stop()
	p.wantEnd(0)
}

// A web configuration that is wrong is one sentence, at the start and in check, which says
// what a right one does.
func TestWebConfiguration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.yaml")
	if err := os.WriteFile(path, []byte("basic_auth_users:\n  ops: "+kafkaSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const bad = " is not a web configuration as Prometheus's exporters have it: a password of basic_auth_users is no bcrypt hash: make one, for instance with htpasswd -nB USER"
	for variable, others := range map[string]map[string]string{
		"HTTP_WEB_CONFIG_FILE": nil, "HINT_WEB_CONFIG_FILE": {"HINT_ADDR": "127.0.0.1:0", "HINT_SECRET": "0123456789abcdef"},
	} {
		s := surround(t)
		s.env[variable] = path
		for name, value := range others {
			s.env[name] = value
		}
		p := s.run("run")
		p.wantEnd(1)
		if got, want := p.stderr.String(), "airudder-exporter: "+variable+`: "`+path+`"`+bad+"\n"; got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
		p = s.run("check", "--offline")
		p.wantEnd(1)
		if got := p.stdout.String(); strings.Count(got, variable+`: "`+path+`"`+bad) != 1 {
			t.Errorf("check says\n%s", got)
		}
	}
	if err := os.WriteFile(path, []byte("basic_auth_users:\n  ops: $2a$04$xuneJ.Oyj3lbTtYUxpg0AuGoR6J0QS.kNK78AYx3PrRrDBzht8nYe\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := surround(t)
	s.env["HTTP_WEB_CONFIG_FILE"], s.env["HTTP_ADDR"] = path, ":8080"
	p := s.run("check", "--offline")
	p.wantEnd(0)
	for _, want := range []string{"it has basic auth (HTTP_WEB_CONFIG_FILE)", "note  HTTP_WEB_CONFIG_FILE: basic_auth_users without tls_server_config: passwords are sent unencrypted"} {
		if got := p.stdout.String(); !strings.Contains(got, want) {
			t.Errorf("check says\n%s\nwant %s", got, want)
		}
	}
}

package prooftest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"airudder-exporter/internal/rig"
)

// TestNothingSecretShows has a schema registry echo the credentials that it is
// asked with, in every way that an answer has room for, and an exporter dump
// all its goroutines: no secret is in what it logs, serves or leaves behind.
func TestNothingSecretShows(t *testing.T) {
	t.Parallel()
	const user, password = "proof-registry-user", "proof-registry-password-51ab"
	w := newWorld(t, renewed(31), nil)
	echoing := newEchoingRegistry(t, w.Registry, user, password)
	one := w.exporter("one", "LOG_LEVEL=debug", "HTTP_PPROF=true", "SCHEMA_REGISTRY_URL="+echoing.URL, "SCHEMA_REGISTRY_USERNAME="+user, "SCHEMA_REGISTRY_PASSWORD="+password)
	served := watchPages(one)
	w.play(10)
	one.Start()
	w.awaitMore(4)
	rig.Eventually(t, "pages", rig.Patience, func() bool { return served.has("/metrics") && served.has("/api/status") && served.has("/") })
	for _, path := range []string{"/debug/pprof/cmdline", "/debug/pprof/goroutine?debug=2", "/debug/pprof/heap?debug=1"} {
		code, text := one.Page(path)
		if served.take(path, code, text); code != http.StatusOK {
			t.Errorf("%s: %d", path, code)
		}
	}
	p := one.Expect()
	one.Signal(syscall.SIGQUIT)
	select {
	case <-p.Exited:
	case <-time.After(rig.Patience):
		t.Fatal("it does not end by SIGQUIT")
	}
	shown := map[string][]byte{"the log": one.Logged()}
	if !bytes.Contains(shown["the log"], []byte("SIGQUIT: quit")) {
		t.Error("the log has no dump: this test shows nothing of it")
	}
	if !bytes.Contains(shown["the log"], []byte(`"for":"the schema registry"`)) {
		t.Error("the log does not speak of the registry: this test shows nothing of its answers")
	}
	served.add(shown)
	echoing.again()
	addCommands(one, shown)
	for where, text := range shown {
		for _, secret := range []string{password, base64.StdEncoding.EncodeToString([]byte(user + ":" + password)), rig.AppKey, rig.AppSecret} {
			if at := bytes.Index(text, []byte(secret)); at >= 0 {
				t.Errorf("%s shows %s:\n%s", where, secret, text[max(0, at-300):min(len(text), at+200)])
			}
		}
	}
}

// echoingRegistry stands before a registry and asks for credentials. Its first
// answers are echoes of them.
type echoingRegistry struct {
	*httptest.Server
	mu      sync.Mutex
	answers []hostileAnswer
	left    int
}

func newEchoingRegistry(t *testing.T, registry, user, password string) *echoingRegistry {
	t.Helper()
	behind, err := url.Parse(registry)
	if err != nil {
		t.Fatal(err)
	}
	r := &echoingRegistry{answers: echoes(user, password)}
	r.again()
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(behind) }}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if u, p, _ := req.BasicAuth(); u != user || p != password {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if a := r.next(); a != nil {
			a.serve(w, req)
			return
		}
		proxy.ServeHTTP(w, req)
	}))
	t.Cleanup(r.Close)
	return r
}

// echoes say the credentials in the ways of careless servers.
func echoes(user, password string) []hostileAnswer {
	basic := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	both := fmt.Sprintf("%s:%s and Basic %s", user, password, basic)
	return []hostileAnswer{
		{500, nil, `{"error_code":50001,"message":"` + both + `"}`},
		{401, nil, both},
		{403, nil, `{"error_code":40301,"message":"` + both + `"}`},
		{200, nil, `{"id":"` + both + `"}`},
		{302, map[string]string{"Location": "http://" + user + ":" + password + "@127.0.0.1:1/" + password}, both},
		{307, map[string]string{"Location": "/" + password + "?basic=" + basic}, both},
		{503, map[string]string{"Retry-After": both}, "<html>" + strings.Repeat(both, 100)},
	}
}

func (r *echoingRegistry) next() *hostileAnswer {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left == 0 {
		return nil
	}
	r.left--
	return &r.answers[r.left]
}

// again has the echoes begin anew.
func (r *echoingRegistry) again() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left = len(r.answers)
}

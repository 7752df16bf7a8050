package status

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"
)

// operated is a handler with the operator's paths.
func operated(o Operator) http.Handler {
	o.Level, o.Log = NewLogLevel(slog.LevelInfo), quiet
	return Handler(&State{}, prometheus.NewRegistry(), nil, info, o)
}

// visit is a request as a connection brings it.
type visit struct {
	remote, local, host string
	headers             map[string]string
}

func (v visit) ask(h http.Handler, method, path string) (int, string) {
	r := httptest.NewRequest(method, path, nil)
	r.RemoteAddr, r.Host = v.remote, v.host
	if local, err := net.ResolveTCPAddr("tcp", v.local); err == nil {
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, local))
	}
	for name, value := range v.headers {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// The level and profiles are for this machine alone, and for whom the web configuration
// authenticates.
func TestOperatorAlone(t *testing.T) {
	const mine, elsewhere = "127.0.0.1:4711", "203.0.113.7:4711"
	with := func(headers ...string) visit {
		v := visit{mine, "127.0.0.1:8080", "localhost:8080", map[string]string{}}
		for i := 0; i < len(headers); i += 2 {
			v.headers[headers[i]] = headers[i+1]
		}
		return v
	}
	const connection, proxy, otherName, otherSite = "the connection comes from elsewhere", "through a proxy", "another name than loopback's", "a page of another site"
	for _, test := range []struct {
		visit
		want  string // empty: it is let through
		known string // the same where it is authenticated
	}{
		{with(), "", ""},
		{visit{"[::1]:4711", "[::1]:8080", "[::1]:8080", nil}, "", ""},
		{visit{"[::ffff:127.0.0.1]:4711", "[::ffff:127.0.0.1]:8080", "127.0.0.1:8080", nil}, "", ""},
		{with("Origin", "http://localhost:8080"), "", ""},
		{with("Sec-Fetch-Site", "same-origin", "Origin", "https://a.proxy"), "", ""},
		{with("Sec-Fetch-Site", "none"), "", ""},

		{visit{elsewhere, "192.0.2.1:8080", "192.0.2.1:8080", nil}, connection, ""},
		{visit{elsewhere, "192.0.2.1:8080", "localhost", map[string]string{"X-Forwarded-For": "127.0.0.1"}}, connection, ""},
		{visit{"192.0.2.1:4711", "192.0.2.1:8080", "localhost", nil}, connection, ""}, // this machine, by its name
		{visit{"127.0.0.6:4711", "192.0.2.1:8080", "localhost", nil}, connection, ""}, // a sidecar
		{visit{mine, "", "localhost", nil}, connection, ""},
		{visit{"@", "127.0.0.1:8080", "localhost", nil}, connection, ""},
		{with("X-Forwarded-For", "127.0.0.1"), proxy, ""},
		{with("X-Real-IP", "127.0.0.1"), proxy, ""},
		{with("Forwarded", "for=127.0.0.1"), proxy, ""},
		{with("Via", "1.1 cache"), proxy, ""},
		{with("X-Envoy-External-Address", "203.0.113.7"), proxy, ""},
		{visit{mine, "127.0.0.1:8080", "evil.example:8080", nil}, otherName, ""}, // a name that resolves to 127.0.0.1
		{with("Origin", "http://evil.example"), otherSite, otherSite},
		{with("Origin", "null"), otherSite, otherSite},
		{with("Origin", "http://localhost:9999"), otherSite, otherSite},
		{with("Sec-Fetch-Site", "cross-site"), otherSite, otherSite},
		{with("Sec-Fetch-Site", "same-site"), otherSite, otherSite},
	} {
		for _, known := range []bool{false, true} {
			h := operated(Operator{Profiles: true, Authenticated: func(*http.Request) bool { return known }})
			want := test.want
			if known {
				want = test.known
			}
			for _, path := range []string{"GET /api/log-level", "PUT /api/log-level?level=info", "GET /debug/pprof/", "GET /debug/pprof/heap?debug=1", "GET /debug/pprof/cmdline"} {
				method, path, _ := strings.Cut(path, " ")
				code, body := test.ask(h, method, path)
				if want == "" && code != http.StatusOK || want != "" && (code != http.StatusForbidden || !strings.Contains(body, want)) {
					t.Errorf("%+v, known %v, %s %s: %d %.200s, want %q", test.visit, known, method, path, code, body, want)
				}
			}
		}
	}
}

func TestOperatorMethods(t *testing.T) {
	h := operated(Operator{Profiles: true})
	v := visit{"127.0.0.1:4711", "127.0.0.1:8080", "localhost", nil}
	for _, path := range []string{"POST /api/log-level?level=debug", "DELETE /api/log-level", "POST /debug/pprof/profile", "PUT /debug/pprof/"} {
		method, path, _ := strings.Cut(path, " ")
		if code, _ := v.ask(h, method, path); code != http.StatusMethodNotAllowed {
			t.Errorf("%s %s: %d, want 405", method, path, code)
		}
	}
	h = operated(Operator{SettingName: func(field string) string { return "the " + field }})
	if code, body := v.ask(h, http.MethodGet, "/debug/pprof/heap"); code != http.StatusNotFound || !strings.Contains(body, "set the Pprof to true") {
		t.Errorf("profiles that are off: %d %s", code, body)
	}
	v.remote = "203.0.113.7:1"
	if code, body := v.ask(h, http.MethodGet, "/debug/pprof/heap"); code != http.StatusForbidden || !strings.Contains(body, "a user of the WebConfigFile") {
		t.Errorf("profiles that are off, from elsewhere: %d %s", code, body)
	}
}

// Profiles show arguments, as ps does, and nothing of the environment.
func TestProfilesShowNoEnvironment(t *testing.T) {
	const secret = "secret-4711"
	t.Setenv("AIRUDDER_APP_SECRET", secret)
	h := operated(Operator{Profiles: true})
	v := visit{"127.0.0.1:4711", "127.0.0.1:8080", "localhost", nil}
	for _, path := range []string{"cmdline", "goroutine?debug=2", "heap?debug=1", "heap"} {
		_, body := v.ask(h, http.MethodGet, "/debug/pprof/"+path)
		if unzipped, err := gzip.NewReader(strings.NewReader(body)); err == nil {
			text, _ := io.ReadAll(unzipped)
			body = string(text)
		}
		if path == "cmdline" && body != strings.Join(os.Args, "\x00") {
			t.Errorf("cmdline shows %q", body)
		}
		if strings.Contains(body, secret) {
			t.Errorf("%s shows the environment", path)
		}
	}
}

// oneConn is a listener with one connection.
type oneConn struct {
	conn chan net.Conn
	done chan struct{}
}

func (l oneConn) Accept() (net.Conn, error) {
	select {
	case c := <-l.conn:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l oneConn) Close() error   { close(l.done); return nil }
func (l oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// A profile lasts longer than the server waits for a request, and for an answer.
func TestLongProfile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		l := oneConn{make(chan net.Conn, 1), make(chan struct{})}
		l.conn <- there
		server := newServer(operated(Operator{Profiles: true, Authenticated: func(*http.Request) bool { return true }}), quiet)
		served := make(chan error)
		go func() { served <- server.Serve(l) }()
		transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return here, nil }}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://page/debug/pprof/allocs?seconds=30", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var whole bytes.Buffer
		if _, err := whole.ReadFrom(response.Body); err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("%s, %v: %s", response.Status, err, &whole)
		} else if _, err := gzip.NewReader(&whole); err != nil {
			t.Errorf("no profile: %v", err)
		}
		transport.CloseIdleConnections()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-served
	})
}

package status

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func serveTest(t *testing.T, addr string, h http.Handler) *Server {
	t.Helper()
	s, err := Serve(t.Context(), Config{Addr: addr}, h, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func TestServeAndHealthcheck(t *testing.T) {
	var state State
	s := serveTest(t, "127.0.0.1:0", handler(&state))
	if err := Healthcheck(t.Context(), Config{Addr: s.Addr()}, "/healthz"); err != nil {
		t.Errorf("health of a program that starts: %v", err)
	}
	err := Healthcheck(t.Context(), Config{Addr: s.Addr()}, "/readyz")
	if err == nil || !strings.Contains(err.Error(), "503 Service Unavailable: not ready: starting") {
		t.Errorf("readiness of a program that starts: %v, want the reason", err)
	}
	state.Running(&fixed{snap: idle()})
	if err := Healthcheck(t.Context(), Config{Addr: s.Addr()}, "/readyz"); err != nil {
		t.Errorf("readiness of a program at work: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := Healthcheck(t.Context(), Config{Addr: s.Addr()}, "/healthz"); err == nil {
		t.Error("health after the end: nil, want an error")
	}
}

// TestHealthcheckOfEveryInterface asks servers whose address cannot be dialled
// as it is.
func TestHealthcheckOfEveryInterface(t *testing.T) {
	for _, host := range []string{"", "0.0.0.0", "[::]"} {
		t.Run(host, func(t *testing.T) {
			s, err := Serve(t.Context(), Config{Addr: host + ":0"}, handler(&State{}), quiet)
			if err != nil && host == "[::]" {
				t.Skipf("no IPv6 here: %v", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			_, port, err := net.SplitHostPort(s.Addr())
			if err != nil {
				t.Fatal(err)
			}
			if err := Healthcheck(t.Context(), Config{Addr: host + ":" + port}, "/healthz"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestHealthcheckRefusesAddresses(t *testing.T) {
	for addr, want := range map[string]string{
		"8080":        `Addr: "8080" is not host:port`,
		"localhost:0": "Addr: port 0",
	} {
		if err := Healthcheck(t.Context(), Config{Addr: addr}, "/healthz"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Healthcheck(%q) = %v, want %q", addr, err, want)
		}
	}
}

func TestServeRefusesAddresses(t *testing.T) {
	first := serveTest(t, "127.0.0.1:0", handler(&State{}))
	for addr, want := range map[string]string{
		first.Addr():       `Addr: "` + first.Addr() + `" is taken by another program`,
		"8080":             `Addr: cannot listen on "8080": give a host:port of this machine`,
		"127.0.0.1:99999":  `Addr: cannot listen on "127.0.0.1:99999"`,
		"203.0.113.7:8080": `Addr: cannot listen on "203.0.113.7:8080"`,
	} {
		s, err := Serve(t.Context(), Config{Addr: addr}, handler(&State{}), quiet)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Serve(%q) = %v, want %q", addr, err, want)
		}
	}
}

// TestCloseWaitsForAnswers ends a server, by its context, while it answers.
func TestCloseWaitsForAnswers(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	slow := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-leave
		_, _ = io.WriteString(w, "whole")
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s, err := Serve(ctx, Config{Addr: "127.0.0.1:0"}, slow, quiet)
	if err != nil {
		t.Fatal(err)
	}
	answer := make(chan string, 1)
	go func() { answer <- fetch(s.Addr(), "") }()
	<-entered
	cancel()
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	select {
	case err := <-closed:
		t.Errorf("closed (%v) while an answer was under way", err)
	case <-time.After(20 * time.Millisecond):
	}
	close(leave)
	if got := <-answer; got != "200 whole" {
		t.Errorf("the answer under way = %q, want 200 whole", got)
	}
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close again: %v", err)
	}
}

func TestForeignNamesOnLoopback(t *testing.T) {
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	local := serveTest(t, "127.0.0.1:0", ok)
	open := serveTest(t, "0.0.0.0:0", ok)
	_, port, err := net.SplitHostPort(open.Addr())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1:8080", "127.0.0.1", "localhost:9", "LOCALHOST", "exporter.localhost", "[::1]:8080", "[::1]", "localhost."} {
		if got := fetch(local.Addr(), host); got != "200 ok" {
			t.Errorf("Host %q on loopback: %q, want 200 ok", host, got)
		}
	}
	for _, host := range []string{"evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1"} {
		if got := fetch(local.Addr(), host); !strings.HasPrefix(got, "421 ") {
			t.Errorf("Host %q on loopback: %q, want 421", host, got)
		}
		if got := fetch("127.0.0.1:"+port, host); got != "200 ok" {
			t.Errorf("Host %q on every interface: %q, want 200 ok", host, got)
		}
	}
}

// TestOwnNameOnLoopback: the server may be called by the name in its address.
func TestOwnNameOnLoopback(t *testing.T) {
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	h := Config{Addr: "Exporter-0:8080", SettingName: func(field string) string { return "the " + field }}.localOnly(ok)
	for host, want := range map[string]int{"exporter-0:8080": 200, "exporter-1:8080": 421} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		if h.ServeHTTP(w, r); w.Code != want {
			t.Errorf("Host %q: %d, want %d", host, w.Code, want)
		}
		if w.Code == 421 && !strings.Contains(w.Body.String(), "set the Addr") {
			t.Errorf("the refusal does not name the setting: %s", w.Body)
		}
	}
}

// fetch asks addr by another name, and returns the code and the body.
func fetch(addr, host string) string {
	request, err := http.NewRequest(http.MethodGet, "http://"+addr+"/", nil)
	if err != nil {
		return err.Error()
	}
	request.Host = host
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return response.Status[:4] + string(body)
}

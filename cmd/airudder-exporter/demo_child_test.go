package main

import (
	"net"
	"strings"
	"testing"
)

// keptAlive runs a child that nobody stops until it is given up, and returns
// what it said and why.
func keptAlive(t *testing.T, env []string, published func() int) (says string, why error) {
	t.Helper()
	var stderr output
	why = newChild(env, &notices{w: &stderr}).keepAlive(t.Context(), published)
	return stderr.String(), why
}

func nothing() int { return 0 }

func TestChildThatCannotStart(t *testing.T) {
	says, why := keptAlive(t, nil, nothing)
	if want := "the exporter ended 5 times in a row and published nothing, the last time with exit status 1"; why == nil || why.Error() != want {
		t.Errorf("got %v, want %s", why, want)
	}
	if n := strings.Count(says, "exporter: AIRUDDER_APP_KEY: is required"); n != 1 {
		t.Errorf("it says %d times which setting is missing:\n%s", n, says)
	}
	if strings.Contains(says, "exporter: airudder-exporter") {
		t.Errorf("it names the exporter twice:\n%s", says)
	}
}

func TestChildWhosePortIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var env []string
	for name, value := range surround(t).env {
		if name != "HTTP_ADDR" {
			env = append(env, name+"="+value)
		}
	}
	says, why := keptAlive(t, append(env, "HTTP_ADDR="+taken.Addr().String()), nothing)
	if why == nil || strings.Count(says, "address already in use") != 1 {
		t.Errorf("it ended with %v and said\n%s", why, says)
	}
}

// Only ends without progress count.
func TestChildThatMakesProgress(t *testing.T) {
	looks := 0
	_, why := keptAlive(t, nil, func() int { // twice a life: before it and after
		looks++
		return min(looks, 3)
	})
	if lives := looks / 2; why == nil || lives != 1+endsInARow {
		t.Errorf("given up after %d lives with %v, want %d", lives, why, 1+endsInARow)
	}
}

func TestLogged(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{`{"level":"INFO","msg":"hello"}`, ""},
		{`{"level":"WARN","msg":"waiting for Kafka","error":"nobody there"}`, "waiting for Kafka: nobody there"},
		{`{"level":"ERROR","msg":"broken"}`, "broken"},
		{`{"level":"WARN","msg":"topic settings are not as recommended"}`, ""},
		{"airudder-exporter: configuration:", "configuration:"},
		{"panic: oh", "panic: oh"},
	} {
		if got := logged([]byte(tt.line)); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.line, got, tt.want)
		}
	}
}

package airudder

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/rig"
)

// inBubble runs a test in virtual time against a server on a network of pipes,
// at one request a second.
func inBubble(t *testing.T, handle http.HandlerFunc, run func(t *testing.T, c *Client)) {
	t.Helper()
	inBubbleAuth(t, body(`{"data":{"token":"tok"},"code":200}`), handle, run)
}

func inBubbleAuth(t *testing.T, auth, handle http.HandlerFunc, run func(t *testing.T, c *Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig("http://upstream.test")
		cfg.RequestsPerSecond, cfg.Timeout, cfg.ResponseTimeout = 1, 30*time.Second, 10*time.Minute
		mux := http.NewServeMux()
		mux.HandleFunc(authPath, auth)
		mux.HandleFunc("/", handle)
		server := rig.ServePipes(mux)
		cfg.Dial = server.Dial
		c := newClient(t, cfg)
		run(t, c)
		c.CloseIdleConnections()
		server.Close()
	})
}

// pack returns text as gzip.
func pack(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

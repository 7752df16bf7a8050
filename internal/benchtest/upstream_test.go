package benchtest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// newUpstream is an AIRudder of one task, whose detail is up to detail.
func newUpstream(tb testing.TB, detail http.HandlerFunc) *httptest.Server {
	tb.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /service/cloud/auth", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"data":{"token":"to/k+en="},"status":"OK","code":200}`)
	})
	mux.HandleFunc("GET /service/cloud/detail", detail)
	server := httptest.NewServer(mux)
	tb.Cleanup(func() {
		server.CloseClientConnections() // a request that still waits is given up
		server.Close()
	})
	return server
}

// gate lets one reading of a task through at a time.
type gate struct {
	asked chan struct{}
	open  chan struct{}
}

func newGate() gate { return gate{make(chan struct{}), make(chan struct{})} }

// wait says that a reading is asked for, and returns once it may be answered;
// false when nobody wants the answer any more.
func (g gate) wait(r *http.Request) bool {
	select {
	case g.asked <- struct{}{}:
	case <-r.Context().Done():
		return false
	}
	select {
	case <-g.open:
		return true
	case <-r.Context().Done():
		return false
	}
}

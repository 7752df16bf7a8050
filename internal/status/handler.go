package status

import (
	"encoding/json"
	"io"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"airudder-exporter/internal/exporter"
)

// Handler answers for all of the package's paths.
func Handler(s *State, gatherer prometheus.Gatherer, info Info) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", newPage(s, info))
	mux.Handle("GET /api/status", document(s, info))
	mux.Handle("GET /healthz", health(s))
	mux.Handle("GET /readyz", readiness(s))
	mux.Handle("GET /metrics", promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{MaxRequestsInFlight: 8}))
	return secured(mux)
}

// secured sets what holds for every answer, errors included. The page sets a
// policy of its own.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		next.ServeHTTP(w, r)
	})
}

// document is the JSON interface: the snapshot's fields beside Info's.
func document(s *State, info Info) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		body, err := json.Marshal(struct {
			Info
			exporter.Snapshot
		}{info, s.snapshot()})
		if err != nil {
			http.Error(w, "encode status: "+err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(append(body, '\n')) // a client that left is no error of ours
	}
}

func health(s *State) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if !s.totals().Healthy {
			verdict(w, http.StatusServiceUnavailable, "not healthy: "+stuck)
			return
		}
		verdict(w, http.StatusOK, "ok")
	}
}

// stuck is what an exporter that is not healthy suffers from.
const stuck = "the loop has made no progress for a minute"

func readiness(s *State) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if t := s.totals(); !t.Ready {
			verdict(w, http.StatusServiceUnavailable, "not ready: "+t.Why)
			return
		}
		verdict(w, http.StatusOK, "ready")
	}
}

func verdict(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text+"\n") // a client that left is no error of ours
}

package status

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/notice"
)

// Handler serves all of the package's paths. past is what plots show; nil: there are no plots.
// An Operator without a level has no paths.
func Handler(s *State, gatherer prometheus.Gatherer, past *Past, info Info, operator Operator) http.Handler {
	mux := http.NewServeMux()
	shelf := newShelf(s)
	mux.Handle("GET /{$}", newPage(shelf, past, info))
	mux.Handle("GET /api/status", document(shelf, info))
	if past != nil {
		for _, c := range charts {
			mux.Handle("GET /plot/"+c.name+".svg", drawing(shelf, past, c))
		}
	}
	mux.Handle("GET /healthz", health(s))
	mux.Handle("GET /readyz", readiness(s))
	mux.Handle("GET /metrics", promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{MaxRequestsInFlight: 8}))
	if operator.Level != nil {
		operator.handle(mux)
	}
	return secured(mux)
}

// secured sets the headers that every answer has, errors included. The page
// replaces the policy by its own.
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

// document serves the snapshot's fields and Info's as one JSON object, with a page of
// the tasks and totals over all of them.
func document(s *shelf, info Info) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q, err := parseQuery(r.URL.RawQuery)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		s.serve(w, q, func(p *picture) ([]byte, error) {
			snap := p.Snapshot
			var next string
			snap.Tasks, next = p.tasks(q)
			body, err := json.Marshal(struct {
				Info
				exporter.Snapshot
				Totals totals `json:"totals"`
				Next   string `json:"next,omitempty"` // there are more tasks after this one
			}{info, snap, p.totals, next})
			if err != nil {
				return nil, fmt.Errorf("encode status: %w", err)
			}
			return append(body, '\n'), nil
		})
	}
}

// drawing serves a plot as a file of its own.
func drawing(s *shelf, past *Past, c chart) http.HandlerFunc {
	policy := "default-src 'none'; style-src '" + hash(plotCSS) + "'; frame-ancestors 'none'"
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Content-Type", "image/svg+xml")
		s.serve(w, "plot/"+c.name, func(p *picture) ([]byte, error) {
			return c.plot(past, p.At).Document(plotCSS), nil
		})
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

// stuck is why an exporter is not healthy.
const stuck = "the loop has made no progress for a minute"

func readiness(s *State) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		t := s.totals()
		switch {
		case !t.Ready:
			verdict(w, http.StatusServiceUnavailable, "not ready: "+t.Why)
		case len(t.Notices) > 0:
			verdict(w, http.StatusOK, "ready, but\n"+told(t.Notices))
		default:
			verdict(w, http.StatusOK, "ready")
		}
	}
}

// told has a line for each notice.
func told(notices []notice.Notice) string {
	lines := make([]string, 0, len(notices))
	for _, n := range notices {
		on := n.Example
		switch n.Others() {
		case 0:
		case 1:
			on += " and one more"
		default:
			on += fmt.Sprintf(" and %d more", n.Others())
		}
		lines = append(lines, fmt.Sprintf("%s since %s (%s): %s. What to do: %s",
			n.Cause, n.Since.UTC().Format(time.RFC3339), on, n.Text, n.Cure))
	}
	return strings.Join(lines, "\n")
}

func verdict(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text+"\n") // a client that left is not our error
}

package inspect

import (
	"bytes"
	"context"
	"flag"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/airudder"
	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

var update = flag.Bool("update", false, "write the golden files")

// looked is what an inspection wrote.
type looked struct {
	out, progress, saved string
	err                  error
}

// look inspects what handle answers, in virtual time, on a network of pipes.
func look(t *testing.T, handle http.Handler, change func(*Config)) (l looked) {
	t.Helper()
	var out, progress, saved bytes.Buffer
	cfg := Config{
		Account: airudder.Config{
			BaseURL: "http://upstream.test", AppKey: "the-key", AppSecret: "the-secret", AuthScheme: "Token",
			TotalFields: []string{"total", "totalCount"}, Concurrency: 4, Timeout: 2 * time.Minute, ResponseTimeout: 10 * time.Minute,
			SettingName: func(field string) string { return "THE_" + strings.ToUpper(field) },
		},
		Since: time.Now().Add(-time.Hour), Out: &out, Progress: &progress, Save: &saved,
	}
	var last time.Time
	spaced := func(w http.ResponseWriter, r *http.Request) {
		if now := time.Now(); now.Sub(last) < every {
			t.Errorf("%s came %s after the request before", r.URL.Path, now.Sub(last))
		} else {
			last = now
		}
		handle.ServeHTTP(w, r)
	}
	server := rig.ServePipes(http.HandlerFunc(spaced))
	cfg.Account.Dial = server.Dial
	if change != nil {
		change(&cfg)
	}
	l.err = Run(t.Context(), cfg)
	server.Close()
	l.out, l.progress, l.saved = out.String(), progress.String(), saved.String()
	return l
}

// lookAt inspects a simulated account.
func lookAt(t *testing.T, sim airuddersim.Config, play func(*airuddersim.Sim), change func(*Config)) (l looked) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		sim.Seed, sim.Gzip = 5, true
		s := airuddersim.New(sim)
		if play != nil {
			play(s)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); s.Run(ctx, 1) }()
		l = look(t, s.Handler(), change)
		stop()
		<-ended
	})
	return l
}

// golden holds a text against a file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s (-update writes it again):\n%s\nwant\n%s", path, got, want)
	}
}

// answers are an account of one list and one detail, whatever it is asked for.
func answers(header http.Header, list, detail string) http.Handler {
	mux := http.NewServeMux()
	say := func(path, body string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			maps.Copy(w.Header(), header)
			_, _ = io.WriteString(w, body)
		})
	}
	say("/service/cloud/auth", `{"data":{"token":"`+token+`"},"code":200}`)
	say("/service/cloud/list", list)
	say("/service/cloud/detail", detail)
	return mux
}

const token = "c2VjcmV0LXRva2Vu+/=="

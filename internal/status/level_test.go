package status

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/rig"
)

// leveled is a level, and what is logged by it.
func leveled(usual slog.Level) (*LogLevel, *slog.Logger, *rig.Lines) {
	text := &rig.Lines{}
	level := NewLogLevel(usual)
	return level, slog.New(slog.NewTextHandler(text, &slog.HandlerOptions{Level: level})), text
}

// Each change is told once, also where the level lets no more through than errors, and
// the level returns by itself.
func TestLogLevel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, usual := range levels {
			for _, to := range levels {
				l, log, text := leveled(usual)
				l.Change(to, time.Hour, log)
				said := text.Take()
				if l.Level() != to || to != usual && (strings.Count(said, "\n") != 1 || !strings.Contains(said, " for a while, then "+name(usual)+" again")) || to == usual && said != "" {
					t.Errorf("%s to %s: level %s, log %s", usual, to, l.Level(), said)
				}
				time.Sleep(time.Hour - time.Nanosecond)
				synctest.Wait()
				if said = text.Take(); l.Level() != to || said != "" {
					t.Errorf("%s to %s: within the hour it is %s, log %s", usual, to, l.Level(), said)
				}
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				said = text.Take()
				if l.Level() != usual || to != usual && strings.Count(said, `msg="the log level is `+name(usual)+` again"`) != 1 {
					t.Errorf("%s to %s: after the hour it is %s, log %s", usual, to, l.Level(), said)
				}
			}
		}
	})
}

// The last change counts, and the usual level ends one.
func TestLogLevelChangesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, log, text := leveled(slog.LevelInfo)
		l.Change(slog.LevelDebug, time.Minute, log)
		l.Change(slog.LevelError, time.Hour, log)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if l.Level() != slog.LevelError {
			t.Errorf("the end of the first change ended the second: %s", l.Level())
		}
		text.Take()
		l.Change(slog.LevelInfo, time.Hour, log)
		said := text.Take()
		if d := l.document(); l.Level() != slog.LevelInfo || d.Until != nil || strings.Count(said, "\n") != 1 {
			t.Errorf("got %+v, log %s", d, said)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if said := text.Take(); said != "" {
			t.Errorf("what has ended is told again: %s", said)
		}
	})
}

func TestLogLevelRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, log, _ := leveled(slog.LevelInfo)
		h := logLevel(l, log)
		ask := func(method, query string) (int, string) {
			w := httptest.NewRecorder()
			h(w, httptest.NewRequest(method, "/api/log-level"+query, nil))
			return w.Code, strings.TrimSpace(w.Body.String())
		}
		const example = "as in PUT /api/log-level?level=debug&for=15m"
		for query, want := range map[string]string{
			"":                              `level: "" is not a log level: give debug, info, warn or error, ` + example,
			"?level=loud":                   `level: "loud" is not a log level: give debug, info, warn or error, ` + example,
			"?level=debug&for=":             `for: "" is no duration from 1s to 24h: give one such as 15m or 1h30m`,
			"?level=debug&for=5x":           `for: "5x" is no duration from 1s to 24h: give one such as 15m or 1h30m`,
			"?level=debug&for=-1h":          `for: "-1h" is no duration from 1s to 24h: give one such as 15m or 1h30m`,
			"?level=debug&for=25h":          `for: "25h" is no duration from 1s to 24h: give one such as 15m or 1h30m`,
			"?level=debug&fro=1h":           "there are the parameters level and for, once each, " + example,
			"?level=debug&level=info":       "there are the parameters level and for, once each, " + example,
			"?level=%zz":                    "the parameters cannot be read: give level and for, " + example,
			"?level=debug&for=15m;level=qu": "the parameters cannot be read: give level and for, " + example,
		} {
			if code, body := ask(http.MethodPut, query); code != http.StatusBadRequest || body != want {
				t.Errorf("PUT %s: %d %s, want %s", query, code, body, want)
			}
		}
		if _, body := ask(http.MethodGet, ""); body != `{"level":"info","usual":"info"}` {
			t.Errorf("GET: %s", body)
		}
		began := time.Now().UTC()
		for query, lasts := range map[string]time.Duration{"?level=debug": 15 * time.Minute, "?level=debug&for=24h": 24 * time.Hour} {
			until, err := json.Marshal(began.Add(lasts))
			if err != nil {
				t.Fatal(err)
			}
			want := `{"level":"debug","until":` + string(until) + `,"usual":"info"}`
			if code, body := ask(http.MethodPut, query); code != http.StatusOK || body != want {
				t.Errorf("PUT %s: %d %s, want %s", query, code, body, want)
			}
			if _, body := ask(http.MethodGet, ""); body != want {
				t.Errorf("GET after %s: %s, want %s", query, body, want)
			}
		}
		ask(http.MethodPut, "?level=info")
	})
}

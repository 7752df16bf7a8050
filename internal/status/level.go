package status

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// How long another log level may hold.
const (
	levelFor     = 15 * time.Minute // where nothing is said
	leastLevel   = time.Second
	longestLevel = 24 * time.Hour
)

// LogLevel is the least level that is logged: the usual one, or another for some time. A
// log's handler asks it, as a slog.Leveler. Several goroutines may use it at once.
type LogLevel struct {
	usual slog.Level
	now   slog.LevelVar

	mu    sync.Mutex
	until time.Time // zero: the usual level holds
	back  *time.Timer
}

// NewLogLevel is the usual level.
func NewLogLevel(usual slog.Level) *LogLevel {
	l := &LogLevel{usual: usual}
	l.now.Set(usual)
	return l
}

// Level implements slog.Leveler.
func (l *LogLevel) Level() slog.Level { return l.now.Level() }

// Change makes another level hold for some time, and tells the log; a change before that
// has no effect any more. With the usual level nothing is left to end.
func (l *LogLevel) Change(to slog.Level, lasting time.Duration, log *slog.Logger) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.back != nil {
		l.back.Stop()
	}
	l.back, l.until = nil, time.Time{}
	if to == l.usual {
		if l.now.Level() != to {
			l.set(to, log, "the log level is "+name(to)+" again")
		}
		return
	}
	until := time.Now().Add(lasting)
	l.until = until
	l.back = time.AfterFunc(lasting, func() { l.end(until, log) })
	l.set(to, log, "the log level is "+name(to)+" for a while, then "+name(l.usual)+" again", "until", until.UTC().Format(time.RFC3339))
}

// end is the end of the change that was to last until then.
func (l *LogLevel) end(until time.Time, log *slog.Logger) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.until.Equal(until) { // else another change came while the timer fired
		l.back, l.until = nil, time.Time{}
		l.set(l.usual, log, "the log level is "+name(l.usual)+" again")
	}
}

// set tells of a change while the lower of the two levels holds, and by a line that this
// one lets through: LOG_LEVEL may be error.
func (l *LogLevel) set(to slog.Level, log *slog.Logger, text string, attrs ...any) {
	from := l.now.Level()
	tell := func() { log.Log(context.Background(), max(slog.LevelInfo, min(from, to)), text, attrs...) }
	if to < from {
		l.now.Set(to)
		tell()
		return
	}
	tell()
	l.now.Set(to)
}

func name(l slog.Level) string { return strings.ToLower(l.String()) }

// levels are those that may be asked for.
var levels = []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}

// parseLevel reads what is asked for. Its error is for who asks.
func parseLevel(query string) (to slog.Level, lasting time.Duration, err error) {
	const example = "as in PUT /api/log-level?level=debug&for=15m"
	given, err := url.ParseQuery(query)
	if err != nil {
		return 0, 0, fmt.Errorf("the parameters cannot be read: give level and for, %s", example)
	}
	for parameter, values := range given {
		if parameter != "level" && parameter != "for" || len(values) > 1 {
			return 0, 0, fmt.Errorf("there are the parameters level and for, once each, %s", example)
		}
	}
	lasting = levelFor
	if text := given.Get("for"); given.Has("for") {
		if lasting, err = time.ParseDuration(text); err != nil || lasting < leastLevel || lasting > longestLevel {
			return 0, 0, fmt.Errorf("for: %q is no duration from 1s to 24h: give one such as 15m or 1h30m", text)
		}
	}
	for _, l := range levels {
		if name(l) == given.Get("level") {
			return l, lasting, nil
		}
	}
	return 0, 0, fmt.Errorf("level: %q is not a log level: give debug, info, warn or error, %s", given.Get("level"), example)
}

// logLevel serves the level, and changes it.
func logLevel(l *LogLevel, log *slog.Logger) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			to, lasting, err := parseLevel(r.URL.RawQuery)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			l.Change(to, lasting, log)
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(l.document()) // a client that left is not our error
	}
}

// levelDocument is what there is to know of the level.
type levelDocument struct {
	Level string     `json:"level"`
	Until *time.Time `json:"until,omitempty"` // then it is the usual one again
	Usual string     `json:"usual"`
}

func (l *LogLevel) document() levelDocument {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := levelDocument{Level: name(l.now.Level()), Usual: name(l.usual)}
	if !l.until.IsZero() {
		until := l.until.UTC().Truncate(time.Second)
		d.Until = &until
	}
	return d
}

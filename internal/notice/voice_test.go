package notice_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/notice"
)

// teller is a voice with what it is shown, and its log.
type teller struct {
	t   *testing.T
	log bytes.Buffer

	mu     sync.Mutex
	health notice.Health
}

func tell(t *testing.T) *teller {
	w := &teller{t: t}
	plain := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}
	v := &notice.Voice{
		Log:     slog.New(slog.NewTextHandler(&w.log, plain)),
		Summary: func() []any { return []any{"events", 7} },
		Look: func() notice.Health {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.health
		},
	}
	ctx, cancel := context.WithCancel(t.Context())
	var voice sync.WaitGroup
	voice.Go(func() { v.Run(ctx) })
	t.Cleanup(func() { cancel(); voice.Wait() })
	return w
}

// shows has the voice see such health for so long.
func (w *teller) shows(h notice.Health, d time.Duration) {
	w.mu.Lock()
	w.health = h
	w.mu.Unlock()
	time.Sleep(d)
	synctest.Wait()
}

// says fails unless the log has gained exactly these lines.
func (w *teller) says(when string, want ...string) {
	w.t.Helper()
	got := strings.Split(strings.TrimSuffix(w.log.String(), "\n"), "\n")
	if w.log.Len() == 0 {
		got = nil
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Errorf("%s: got\n%s\nwant\n%s", when, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	w.log.Reset()
}

// What keeps the program from being ready is told once, repeated while it lasts, and
// told when it is over.
func TestVoiceOfWhatIsNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := tell(t)
		w.shows(notice.Health{Why: "waiting for Kafka"}, 4*time.Second)
		w.shows(notice.Health{}, time.Minute)
		w.says("of 4 seconds")
		w.shows(notice.Health{Why: "being restored", Usual: time.Minute}, 50*time.Second)
		w.shows(notice.Health{}, time.Minute)
		w.says("of a restoring")

		w.shows(notice.Health{Why: "waiting for Kafka"}, 16*time.Minute+30*time.Second)
		w.shows(notice.Health{}, time.Second)
		w.says("of a long outage",
			`level=WARN msg="not ready: waiting for Kafka"`,
			`level=WARN msg="not ready: waiting for Kafka" for=5m5s`,
			`level=WARN msg="not ready: waiting for Kafka" for=10m5s`,
			`level=WARN msg="not ready: waiting for Kafka" for=15m5s`,
			`level=INFO msg="ready again; the reason was: waiting for Kafka" lasted=16m30s`,
			`level=INFO msg="all is well" events=7`) // which was due meanwhile
	})
}

// Another reason is told soon, and each once: they may alternate.
func TestVoiceOfReasonsThatAlternate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := tell(t)
		for i := range 200 {
			w.shows(notice.Health{Why: fmt.Sprintf("refused %d times", i)}, 1700*time.Millisecond)
			w.shows(notice.Health{Why: fmt.Sprintf("no answer within %d s", i)}, 1300*time.Millisecond)
		}
		w.shows(notice.Health{}, time.Second)
		if n := strings.Count(w.log.String(), "level=WARN"); n != 3 {
			t.Errorf("%d lines in ten minutes, want one a reason and one after five minutes:\n%s", n, &w.log)
		}
	})
}

func TestVoiceOfNotices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := tell(t)
		odd := func(subjects int) notice.Health {
			return notice.Health{Notices: []notice.Notice{
				{Cause: "odd", Since: time.Now(), Subjects: subjects, Example: "task 1", Text: "it is odd", Cure: "mend it"}}}
		}
		w.shows(odd(1), 3*time.Minute)
		w.shows(odd(20), 3*time.Minute)
		w.shows(notice.Health{}, time.Second)
		w.says("of a notice",
			`level=WARN msg="it is odd" notice=odd subject="task 1" subjects=1 cure="mend it"`,
			`level=WARN msg="it is odd" notice=odd subject="task 1" subjects=20 cure="mend it" for=5m5s`,
			`level=INFO msg="notice is over: it is odd" notice=odd lasted=6m1s`)
		w.shows(odd(1), time.Minute)
		w.shows(notice.Health{Left: func(cause string) bool { return cause == "odd" }}, time.Second)
		w.says("of one that another process observes from now on",
			`level=WARN msg="it is odd" notice=odd subject="task 1" subjects=1 cure="mend it"`,
			`level=INFO msg="notice dropped, since this process no longer observes it: it is odd" notice=odd lasted=1m1s`)
	})
}

// A notice that the reason tells of is neither repeated nor over, and one that was short
// is never told.
func TestVoiceOfACoveredNotice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := tell(t)
		odd := []notice.Notice{{Cause: "odd", Since: time.Now(), Subjects: 1, Example: "task 1", Text: "it is odd", Cure: "mend it"}}
		w.shows(notice.Health{Notices: odd}, time.Minute)
		w.shows(notice.Health{Why: "all is odd", Covered: "odd"}, 6*time.Minute)
		w.shows(notice.Health{Notices: odd}, time.Minute)
		w.shows(notice.Health{}, time.Second)
		odd[0].Since = time.Now()
		w.shows(notice.Health{Notices: odd}, 2*time.Second)
		w.shows(notice.Health{}, time.Second)
		odd[0].Since = time.Now()
		w.shows(notice.Health{Why: "all is odd", Covered: "odd"}, 10*time.Second)
		w.shows(notice.Health{Notices: odd}, 14*time.Second)
		w.shows(notice.Health{}, time.Second)
		w.says("of a notice that becomes all",
			`level=WARN msg="it is odd" notice=odd subject="task 1" subjects=1 cure="mend it"`,
			`level=WARN msg="not ready: all is odd"`,
			`level=WARN msg="not ready: all is odd" for=5m5s`,
			`level=INFO msg="ready again; the reason was: all is odd" lasted=6m0s`,
			`level=WARN msg="it is odd" notice=odd subject="task 1" subjects=1 cure="mend it" for=7m1s`,
			`level=INFO msg="notice is over: it is odd" notice=odd lasted=8m1s`,
			`level=WARN msg="not ready: all is odd"`,
			`level=INFO msg="ready again; the reason was: all is odd" lasted=10s`)
	})
}

// Good health is told every fifteen minutes, and a standby says that it is one.
func TestVoiceOfGoodHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := tell(t)
		w.shows(notice.Health{Why: "starting", Usual: time.Minute}, 2*time.Second)
		w.shows(notice.Health{}, 31*time.Minute)
		w.says("of half an hour", `level=INFO msg="all is well" events=7`, `level=INFO msg="all is well" events=7`)
		w.shows(notice.Health{Standby: true}, 15*time.Minute)
		w.says("of a standby", `level=INFO msg="standing by: another exporter does the work"`)
	})
}

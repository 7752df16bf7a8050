package prooftest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"slices"
	"strings"
	"testing"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// trouble is something about an account, or in its answers, that would cost
// events in silence, or end something too early.
type trouble struct {
	name     string
	account  airuddersim.Config     // its oddities
	tasks    func(*airuddersim.Sim) // adds tasks; nil: three that call, and one that has ended
	settings []string               // of the exporter, besides hurried
	meet     func(*world)           // what happens once the exporter runs; nil: nothing

	cause string   // of the notice that has to come; empty: the exporter must not be ready, or nothing is told
	says  []string // what /readyz has to say
	log   []string // what the log has to say
	check []string // what the command check has to say meanwhile; nil: it is not asked

	unread  bool // no call of a row that gives no event is asked for until the cure
	silent  bool // nothing is answered until the cure
	letters int  // dead letters that are right
	sealed  bool // in the end each task that has ended is sealed

	cure   func(*airuddersim.Sim) // ends the trouble
	mended []string               // or these settings do, in the next life
}

// hurried are settings under which what is final comes as soon as it may.
var hurried = []string{
	"AIRUDDER_LIST_INTERVAL=200ms", "AIRUDDER_POLL_MIN_INTERVAL=50ms", "AIRUDDER_POLL_MAX_INTERVAL=200ms",
	"AIRUDDER_POLL_AFTER_END=10ms", "LOG_LEVEL=info",
}

// usualTasks are three tasks that call and one that has ended.
func usualTasks(s *airuddersim.Sim) {
	for range 3 {
		s.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling, Rows: append(airuddersim.FinishedRows(4), airuddersim.PendingRows(2)...)})
	}
	endedTask(s)
}

// endedTask is a task that has ended, with four calls, and nothing open.
func endedTask(s *airuddersim.Sim) {
	s.AddTask(airuddersim.TaskSpec{Status: airuddersim.Finished, Rows: airuddersim.FinishedRows(4)})
}

// TestTroubles has each trouble happen, and holds against the truth what an
// operator and a consumer see of it.
func TestTroubles(t *testing.T) {
	t.Parallel()
	for _, tr := range slices.Concat(listTroubles(), detailTroubles(), endTroubles(), silences()) {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			tr.run(t)
		})
	}
}

func (tr trouble) run(t *testing.T) {
	w := newWorld(t, tr.account, nil)
	if tr.tasks == nil {
		tr.tasks = usualTasks
	}
	tr.tasks(w.Sim)
	settings := slices.Concat(hurried, tr.settings)
	one := w.exporter("one", settings...)
	one.Start()
	if tr.meet != nil {
		tr.meet(w)
	}
	tr.mustBeTold(w, one)
	if !tr.unread {
		w.awaitShown()
	}
	if !tr.silent {
		w.awaitReadings(5)
	}
	rig.Eventually(t, fmt.Sprintf("%d dead letters", tr.letters), rig.Patience, func() bool { return len(w.Read(w.Topics.Dead).Committed) >= tr.letters })
	w.mustNotBeFinalTooEarly(tr.letters)
	if len(tr.check) > 0 {
		out, _ := one.Run([]string{"check"})
		mustSay(t, "check", out, tr.check)
	}
	rig.Eventually(t, fmt.Sprintf("the log to say %q", tr.log), rig.Patience, func() bool { return saysAll(string(one.Logged()), tr.log) })
	if tr.cure != nil {
		tr.cure(w.Sim)
		tr.mustBeOver(w, one)
	}
	if tr.mended != nil {
		one.Terminate()
		one = w.exporter("mended", slices.Concat(settings, tr.mended)...)
		one.Start()
	}
	if tr.cure != nil || tr.mended != nil {
		w.awaitEvents()
		w.awaitReadings(5)
		mustBeReady(t, one)
	}
	if tr.sealed {
		w.awaitSeals()
	}
	one.Terminate()
	w.check(nil)
	w.mustNotBeFinalTooEarly(tr.letters)
}

// mustBeTold demands that the trouble is told in all places, each in its way.
func (tr trouble) mustBeTold(w *world, one *child) {
	w.T.Helper()
	code, begins := http.StatusServiceUnavailable, "not ready: "
	if tr.cause != "" {
		code, begins = http.StatusOK, "ready, but\n"
	} else if len(tr.says) == 0 {
		return
	}
	var text string
	holds := func() bool {
		got, said := one.Page("/readyz")
		text = said
		return got == code && strings.HasPrefix(said, begins) && strings.Contains(said, tr.cause) && saysAll(said, tr.says)
	}
	defer func() {
		if !holds() {
			w.T.Logf("/readyz said last: %s", text)
		}
	}()
	rig.Eventually(w.T, fmt.Sprintf("%s%s in /readyz", begins, tr.cause), rig.Patience, holds)
	w.T.Logf("/readyz: %s", text)
	if tr.cause == "" {
		return
	}
	if gauge := gaugeOf(one, tr.cause); gauge != "1" {
		w.T.Errorf("airudder_notice of %s is %q, want 1", tr.cause, gauge)
	}
	rig.Eventually(w.T, "a line of "+tr.cause+" in the log", rig.Patience, func() bool { // told once it has lasted
		return len(noticeLines(one, "WARN", tr.cause)) > 0
	})
	if lines := noticeLines(one, "WARN", tr.cause); len(lines) != 1 {
		w.T.Errorf("%d warnings of %s in the log, want one: %s", len(lines), tr.cause, lines)
	}
	cure := cureOf(one, tr.cause)
	if _, page := one.Page("/"); cure == "" || !strings.Contains(page, html.EscapeString(cure)) {
		w.T.Errorf("the page does not say %q", cure)
	}
}

// mustBeOver waits until a trouble that has ended is told no more, and demands a
// line that says so.
func (tr trouble) mustBeOver(w *world, one *child) {
	w.T.Helper()
	rig.Eventually(w.T, "ready again", rig.Patience, func() bool {
		_, text := one.Page("/readyz")
		return text == "ready\n"
	})
	if tr.cause == "" {
		return
	}
	if gauge := gaugeOf(one, tr.cause); gauge != "0" {
		w.T.Errorf("afterwards airudder_notice of %s is %q, want 0", tr.cause, gauge)
	}
	rig.Eventually(w.T, "the log to say that it is over", rig.Patience, func() bool { return len(noticeLines(one, "INFO", tr.cause)) > 0 })
	warned, ended := noticeLines(one, "WARN", tr.cause), noticeLines(one, "INFO", tr.cause)
	if len(warned) != 1 || len(ended) != 1 {
		w.T.Errorf("in the log %s began and ended with %s %s, want a line each", tr.cause, warned, ended)
	}
}

// mustBeReady demands an exporter that has nothing to tell.
func mustBeReady(t testing.TB, one *child) {
	t.Helper()
	if _, text := one.Page("/readyz"); text != "ready\n" {
		t.Errorf("exporter %s: /readyz says %q, want ready", one.Name, text)
	}
}

func saysAll(text string, words []string) bool {
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
}

// mustSay demands words in a text.
func mustSay(t testing.TB, what, text string, words []string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%s does not say %q:\n%s", what, word, text)
		}
	}
}

// awaitShown waits until each call that a complete answer has shown, undamaged,
// is an event.
func (w *world) awaitShown() {
	w.T.Helper()
	rig.Eventually(w.T, "an event for each call that was shown", rig.Patience, func() bool {
		published := map[airuddersim.CallKey]bool{}
		for _, key := range w.seen.keys() {
			published[key] = true
		}
		return !slices.ContainsFunc(w.Sim.Truth().Shown(), func(key airuddersim.CallKey) bool { return !published[key] })
	})
}

// awaitReadings waits until the list was read so often, and each task might have
// been: whatever comes of one look more has come by then.
func (w *world) awaitReadings(n int) {
	w.T.Helper()
	before, tasks := w.Sim.Requests(), len(w.Sim.Truth().Tasks)
	rig.Eventually(w.T, "more readings", rig.Patience, func() bool {
		now := w.Sim.Requests()
		lists, details := now[airuddersim.List]-before[airuddersim.List], now[airuddersim.Detail]-before[airuddersim.Detail]
		asked := now[airuddersim.Auth] - before[airuddersim.Auth] // alone, where nothing is accepted
		return lists >= n && details >= n*tasks || lists >= 4*n || asked >= n
	})
}

// mustNotBeFinalTooEarly holds all that is final against the truth: a seal or a
// closing stands on all calls of a task that has ended, and no dead letter is
// there that is not right.
func (w *world) mustNotBeFinalTooEarly(letters int) {
	w.T.Helper()
	e := w.Evidence(nil)
	e.Decode(rig.NewDecoder(w.Registry).Decode)
	tasks := map[string]airuddersim.TaskTruth{}
	for _, task := range e.Truth.Tasks {
		tasks[task.TaskID] = task
	}
	dead := map[string]int64{}
	for _, l := range e.Letters {
		if !l.Resolved() {
			dead[l.Text("task_id")]++
		}
	}
	for _, change := range e.Changes {
		task := tasks[change.Text("task_id")]
		_, is := change.Seal()
		if told := change.Number("exported") + dead[task.TaskID]; is && (!task.Ended || told < int64(distinct(task))) {
			w.T.Errorf("%s: a seal of task %s with %d calls, which has %d; it has ended: %t", change, task.TaskID, told, distinct(task), task.Ended)
		}
	}
	for _, entry := range e.Entries {
		if task := tasks[entry.TaskID]; entry.Kind == "task" && !entry.Time("closed_at").IsZero() && !task.Ended {
			w.T.Errorf("task %s is closed, and has not ended", task.TaskID)
		}
	}
	if len(e.Letters) > letters {
		w.T.Errorf("%d dead letters, want at most %d: %v", len(e.Letters), letters, e.Letters[0].Fields["reason"])
	}
	if dup := e.Truth.Check(w.Published()).Duplicates; len(dup) > 0 {
		w.T.Errorf("%d events too many: %v", len(dup), dup)
	}
}

// distinct is how many calls a task shows as finished now.
func distinct(task airuddersim.TaskTruth) int {
	ids := map[string]bool{}
	for _, c := range task.Calls {
		if c.Current {
			ids[c.CallID] = true
		}
	}
	return len(ids)
}

// gaugeOf is airudder_notice of a cause; empty: it is not there.
func gaugeOf(one *child, cause string) string {
	_, text := one.Page("/metrics")
	_, after, _ := strings.Cut(text, fmt.Sprintf("\nairudder_notice{cause=%q} ", cause))
	value, _, _ := strings.Cut(after, "\n")
	return value
}

// cureOf is what /api/status says to do about a cause; empty: it is not told.
func cureOf(one *child, cause string) string {
	_, text := one.Page("/api/status")
	var answer struct {
		Notices []struct{ Cause, Cure string }
	}
	_ = json.Unmarshal([]byte(text), &answer) // none is found then
	for _, n := range answer.Notices {
		if n.Cause == cause {
			return n.Cure
		}
	}
	return ""
}

// noticeLines are the lines of the log that are about a cause.
func noticeLines(one *child, level, cause string) (lines []string) {
	for line := range bytes.Lines(one.Logged()) {
		var fields struct{ Level, Notice string }
		if json.Unmarshal(line, &fields) == nil && fields.Level == level && fields.Notice == cause {
			lines = append(lines, string(bytes.TrimSpace(line)))
		}
	}
	return lines
}

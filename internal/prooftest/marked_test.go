package prooftest

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// TestNothingPersonalShows feeds marked values through every path, errors
// included: they reach the topics, where they belong, and nothing that the
// exporter logs or serves.
func TestNothingPersonalShows(t *testing.T) {
	t.Parallel()
	h := &hostile{left: map[string][]http.HandlerFunc{}}
	h.queue()
	w := newWorld(t, airuddersim.Config{Seed: 77}, h.wrap)
	id := w.Sim.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling, Rows: markedRows()})
	other := w.Sim.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling, Rows: airuddersim.FinishedRows(10)})
	spoilt := spoil(t, w.Sim, other)
	for _, kind := range airuddersim.FaultKinds() {
		w.Sim.Script(airuddersim.Fault{Kind: kind, TaskID: other}) // a list has nothing personal
	}
	one := w.exporter("one", "KAFKA_EVENT_KEY=callee_number", "AIRUDDER_TIMEOUT=200ms",
		"AIRUDDER_LIST_INTERVAL=50ms", "AIRUDDER_POLL_MIN_INTERVAL=20ms", "AIRUDDER_POLL_MAX_INTERVAL=50ms")
	pages := watchPages(one)
	topics := &records{}
	w.Follow(w.Topics.Events, topics.add)
	w.Follow(w.Topics.Dead, topics.add)
	one.Start()
	rig.Eventually(t, "every fault and every hostile answer", time.Minute, func() bool { return h.served() && w.Sim.Faults().Waiting == 0 })
	if err := w.Sim.SetStatus(id, airuddersim.Finished); err != nil { // else a row without a CallID may still get one
		t.Fatal(err)
	}
	rig.Eventually(t, "every mark in the topics, where it belongs", time.Minute, func() bool { return topics.without(personal()) == "" })
	if err := w.Sim.ChangeFinishedRow(id, 0); err != nil {
		t.Fatal(err)
	}
	h.refuseLogin()
	w.Sim.ExpireToken()
	rig.Eventually(t, "red readiness", time.Minute, func() bool { return pages.saw("/readyz", http.StatusServiceUnavailable) })
	one.Terminate()

	marks := slices.Concat(personal(), h.secrets(), []string{rig.AppKey, rig.AppSecret, echo})
	shown := map[string][]byte{"the log": one.Logged()}
	pages.add(shown)
	addCommands(one, shown)
	for where, text := range shown {
		if len(text) == 0 {
			t.Errorf("%s is empty: this test shows nothing of it", where)
		}
		for _, m := range marks {
			if at := bytes.Index(text, []byte(m)); at >= 0 {
				t.Errorf("%s shows %s:\n%s", where, m, text[max(0, at-300):min(len(text), at+200)])
			}
		}
	}
	t.Logf("%d marks in none of %d places; %d rows damaged in all ways", len(marks), len(shown), spoilt)
}

// records is what topics hold, keys and values.
type records struct {
	mu  sync.Mutex
	all []byte
}

func (r *records) add(one *kgo.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = slices.Concat(r.all, one.Key, []byte{0}, one.Value)
}

// without is the first mark that is in no record; empty: all are.
func (r *records) without(marks []string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range marks {
		if !bytes.Contains(r.all, []byte(m)) {
			return m
		}
	}
	return ""
}

// mark is a value that nothing else looks like.
func mark(of string) string { return "ZQX" + of + "QZX" }

// echo is what hostile answers say.
var echo = mark("echo")

// personal are the marks of values that are personal data, by where they stand.
func personal() []string {
	return []string{
		mark("name"), mark("gender"), "+62000771200345", "+62000771200777", mark("comments"), "771299001122", mark("extraA"), mark("extraB"), mark("extraC"),
		mark("robot"), mark("said"), mark("slot"), mark("notes"), mark("multi"), mark("unknown"), mark("key"),
		"+62000771200999", "+62000771200888", mark("object"), mark("row"), mark("time"), mark("nocall"), mark("broken"),
	}
}

// markedRows are finished rows full of marks: in their right places, in wrong
// types, and in rows that can only be dead letters.
func markedRows() []airuddersim.RowSpec {
	q := func(s string) string { return `"` + s + `"` }
	good := map[string]string{
		"CalleeName": q(mark("name")), "CalleeGender": q(mark("gender")), "CalleeNumber": q("+62000771200345"), "caller_number": q("+62000771200777"),
		"Comments": q(mark("comments")), "ExtraA": q(mark("extraA")), "ExtraB": q(mark("extraB")), "ExtraC": q(mark("extraC")),
		"AsrResult": `[{"time":"00:00:01","robottext":` + q(mark("robot")) + `,"text":` + q(mark("said")) + `}]`,
		"NerSlots":  `{"s":` + q(mark("slot")) + `}`, "call_notes": q(mark("notes")), "Multi_intention": q(mark("multi")),
		"Unheard": q(mark("unknown")), mark("key"): "1",
		"RedailCall": `[{"CallID":"a","caller_number":"+62000771200999","callee_number":"+62000771200888","CallStartTime":` + q(mark("time")) + `}]`,
	}
	bad := map[string]string{"Comments": "771299001122"}
	for _, name := range []string{"id", "RobotID", "CalleeName", "CalleeGender", "CalleeNumber", "CallStartTime", "CallEndTime", "CallTimes", "RingTime", "TalkRound",
		"AsrResult", "RedailCall", "call_notes", "caller_number", "Intention", "PlatformName", "RingType"} {
		bad[name] = `{"was":` + q(mark("object")) + `}`
	}
	for _, name := range []string{"EventLabel", "NerSlots"} { // which are objects
		bad[name] = `[{"was":` + q(mark("object")) + `}]`
	}
	return []airuddersim.RowSpec{
		{Status: airuddersim.Finished, Set: good},
		{Status: airuddersim.Finished, Set: bad},
		{Status: airuddersim.Finished, Set: map[string]string{"CallStartTime": q(mark("time")), "AsrResult": "[" + q(mark("row")) + "]"}},
		{Status: airuddersim.Finished, Raw: `{"id":` + q(mark("row")) + `,"Status":"finished","CallID":{"x":` + q(mark("nocall")) + `}}`},
		{Status: airuddersim.Finished, CallID: "771200aa771200aa771200aa771200aa", Raw: `{"Status":"finished","CallID":"771200aa771200aa771200aa771200aa","CalleeName":` + mark("broken") + `}`},
		{Status: airuddersim.Finished, CallID: "771200bb771200bb771200bb771200bb", Raw: `{"Status":"finished","CallID":"771200bb771200bb771200bb771200bb","CalleeName":"` + mark("name") + "\xff\"}"},
	}
}

// spoil damages a row of a task in each way that there is, and marks them.
func spoil(t *testing.T, sim *airuddersim.Sim, taskID string) (n int) {
	t.Helper()
	for i, kind := range []airuddersim.FaultKind{airuddersim.BrokenJSON, airuddersim.InvalidUTF8, airuddersim.NoCallID, airuddersim.HugeRow, airuddersim.DeepRow} {
		if err := sim.SetField(taskID, i, "CalleeName", `"`+mark("name")+`"`); err != nil {
			t.Fatal(err)
		}
		if err := sim.SpoilRow(taskID, i, kind); err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// pages is all that the exporter's web server has shown.
type pages struct {
	mu    sync.Mutex
	texts map[string][]byte       // by path; what differs, one after the other
	codes map[string]map[int]bool // by path
}

// watchPages reads every page again and again until the test ends.
func watchPages(c *child) *pages {
	p := &pages{texts: map[string][]byte{}, codes: map[string]map[int]bool{}}
	rig.Repeat(c.T, 30*time.Millisecond, func() {
		for _, path := range []string{"/", "/metrics", "/api/status", "/healthz", "/readyz"} {
			code, text := c.Page(path)
			p.take(path, code, text)
		}
	})
	return p
}

func (p *pages) take(path string, code int, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.texts[path] = append(p.texts[path], text...)
	if p.codes[path] == nil {
		p.codes[path] = map[int]bool{}
	}
	p.codes[path][code] = true
}

func (p *pages) saw(path string, code int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.codes[path][code] && strings.Contains(string(p.texts[path]), "cannot be read")
}

func (p *pages) has(path string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.codes[path][http.StatusOK]
}

func (p *pages) add(shown map[string][]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for path, text := range p.texts {
		shown["page "+path] = text
	}
}

// addCommands adds what other commands and bad configurations print.
func addCommands(c *child, shown map[string][]byte) {
	for _, run := range []struct{ command, setting string }{
		{"check", "LOG_LEVEL=debug"},
		{"run", "AIRUDDER_AUTH_SCHEME=two words"},
		{"run", "AIRUDDER_APP_SECERT=" + rig.AppSecret},
		{"run", "KAFKA_SASL_PASSWORD=" + rig.AppSecret},
	} {
		out, _ := c.Run([]string{run.command}, run.setting) // some of them have to fail
		shown[fmt.Sprintf("%s with %s", run.command, strings.SplitN(run.setting, "=", 2)[0])] = []byte(out)
	}
}

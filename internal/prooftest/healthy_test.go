package prooftest

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"testing"
	"time"

	"airudder-exporter/internal/airuddersim"
)

// healthy is an account that is odd, and has no trouble.
type healthy struct {
	name     string
	account  airuddersim.Config
	tasks    func(*airuddersim.Sim) // nil: usualTasks
	settings []string
	while    func(*world) // what happens while it is watched; nil: nothing
}

// TestHealthyOddities has each oddity be watched for a while: all is published,
// and nobody is told of anything.
func TestHealthyOddities(t *testing.T) {
	t.Parallel()
	for _, h := range healthyOddities() {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			h.run(t)
		})
	}
}

func (h healthy) run(t *testing.T) {
	w := newWorld(t, h.account, nil)
	if h.tasks == nil {
		h.tasks = usualTasks
	}
	h.tasks(w.Sim)
	one := w.exporter("one", slices.Concat(hurried, h.settings)...)
	one.Start()
	w.awaitReadings(1)
	w.awaitEvents()
	if h.while != nil {
		h.while(w)
	}
	w.awaitReadings(4)
	before := len(one.Logged())
	w.awaitReadings(8)
	for line := range bytes.Lines(one.Logged()[before:]) {
		if !harmless.Match(line) {
			t.Errorf("on a quiet day the log says: %s", line)
		}
	}
	mustBeReady(t, one)
	_, metrics := one.Page("/metrics")
	for _, line := range regexp.MustCompile(`(?m)^airudder_notice\{.*\} [^0]$`).FindAllString(metrics, -1) {
		t.Errorf("a notice: %s", line)
	}
	for line := range bytes.Lines(one.Logged()) {
		var fields struct{ Level string }
		if json.Unmarshal(line, &fields) != nil || fields.Level != "INFO" && !harmless.Match(line) {
			t.Errorf("in the log: %s", line)
		}
	}
	one.Terminate()
	if len(w.Sim.Truth().Tasks) > 0 {
		w.check(nil)
	}
	w.mustNotBeFinalTooEarly(0)
}

// harmless are lines that every test's environment costs, or a machine on which an answer
// of Kafka takes seconds.
var harmless = regexp.MustCompile(`http sends the key and the calls unencrypted|topic settings are not as recommended|ready: waiting for|ready again`)

// bigTask is a task of so many finished rows.
func bigTask(rows int) func(*airuddersim.Sim) {
	return func(s *airuddersim.Sim) {
		s.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling, Rows: airuddersim.FinishedRows(rows)})
	}
}

func healthyOddities() []healthy {
	byPage := listedBy("page={page}")
	return []healthy{
		{name: "an account without tasks", tasks: func(*airuddersim.Sim) {}},
		{name: "tasks without rows", tasks: func(s *airuddersim.Sim) {
			endedTask(s)
			s.AddTask(airuddersim.TaskSpec{Status: airuddersim.Finished})
		}},
		{name: "1,000 rows exactly", tasks: bigTask(1000)},
		{name: "1,000 rows exactly, and a total that agrees", account: odd("detail_total"), tasks: bigTask(1000)},
		{name: "details that are slow to their first byte", account: odd("late_per_row=300us"), tasks: bigTask(2000), settings: []string{"AIRUDDER_TIMEOUT=10s"}},
		{name: "a count of calls above the rows", account: odd("call_count"), tasks: func(s *airuddersim.Sim) {
			s.AddTask(airuddersim.TaskSpec{Status: airuddersim.Finished, Rows: slices.Repeat([]airuddersim.RowSpec{{Status: airuddersim.Finished, Attempts: 3}}, 4)})
		}},
		{name: "page 2 of 1 is page 1", account: paged(20, odd("list_page_clamped")), settings: byPage},
		{name: "a total that agrees over pages", account: paged(3, odd("list_total=totalCount")), settings: byPage},
		{name: "no more pages", account: paged(3, odd("list_more", "list_next")), settings: byPage},
		{name: "the list three levels down", account: odd("list_depth=3", "list_total")},
		{name: "a cursor that is followed", account: paged(3, odd("list_cursor")), settings: listedBy("cursor={cursor:data.next}")},
		{name: "a byte order mark before every answer", account: odd("bom")},
		{name: "tasks that the list shows for a while", account: odd("list_window=1h"), tasks: manyTasks(10), while: func(w *world) {
			w.Sim.Advance(2 * time.Hour)
			manyTasks(4)(w.Sim)
			w.awaitReadings(3)
			manyTasks(2)(w.Sim)
			w.awaitEvents()
		}},
		{name: "times without a zone", account: odd("zoneless")},
		{name: "a field that no page documents, and a link that is signed anew in each answer", account: odd("new_field", "signed_link")},
		{name: "a workflow's fields, in the rows", account: odd("workflow=rows")},
		{name: "a workflow's fields, in data", account: odd("workflow=data")},
		{name: "1970 for a time that is not set", account: odd("end_1970")},
		{name: "statuses in capitals", account: odd("row_words=finished:FINISHED,pending:Pending", "task_words=finished:Finished,calling:CALLING")},
		{name: "statuses between blanks", account: odd("row_words=finished: finished ", "task_words=finished: finished ")},
		{name: "words that were given a meaning", account: odd("row_words=finished:answered,pending:queued"), settings: []string{"AIRUDDER_ROW_STATUSES=answered:finished,queued:open"}},
		{name: "an answer now and then that is no good", while: func(w *world) {
			for _, kind := range []airuddersim.FaultKind{airuddersim.Cut, airuddersim.TooManyRequests, airuddersim.ServerError, airuddersim.BadCodeLast, airuddersim.EmptyBody} {
				w.Sim.Script(airuddersim.Fault{Kind: kind, Endpoint: airuddersim.Detail, RetryAfter: -1})
				w.awaitReadings(3)
			}
		}},
		{name: "calls go on", while: func(w *world) {
			for _, task := range w.Sim.Truth().Tasks {
				_, _ = w.Sim.FinishNext(task.TaskID, 1) // one that has ended has none
				w.awaitReadings(1)
			}
			w.awaitEvents()
		}},
	}
}

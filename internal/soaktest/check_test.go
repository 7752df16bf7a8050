package soaktest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/avro"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/batch"
	"airudder-exporter/schemas"
)

// key is a call, or a row that became a dead letter without one.
type key = airuddersim.CallKey

// checker reads the log from its beginning, as a stranger would.
type checker struct {
	w       *world
	truth   map[string]airuddersim.TaskTruth
	schemas map[string]*avro.Schema

	events  map[key]int
	letters map[key]int // by CallID
	rows    map[string]map[int64]int
	tasks   map[string]*history

	did      map[string]int
	problems []string
}

// history is what the log says of one task, up to the record at hand.
type history struct {
	exported    []string // CallIDs entered as events
	dead, late  int64
	entered     map[string]bool
	state       entry
	closed      bool
	sequence    int64
	status      any // of the last change; nil: none yet
	path        []string
	seals       int64
	unpublished int // entries that wait for what they say was published, negative: the other way round
}

// entry is what a ledger entry's value may say.
type entry struct {
	As            string    `json:"as"`
	Late          bool      `json:"late"`
	Sequence      int64     `json:"sequence"`
	FirstTerminal time.Time `json:"first_terminal"`
	Seal          int64     `json:"seal"`
	ClosedAt      time.Time `json:"closed_at"`
}

// check holds all that was published against the truth. It says what is wrong,
// and what there was to be seen.
func check(w *world, log []batch.Record) (problems []string, did map[string]int) {
	c := &checker{
		w: w, did: map[string]int{}, truth: map[string]airuddersim.TaskTruth{},
		events: map[key]int{}, letters: map[key]int{}, rows: map[string]map[int64]int{}, tasks: map[string]*history{},
		schemas: map[string]*avro.Schema{
			eventTopic:  avro.MustParse(schemas.CallCompleted()),
			statusTopic: avro.MustParse(schemas.TaskStatusChanged()),
			deadTopic:   avro.MustParse(schemas.DeadLetter()),
		},
	}
	for _, task := range w.Truth().Tasks {
		c.truth[task.TaskID] = task
	}
	for _, r := range log {
		switch r.Topic {
		case ledgerTopic:
			c.ledger(r)
		case eventTopic:
			c.event(c.decode(r))
		case deadTopic:
			c.letter(c.decode(r))
		case statusTopic:
			c.change(c.decode(r))
		}
	}
	c.calls()
	c.paths()
	return c.problems, c.did
}

func (c *checker) wrong(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

// decode reads a value in the registry's wire format.
func (c *checker) decode(r batch.Record) map[string]any {
	var value map[string]any
	rest, err := c.schemas[r.Topic].Decode(r.Value[5:], &value)
	if err != nil || len(rest) > 0 {
		c.wrong("%s: key %s: %v, %d bytes left", r.Topic, r.Key, err, len(rest))
	}
	return value
}

func (c *checker) task(id string) *history {
	h := c.tasks[id]
	if h == nil {
		h = &history{entered: map[string]bool{}}
		c.tasks[id] = h
	}
	return h
}

func (c *checker) event(v map[string]any) {
	k := key{TaskID: v["task_id"].(string), CallID: v["call_id"].(string)}
	if c.events[k]++; c.events[k] > 1 {
		c.wrong("call %s of task %s: event no. %d", k.CallID, k.TaskID, c.events[k])
	}
	h := c.task(k.TaskID)
	if h.unpublished++; h.closed {
		c.wrong("call %s of task %s: an event behind its closing", k.CallID, k.TaskID)
	}
	c.did["event"]++
}

func (c *checker) letter(v map[string]any) {
	id := v["task_id"].(string)
	callID, has := v["call_id"].(string)
	if has {
		k := key{TaskID: id, CallID: callID}
		if c.letters[k]++; c.letters[k] > 1 {
			c.wrong("call %s of task %s: dead letter no. %d", callID, id, c.letters[k])
		}
	} else if row, has := v["row_id"].(int64); has {
		if c.rows[id] == nil {
			c.rows[id] = map[int64]int{}
		}
		if c.rows[id][row]++; c.rows[id][row] > 1 {
			c.wrong("row %d of task %s: dead letter no. %d", row, id, c.rows[id][row])
		}
	}
	c.task(id).unpublished++
	c.did["dead letter "+v["reason"].(string)]++
}

// ledger takes an entry; each call's stands behind what it speaks of.
func (c *checker) ledger(r batch.Record) {
	kind, rest, _ := strings.Cut(string(r.Key), "/")
	id, of, _ := strings.Cut(rest, "/")
	var e entry
	if r.Value == nil {
		c.did["tombstone"]++
	} else if err := json.Unmarshal(r.Value, &e); err != nil {
		c.wrong("ledger: %s: %v", r.Key, err)
	}
	switch {
	case kind == "task":
		c.state(id, e)
	case kind != "call" && kind != "row":
	case r.Value == nil:
		if !c.task(id).closed {
			c.wrong("ledger: a tombstone for %s, whose task is not closed", r.Key)
		}
	default:
		c.entered(id, kind+"/"+of, of, e)
	}
}

func (c *checker) entered(taskID, name, callID string, e entry) {
	h := c.task(taskID)
	if h.entered[name] {
		c.wrong("ledger: %s of task %s is entered twice", name, taskID)
	}
	h.entered[name] = true
	if h.unpublished--; h.unpublished != 0 {
		c.wrong("ledger: %s of task %s: %d more were published than entered", name, taskID, h.unpublished)
	}
	if late := e.As == "event" && !h.state.FirstTerminal.IsZero(); e.Late != late {
		c.wrong("ledger: %s of task %s: late is %v", name, taskID, e.Late)
	}
	switch {
	case e.As != "event":
		h.dead++
		return
	case e.Late:
		h.late++
	}
	h.exported = append(h.exported, callID)
}

// state takes a task entry; the changes that it counts stand before it.
func (c *checker) state(taskID string, e entry) {
	h := c.task(taskID)
	if e.Sequence != h.sequence || e.Seal != h.seals {
		c.wrong("ledger: task %s has sequence %d and seal %d, but %d changes and %d seals were published", taskID, e.Sequence, e.Seal, h.sequence, h.seals)
	}
	h.state = e
	if !e.ClosedAt.IsZero() && !h.closed {
		h.closed = true
		c.did["task closed"]++
	}
}

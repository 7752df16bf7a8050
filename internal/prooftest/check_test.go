package prooftest

import (
	"fmt"
	"strings"

	"airudder-exporter/internal/airuddersim"
)

// checker holds what the topics say against what happened. It knows nothing of
// the exporter but its interfaces: topics, keys, schemas, the ledger's entries.
type checker struct {
	w        *world
	truth    airuddersim.Truth
	byTopic  map[string]history
	calls    []record // of the event topic
	changes  []record // of the status topic
	letters  []record // of the dead-letter topic
	entries  []entry  // of the ledger
	captured *capture // nil: responses were not kept
	proof    airuddersim.Proof

	problems []problem
}

// problem is something that must not be, and the call or task that it is about.
type problem struct {
	text  string
	about airuddersim.CallKey // without a CallID: the task; zero: everything
}

func (c *checker) wrong(about airuddersim.CallKey, format string, args ...any) {
	c.problems = append(c.problems, problem{fmt.Sprintf(format, args...), about})
}

// check reads everything back and reports what is wrong with it. captured are
// the responses that were served, where every field is to be compared.
func (w *world) check(captured *capture) *checker {
	w.t.Helper()
	c := &checker{w: w, truth: w.sim.Truth(), byTopic: map[string]history{}, captured: captured}
	for _, topic := range w.topics.all() {
		c.byTopic[topic] = w.read(topic)
	}
	c.decodeAll()
	c.proof = c.judge()
	c.report(c.proof)
	return c
}

// judge holds what was decoded against everything that is known.
func (c *checker) judge() airuddersim.Proof {
	proof := c.checkCalls()
	c.checkLedger()
	c.checkLetters()
	c.checkTasks()
	c.checkSeals()
	c.checkRecords()
	if c.captured != nil {
		c.checkFields()
	}
	return proof
}

// report tells what was found; of what is wrong the first with all that is
// known about it.
func (c *checker) report(proof airuddersim.Proof) {
	t := c.w.t
	t.Helper()
	hidden, seals := 0, 0
	for _, h := range c.byTopic {
		hidden += len(h.hidden)
	}
	for _, change := range c.changes {
		if change.fields["seal"] != nil {
			seals++
		}
	}
	t.Logf("finished %d · events %d · duplicates %d · missing %d · dead letters %d · transitions %d · seals %d · records of aborted transactions, seen by nobody, %d",
		proof.Finished, proof.Events, len(proof.Duplicates), len(proof.Missing), len(c.letters), len(c.changes)-seals, seals, hidden)
	if proof.Events == 0 {
		t.Error("there is no event: nothing was proved")
	}
	if len(c.problems) == 0 {
		return
	}
	const shown = 10
	for _, p := range c.problems[:min(shown, len(c.problems))] {
		t.Error(p.text)
	}
	if more := len(c.problems) - shown; more > 0 {
		t.Errorf("and %d problems more", more)
	}
	t.Logf("what happened around the first:\n%s", strings.Join(c.history(c.problems[0].about), "\n"))
}

// checkCalls holds the events against the truth: each finished call once. One
// whose row was damaged in a response may be a dead letter in its place.
func (c *checker) checkCalls() airuddersim.Proof {
	keys := make([]airuddersim.CallKey, len(c.calls))
	published := map[airuddersim.CallKey]bool{}
	for i, e := range c.calls {
		keys[i] = e.call()
		published[keys[i]] = true
	}
	proof := c.truth.Check(keys)
	for _, key := range proof.Duplicates {
		c.wrong(key, "call %s of task %s: more than one event", key.CallID, key.TaskID)
	}
	for _, key := range proof.Missing {
		c.wrong(key, "call %s of task %s: no event", key.CallID, key.TaskID)
	}
	for _, key := range proof.Unknown {
		c.wrong(key, "call %s of task %s: an event, but it never finished", key.CallID, key.TaskID)
	}
	dead := map[airuddersim.CallKey]bool{}
	for _, letter := range c.letters {
		dead[letter.call()] = true
		dead[letter.row()] = true
	}
	for _, task := range c.truth.Tasks {
		for _, of := range task.Calls {
			key := airuddersim.CallKey{TaskID: task.TaskID, CallID: of.CallID}
			if of.Current && !published[key] && !dead[key] && !dead[rowKey(task.TaskID, of.RowID)] {
				c.wrong(key, "call %s of task %s, damaged as %v: neither an event nor a dead letter", of.CallID, task.TaskID, of.Damaged)
			}
			if published[key] && !of.Served {
				c.wrong(key, "call %s of task %s: an event, but no response showed it whole", of.CallID, task.TaskID)
			}
		}
	}
	return proof
}

package soaktest

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"airudder-exporter/internal/airuddersim"
)

// change takes a transition or a seal: one behind the other, without a gap.
func (c *checker) change(v map[string]any) {
	id := v["task_id"].(string)
	h := c.task(id)
	h.sequence++
	if got := v["sequence"].(int64); got != h.sequence || v["previous_status"] != h.status {
		c.wrong("task %s: change %d from %v, want %d from %v", id, got, v["previous_status"], h.sequence, h.status)
	}
	rows := v["rows_finished"].(int64) + v["rows_cancelled"].(int64) + v["rows_open"].(int64)
	if h.closed || rows != v["rows"] {
		c.wrong("task %s: change %d: closed %v, %v rows of which %d are told", id, h.sequence, h.closed, v["rows"], rows)
	}
	seal, ok := v["seal"].(map[string]any)
	if ok {
		c.seal(id, h, v, seal)
		return
	}
	if h.status == airuddersim.Finished && v["status"] == airuddersim.Calling {
		c.did["finished task seen calling again"]++
	}
	h.status = v["status"]
	h.path = append(h.path, v["status"].(string))
	c.did["transition"]++
}

// seal counts again what a seal counts. What its own transaction publishes
// stands before it.
func (c *checker) seal(id string, h *history, v, seal map[string]any) {
	h.seals++
	sum := sha256.New()
	for _, callID := range slices.Sorted(slices.Values(h.exported)) {
		sum.Write([]byte(callID + "\n"))
	}
	want := map[string]any{
		"seal_number": h.seals, "exported": int64(len(h.exported)), "dead_lettered": h.dead, "late": h.late,
		"cancelled": v["rows_cancelled"], "never_dialled": v["rows_open"], "digest": hex.EncodeToString(sum.Sum(nil)),
	}
	for field, value := range want {
		if seal[field] != value {
			c.wrong("task %s: seal %d: %s is %v, want %v", id, h.seals, field, seal[field], value)
		}
	}
	if v["status"] != h.status {
		c.wrong("task %s: a seal with status %v after %v", id, v["status"], h.status)
	}
	if c.did["seal"]++; h.seals > 1 {
		c.did["seal once more"]++
	}
}

// calls holds events and dead letters against the calls that finished.
func (c *checker) calls() {
	twins := map[string]int{}
	left := map[key]bool{}
	for k := range c.events {
		left[k] = true
		if twins[k.CallID]++; twins[k.CallID] == 2 {
			c.did["one CallID in two tasks"]++
		}
		if c.letters[k] > 0 {
			c.wrong("call %s of task %s: an event and a dead letter", k.CallID, k.TaskID)
		}
	}
	for id, task := range c.truth {
		current, shown := map[key]airuddersim.Call{}, map[key]bool{}
		for _, of := range task.Calls {
			k := key{TaskID: id, CallID: of.CallID}
			delete(left, k)
			shown[k] = shown[k] || of.Served
			if of.Current {
				current[k] = of
			}
		}
		for k, served := range shown {
			if c.events[k] > 0 && !served {
				c.wrong("call %s of task %s: an event, but no response showed it whole", k.CallID, id)
			}
		}
		for k, of := range current {
			c.call(task, k, of)
		}
	}
	for k := range left {
		c.wrong("call %s of task %s: an event, but it never finished", k.CallID, k.TaskID)
	}
}

// call is one that every response shows by now. It is published, unless its task
// was closed before any response showed it, or while it was away.
func (c *checker) call(task airuddersim.TaskTruth, k key, of airuddersim.Call) {
	if c.events[k] > 0 || c.letters[k] > 0 || c.rows[task.TaskID][of.RowID] > 0 {
		return
	}
	h := c.task(task.TaskID)
	if h.closed && (c.w.everHidden[task.TaskID] || !of.Served) {
		c.did["call that came after the closing"]++
		return
	}
	c.wrong("call %s of task %s: neither an event nor a dead letter: %+v, closed %v, %d seals", k.CallID, k.TaskID, of, h.closed, h.seals)
}

// paths holds each task's transitions against the states that responses showed.
// A task that is still read has its last state told.
func (c *checker) paths() {
	for id, task := range c.truth {
		h := c.task(id)
		states := task.Served()
		for _, status := range h.path {
			at := slices.Index(states, status)
			if at < 0 {
				c.wrong("task %s: transitions %v, but responses showed %v", id, h.path, task.Served())
				break
			}
			states = states[at+1:]
		}
		if last := task.States[len(task.States)-1].Status; !h.closed && h.seals == 0 && h.status != last {
			c.wrong("task %s is %s, but the last transition told is to %v", id, last, h.status)
		}
		if h.unpublished != 0 {
			c.wrong("task %s: %d more were published than entered", id, h.unpublished)
		}
	}
}

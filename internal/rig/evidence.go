package rig

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/airuddersim"
)

// Evidence is what the topics say and what happened, to be held against each
// other. It knows nothing of the exporter but its interfaces: topics, keys,
// headers, schemas, the ledger's entries.
type Evidence struct {
	Truth     airuddersim.Truth
	Topics    Topics
	Shards    int
	EventKey  string        // KAFKA_EVENT_KEY; empty: the default
	Source    string        // the upstream's URL
	Account   string        // AIRUDDER_ACCOUNT
	Privacy   string        // airudder_privacy of every event; empty: openPrivacy
	NoRaw     bool          // dead letters have no raw rows
	Responses *Capture      // nil: they were not kept
	PollMax   time.Duration // the least AIRUDDER_POLL_MAX_INTERVAL of any exporter

	Hidden  func(taskID string) bool // whether the task, or rows of it, were away for a while; nil: none was
	Settled bool                     // each task was read after its last change
	Ordered bool                     // offsets are one sequence over all topics
	Cleaned bool                     // the broker's cleaner has been at the ledger
	Jumps   []time.Time              // of the processes' clocks: what waits across one waits longer, or less

	ByTopic map[string]History
	Calls   []Record // of the event topic
	Changes []Record // of the status topic
	Letters []Record // of the dead-letter topic
	Private []Record // of the topic of what is kept apart, if there is one
	Revised []Record // of the topic of changes, if there is one
	Entries []Entry  // of the ledger

	Proof    airuddersim.Proof
	Problems []Problem
}

// Problem is something that must not be, and the call or task that it is about.
type Problem struct {
	Text  string
	about airuddersim.CallKey // without a CallID: the task; zero: everything
}

func (e *Evidence) wrong(about airuddersim.CallKey, format string, args ...any) {
	e.Problems = append(e.Problems, Problem{fmt.Sprintf(format, args...), about})
}

// Evidence reads everything back. captured are the responses that were served,
// where every field is to be compared.
func (w *World) Evidence(captured *Capture) *Evidence {
	w.T.Helper()
	e := &Evidence{
		Truth: w.Sim.Truth(), Topics: w.Topics, Shards: w.Shards, EventKey: w.EventKey, Source: w.Upstream.URL, Account: w.Account, Privacy: w.Privacy, NoRaw: w.NoRaw, PollMax: w.PollMax,
		Responses: captured, Cleaned: w.Cleaned, ByTopic: map[string]History{},
	}
	for _, topic := range w.Topics.All() {
		h := w.Read(topic)
		if topic != w.Topics.Ledger {
			h.Committed = slices.DeleteFunc(h.Committed, func(r *kgo.Record) bool { return !w.Own(r) })
		}
		e.ByTopic[topic] = h
	}
	return e
}

// Decode reads the values of all committed records.
func (e *Evidence) Decode(value func(*kgo.Record) (map[string]any, error)) {
	into := map[string]*[]Record{e.Topics.Events: &e.Calls, e.Topics.Status: &e.Changes, e.Topics.Dead: &e.Letters, e.Topics.Private: &e.Private, e.Topics.Revised: &e.Revised}
	for topic, list := range into {
		for _, r := range e.ByTopic[topic].Committed {
			fields, err := value(r)
			if err != nil {
				e.wrong(airuddersim.CallKey{}, "%s[%d]@%d: %v", r.Topic, r.Partition, r.Offset, err)
				continue
			}
			*list = append(*list, Record{r, fields})
		}
	}
	for _, r := range e.ByTopic[e.Topics.Ledger].Committed {
		entry, err := ReadEntry(r)
		if err != nil {
			e.wrong(entry.call(), "ledger entry %s: %v", r.Key, err)
		}
		e.Entries = append(e.Entries, entry)
	}
}

// Judge holds what was decoded against everything that is known.
func (e *Evidence) Judge() {
	e.checkCalls()
	e.checkLedger()
	e.checkLetters()
	e.checkTasks()
	e.checkNumbers()
	e.checkStatuses()
	e.checkRecords()
	e.checkPrivate()
	e.checkRevised()
	if e.Ordered {
		e.checkOrder()
	}
	if e.Responses != nil {
		e.checkFields()
	}
}

// Check reads everything back and reports what is wrong with it. around tells
// what else is known of some moments; nil: nothing.
func (w *World) Check(captured *Capture, around func([]time.Time) []string) *Evidence {
	w.T.Helper()
	e := w.Evidence(captured)
	e.Decode(NewDecoder(w.Registry).Decode)
	e.Judge()
	e.Report(w.T, around)
	return e
}

// Report tells what was found; of what is wrong the first with all that is known
// about it.
func (e *Evidence) Report(t testing.TB, around func([]time.Time) []string) {
	t.Helper()
	hidden, seals, resolved := 0, 0, 0
	for _, h := range e.ByTopic {
		hidden += len(h.Hidden)
	}
	for _, change := range e.Changes {
		if _, is := change.Seal(); is {
			seals++
		}
	}
	for _, l := range e.Letters {
		if l.Resolved() {
			resolved++
		}
	}
	t.Logf("%s · dead letters %d, of which resolved %d · revisions %d · transitions %d · seals %d · records of aborted transactions, seen by nobody, %d",
		Sum(e.Proof), len(e.Letters)-resolved, resolved, len(e.Revised), len(e.Changes)-seals, seals, hidden)
	if e.Proof.Events == 0 {
		t.Error("there is no event: nothing was proved")
	}
	if len(e.Problems) == 0 {
		return
	}
	const shown = 10
	for _, p := range e.Problems[:min(shown, len(e.Problems))] {
		t.Error(p.Text)
	}
	if more := len(e.Problems) - shown; more > 0 {
		t.Errorf("and %d problems more", more)
	}
	t.Logf("what happened around the first:\n%s", strings.Join(e.history(e.Problems[0].about, around), "\n"))
}

// Sum is a proof in a line.
func Sum(p airuddersim.Proof) string {
	return fmt.Sprintf("finished %d · events %d · duplicates %d · missing %d", p.Finished, p.Events, len(p.Duplicates), len(p.Missing))
}

// Published are the calls of all events that consumers see.
func (w *World) Published() (calls []airuddersim.CallKey) {
	w.T.Helper()
	for _, r := range w.Read(w.Topics.Events).Committed {
		calls = append(calls, KeyOf(r))
	}
	return calls
}

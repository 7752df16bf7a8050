package audit

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

var began = time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC)

// partitions of the event topic.
const partitions = 3

// published is a history as exporters write it: transactions, in the order of their
// ledger, of which each topic keeps its part.
type published struct {
	rng     *rand.Rand
	tasks   []*exported
	entries []written[ledger.Entry]
	events  [partitions][]written[Event]
	seals   []written[ledger.Fact]
	txn     int
}

// written is a record and the transaction that it is of.
type written[T any] struct {
	txn int
	of  T
}

// exported is a task's export so far.
type exported struct {
	id     string
	calls  []string
	dead   []string
	state  ledger.State
	closed bool
}

func (p *published) now() time.Time { return began.Add(time.Duration(p.txn) * time.Minute) }

func (p *published) enter(e ledger.Entry) {
	p.entries = append(p.entries, written[ledger.Entry]{p.txn, e})
}

// publish publishes a call as an event.
func (p *published) publish(t *exported, callID string) {
	t.calls = append(t.calls, callID)
	n := int64(len(t.calls))
	p.enter(ledger.Entry{Kind: ledger.KindCall, TaskID: t.id, ID: callID,
		Published: ledger.Published{At: p.now(), As: ledger.Event, N: n, Row: 7}})
	p.event(t.id, callID, n)
}

func (p *published) event(taskID, callID string, n int64) {
	in := p.rng.IntN(partitions)
	at := Place{in, int64(10 * len(p.events[in]))} // markers and others' records between them
	p.events[in] = append(p.events[in], written[Event]{p.txn, Event{
		TaskID: []byte(taskID), CallID: []byte(callID), N: n, Recorded: p.now().AppendFormat(nil, time.RFC3339Nano), Place: at}})
}

// step is one transaction of a task.
func (p *published) step(t *exported) {
	p.txn++
	switch what := p.rng.IntN(20); {
	case t.closed:
		return
	case what < 12:
		for range 1 + p.rng.IntN(6) {
			p.publish(t, p.callID(t))
		}
	case what < 14:
		id := p.callID(t)
		t.dead = append(t.dead, id)
		p.enter(ledger.Entry{Kind: ledger.KindCall, TaskID: t.id, ID: id,
			Published: ledger.Published{At: p.now(), As: ledger.DeadLetter, Letter: ledger.Letter{Reason: call.BrokenJSON}}})
	case what < 16 && len(t.dead) > 0: // it heals
		p.publish(t, t.dead[0])
		t.dead = t.dead[1:]
	case what < 17 && len(t.calls) > 0: // a revision
		n := p.rng.IntN(len(t.calls))
		p.enter(ledger.Entry{Kind: ledger.KindCall, TaskID: t.id, ID: t.calls[n],
			Published: ledger.Published{At: p.now(), As: ledger.Event, N: int64(n + 1), Revision: 1, Fields: ledger.Fields{Form: "1", Hash: 5}}})
	case what < 19:
		p.seal(t)
	case t.state.SealHolds(int64(len(t.calls))):
		t.state.ClosedAt, t.closed = p.now(), true
		p.enter(ledger.Entry{Kind: ledger.KindTask, TaskID: t.id, State: t.state})
		for _, id := range slices.Concat(t.calls, t.dead) {
			p.txn++
			p.enter(ledger.Entry{Kind: ledger.KindCall, TaskID: t.id, ID: id, Tombstone: true})
		}
	}
}

// callID is a new one, in one of the two forms that the ledger keeps.
func (p *published) callID(t *exported) string {
	if p.rng.IntN(2) == 0 {
		return fmt.Sprintf("%032x", p.rng.Uint64())
	}
	return fmt.Sprintf("%s-%x", t.id, p.rng.Uint64())
}

func (p *published) seal(t *exported) {
	change := ledger.StatusChange{Sequence: t.state.Sequence + 1, Status: call.Finished, Exported: int64(len(t.calls)),
		Seal: &ledger.Seal{Number: t.state.Seal + 1, Digest: ledger.Digest(slices.Clone(t.calls)), Ends: p.ends()}}
	t.state = t.state.Next(change, p.now())
	t.state.Events = int64(len(t.calls))
	p.enter(ledger.Entry{Kind: ledger.KindTask, TaskID: t.id, State: t.state})
	p.seals = append(p.seals, written[ledger.Fact]{p.txn, ledger.Fact{TaskID: t.id, Change: change, ObservedAt: p.now()}})
}

func (p *published) ends() (ends []int64) {
	for _, events := range p.events {
		end := int64(0)
		if n := len(events); n > 0 {
			end = events[n-1].of.Offset + 1
		}
		ends = append(ends, end)
	}
	return ends
}

// history is a random one.
func history(rng *rand.Rand) *published {
	p := &published{rng: rng}
	for i := range 4 {
		p.tasks = append(p.tasks, &exported{id: fmt.Sprint("task-", i)})
	}
	for range 60 {
		p.step(p.tasks[rng.IntN(len(p.tasks))])
	}
	return p
}

// audit reads a history while it is being written: the status records up to some
// transaction, the ledger up to a later one, each partition of the events up to one
// after that, and the ledger's tail further still. While the ledger is read, the cleaner
// takes entries of which there is a later one.
func (p *published) audit(t *testing.T, of Scope) *Report {
	t.Helper()
	seals := p.rng.IntN(p.txn + 1)
	entries := seals + p.rng.IntN(p.txn-seals+1)
	read := entries + p.rng.IntN(p.txn-entries+1) // what was written by the time that they are read
	c := NewChecker("")
	for _, s := range p.seals {
		if s.txn <= seals {
			c.Seal(s.of, Place{0, int64(s.txn)})
		}
	}
	replaced := func(i int) bool {
		key := string(p.entries[i].of.AppendKey(nil))
		return slices.ContainsFunc(p.entries[i+1:], func(e written[ledger.Entry]) bool {
			return e.txn <= read && string(e.of.AppendKey(nil)) == key
		})
	}
	take := func(from, to int, in func(key, value []byte) error) {
		for i, e := range p.entries {
			if p.rng.IntN(2) == 0 && replaced(i) {
				continue
			}
			value := e.of.AppendValue(nil)
			if e.of.Tombstone {
				value = nil
			}
			if e.txn > from && e.txn <= to {
				if err := in(e.of.AppendKey(nil), value); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	take(0, entries, c.Entry)
	tail := read
	of.Partitions = make([]Partition, partitions)
	for _, i := range p.rng.Perm(partitions) {
		end := read + p.rng.IntN(p.txn-read+1)
		tail = max(tail, end)
		for _, e := range p.events[i] {
			if e.txn <= end {
				c.Event(e.of)
				of.Partitions[i].Last = e.of.Offset + 1
			}
		}
	}
	take(p.rng.IntN(entries+1), tail+p.rng.IntN(p.txn-tail+1), c.Later)
	return c.Judge(of)
}

// TestNoneInvented audits sound histories while they are being written, in any way in
// which the topics may be read one after the other.
func TestNoneInvented(t *testing.T) {
	calls, letters, seals, closed := int64(0), int64(0), int64(0), 0
	for seed := range uint64(500) {
		p := history(rand.New(rand.NewPCG(seed, 1)))
		r := p.audit(t, Scope{})
		if !r.Clean || r.Unjudged > 0 {
			t.Fatalf("seed %d: %+v", seed, r)
		}
		calls, letters, seals, closed = calls+r.Counts[OK], letters+r.Counts[DeadLetter], seals+r.Seals, closed+r.Closed
	}
	t.Logf("%d calls, %d dead letters, %d seals, %d closed tasks", calls, letters, seals, closed)
	if calls*letters*seals*int64(closed) == 0 {
		t.Error("this shows nothing")
	}
}

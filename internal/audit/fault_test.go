package audit

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"airudder-exporter/internal/ledger"
)

// fault spoils a history of one task with at least four calls, sealed and not closed, and
// says what is to be found: the classes, without those that are no findings.
type fault struct {
	name  string
	spoil func(p *published, t *exported)
	want  map[Class]int64
}

var faults = []fault{
	{"an event is gone", func(p *published, t *exported) { p.lose(t.calls[1]) }, map[Class]int64{MissingEvent: 1}},
	{"two are", func(p *published, t *exported) { p.lose(t.calls[1]); p.lose(t.calls[2]) }, map[Class]int64{MissingEvent: 2}},
	{"an event is there twice", func(p *published, t *exported) { p.event(t.id, t.calls[1], 2) }, map[Class]int64{DoubledEvent: 1}},
	{"three times", func(p *published, t *exported) {
		p.event(t.id, t.calls[1], 2)
		p.event(t.id, t.calls[1], 2)
	}, map[Class]int64{DoubledEvent: 1}},
	{"a copy has another number", func(p *published, t *exported) { p.event(t.id, t.calls[1], 3) }, map[Class]int64{DoubledEvent: 1}},
	{"an entry is gone", func(p *published, t *exported) { p.forget(t, t.calls[1]) }, map[Class]int64{EventWithoutEntry: 1}},
	{"the last entry is", func(p *published, t *exported) { p.forget(t, t.calls[len(t.calls)-1]) }, map[Class]int64{EventWithoutEntry: 1}},
	{"a stranger's event", func(p *published, t *exported) { p.event(t.id, "strange", 2) }, map[Class]int64{EventWithoutEntry: 1}},
	{"of a task that nobody knows", func(p *published, t *exported) { p.event("strange", "strange", 1) }, map[Class]int64{EventWithoutEntry: 1}},
	{"an entry says dead letter", func(p *published, t *exported) {
		p.enter(ledger.Entry{Kind: ledger.KindCall, TaskID: t.id, ID: t.calls[1], Published: ledger.Published{At: began, As: ledger.DeadLetter}})
	}, map[Class]int64{EventWithoutEntry: 1}},
	{"event and entry are gone", func(p *published, t *exported) { p.forget(t, t.calls[1]); p.lose(t.calls[1]) }, map[Class]int64{NumberMissing: 1}},
	{"the last two are", func(p *published, t *exported) {
		for _, id := range t.calls[len(t.calls)-2:] {
			p.forget(t, id)
			p.lose(id)
		}
	}, map[Class]int64{NumberMissing: 2}},
	{"a number twice", func(p *published, t *exported) { p.number("again", t, 2, 2) }, map[Class]int64{NumberDoubled: 1}},
	{"a number three times", func(p *published, t *exported) { p.number("again", t, 2, 2); p.number("more", t, 2, 2) }, map[Class]int64{NumberDoubled: 1}},
	{"another number in the event", func(p *published, t *exported) {
		n := int64(len(t.calls)) + 1
		p.number("next", t, n, n+1)
	}, map[Class]int64{NumberDiffers: 1}},
	{"a seal's count", func(p *published, t *exported) { p.last().Change.Exported++ }, map[Class]int64{SealMismatch: 1}},
	{"a seal that tells of less", func(p *published, t *exported) { p.last().Change.Exported-- }, map[Class]int64{SealMismatch: 1}},
	{"a seal's digest", func(p *published, t *exported) { p.last().Change.Seal.Digest = ledger.Digest(nil) }, map[Class]int64{SealMismatch: 1}},
	{"a seal's offset that is too low", func(p *published, t *exported) {
		i := slices.IndexFunc(p.last().Change.Seal.Ends, func(end int64) bool { return end > 0 })
		p.last().Change.Seal.Ends[i] = 0
	}, map[Class]int64{SealMismatch: 1}},
	{"one that is too high", func(p *published, t *exported) { p.last().Change.Seal.Ends[0]++ }, map[Class]int64{SealMismatch: 1}},
	{"one that is missing", func(p *published, t *exported) {
		ends := &p.last().Change.Seal.Ends
		*ends = (*ends)[:slices.IndexFunc(*ends, func(end int64) bool { return end > 0 })]
	}, map[Class]int64{SealMismatch: 1}},
	{"a seal twice", func(p *published, t *exported) { p.seals = append(p.seals, p.seals[len(p.seals)-1]) }, map[Class]int64{SealMismatch: 1}},
	{"a seal that the ledger forgot", func(p *published, t *exported) {
		p.enter(ledger.Entry{Kind: ledger.KindTask, TaskID: t.id, State: ledger.State{Events: int64(len(t.calls))}})
	}, map[Class]int64{SealMismatch: 1}},
}

// lose takes the event of a call away.
func (p *published) lose(callID string) {
	for i := range p.events {
		p.events[i] = slices.DeleteFunc(p.events[i], func(e written[Event]) bool { return string(e.of.CallID) == callID })
	}
}

// forget takes the entry of a call away.
func (p *published) forget(t *exported, callID string) {
	p.enter(ledger.Entry{Kind: ledger.KindCall, TaskID: t.id, ID: callID, Tombstone: true})
}

// number publishes a call with numbers of its own.
func (p *published) number(callID string, t *exported, entry, event int64) {
	p.enter(ledger.Entry{Kind: ledger.KindCall, TaskID: t.id, ID: callID, Published: ledger.Published{At: p.now(), As: ledger.Event, N: entry}})
	p.event(t.id, callID, event)
}

// last is the last seal.
func (p *published) last() *ledger.Fact { return &p.seals[len(p.seals)-1].of }

// sealed is a history of one task that ends with a seal; closed: and is closed.
func sealed(seed uint64, closed bool) (*published, *exported) {
	p := &published{rng: rand.New(rand.NewPCG(seed, 2)), txn: 1}
	t := &exported{id: "task"}
	for range 4 + p.rng.IntN(10) {
		p.txn++
		p.publish(t, p.callID(t))
	}
	p.txn++
	p.seal(t)
	if closed {
		t.state.ClosedAt = p.now()
		p.enter(ledger.Entry{Kind: ledger.KindTask, TaskID: t.id, State: t.state})
		for _, id := range t.calls[p.rng.IntN(len(t.calls)):] { // the others' are still to come
			p.forget(t, id)
		}
		for _, id := range t.calls {
			p.forget(t, id)
		}
	}
	return p, t
}

// whole audits all of a history.
func (p *published) whole(t *testing.T, of Scope) *Report {
	t.Helper()
	c := NewChecker("")
	for _, s := range p.seals {
		c.Seal(s.of, Place{})
	}
	for _, e := range p.entries {
		value := e.of.AppendValue(nil)
		if e.of.Tombstone {
			value = nil
		}
		if err := c.Entry(e.of.AppendKey(nil), value); err != nil {
			t.Fatal(err)
		}
	}
	if of.Partitions == nil {
		of.Partitions = make([]Partition, partitions)
	}
	ends := p.ends()
	for i, events := range p.events {
		of.Partitions[i].Last = max(ends[i], of.Partitions[i].Last)
		for _, e := range events {
			if e.of.Offset >= of.Partitions[i].Start {
				c.Event(e.of)
			}
		}
	}
	return c.Judge(of)
}

// findings are the classes that are findings, and how often.
func (r *Report) findings() map[Class]int64 {
	found := maps.Clone(r.Counts)
	maps.DeleteFunc(found, func(class Class, n int64) bool { return n == 0 || !slices.Contains(Findings, class) })
	return found
}

// TestAllNamed plants each fault, in histories of many forms.
func TestAllNamed(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			for seed := range uint64(200) {
				p, task := sealed(seed, false)
				of := Scope{}
				for _, end := range p.ends() { // the events that are taken away were there
					of.Partitions = append(of.Partitions, Partition{Last: end})
				}
				f.spoil(p, task)
				if r := p.whole(t, of); !maps.Equal(r.findings(), f.want) {
					t.Fatalf("seed %d: got %v, want %v: %+v", seed, r.findings(), f.want, r.Findings)
				}
			}
		})
	}
}

// TestClosed holds closed tasks against their seals.
func TestClosed(t *testing.T) {
	for _, f := range []fault{
		{"sound", func(*published, *exported) {}, map[Class]int64{}},
		{"without its seal's record", func(p *published, t *exported) { p.seals = nil }, map[Class]int64{}},
		{"an event is gone", func(p *published, t *exported) { p.lose(t.calls[1]) }, map[Class]int64{SealMismatch: 1}},
		{"without its seal's record, and an event is gone", func(p *published, t *exported) { p.seals = nil; p.lose(t.calls[1]) }, map[Class]int64{SealMismatch: 1}},
		{"an event is there twice", func(p *published, t *exported) { p.event(t.id, t.calls[1], 2) }, map[Class]int64{DoubledEvent: 1}},
		{"a number twice", func(p *published, t *exported) { p.event(t.id, "again", 2) }, map[Class]int64{NumberDoubled: 1}},
		{"a higher number", func(p *published, t *exported) { p.event(t.id, "again", 99) }, map[Class]int64{EventWithoutEntry: 1}},
		{"another call in its place", func(p *published, t *exported) { p.lose(t.calls[1]); p.event(t.id, "again", 2) }, map[Class]int64{SealMismatch: 1}},
		{"a seal's digest", func(p *published, t *exported) { p.last().Change.Seal.Digest = "" }, map[Class]int64{SealMismatch: 1}},
	} {
		t.Run(f.name, func(t *testing.T) {
			for seed := range uint64(200) {
				p, task := sealed(seed, true)
				of := Scope{}
				for _, end := range p.ends() {
					of.Partitions = append(of.Partitions, Partition{Last: end})
				}
				f.spoil(p, task)
				if r := p.whole(t, of); !maps.Equal(r.findings(), f.want) || r.Closed != 1 {
					t.Fatalf("seed %d: got %v, want %v: %+v", seed, r.findings(), f.want, r.Findings)
				}
			}
		})
	}
}

// TestExpired deletes the beginnings of partitions. What may have gone with them is no
// finding; what is younger than the youngest first record that is left is.
func TestExpired(t *testing.T) {
	expired := int64(0)
	for seed := range uint64(300) {
		for _, closed := range []bool{false, true} {
			p, task := sealed(seed, closed)
			revised := map[string]bool{}
			for n, id := range task.calls { // what is noted of a row later says nothing about its event's time
				if !closed && p.rng.IntN(4) == 0 {
					revised[id] = true
					p.enter(ledger.Entry{Kind: ledger.KindCall, TaskID: task.id, ID: id, Published: ledger.Published{
						At: p.now().Add(time.Hour), As: ledger.Event, N: int64(n + 1), Fields: ledger.Fields{Form: "1", Hash: 5}}})
				}
			}
			of := Scope{Partitions: make([]Partition, partitions), Now: p.now()}
			youngest, left := time.Time{}, map[string]bool{}
			for i, events := range p.events {
				of.Partitions[i].Last = p.ends()[i]
				from := 0
				if len(events) > 0 {
					from = p.rng.IntN(len(events))
				}
				if from > 0 {
					of.Partitions[i].Start = events[from].of.Offset
					if err := of.Partitions[i].First.UnmarshalText(events[from].of.Recorded); err != nil {
						t.Fatal(err)
					}
					if of.Partitions[i].First.After(youngest) {
						youngest = of.Partitions[i].First
					}
				}
				for _, e := range events[from:] {
					left[string(e.of.CallID)] = true
				}
			}
			r := p.whole(t, of)
			want := int64(len(task.calls) - len(left))
			if !r.Clean || r.Counts[OK] != int64(len(left)) || r.Counts[Expired] != want || !r.FullSince.Equal(youngest) {
				t.Fatalf("seed %d, closed %v: %+v, want %d expired", seed, closed, r, want)
			}
			expired += want
			last := task.calls[len(task.calls)-1]       // as young as any that is left
			if closed || !left[last] || revised[last] { // of a closed task, it is not known when that was
				continue
			}
			p.lose(last)
			if r = p.whole(t, of); r.Clean {
				t.Fatalf("seed %d, closed %v: the youngest event is gone: %+v", seed, closed, r)
			}
		}
	}
	if expired == 0 {
		t.Error("this shows nothing")
	}
}

// TestRevisedIsMissing: that the event of an entry that was written again is gone, and did
// not expire, an older one tells that is still there.
func TestRevisedIsMissing(t *testing.T) {
	p, task := sealed(1, false)
	last := task.calls[len(task.calls)-1]
	p.enter(ledger.Entry{Kind: ledger.KindCall, TaskID: task.id, ID: last, Published: ledger.Published{
		At: p.now().Add(time.Hour), As: ledger.Event, N: int64(len(task.calls)), Revision: 1}})
	p.lose(last)
	of := Scope{Partitions: make([]Partition, partitions)}
	for i, end := range p.last().Change.Seal.Ends {
		of.Partitions[i].Last = end
	}
	of.Partitions[0].Start, of.Partitions[0].First = 1, began.Add(2*time.Minute)
	if r := p.whole(t, of); !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Class == MissingEvent && f.CallID == last }) {
		t.Errorf("got %+v", r)
	}
}

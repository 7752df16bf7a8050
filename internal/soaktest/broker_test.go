package soaktest

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"regexp"
	"sync"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/exporter/fakekafka"
)

const (
	eventTopic  = "events"
	statusTopic = "status"
	deadTopic   = "dead"
	ledgerTopic = "ledger"
)

// broker is a Kafka of one ledger partition, with the dice that decide what goes
// wrong.
type broker struct {
	*fakekafka.Kafka

	mu     sync.Mutex
	dice   *rand.Rand
	calm   bool           // nothing goes wrong any more
	writer *process       // who opened the shard last
	did    map[string]int // what happened, how often
	jumps  []time.Time    // of the processes' clocks
}

var (
	errLost   = errors.New("no answer")
	errKilled = errors.New("the process is dead")
)

func newBroker(seed uint64) *broker {
	return &broker{Kafka: fakekafka.New(ledgerTopic, 1), dice: rand.New(rand.NewPCG(seed, 1)), did: map[string]int{}}
}

// one reports whether something that happens once in n times happens now.
func (b *broker) one(n int, what string) bool {
	if b.calm || b.dice.IntN(n) > 0 {
		return false
	}
	b.did[what]++
	return true
}

// roll is a number below n.
func (b *broker) roll(n int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dice.IntN(n)
}

// faults are what goes wrong for one process.
func (b *broker) faults(of *process) fakekafka.Faults {
	return fakekafka.Faults{
		Open:       func(at fakekafka.Step) error { return b.opening(of, at) },
		Cut:        b.cut,
		Commit:     func([][]batch.Record) (bool, error) { return b.commit(of) },
		Committed:  func() { b.committed(of) },
		Units:      func(int) int { return 1 + b.roll(40) },
		Concurrent: func() int { return b.roll(2) },
	}
}

func (b *broker) opening(of *process, at fakekafka.Step) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch at {
	case fakekafka.StepFence:
		if of.dead.Load() || b.one(10, "open: not fenced") {
			return errLost
		}
		if b.writer != nil && b.writer != of {
			b.did["open: fenced another process"]++
		}
		b.writer = of
	case fakekafka.StepBarrier:
		if b.one(10, "open: fenced, no barrier") {
			return errLost
		}
	}
	return nil
}

// cut breaks a replay off at times.
func (b *broker) cut(records int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.one(10, "open: replay cut") {
		return b.dice.IntN(records)
	}
	return -1
}

// commit takes its time, in which its process may die or be fenced.
func (b *broker) commit(of *process) (stored bool, err error) {
	b.mu.Lock()
	took := time.Duration(5+b.dice.IntN(50)) * time.Millisecond
	if b.one(20, "commit: slow") {
		took = 8 * time.Second
	}
	sent := !of.dead.Load()
	b.mu.Unlock()
	time.Sleep(took / 2)
	select {
	case of.committing <- struct{}{}: // a killer waited for this
		time.Sleep(took / 2)
	case <-time.After(took / 2):
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch dies := of.dead.Load(); {
	case !sent:
		return false, errKilled
	case dies && b.dice.IntN(2) == 0:
		b.did["commit: killed before it"]++
		return false, errKilled
	case dies:
		return true, errKilled
	case b.one(150, "commit: lost"):
		return false, errLost
	case b.one(150, "commit: fenced by a stranger"):
		b.Fence(0)
		return true, nil
	case b.one(150, "commit: applied, its answer lost"):
		return true, errLost
	}
	return true, nil
}

// committed counts what was stored.
func (b *broker) committed(of *process) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if of.dead.Load() {
		b.did["commit: killed after it"]++
		return
	}
	b.did["commit: good"]++
}

// clean does what the log cleaner does up to some point of the ledger: of each
// key the last record stays, a tombstone perhaps not even that.
func (b *broker) clean() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.did["ledger cleaned"]++
	b.Edit(0, func(entries []batch.Record) (kept []batch.Record) {
		end := b.dice.IntN(len(entries) + 1)
		last := map[string]int{}
		for i, r := range entries[:end] {
			last[string(r.Key)] = i
		}
		old := b.dice.IntN(2) == 0 // the tombstones are past delete.retention.ms
		for i, r := range entries {
			if i >= end || last[string(r.Key)] == i && (r.Value != nil || !old) {
				kept = append(kept, r)
			}
		}
		return kept
	})
}

var timestamp = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)

// shiftClocks has the processes' clock jump by d: in the ledger everything
// happened that much earlier. For the upstream's clock, which no one trusts, it
// is a jump as well. A dead letter's entry keeps its time: one that adds a limit to it
// repeats that, and has to say what its record says.
func (b *broker) shiftClocks(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.did["clock jumped"]++
	b.jumps = append(b.jumps, time.Now())
	b.Edit(0, func(entries []batch.Record) []batch.Record {
		for i, r := range entries {
			if bytes.Contains(r.Value, []byte(`"as":"dead_letter"`)) {
				continue
			}
			entries[i].Value = timestamp.ReplaceAllFunc(r.Value, func(text []byte) []byte {
				at, err := time.Parse(time.RFC3339, string(text))
				if err != nil {
					panic(err)
				}
				return []byte(at.Add(-d).UTC().Format("2006-01-02T15:04:05.000Z"))
			})
		}
		return entries
	})
}

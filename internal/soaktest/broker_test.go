package soaktest

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"regexp"
	"slices"
	"sync"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/exporter"
)

const (
	eventTopic  = "events"
	statusTopic = "status"
	deadTopic   = "dead"
	ledgerTopic = "ledger"
)

// broker is one ledger partition and the topics that are published to, as a
// read_committed reader sees them.
type broker struct {
	mu     sync.Mutex
	dice   *rand.Rand
	calm   bool // nothing goes wrong any more
	epoch  int16
	writer *process

	log    []batch.Record // all that was ever committed, in order
	ledger []batch.Record // the ledger partition, as its cleaner left it

	did map[string]int // what happened, how often
}

var (
	errFenced = errors.New("another writer fenced this one")
	errLost   = errors.New("no answer")
	errKilled = errors.New("the process is dead")
)

func newBroker(seed uint64) *broker {
	return &broker{dice: rand.New(rand.NewPCG(seed, 1)), did: map[string]int{}}
}

// one reports whether something that happens once in n times happens now.
func (b *broker) one(n int, what string) bool {
	if b.calm || b.dice.IntN(n) > 0 {
		return false
	}
	b.did[what]++
	return true
}

// producer is one process's transactional id at one epoch.
type producer struct {
	broker *broker
	of     *process
	epoch  int16
	ended  error
}

// open fences, writes the barrier and replays, as kafka.Client.Producer does.
func (b *broker) open(of *process, barrier func(epoch int16) batch.Record, replay func(key, value []byte) error) (exporter.Producer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if of.dead.Load() || b.one(10, "open: not fenced") {
		return nil, errLost
	}
	b.epoch++
	if b.writer != nil && b.writer != of {
		b.did["open: fenced another process"]++
	}
	b.writer = of
	if b.one(10, "open: fenced, no barrier") {
		return nil, errLost
	}
	b.store([]batch.Record{barrier(b.epoch)})
	stop := -1
	if b.one(10, "open: replay cut") {
		stop = b.dice.IntN(len(b.ledger))
	}
	for i, r := range b.ledger {
		if i == stop {
			return nil, errLost
		}
		if err := replay(bytes.Clone(r.Key), bytes.Clone(r.Value)); err != nil {
			return nil, err
		}
	}
	return &producer{broker: b, of: of, epoch: b.epoch}, nil
}

func (p *producer) Prepare(units [][]batch.Record) (int, func(context.Context) error, error) {
	p.broker.mu.Lock()
	defer p.broker.mu.Unlock()
	n := min(len(units), 1+p.broker.dice.IntN(40))
	return n, func(context.Context) error { return p.commit(units[:n]) }, nil
}

// commit takes its time, in which its process may die or be fenced.
func (p *producer) commit(units [][]batch.Record) error {
	b := p.broker
	b.mu.Lock()
	took := time.Duration(5+b.dice.IntN(50)) * time.Millisecond
	if b.one(20, "commit: slow") {
		took = 8 * time.Second
	}
	sent := !p.of.dead.Load()
	b.mu.Unlock()
	time.Sleep(took / 2)
	select {
	case p.of.committing <- struct{}{}: // a killer waited for this
		time.Sleep(took / 2)
	case <-time.After(took / 2):
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.ended == nil {
		p.ended = p.outcome(units, sent)
	}
	return p.ended
}

func (p *producer) outcome(units [][]batch.Record, sent bool) error {
	b := p.broker
	dies := p.of.dead.Load()
	switch {
	case !sent:
		return errKilled
	case p.epoch != b.epoch:
		return errFenced
	case dies && b.dice.IntN(2) == 0:
		b.did["commit: killed before it"]++
		return errKilled
	case b.one(150, "commit: lost"):
		return errLost
	case b.one(150, "commit: fenced by a stranger"):
		b.epoch++
		return errFenced
	}
	for _, unit := range units {
		b.store(unit)
	}
	switch {
	case dies:
		b.did["commit: killed behind it"]++
		return errKilled
	case b.one(150, "commit: applied, its answer lost"):
		return errLost
	}
	b.did["commit: good"]++
	return nil
}

func (b *broker) store(records []batch.Record) {
	for _, r := range records {
		b.log = append(b.log, r)
		if r.Topic == ledgerTopic {
			b.ledger = append(b.ledger, r)
		}
	}
}

func (p *producer) Concurrent() int {
	p.broker.mu.Lock()
	defer p.broker.mu.Unlock()
	return p.broker.dice.IntN(2)
}

func (p *producer) Limit(string) int { return 1 << 20 }

// clean does what the log cleaner does up to some point of the ledger: of each
// key the last record stays, a tombstone perhaps not even that.
func (b *broker) clean() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.did["ledger cleaned"]++
	end := b.dice.IntN(len(b.ledger) + 1)
	last := map[string]int{}
	for i, r := range b.ledger[:end] {
		last[string(r.Key)] = i
	}
	old := b.dice.IntN(2) == 0 // the tombstones are past delete.retention.ms
	var kept []batch.Record
	for i, r := range b.ledger {
		if i >= end || last[string(r.Key)] == i && (r.Value != nil || !old) {
			kept = append(kept, r)
		}
	}
	b.ledger = kept
}

var timestamp = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)

// shiftClocks has the processes' clock jump by d: in the ledger everything
// happened that much earlier. For the upstream's clock, which no one trusts, it
// is a jump as well.
func (b *broker) shiftClocks(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.did["clock jumped"]++
	for i, r := range b.ledger {
		b.ledger[i].Value = timestamp.ReplaceAllFunc(r.Value, func(text []byte) []byte {
			at, err := time.Parse(time.RFC3339, string(text))
			if err != nil {
				panic(err)
			}
			return []byte(at.Add(-d).UTC().Format("2006-01-02T15:04:05.000Z"))
		})
	}
}

// topics is what a start asks.
func (b *broker) topics() exporter.Topics {
	return exporter.Topics{
		Published: func(context.Context, string) (bool, error) { return b.published(), nil },
		Look: func(_ context.Context, _ string, visit func(int, []byte, []byte) error) ([]int64, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, r := range b.ledger {
				if err := visit(0, r.Key, r.Value); err != nil {
					return nil, err
				}
			}
			return []int64{0}, nil
		},
		WriteOnce: func(ctx context.Context, _ string, decide func(context.Context) (map[int]batch.Record, error)) error {
			records, err := decide(ctx)
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, r := range records {
				b.store([]batch.Record{r})
			}
			return err
		},
	}
}

// published reports whether there is an event.
func (b *broker) published() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.log, func(r batch.Record) bool { return r.Topic == eventTopic })
}

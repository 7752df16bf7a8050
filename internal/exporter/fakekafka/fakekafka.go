// Package fakekafka is a Kafka in memory for the tests of the loop: what an
// exporter sees of one, at the seams that package exporter declares. A
// transaction is there whole or not at all, a fenced writer writes no more, and
// nobody can tell a commit that was lost from one whose answer was.
//
// What it promises is proved of the real client too: both pass the suite in
// package contract. It knows nothing of package exporter, whose own tests use it.
package fakekafka

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"airudder-exporter/internal/batch"
)

// Kafka holds a ledger topic and the topics that are published to, as a
// read_committed reader sees them. Its fields are set before it is used.
type Kafka struct {
	Ledger string         // the ledger topic
	Topics map[string]int // the others, with their partitions

	LookFault   func() error  // of Published and Look; nil: none
	MarkersTake time.Duration // between a WriteOnce's record in one partition and the next

	mu     sync.Mutex
	shards []shard
	log    []batch.Record // all that was ever committed, in order
	events []partition    // of the event topic
	inits  map[string]*initID
}

// shard is one partition of the ledger.
type shard struct {
	epoch  int16
	start  int64 // of the log
	ledger []batch.Record
	late   []batch.Record // barriers, committed or not, from the first on
}

// initID is a transactional id of WriteOnce.
type initID struct {
	epoch   int
	writing chan struct{} // holds one value while markers are written
}

// New returns a Kafka whose ledger has so many partitions and holds nothing.
func New(ledger string, partitions int) *Kafka {
	return &Kafka{
		Ledger: ledger, Topics: map[string]int{EventTopic: 1, "status": 1, "dead": 1},
		shards: make([]shard, partitions), inits: map[string]*initID{},
	}
}

// Errors that a caller tells apart.
var (
	ErrFenced = errors.New("another writer fenced this one")
	ErrMoved  = errors.New("the ledger is another one")
)

// Entries are the records of a ledger partition, as its cleaner left them.
func (k *Kafka) Entries(shard int) []batch.Record {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.shards[shard].ledger)
}

// Edit changes a ledger partition as somebody else might: its cleaner, a
// stranger, a deletion.
func (k *Kafka) Edit(shard int, edit func([]batch.Record) []batch.Record) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.shards[shard].ledger = edit(k.shards[shard].ledger)
}

// Append writes to a topic, or to each partition of the ledger, as somebody else might.
func (k *Kafka) Append(records ...batch.Record) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range k.shards {
		k.store(i, records)
	}
}

// Begins has a ledger partition's log begin at an offset.
func (k *Kafka) Begins(shard int, at int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.shards[shard].start = at
}

// Resize gives the ledger more partitions, or fewer.
func (k *Kafka) Resize(partitions int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.shards = append(k.shards, make([]shard, max(0, partitions-len(k.shards)))...)[:partitions]
}

// Log is all that was ever committed, in order, ledger entries included.
func (k *Kafka) Log() []batch.Record {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.log)
}

// Fence is another writer that takes a shard over and writes nothing.
func (k *Kafka) Fence(shard int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.shards[shard].epoch++
}

// store commits records; those of the ledger to one partition. It returns where
// events of them ended. k.mu is held.
func (k *Kafka) store(shard int, records []batch.Record) map[int]int64 {
	ends := map[int]int64{}
	for _, r := range records {
		k.log = append(k.log, r)
		switch r.Topic {
		case k.Ledger:
			k.shards[shard].ledger = append(k.shards[shard].ledger, r)
		case EventTopic:
			n := k.Topics[EventTopic]
			k.events = append(k.events, make([]partition, max(0, n-len(k.events)))...)
			to := batch.PartitionFor(r.Key, n)
			k.events[to].next++
			k.events[to].end = k.events[to].next
			ends[to] = k.events[to].end
		}
	}
	for to := range ends {
		k.events[to].next++ // a marker
	}
	return ends
}

// Published is exporter.Topics'.
func (k *Kafka) Published(_ context.Context, topic string) (bool, error) {
	if err := k.fault(); err != nil {
		return false, err
	}
	return slices.ContainsFunc(k.Log(), func(r batch.Record) bool { return r.Topic == topic }), nil
}

func (k *Kafka) fault() error {
	if k.LookFault == nil {
		return nil
	}
	return k.LookFault()
}

// Look is exporter.Topics'.
func (k *Kafka) Look(_ context.Context, _ string, visit func(partition int, key, value []byte) (bool, error)) ([]int64, error) {
	if err := k.fault(); err != nil {
		return nil, err
	}
	k.mu.Lock()
	shards := slices.Clone(k.shards)
	k.mu.Unlock()
	starts := make([]int64, len(shards))
	for i, s := range shards {
		starts[i] = s.start
		for _, r := range s.ledger {
			enough, err := visit(i, bytes.Clone(r.Key), bytes.Clone(r.Value))
			if err != nil {
				return nil, err
			}
			if enough {
				break
			}
		}
	}
	return starts, nil
}

// WriteOnce is exporter.Topics'. Records become visible in one partition after
// the other, as commit markers reach them.
func (k *Kafka) WriteOnce(ctx context.Context, id string, decide func(context.Context) (map[int]batch.Record, error)) error {
	k.mu.Lock()
	if k.inits[id] == nil {
		k.inits[id] = &initID{writing: make(chan struct{}, 1)}
	}
	of := k.inits[id]
	k.mu.Unlock()

	of.writing <- struct{}{} // a fence waits for markers that are being written
	of.epoch++
	epoch := of.epoch
	<-of.writing
	records, err := decide(ctx)
	if err != nil || len(records) == 0 {
		return err
	}
	of.writing <- struct{}{}
	defer func() { <-of.writing }()
	if of.epoch != epoch {
		return ErrFenced
	}
	for i := range k.shards {
		k.mu.Lock()
		if r, is := records[i]; is {
			k.store(i, []batch.Record{r})
		}
		k.mu.Unlock()
		time.Sleep(k.MarkersTake)
	}
	return nil
}

package replay

import (
	"context"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/record"
)

// target is what the target holds of the replay, as far as it was read.
type target struct {
	topic, source string
	name          string
	client        *kafka.Client
	parts         []held

	mu       sync.Mutex
	digest   string // of the selection of its records; empty: it has none
	ledgerID string // of its records
}

// held is what one partition holds.
type held struct {
	records int64
	last    int64 // the source's offset of its last record; -1: there is none
	next    int64 // the offset up to which it was read
}

func newTarget(client *kafka.Client, topic, source, name string, partitions int) *target {
	t := &target{client: client, topic: topic, source: source, name: name, parts: make([]held, partitions)}
	for i := range t.parts {
		t.parts[i].last = -1
	}
	return t
}

// records is how many the target holds.
func (t *target) records() (n int64) {
	for _, p := range t.parts {
		n += p.records
	}
	return n
}

// catchUp reads what is decided and was not read yet. It refuses a target that holds
// anything but this replay's records, each once and in order.
func (t *target) catchUp(ctx context.Context, decided []kafka.Decided) error {
	if len(decided) != len(t.parts) {
		return refuse("%s has %d partitions, and %s has %d: give a topic that does not exist yet, or one of %d partitions",
			t.topic, len(decided), t.source, len(t.parts), len(t.parts))
	}
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for p, of := range decided {
		group.Go(func() error { return t.read(reading, of, &t.parts[p]) })
	}
	return group.Wait()
}

func (t *target) read(ctx context.Context, of kafka.Decided, p *held) error {
	if of.Start > 0 {
		return t.shortened(of.Partition)
	}
	var cut error
	err := t.client.ScanDecided(ctx, t.topic, of, p.next, func(r *batch.Stored) error {
		return t.take(of.Partition, r, p)
	}, func(int64) { cut = t.shortened(of.Partition) })
	if err == nil {
		err, p.next = cut, max(p.next, of.End)
	}
	return err
}

func (t *target) shortened(partition int) error {
	return refuse("%s lost the beginning of its partition %d, so that it does not hold each record any more: give a topic that does not exist yet",
		t.topic, partition)
}

// take looks at one record.
func (t *target) take(partition int, r *batch.Stored, p *held) error {
	mark, found := r.Header(MarkHeader)
	name, digest, _ := strings.Cut(string(mark), "/")
	switch {
	case !found:
		return refuse("%s[%d]@%d is a record that no replay wrote: give a topic that does not exist yet", t.topic, partition, r.Offset)
	case name != t.name:
		return refuse("%s[%d]@%d is of the replay %s: give %s a topic of its own", t.topic, partition, r.Offset, name, t.name)
	}
	text, _ := r.Header(OriginHeader)
	from, ok := parseOrigin(string(text))
	if !ok || from.Topic != t.source || from.Partition != partition {
		return refuse("%s[%d]@%d was copied from %q, and not from %s[%d]: give %s a topic of its own",
			t.topic, partition, r.Offset, text, t.source, partition, t.name)
	}
	if from.offset <= p.last {
		return refuse("%s[%d]@%d was copied from offset %d, after one of %d: somebody else wrote there; give a topic that does not exist yet",
			t.topic, partition, r.Offset, from.offset, p.last)
	}
	p.last = from.offset
	p.records++
	return t.isOne(digest, partition, r)
}

// isOne refuses records of more than one selection.
func (t *target) isOne(digest string, partition int, r *batch.Stored) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.digest == "" {
		t.digest = digest
		id, _ := r.Header(record.LedgerHeader)
		t.ledgerID = string(id)
	}
	if t.digest != digest {
		return refuse("%s[%d]@%d is of another selection than those before: give a topic that does not exist yet",
			t.topic, partition, r.Offset)
	}
	return nil
}

// check refuses a target that holds another selection.
func (t *target) check(s Selection) error {
	if t.digest == "" || t.digest == s.Digest() {
		return nil
	}
	return refuse("%s holds another selection of the replay %s (%s, and this is %s): give the options that it began with, "+
		"or another topic", t.topic, t.name, t.digest, s.Digest())
}

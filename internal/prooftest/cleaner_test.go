package prooftest

import (
	"context"
	"encoding/json"
	"log/slog"
	"reflect"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/kafka/access"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/rig"
)

// hasty are settings with which a broker's cleaner comes as soon as it can: it
// leaves out the segment that is being written, and deletes tombstones and
// markers a while after it has first seen them.
var hasty = []string{
	compacted, "segment.ms=1000", "min.cleanable.dirty.ratio=0.01", "min.compaction.lag.ms=0",
	"max.compaction.lag.ms=1000", "delete.retention.ms=3000",
}

// compacted is the ledger's policy.
const compacted = "cleanup.policy=compact"

// TestCleaner lets a broker's cleaner at the ledger of an exporter that works
// and is killed inside its transactions. What is restored from what the cleaner
// left equals, entry by entry, what was in memory before.
func TestCleaner(t *testing.T) {
	t.Parallel()
	cfg := campaigns(51, 5, 40, 6)
	cfg.Renew = true
	w := newWorld(t, cfg, nil)
	if !w.Real {
		t.Skip("only a real broker cleans as it does: set TEST_KAFKA_BROKERS")
	}
	w.Create(w.Topics.Ledger, 1, hasty...)
	one := w.exporter("one")
	memory := w.mirror()
	k := newKiller(w, 51)
	w.play(10)
	const kills = 8
	for range kills { // in the third transaction, which is written by then, and open
		killed := k.at(moment{stepEnd, lost}, 2)
		one.Start()
		killed()
	}
	one.Start()
	k.report(t)
	if k.open != kills {
		t.Errorf("kills that left a transaction open: got %d, want %d", k.open, kills)
	}
	w.awaitMore(1)
	w.awaitCleaned(w.StableEnds(w.Topics.Ledger)[0])
	w.stop()
	w.awaitEvents()
	rig.Eventually(t, "the exporter's memory to hold what the ledger showed, every task in it", rig.Patience, func() bool {
		return memory.tasks() == len(w.Sim.Truth().Tasks) && ledgerEntries(one) == memory.entries()
	})
	one.Terminate()

	held := memory.settle(w)
	restored := w.restore()
	if !memory.equals(restored) {
		t.Errorf("restored from what the cleaner left: %s; in memory before: %s", restored, memory.ledger)
	}
	two := w.exporter("two")
	two.Start()
	rig.Eventually(t, "the restored exporter to hold as many entries", rig.Patience, func() bool { return ledgerEntries(two) == held })
	w.Sim.Resume(w.Sim.Now())
	w.play(10)
	w.awaitMore(50)
	w.settle()
	w.Cleaned = true
	w.check(nil)
}

// mirror is a ledger in this process's memory, to which everything is applied
// that is committed, as it is committed.
type mirror struct {
	mu     sync.Mutex
	t      testing.TB
	ledger *ledger.Ledger
	last   int64 // the offset applied last
}

// mirror begins to follow the ledger, which has one partition, before any
// cleaner can have come.
func (w *world) mirror() *mirror {
	m := &mirror{t: w.T, ledger: ledger.New(), last: -1}
	w.Follow(w.Topics.Ledger, m.apply)
	return m
}

func (m *mirror) apply(r *kgo.Record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.ledger.Replay(r.Key, r.Value); err != nil {
		m.t.Errorf("the entry at offset %d: %v", r.Offset, err)
	}
	m.last = r.Offset
}

// tasks is how many tasks have been read: none is left that the next exporter adds.
func (m *mirror) tasks() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.ledger.Standings())
}

func (m *mirror) entries() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, _ := m.ledger.Size()
	return n
}

// equals reports whether both hold the same, entry by entry.
func (m *mirror) equals(l *ledger.Ledger) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return reflect.DeepEqual(m.ledger, l)
}

// settle waits until the mirror has all that the ledger has, says how many
// entries that is, and levels what differs between two ledgers of the same.
func (m *mirror) settle(w *world) int64 {
	m.t.Helper()
	committed := w.Read(w.Topics.Ledger).Committed
	end := committed[len(committed)-1].Offset
	rig.Eventually(m.t, "the mirror", rig.Patience, func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.last >= end
	})
	held := m.entries()
	level(m.ledger)
	return held
}

// level makes the producer entry, and the task that an entry was applied to
// last, the same in all ledgers.
func level(l *ledger.Ledger) {
	l.Apply(ledger.Entry{Kind: ledger.KindProducer})
	l.Apply(ledger.Entry{Kind: ledger.KindTask, TaskID: "last"})
}

// restore reads the ledger as an exporter does at its start: fence, barrier,
// replay.
func (w *world) restore() *ledger.Ledger {
	w.T.Helper()
	client, err := kafka.Dial(kafka.Config{Config: access.Config{Brokers: w.Brokers}, LedgerTopic: w.Topics.Ledger}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		w.T.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), rig.Patience)
	defer cancel()
	l := ledger.New()
	barrier := func(int64, int16) batch.Record {
		e := ledger.Entry{Kind: ledger.KindProducer}
		return batch.Record{Topic: w.Topics.Ledger, Key: e.AppendKey(nil), Value: e.AppendValue(nil)}
	}
	_, err = client.Producer(ctx, 0, barrier, func(_ int64, key, value []byte) error { return l.Replay(key, value) })
	if err != nil {
		w.T.Fatal(err)
	}
	level(l)
	return l
}

// awaitCleaned waits until the cleaner has gone through the ledger up to an
// offset: nothing of aborted transactions is left there, and one record a key.
func (w *world) awaitCleaned(to int64) {
	w.T.Helper()
	if to == 0 {
		w.T.Fatal("the ledger is empty")
	}
	var records, aborted, again int
	defer func() {
		w.T.Logf("below offset %d the cleaner has left %d records; of aborted transactions %d, behind a later one of their key %d", to, records, aborted, again)
	}()
	rig.Eventually(w.T, "the cleaner", rig.Patience, func() bool {
		ends := w.StableEnds(w.Topics.Ledger)
		last, visible := map[string]int64{}, map[int64]bool{}
		for _, r := range w.ReadAs(w.Topics.Ledger, ends, kgo.ReadCommitted()) {
			last[string(r.Key)], visible[r.Offset] = r.Offset, true
		}
		records, aborted, again = 0, 0, 0
		for _, r := range w.ReadAs(w.Topics.Ledger, ends, kgo.ReadUncommitted()) {
			switch {
			case r.Offset >= to:
				continue
			case !visible[r.Offset]:
				aborted++
			case last[string(r.Key)] >= to: // the later one may stand where no cleaner comes
			case last[string(r.Key)] > r.Offset:
				again++
			}
			records++
		}
		return aborted == 0 && again == 0
	})
}

// ledgerEntries is what an exporter says that it holds in memory; -1: nothing.
func ledgerEntries(c *child) int64 {
	_, text := c.Page("/api/status?limit=0")
	status := struct {
		Entries int64 `json:"ledger_entries"`
		Ready   bool  `json:"ready"`
	}{}
	if json.Unmarshal([]byte(text), &status) != nil || !status.Ready {
		return -1
	}
	return status.Entries
}

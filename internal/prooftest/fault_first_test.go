package prooftest

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// TestFirstStartFaultTable has every request by which an exporter's first start
// begins a ledger go wrong in every way that those of a producer do, one start
// of a new exporter on new topics for each row; and kills it at each. It comes
// to work by itself, or once it is started again: every partition then holds one
// meta entry, all of them of one ledger, and each call is published once.
func TestFirstStartFaultTable(t *testing.T) {
	t.Parallel()
	rows, kills := firstStartRows(), firstStartKills()
	switch {
	case everyRow():
	case wholeTable(t):
		rows = everyNth(rows, 2)
	default:
		rows, kills = everyNth(rows, 11), everyNth(kills, 4)
	}
	all := firstStarts{tally: faultTally{}}
	t.Run("rows", func(t *testing.T) {
		for i, row := range rows {
			t.Run(fmt.Sprintf("%d %s", i, row), func(t *testing.T) {
				t.Parallel()
				all.run(t, row)
			})
		}
		for _, m := range kills {
			t.Run(fmt.Sprintf("killed at %s, %s", m.step, m.on), func(t *testing.T) {
				t.Parallel()
				all.kill(t, m)
			})
		}
	})
	all.tally.report(t, "brokers: first start", all.doubled, all.lost)
}

// metaRequests are those by which a ledger's meta is written. Whatever is wrong
// with one, the start begins again, with another fence and another look.
func metaRequests() []asked {
	return []asked{
		{stepMetaFind, itself, false, findCodes},
		{stepMetaFence, itself, true, initCodes},
		{stepMetaAdd, itself, true, addCodes},
		{stepMetaProduce, itself, true, produceCodes},
		{stepMetaEnd, itself, true, endCodes},
	}
}

func firstStartRows() []faultRow {
	rows := slices.Concat(codeRows(metaRequests()), networkRows(metaRequests()), lateRows(metaRequests()))
	// An EndTxn that is done is found done, and never asked for again.
	return slices.DeleteFunc(rows, func(r faultRow) bool {
		return r.step == stepMetaEnd && r.times > 1 && (r.on == silent || r.on == cutAnswer)
	})
}

func firstStartKills() (all []moment) {
	for _, s := range metaSteps {
		for _, on := range []way{lost, arrives, silent} {
			all = append(all, moment{s, on})
		}
	}
	return append(all, moment{stepMetaProduce, late}, moment{stepMetaEnd, late})
}

// firstStarts are the first starts of many exporters, and what came of them.
type firstStarts struct {
	mu            sync.Mutex
	tally         faultTally
	doubled, lost int
}

// newLedger is a world with an exporter that has calls to publish, in several
// shards, and has never run.
func newLedger(t *testing.T) *faults {
	w := newWorld(t, airuddersim.Config{Seed: 101}, nil)
	for range 6 {
		w.Sim.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling, Rows: airuddersim.FinishedRows(3)})
	}
	one := w.exporter("one", "KAFKA_LEDGER_PARTITIONS=3", "KAFKA_TRANSACTION_TIMEOUT=3s")
	return &faults{w: w, one: one}
}

func (a *firstStarts) run(t *testing.T, row faultRow) {
	f := newLedger(t)
	f.row = row
	f.one.net.arm(f.decide)
	f.one.Start()
	rig.Eventually(t, "that it happens, and often enough", rig.Patience, func() bool { return f.count() >= row.times })
	f.awaitGoneOn(row)
	took := time.Since(f.last)
	if says := row.says(row.code); says != "" && !bytes.Contains(f.one.Logged(), []byte(says)) {
		t.Errorf("the log does not say %q:\n%s", says, f.one.Logged())
	}
	f.w.awaitMet()
	a.end(f, fmt.Sprintf("%s, %s", row.step, row.on), row.times, took)
}

func (a *firstStarts) kill(t *testing.T, m moment) {
	f := newLedger(t)
	k := newKiller(f.w, 1)
	killed := k.at(m, 0)
	f.one.Start()
	killed()
	f.last = time.Now()
	f.one.Start()
	rig.Eventually(t, "an event", rig.Patience, func() bool { return f.w.seen.count() > 0 })
	took := time.Since(f.last)
	f.w.awaitMet()
	a.end(f, fmt.Sprintf("%s, killed, %s", m.step, m.on), 1, took)
}

// end checks all that a first start led to.
func (a *firstStarts) end(f *faults, key string, hits int, took time.Duration) {
	f.w.T.Helper()
	f.w.settle()
	c := f.w.check(nil)
	f.w.mustHaveBegunOnce(c.ByTopic[f.w.Topics.Ledger])
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tally.book(key, hits, took)
	a.doubled, a.lost = a.doubled+len(c.Proof.Duplicates), a.lost+len(c.Proof.Missing)
}

// mustHaveBegunOnce demands that each partition of a ledger holds one meta
// entry, all of them the same.
func (w *world) mustHaveBegunOnce(ledger rig.History) {
	w.T.Helper()
	metas, values := map[int32]int{}, map[string]bool{}
	for _, r := range ledger.Committed {
		if string(r.Key) == "meta" {
			metas[r.Partition]++
			values[string(r.Value)] = true
		}
	}
	for partition := range int32(w.Shards) {
		if metas[partition] != 1 {
			w.T.Errorf("ledger: partition %d holds %d meta entries, want 1", partition, metas[partition])
		}
	}
	if len(values) != 1 {
		w.T.Errorf("ledger: %d different meta entries, want 1", len(values))
	}
}

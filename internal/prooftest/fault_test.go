package prooftest

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"airudder-exporter/internal/rig"
)

// TestFaultTable has every request that the exporter sends to its brokers go
// wrong in every way, one row after the other in the life of one exporter: with
// each code that brokers answer it with, refused, and done but reported failed;
// never sent, the answer lost, cut or late, the request itself late; once, and
// for a while. After each row the exporter has to go on by itself, and in the
// end every call has been published once. Without real brokers a part of the
// rows runs, the same every time, unless PROOF_FAULTS is "all".
func TestFaultTable(t *testing.T) {
	t.Parallel()
	of := func(steps ...step) []asked {
		return slices.DeleteFunc(everyRequest(), func(a asked) bool { return !slices.Contains(steps, a.step) })
	}
	begin := of(stepFind, stepFence, stepMetadata, stepVersions, stepConfigs, stepReplay)
	barrier := of(stepBarrierAdd, stepBarrierProduce, stepBarrierEnd)
	work := of(stepAdd, stepProduce, stepEnd)
	member := of(stepHeartbeat, stepFindGroup, stepJoin, stepSync, stepOffsets)
	process := of(stepListOffsets, stepLeave)
	for i, s := range []struct {
		name string
		rows []faultRow
		part int // one of so many rows runs where not the whole table does
	}{
		{"codes at a producer's start", codeRows(begin), 3},
		{"codes at the barrier", codeRows(barrier), 4},
		{"codes in a transaction", codeRows(work), 4},
		{"one leader of several", dividedRows(), 4},
		{"codes in the group", codeRows(member), 10},
		{"codes at the process's start and end", codeRows(process), 4},
		{"network at a producer's start", networkRows(slices.Concat(begin, barrier)), 1},
		{"network in a transaction", slices.Concat(networkRows(work), lateRows(work)), 1},
		{"network in the group, at the process's end", networkRows(slices.Concat(member, process)), 3},
		{"late", lateRows(slices.Concat(begin, barrier, member, process)), 2},
	} {
		switch {
		case everyRow():
		case wholeTable(t):
			s.rows = everyNth(s.rows, min(2, s.part))
		default:
			s.rows = everyNth(s.rows, s.part)
		}
		life := 0
		for rows := range slices.Chunk(s.rows, 30) { // lives side by side are over sooner
			life++
			t.Run(fmt.Sprintf("%s, %d", s.name, life), func(t *testing.T) {
				t.Parallel()
				f := newFaults(newWorld(t, renewed(uint64(71+i)), nil))
				for _, row := range rows {
					f.run(row)
				}
				f.finish("brokers: " + s.name)
			})
		}
	}
}

// wholeTable reports whether a fault table runs with every second row at least: on real
// brokers, and with all of them where PROOF_FAULTS asks for it.
func wholeTable(t testing.TB) bool {
	t.Helper()
	switch asked := os.Getenv("PROOF_FAULTS"); asked {
	case "":
		return os.Getenv("TEST_KAFKA_BROKERS") != ""
	case "all":
		return true
	default:
		t.Fatalf("PROOF_FAULTS: got %q, want all", asked)
		return false
	}
}

// everyRow reports whether a fault table runs with all of its rows, each of which takes a
// process, and seconds: where PROOF_FAULTS asks for it, as .ci/soak does.
func everyRow() bool { return os.Getenv("PROOF_FAULTS") == "all" }

// everyNth takes one of n, from the middle of the first n on.
func everyNth[T any](all []T, n int) (some []T) {
	for i := n / 2; i < len(all); i += n {
		some = append(some, all[i])
	}
	return some
}

// faults runs rows in the life of one exporter.
type faults struct {
	w      *world
	one    *child
	fences int // since the process began: each is waited for a little longer
	tally  faultTally

	mu   sync.Mutex
	row  faultRow
	hits int
	last time.Time // the last hit
	well time.Time // the last good answer to such a request behind it
}

func newFaults(w *world) *faults {
	f := &faults{w: w, tally: faultTally{}}
	f.one = w.exporter("one", "KAFKA_ASSIGNMENT=group", "KAFKA_TRANSACTION_TIMEOUT=3s")
	w.play(10)
	f.one.Start()
	w.awaitMore(1)
	return f
}

// run has one row happen, and waits until the exporter has gone on.
func (f *faults) run(row faultRow) {
	t := f.w.T
	t.Helper()
	if f.fences >= 3 {
		f.restart()
	}
	if fencing(row.code) {
		f.fences += row.times
	}
	f.mu.Lock()
	f.row, f.hits, f.last, f.well = row, 0, time.Time{}, time.Time{}
	f.mu.Unlock()
	logged := len(f.one.Logged())
	f.one.net.arm(f.decide)
	defer f.one.net.arm(nil)
	if row.cause == restart {
		f.restart()
	}
	var ends *rig.Process
	if row.ends(row.code) {
		ends = f.one.Expect()
	}
	rig.Eventually(t, fmt.Sprintf("%s: it never came, or not often enough", row), rig.Patience, func() bool { return f.count() >= row.times })
	if ends != nil {
		rig.Eventually(t, fmt.Sprintf("%s: the exporter's end", row), rig.Patience, ends.Gone)
		f.one.net.forget()
		f.one.Start()
	}
	f.awaitGoneOn(row)
	if says := row.says(row.code); says != "" && !bytes.Contains(f.one.Logged()[logged:], []byte(says)) {
		t.Errorf("%s: the log does not say %q:\n%s", row, says, f.one.Logged()[logged:])
	}
	f.book(row)
}

func (f *faults) restart() {
	f.fences = 0
	f.one.Terminate()
	f.one.Start()
}

func (f *faults) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hits
}

// decide is what happens to a request while a row runs.
func (f *faults) decide(r *request) fate {
	f.mu.Lock()
	defer f.mu.Unlock()
	ours := f.row.fits(f.w, r)
	switch {
	case f.hits >= f.row.times && ours:
		return fate{after: func() { f.answered(r) }}
	case f.hits >= f.row.times:
		return fate{}
	case ours:
		f.hits++
		f.last = time.Now()
		return f.row.fate(f.w, r)
	case f.row.cause == doubt && r.step == stepEnd:
		return fate{drop: true}
	case f.row.cause == rejoin && r.step == stepHeartbeat:
		return fate{refuse: codeGeneration}
	}
	return fate{}
}

// answered takes down that such a request went well again.
func (f *faults) answered(r *request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.code == 0 {
		f.well = time.Now()
	}
}

// awaitGoneOn waits for an event that was written, and so committed, after the
// last hit; where only the membership was hit, for the membership, too.
func (f *faults) awaitGoneOn(row faultRow) {
	f.w.T.Helper()
	rig.Eventually(f.w.T, fmt.Sprintf("%s: an event after it", row), rig.Patience, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.w.seen.newest().After(f.last) && (!row.ofGroupWork() || !f.well.IsZero() || row.on == tardy)
	})
}

func (f *faults) book(row faultRow) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tally.book(fmt.Sprintf("%s, %s", row.step, row.on), f.hits, time.Since(f.last))
}

// finish lets the exporter publish the rest, checks all of it, and shows the
// table.
func (f *faults) finish(name string) {
	f.w.T.Helper()
	f.w.awaitMet()
	f.w.settle()
	proof := f.w.check(nil).Proof
	f.tally.report(f.w.T, name, len(proof.Duplicates), len(proof.Missing))
}

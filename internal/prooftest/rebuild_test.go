package prooftest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// TestRebuild loses a ledger of campaigns that are open, sealed and closed, with
// dead letters among their rows, makes it anew with a rebuild that is killed at
// each of its steps first, and with one whose meta is not written at the first
// try, holds it entry by entry against the lost one, and goes on to the end:
// each call is published once.
func TestRebuild(t *testing.T) {
	t.Parallel()
	for _, s := range []struct {
		shards    int
		retention time.Duration
	}{{1, time.Hour}, {3, time.Second}} {
		t.Run(fmt.Sprintf("%d shards, a retention of %s", s.shards, s.retention), func(t *testing.T) {
			t.Parallel()
			l := newLoss(t, s.shards, s.retention)
			l.begin()
			l.lose()
			l.refuse()
			l.killRebuilds()
			if s.shards > 1 {
				l.failRebuilds()
			}
			said := l.rebuild(0)
			l.compare()
			if t.Failed() {
				t.Log(said)
			}
			l.goOn()
			l.check()
		})
	}
}

// TestRebuildWithoutTheFirstEvents loses the events, too. Tasks that are open
// are refused; those that were sealed are closed, so that only the former's
// calls are published again, once somebody has accepted that.
func TestRebuildWithoutTheFirstEvents(t *testing.T) {
	t.Parallel()
	l := newLoss(t, 1, time.Hour)
	l.begin()
	l.lose()
	l.Truncate(l.Topics.Events, -1)
	said := l.rebuild(1)
	for _, id := range l.open {
		if !strings.Contains(said, "  "+id+": first read at ") {
			t.Errorf("the open task %s is not listed:\n%s", id, said)
		}
	}
	if want := fmt.Sprintf("refused: calls of %d tasks may be published again", len(l.open)); !strings.Contains(said, want) {
		t.Errorf("%q is not in\n%s", want, said)
	}
	l.rebuild(0, "--accept")
	l.goOn()
	open := map[string]bool{}
	for _, id := range l.open {
		open[id] = true
	}
	again := map[airuddersim.CallKey]int{}
	for _, key := range l.Published() {
		again[key]++
	}
	for key, n := range again {
		if n != 1 || !open[key.TaskID] {
			t.Errorf("call %v: %d events after the rebuild, of a task that is open: %v", key, n, open[key.TaskID])
		}
	}
	if len(again) == 0 {
		t.Error("there is no event: nothing was proved")
	}
}

// loss is a world that loses its ledger.
type loss struct {
	*world
	retention time.Duration
	settings  []string
	open      []string // tasks that have not ended
	tool      *child   // the rebuild's place in the network
	lost      rig.History
	entries   map[string]map[string]any // the lost ledger's, by key
	remade    map[int32]int64           // where the ledger ends that was made anew
}

func newLoss(t *testing.T, shards int, retention time.Duration) *loss {
	cfg := campaigns(uint64(70+shards), 3, 30, 8)
	cfg.FaultRates = map[airuddersim.FaultKind]float64{airuddersim.NoCallID: 0.05, airuddersim.BrokenJSON: 0.05, airuddersim.HugeRow: 0.02}
	l := &loss{world: newWorld(t, cfg, nil), retention: retention}
	l.settings = []string{fmt.Sprint("KAFKA_LEDGER_PARTITIONS=", shards), fmt.Sprint("LEDGER_RETENTION=", retention)}
	return l
}

// sealing are the settings of an exporter that does not wait for late calls.
func (l *loss) sealing() []string {
	return append(slices.Clone(l.settings), "AIRUDDER_POLL_AFTER_END=10ms")
}

// begin plays campaigns to their end, has them sealed and, where the retention
// is short, closed, and leaves other tasks open.
func (l *loss) begin() {
	l.T.Helper()
	one := l.exporter("one", l.settings...)
	one.Start()
	l.play(40)
	l.awaitEnds(time.Minute)
	l.settle()
	ended := map[string]bool{}
	for _, task := range l.Sim.Truth().Tasks {
		ended["task/"+task.TaskID] = true
	}
	for range 4 {
		id := l.Sim.AddTask(airuddersim.TaskSpec{Status: airuddersim.Finished,
			Rows: append(airuddersim.FinishedRows(6), airuddersim.PendingRows(4)...)})
		l.open = append(l.open, id)
		for row, kind := range []airuddersim.FaultKind{airuddersim.BrokenJSON, airuddersim.NoCallID} {
			if err := l.Sim.SpoilRow(id, row, kind); err != nil {
				l.T.Fatal(err)
			}
		}
	}
	resumed := l.exporter("resumed", l.settings...) // it seals none of them
	resumed.Start()
	l.awaitEvents()
	if err := l.Sim.SpoilRow(l.open[0], 0, airuddersim.HugeRow); err != nil {
		l.T.Fatal(err)
	}
	rig.Eventually(l.T, "a dead letter whose row is sound now, and its event too large", rig.Patience, func() bool {
		for _, value := range live(l.Read(l.Topics.Ledger)) {
			if value["reason"] == "broken_json" && value["limit"] != nil {
				return true
			}
		}
		return false
	})
	for _, id := range l.open {
		if err := l.Sim.SetStatus(id, airuddersim.Calling); err != nil {
			l.T.Fatal(err)
		}
	}
	l.awaitTasks("the resumed tasks' status", func(task string, state map[string]any) bool {
		return !ended[task] && state["status"] == "calling"
	}, len(l.open))
	resumed.Terminate()
	field := "sealed_at"
	if l.retention < time.Minute {
		field = "closed_at"
	}
	two := l.exporter("two", l.sealing()...)
	two.Start()
	l.awaitTasks("every campaign's "+field+", every open task's status", func(task string, state map[string]any) bool {
		return ended[task] && state[field] != nil || !ended[task] && state["sequence"] != nil
	}, len(ended)+len(l.open))
	l.awaitEvents()
	two.Terminate()
}

// awaitTasks waits until the ledger says something of so many tasks.
func (l *loss) awaitTasks(what string, holds func(task string, state map[string]any) bool, tasks int) {
	l.T.Helper()
	rig.Eventually(l.T, what, rig.Patience, func() bool {
		n := 0
		for key, value := range live(l.Read(l.Topics.Ledger)) {
			if strings.HasPrefix(key, "task/") && holds(key, value) {
				n++
			}
		}
		return n == tasks
	})
}

// lose keeps a copy of the ledger and deletes its topic. Then it waits until
// whatever is sealed has outlived a short retention.
func (l *loss) lose() {
	l.T.Helper()
	l.lost = l.Read(l.Topics.Ledger)
	l.entries = live(l.lost)
	l.Remove(l.Topics.Ledger)
	if l.retention < time.Minute {
		<-time.After(l.retention)
	}
	l.tool = l.exporter("tool", append(slices.Clone(l.settings), shortBeat)...)
}

// shortBeat is the setting of a tool that is killed: how long others wait for it goes by
// how long its transactions may be open.
const shortBeat = "KAFKA_TRANSACTION_TIMEOUT=1s"

// refuse has an exporter refuse to go on without its ledger, which leaves an
// empty topic, and takes that away again.
func (l *loss) refuse() {
	l.T.Helper()
	said := l.tool.end(nil, 1, "run")
	for _, want := range []string{"ledger refused", "airudder-exporter ledger rebuild"} {
		if !strings.Contains(said, want) {
			l.T.Errorf("a run without its ledger does not say %q:\n%s", want, said)
		}
	}
	if l.Shards > 1 {
		l.Remove(l.Topics.Ledger)
	}
}

// killRebuilds kills a rebuild at each of its steps, the last of them the one
// that decides about the meta entries; no exporter takes what it leaves.
func (l *loss) killRebuilds() {
	l.T.Helper()
	for _, at := range []step{stepFence, stepBarrierEnd, stepReplay, stepAdd, stepProduce, stepEnd} {
		l.tool.end(func(r *request) bool { return r.step == at }, -1, "ledger", "rebuild", "--execute")
	}
	if said := l.tool.end(nil, 1, "run"); !strings.Contains(said, "ledger refused") {
		l.T.Errorf("a run takes a ledger that is not finished:\n%s", said)
	}
	l.tool.end(func(r *request) bool { return r.step == stepMetaEnd }, -1, "ledger", "rebuild", "--execute")
}

// failRebuilds has the requests by which a rebuild writes the meta go wrong, as
// at a first start: it comes to its end by itself all the same. Another rebuild
// begins with nothing.
func (l *loss) failRebuilds() {
	l.T.Helper()
	rows := slices.DeleteFunc(firstStartRows(), func(r faultRow) bool { return r.on == late || r.on == tardy })
	some := 40 // one of so many: the requests are the same
	if wholeTable(l.T) {
		some = 4
	}
	for _, row := range everyNth(rows, some) {
		l.Remove(l.Topics.Ledger)
		f := &faults{w: l.world, one: l.tool, row: row}
		l.tool.net.arm(f.decide)
		said := l.rebuild(0)
		if f.count() < row.times {
			l.T.Errorf("%s: it came %d times; the rebuild said\n%s", row, f.count(), said)
		}
		l.mustHaveBegunOnce(l.Read(l.Topics.Ledger))
	}
	l.Remove(l.Topics.Ledger)
}

// rebuild runs a rebuild to its end, and returns what it said.
func (l *loss) rebuild(code int, flags ...string) string {
	l.T.Helper()
	said := l.tool.end(nil, code, append([]string{"ledger", "rebuild", "--execute"}, flags...)...)
	l.remade = l.SettledEnds(l.Topics.Ledger)
	return said
}

// goOn finishes calls of the open tasks, ends those, and has an exporter publish
// and seal all that.
func (l *loss) goOn() {
	l.T.Helper()
	for _, id := range l.open {
		if _, err := l.Sim.FinishNext(id, 3); err != nil {
			l.T.Fatal(err)
		}
		if err := l.Sim.SetStatus(id, airuddersim.Finished); err != nil {
			l.T.Fatal(err)
		}
	}
	three := l.exporter("three", l.sealing()...)
	three.Start()
	l.awaitTasks("every open task's seal", func(task string, state map[string]any) bool {
		return slices.Contains(l.open, strings.TrimPrefix(task, "task/")) && state["sealed_at"] != nil
	}, len(l.open))
	three.Terminate()
}

// check holds all that was published against the truth, as if the ledger had
// never been lost: what was made anew was compared already.
func (l *loss) check() {
	l.T.Helper()
	e := l.Evidence(nil)
	whole, remade := l.lost, e.ByTopic[l.Topics.Ledger]
	whole.Committed = slices.Clone(l.lost.Committed)
	limits := map[string]string{} // that no record tells of, so that the new ledger finds them again
	for _, r := range l.lost.Committed {
		if value := string(r.Value); strings.Contains(value, `"limit"`) {
			limits[string(r.Key)] = value
		}
	}
	for _, r := range remade.Committed {
		if r.Offset >= l.remade[r.Partition] && (r.Value == nil || limits[string(r.Key)] != string(r.Value)) {
			whole.Committed = append(whole.Committed, r)
		}
	}
	e.ByTopic[l.Topics.Ledger] = whole
	e.Decode(rig.NewDecoder(l.Registry).Decode)
	e.Judge()
	e.Report(l.T, l.asked)
	audit(l.auditor(), 0)
}

// keysOf are a ledger's keys that begin so.
func keysOf(entries map[string]map[string]any, prefix string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(entries)), func(key string) bool { return !strings.HasPrefix(key, prefix) })
}

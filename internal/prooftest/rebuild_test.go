package prooftest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/airuddersim"
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
	l.dropRecords(l.topics.events)
	said := l.rebuild(1)
	for _, id := range l.open {
		if !strings.Contains(said, "  "+id+": first read at ") {
			t.Errorf("the open task %s is not listed:\n%s", id, said)
		}
	}
	if want := fmt.Sprintf("refused: of %d tasks calls may be published again", len(l.open)); !strings.Contains(said, want) {
		t.Errorf("%q is not in\n%s", want, said)
	}
	l.rebuild(0, "--accept")
	l.goOn()
	open := map[string]bool{}
	for _, id := range l.open {
		open[id] = true
	}
	again := map[airuddersim.CallKey]int{}
	for _, r := range l.read(l.topics.events).committed {
		again[aboutOf(r)]++
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
	seen      *watch
	open      []string // tasks that have not ended
	tool      *child   // the rebuild's place in the network
	lost      history
	entries   map[string]map[string]any // the lost ledger's, by key
	remade    map[int32]int64           // where the ledger ends that was made anew
}

func newLoss(t *testing.T, shards int, retention time.Duration) *loss {
	cfg := campaigns(uint64(70+shards), 3, 30, 8)
	cfg.FaultRates = map[airuddersim.FaultKind]float64{airuddersim.NoCallID: 0.05, airuddersim.BrokenJSON: 0.05, airuddersim.HugeRow: 0.02}
	l := &loss{world: newWorld(t, cfg, nil), retention: retention}
	l.settings = []string{fmt.Sprint("KAFKA_LEDGER_PARTITIONS=", shards), fmt.Sprint("LEDGER_RETENTION=", retention)}
	l.seen = l.watch(t)
	return l
}

// sealing are the settings of an exporter that does not wait for late calls.
func (l *loss) sealing() []string {
	return append(slices.Clone(l.settings), "AIRUDDER_POLL_AFTER_END=10ms")
}

// begin plays campaigns to their end, has them sealed and, where the retention
// is short, closed, and leaves other tasks open.
func (l *loss) begin() {
	l.t.Helper()
	one := l.exporter("one", l.settings...)
	one.start()
	stop := l.play(40)
	l.awaitEnds(time.Minute)
	stop()
	l.awaitEvents(l.seen, patience)
	one.terminate(grace)
	ended := map[string]bool{}
	for _, task := range l.sim.Truth().Tasks {
		ended["task/"+task.TaskID] = true
	}
	for range 4 {
		id := l.sim.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling,
			Rows: append(airuddersim.FinishedRows(6), airuddersim.PendingRows(4)...)})
		l.open = append(l.open, id)
		for row, kind := range []airuddersim.FaultKind{airuddersim.BrokenJSON, airuddersim.NoCallID} {
			if err := l.sim.SpoilRow(id, row, kind); err != nil {
				l.t.Fatal(err)
			}
		}
	}
	field := "sealed_at"
	if l.retention < time.Minute {
		field = "closed_at"
	}
	two := l.exporter("two", l.sealing()...)
	two.start()
	l.awaitTasks("every campaign's "+field+", every open task's status", func(task string, state map[string]any) bool {
		return ended[task] && state[field] != nil || !ended[task] && state["sequence"] != nil
	}, len(ended)+len(l.open))
	l.awaitEvents(l.seen, patience)
	two.terminate(grace)
}

// awaitTasks waits until the ledger says something of so many tasks.
func (l *loss) awaitTasks(what string, holds func(task string, state map[string]any) bool, tasks int) {
	l.t.Helper()
	eventually(l.t, what, patience, func() bool {
		n := 0
		for key, value := range live(l.read(l.topics.ledger)) {
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
	l.t.Helper()
	l.lost = l.read(l.topics.ledger)
	l.entries = live(l.lost)
	l.remove(l.topics.ledger)
	if l.retention < time.Minute {
		<-time.After(l.retention)
	}
	l.tool = l.exporter("tool", l.settings...)
}

// refuse has an exporter refuse to go on without its ledger, which leaves an
// empty topic, and takes that away again.
func (l *loss) refuse() {
	l.t.Helper()
	said := l.tool.end(nil, 1, "run")
	for _, want := range []string{"ledger refused", "airudder-exporter ledger rebuild"} {
		if !strings.Contains(said, want) {
			l.t.Errorf("a run without its ledger does not say %q:\n%s", want, said)
		}
	}
	if l.shards > 1 {
		l.remove(l.topics.ledger)
	}
}

// killRebuilds kills a rebuild at each of its steps, the last of them the one
// that decides about the meta entries; no exporter takes what it leaves.
func (l *loss) killRebuilds() {
	l.t.Helper()
	for _, at := range []step{stepFence, stepBarrierEnd, stepReplay, stepAdd, stepProduce, stepEnd} {
		l.tool.end(func(r *request) bool { return r.step == at }, -1, "ledger", "rebuild")
	}
	if said := l.tool.end(nil, 1, "run"); !strings.Contains(said, "ledger refused") {
		l.t.Errorf("a run takes a ledger that is not finished:\n%s", said)
	}
	l.tool.end(func(r *request) bool { return r.step == stepMetaEnd }, -1, "ledger", "rebuild")
}

// failRebuilds has the requests by which a rebuild writes the meta go wrong, as
// at a first start: it comes to its end by itself all the same. Another rebuild
// begins with nothing.
func (l *loss) failRebuilds() {
	l.t.Helper()
	rows := slices.DeleteFunc(firstStartRows(), func(r faultRow) bool { return r.on == late || r.on == tardy })
	some := 40 // one of so many: the requests are the same
	if wholeTable(l.t) {
		some = 4
	}
	for _, row := range everyNth(rows, some) {
		l.remove(l.topics.ledger)
		f := &faults{w: l.world, one: l.tool, row: row}
		l.tool.net.arm(f.decide)
		said := l.rebuild(0)
		if f.count() < row.times {
			l.t.Errorf("%s: it came %d times; the rebuild said\n%s", row, f.count(), said)
		}
		l.mustHaveBegunOnce(l.read(l.topics.ledger))
	}
	l.remove(l.topics.ledger)
}

// rebuild runs a rebuild to its end, and returns what it said.
func (l *loss) rebuild(code int, flags ...string) string {
	l.t.Helper()
	said := l.tool.end(nil, code, append([]string{"ledger", "rebuild"}, flags...)...)
	l.remade = l.stableEnds(l.topics.ledger)
	return said
}

// goOn finishes calls of the open tasks, ends those, and has an exporter publish
// and seal all that.
func (l *loss) goOn() {
	l.t.Helper()
	for _, id := range l.open {
		if _, err := l.sim.FinishNext(id, 3); err != nil {
			l.t.Fatal(err)
		}
		if err := l.sim.SetStatus(id, airuddersim.Finished); err != nil {
			l.t.Fatal(err)
		}
	}
	three := l.exporter("three", l.sealing()...)
	three.start()
	l.awaitTasks("every open task's seal", func(task string, state map[string]any) bool {
		return slices.Contains(l.open, strings.TrimPrefix(task, "task/")) && state["sealed_at"] != nil
	}, len(l.open))
	three.terminate(grace)
}

// check holds all that was published against the truth, as if the ledger had
// never been lost: what was made anew was compared already.
func (l *loss) check() {
	l.t.Helper()
	c := &checker{w: l.world, truth: l.sim.Truth(), byTopic: map[string]history{}}
	for _, topic := range l.topics.all() {
		c.byTopic[topic] = l.read(topic)
	}
	whole := l.lost
	whole.committed = slices.Clone(l.lost.committed)
	for _, r := range c.byTopic[l.topics.ledger].committed {
		if r.Offset >= l.remade[r.Partition] {
			whole.committed = append(whole.committed, r)
		}
	}
	was, is := ledgerID(l.lost), ledgerID(c.byTopic[l.topics.ledger])
	c.byTopic[l.topics.ledger] = whole
	for _, topic := range []string{l.topics.events, l.topics.status, l.topics.dead} {
		for _, r := range c.byTopic[topic].committed {
			rename(r, was, is)
		}
	}
	c.decodeAll()
	c.report(c.judge())
}

// rename has a record of the ledger that was made anew say that it is of the one
// that was lost.
func rename(r *kgo.Record, was, is string) {
	for i, h := range r.Headers {
		if h.Key == "airudder_ledger_id" && string(h.Value) == is {
			r.Headers[i].Value = []byte(was)
		}
	}
}

func ledgerID(h history) string {
	id, _ := live(h)["meta"]["ledger_id"].(string)
	return id
}

// keysOf are a ledger's keys that begin so.
func keysOf(entries map[string]map[string]any, prefix string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(entries)), func(key string) bool { return !strings.HasPrefix(key, prefix) })
}

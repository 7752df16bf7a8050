package prooftest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// TestTwoAccounts has two accounts share the event topics, each with a ledger of its
// own, and with the same TaskIDs and CallIDs. The second one's ledger is created, and
// the first one's adopted, by tools that are killed at each of their steps; the
// exporters are killed while they publish beside each other; and each ledger is lost
// and rebuilt from the shared topics. Each account's calls are published once.
func TestTwoAccounts(t *testing.T) {
	t.Parallel()
	id := newAccount(t, "id", nil)
	id.exporter("id")
	id.begin()
	ph := newAccount(t, "ph", id.world)
	ph.exporter("ph")
	ph.create()
	ph.begin()
	for i, a := range []*account{id, ph} {
		a.kill(uint64(31 + i)) // while the other one's exporter runs
	}
	id.settle()
	id.adopt()
	id.rebuild() // while the other one's exporter goes on
	ph.settle()
	ph.rebuild()
	for _, a := range []*account{id, ph} {
		if said := audit(a.auditor(), 0); said.Others == 0 || said.Counts["ok"] == 0 {
			t.Errorf("an audit of the account %s says %+v", a.Account, said)
		}
	}
}

// account is a world of its own on topics that others write to, too.
type account struct {
	*world
	loss *loss
}

func newAccount(t *testing.T, name string, beside *world) *account {
	cfg := campaigns(17, 3, 40, 8)
	cfg.Renew, cfg.FaultRates = true, map[airuddersim.FaultKind]float64{airuddersim.BrokenJSON: 0.05, airuddersim.Reset: 0.05}
	k := rig.OpenKafka(t)
	if beside != nil {
		k = beside.Kafka
	}
	w := &world{World: rig.NewWorld(k, cfg, nil), stop: func() {}}
	w.Account = name
	if beside != nil {
		own := w.Topics.Ledger
		w.Topics, w.Registry = beside.Topics, beside.Registry
		w.Topics.Ledger = own
	}
	w.seen = newWatch(w.World)
	return &account{world: w, loss: &loss{world: w, retention: time.Hour}}
}

// begin plays the campaigns and has the exporter publish some of their calls.
func (a *account) begin() {
	a.T.Helper()
	a.play(15)
	a.children[0].Start()
	a.awaitMore(5)
}

// create begins the ledger beside the other account's events, which a run alone does
// not, by a tool that is killed at each of its steps.
func (a *account) create() {
	a.T.Helper()
	tool := a.exporter("creating", shortBeat)
	said := tool.end(nil, 1, "run")
	for _, want := range []string{"ledger refused", "airudder-exporter ledger rebuild", "airudder-exporter ledger create"} {
		if !strings.Contains(said, want) {
			a.T.Errorf("a run beside others' events does not say %q:\n%s", want, said)
		}
	}
	for _, at := range metaSteps[:len(metaSteps)-1] {
		tool.end(func(r *request) bool { return r.step == at }, -1, "ledger", "create", "--execute")
	}
	tool.end(nil, 0, "ledger", "create", "--execute")
	a.mustHaveBegunOnce(a.Read(a.Topics.Ledger))
}

// kill kills the exporter while the other account's runs, and has it go on.
func (a *account) kill(seed uint64) {
	a.T.Helper()
	a.children[0].Kill()
	k := newKiller(a.world, seed)
	k.run(killsOr(a.T, 8, 20))
}

// adopt has the ledger go on with another event key, and back, by tools that are killed
// at each of their steps. A run that is not asked takes none of it.
func (a *account) adopt() {
	a.T.Helper()
	other := a.exporter("adopting", "KAFKA_EVENT_KEY=call", shortBeat)
	back := a.exporter("adopting back", "KAFKA_EVENT_KEY=row", shortBeat)
	if said := other.end(nil, 1, "run"); !strings.Contains(said, "KAFKA_EVENT_KEY is call, but the ledger was made with row") {
		a.T.Errorf("a run with another key says\n%s", said)
	}
	for _, tool := range []*child{other, back} {
		for _, at := range append(metaSteps[:len(metaSteps):len(metaSteps)], stepFence, stepBarrierEnd) {
			tool.end(func(r *request) bool { return r.step == at }, -1, "ledger", "adopt", "--execute")
		}
		tool.end(nil, 0, "ledger", "adopt", "--execute")
		want := "row"
		if tool == other {
			want = "call"
		}
		if got := live(a.Read(a.Topics.Ledger))["meta"]["event_key"]; got != want {
			a.T.Errorf("the ledger has the event key %v, want %s", got, want)
		}
	}
	a.EventKey = ""
}

// rebuild loses the ledger and makes it anew from the topics that the other account
// writes to, too; then it goes on to the end.
func (a *account) rebuild() {
	a.T.Helper()
	l := a.loss
	l.lose()
	id, _ := l.entries["meta"]["ledger_id"].(string)
	if said := l.tool.end(nil, 1, "ledger", "rebuild", "--execute"); !strings.Contains(said, "say by --ledger-id which one is meant") ||
		!strings.Contains(said, id+", account "+a.Account+": ") {
		a.T.Errorf("a rebuild that is not told which ledger says\n%s", said)
	}
	l.rebuild(0, "--ledger-id", id)
	got := live(a.Read(a.Topics.Ledger))
	for _, prefix := range []string{"call/", "row/", "task/"} {
		if is, was := keysOf(got, prefix), keysOf(l.entries, prefix); !slices.Equal(is, was) {
			a.T.Errorf("%s: got %d entries, want %d", prefix, len(is), len(was))
		}
	}
	l.compareMeta(got["meta"])
	a.play(15)
	next := a.exporter("after the rebuild")
	next.Start()
	a.settle()
	a.World.EventKey = ""
	l.check()
}

//go:build unix

package prooftest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"airudder-exporter/internal/airuddersim"
)

// noticed is when an exporter that runs finds out what was done to its topics,
// and what it does then.
type noticed string

const (
	inTransaction noticed = "at the next transaction: it ends" // it looks where its batch went
	atProducer    noticed = "at the next producer: it ends"    // whose replay shows it; any doubt brings one
	atStart       noticed = "at the next start: it ends"       // until then it goes on, from what it has in memory
	waits         noticed = "it waits, not ready"              // until somebody has acted
	survives      noticed = "it goes on"                       // without loss or double
)

// misdeed is one thing that happens to an exporter's topics.
type misdeed struct {
	name     string
	parts    int                        // of the ledger; 0: 1
	do       func(m *mischief)          // the deed
	settings func(m *mischief) []string // of the runs after it; nil: as before
	start    noticed                    // by an exporter that starts after it
	running  noticed                    // by one that runs; empty: the same as starting
	says     []string                   // pieces of its sentence
	saysRun  []string                   // of the sentence of one that runs, where it is another
	repair   func(m *mischief)          // what the sentence says to do
	then     noticed                    // after it; empty: it goes on
	lost     bool                       // events are gone that consumers may not have read: by the deed, not the exporter
}

// mischief is a misdeed done to one exporter.
type mischief struct {
	*world
	misdeed
	one    *child
	seen   *watch
	before []airuddersim.CallKey // events that were there before the deed
}

// TestBadLedger does to the ledger, and to the topics beside it, what must not
// be done to them, between two runs of an exporter and under a running one. It
// is refused or survived, with a sentence; no call is ever published again.
func TestBadLedger(t *testing.T) {
	t.Parallel()
	for _, deed := range slices.Concat(misdeeds(), strangers(), besideTheLedger()) {
		if deed.start != "" {
			t.Run(deed.name+" between two runs", func(t *testing.T) {
				t.Parallel()
				newMischief(t, deed).betweenRuns()
			})
		}
		if deed.running != "" {
			t.Run(deed.name+" under a running one", func(t *testing.T) {
				t.Parallel()
				newMischief(t, deed).whileRunning()
			})
		}
	}
}

func newMischief(t *testing.T, deed misdeed) *mischief {
	cfg := campaigns(41, 3, 30, 6)
	cfg.Renew = true
	m := &mischief{world: newWorld(t, cfg, nil), misdeed: deed}
	m.shards = max(deed.parts, 1)
	m.one = m.next("one")
	m.seen = m.watch(t)
	m.play(10)
	m.one.start()
	m.awaitMore(20)
	return m
}

// next is another exporter of the same deployment.
func (m *mischief) next(name string, settings ...string) *child {
	return m.exporter(name, append([]string{fmt.Sprint("KAFKA_LEDGER_PARTITIONS=", m.shards), "KAFKA_TRANSACTION_TIMEOUT=3s"}, settings...)...)
}

// awaitMore waits for so many events more.
func (m *mischief) awaitMore(n int) {
	m.t.Helper()
	want := m.seen.count() + n
	eventually(m.t, "more events", patience, func() bool { return m.seen.count() >= want })
}

// betweenRuns does the deed while no exporter runs.
func (m *mischief) betweenRuns() {
	m.one.terminate(grace)
	m.settled()
	m.before = m.seen.keys()
	m.do(m)
	m.startsAfter()
}

// startsAfter starts an exporter after the deed.
func (m *mischief) startsAfter() {
	var settings []string
	if m.settings != nil {
		settings = m.settings(m)
	}
	next := m.next("next", settings...)
	next.start()
	m.meets(next, m.start, m.says)
	m.end(next, m.start)
}

// whileRunning does the deed under an exporter that has work to do.
func (m *mischief) whileRunning() {
	if m.running == inTransaction || m.running == atProducer {
		m.one.expect()
	}
	m.betweenTransactions(func() {
		m.before = m.seen.keys()
		m.do(m)
	})
	switch m.running {
	case atStart:
		m.goesOn()
		m.one.terminate(grace)
		m.startsAfter()
		return
	case atProducer, waits:
		m.doubt()
	}
	says := m.says
	if m.saysRun != nil {
		says = m.saysRun
	}
	m.meets(m.one, m.running, says)
	m.end(m.one, m.running)
}

// betweenTransactions does something while the exporter stands still and has no
// transaction open. Where a topic is deleted whose markers are being written, a
// broker (Kafka 4.1) writes nobody's markers for half a minute, and may leave
// that transactional id in its transaction until another broker coordinates it.
//
// Nothing begins while it is looked whether anything is open, nor before the
// deed is done: what a stopped exporter has sent may be read later. One that is
// found to have asked for a transaction goes on first, since its deadline runs.
func (m *mischief) betweenTransactions(do func()) {
	m.t.Helper()
	letGo := func() {}
	defer func() { letGo() }()
	eventually(m.t, "a moment between two transactions", patience, func() bool {
		letGo = m.one.holdTransactions()
		if m.one.net.quiet() {
			m.one.signal(syscall.SIGSTOP)
			if m.settled(); m.one.net.quiet() {
				return true
			}
			m.one.signal(syscall.SIGCONT)
		}
		letGo()
		return false
	})
	do()
	m.one.signal(syscall.SIGCONT)
}

// holdTransactions lets no transaction of the exporter begin until letGo is
// called.
func (c *child) holdTransactions() (letGo func()) {
	held := make(chan struct{})
	c.net.arm(func(r *request) (f fate) {
		if kmsg.Key(r.api) == kmsg.AddPartitionsToTxn {
			f.before = func() { <-held }
		}
		return f
	})
	return sync.OnceFunc(func() {
		c.net.arm(nil)
		close(held)
	})
}

// settled waits until no transaction is open on any of the topics that are
// there.
func (m *mischief) settled() {
	m.t.Helper()
	for _, topic := range m.topics.all() {
		if m.partitions(topic) > 0 {
			m.stableEnds(topic)
		}
	}
}

// doubt has the exporter lose the answer to its next request in a transaction of
// the shard in question: its producer ends, and another begins.
func (m *mischief) doubt() {
	var once sync.Once
	txn := fmt.Sprintf("%s-%d", m.topics.ledger, m.busyShard())
	m.one.net.arm(func(r *request) (f fate) {
		if slices.Contains(workSteps, r.step) && r.txn == txn {
			once.Do(func() { f.drop = true })
		}
		return f
	})
}

// busyShard is the shard of the task that had the first event.
func (m *mischief) busyShard() int {
	return shardOf(m.seen.keys()[0].TaskID, m.shards)
}

// shardOf is where a task lives, by franz-go's own partitioner.
func shardOf(taskID string, shards int) int {
	return kgo.StickyKeyPartitioner(nil).ForTopic("").Partition(&kgo.Record{Key: []byte(taskID)}, shards)
}

// meets holds what an exporter does, and says, against the table.
func (m *mischief) meets(c *child, how noticed, says []string) {
	m.t.Helper()
	switch how {
	case survives:
		m.goesOn()
		m.tells(c, says)
	case waits:
		m.standsStill(c, says)
	default:
		m.refuses(c, says)
	}
}

// refuses waits until an exporter ends by itself, and looks at its last words.
// To start it again is as much in vain.
func (m *mischief) refuses(c *child, says []string) {
	m.t.Helper()
	m.awaitEnd(c)
	words := lastWords(c)
	for _, piece := range says {
		if !strings.Contains(words, piece) {
			m.t.Errorf("exporter %s: its last words\n%s\nare without %q", c.name, words, piece)
		}
	}
	m.t.Logf("said: %s", words)
	c.net.arm(nil)
	c.start()
	m.awaitEnd(c)
}

// awaitEnd waits until an exporter ends by itself.
func (m *mischief) awaitEnd(c *child) {
	m.t.Helper()
	p := c.expect()
	select {
	case <-p.exited:
	case <-time.After(patience):
		m.t.Fatalf("exporter %s still runs", c.name)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 1 {
		m.t.Errorf("exporter %s: got %s, want exit code 1", c.name, p.cmd.ProcessState)
	}
}

// lastWords is the line with which an exporter ended by itself.
func lastWords(c *child) string {
	words := "(none)"
	for line := range strings.Lines(string(c.logged())) {
		if strings.Contains(line, "the exporter ends") {
			words = strings.ReplaceAll(line, `\"`, `"`)
		}
	}
	return words
}

// standsStill waits until an exporter says what it waits for.
func (m *mischief) standsStill(c *child, says []string) {
	m.t.Helper()
	text := ""
	defer func() { m.t.Logf("/readyz: %s", text) }()
	eventually(m.t, "red readiness with "+strings.Join(says, ", "), patience, func() bool {
		var code int
		code, text = c.page("/readyz")
		return code == http.StatusServiceUnavailable && holdsAll(text, says)
	})
}

// tells waits until an exporter has said something in its log.
func (m *mischief) tells(c *child, says []string) {
	m.t.Helper()
	eventually(m.t, "a log with "+strings.Join(says, ", "), patience, func() bool { return holdsAll(string(c.logged()), says) })
}

func holdsAll(text string, pieces []string) bool {
	return !slices.ContainsFunc(pieces, func(piece string) bool { return !strings.Contains(text, piece) })
}

// goesOn waits for more events; where those that came before are lost, for more
// entries in the ledger.
func (m *mischief) goesOn() {
	m.t.Helper()
	if !m.lost {
		m.awaitMore(20)
		return
	}
	size := func() (all int64) {
		for _, end := range m.ends(m.topics.ledger, 0) {
			all += end
		}
		return all
	}
	before := size()
	eventually(m.t, "more entries", patience, func() bool { return size() > before+60 })
}

// end mends what can be mended, and counts.
func (m *mischief) end(c *child, how noticed) {
	m.t.Helper()
	if m.repair != nil && how != survives {
		m.repair(m)
		if how != waits {
			c = m.next("mended")
			c.start()
		}
		if how = survives; m.then != "" {
			how = m.then
		}
		m.meets(c, how, nil)
	}
	m.sim.Stop()
	if how == survives && !m.lost {
		m.awaitEvents(m.seen, patience)
	}
	if how == survives {
		c.terminate(grace)
	}
	m.count(how == survives && !m.lost)
}

// count holds all events that there were against the truth: none is there
// twice, and where the exporter went on none is missing.
func (m *mischief) count(whole bool) {
	m.t.Helper()
	m.settled() // all of them: they are about to be deleted
	var all watch
	for _, r := range m.read(m.topics.events).committed {
		all.add(r)
	}
	keys := all.keys()
	if m.lost {
		keys = append(keys, m.before...)
	}
	proof := m.sim.Truth().Check(keys)
	m.t.Logf("finished %d · events %d, of them %d before · duplicates %d · missing %d", proof.Finished, proof.Events, len(m.before), len(proof.Duplicates), len(proof.Missing))
	if len(proof.Duplicates)+len(proof.Unknown) > 0 {
		m.t.Errorf("published again: %v; of nothing: %v", proof.Duplicates, proof.Unknown)
	}
	if whole && len(proof.Missing) > 0 {
		m.t.Errorf("missing: %v", proof.Missing)
	}
	if !m.lost && proof.Events < len(m.before) {
		m.t.Errorf("%d events, and %d were seen before the deed", proof.Events, len(m.before))
	}
}

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

	"github.com/twmb/franz-go/pkg/kmsg"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
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
	says     []string                   // what its sentence names; the sentences themselves are their packages'
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
	m.Shards = max(deed.parts, 1)
	m.one = m.next("one")
	m.play(10)
	m.one.Start()
	m.awaitMore(20)
	return m
}

// next is another exporter of the same deployment.
func (m *mischief) next(name string, settings ...string) *child {
	return m.exporter(name, append([]string{fmt.Sprint("KAFKA_LEDGER_PARTITIONS=", m.Shards), "KAFKA_TRANSACTION_TIMEOUT=3s"}, settings...)...)
}

// betweenRuns does the deed while no exporter runs.
func (m *mischief) betweenRuns() {
	m.one.Terminate()
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
	next.Start()
	m.meets(next, m.start, m.says)
	m.end(next, m.start)
}

// whileRunning does the deed under an exporter that has work to do.
func (m *mischief) whileRunning() {
	if m.running == inTransaction || m.running == atProducer {
		m.one.Expect()
	}
	m.betweenTransactions(func() {
		m.before = m.seen.keys()
		m.do(m)
	})
	switch m.running {
	case atStart:
		m.goesOn()
		m.one.Terminate()
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
	m.T.Helper()
	letGo := func() {}
	defer func() { letGo() }()
	rig.Eventually(m.T, "a moment between two transactions", rig.Patience, func() bool {
		letGo = m.one.holdTransactions()
		if m.one.net.quiet() {
			m.one.Signal(syscall.SIGSTOP)
			if m.settled(); m.one.net.quiet() {
				return true
			}
			m.one.Signal(syscall.SIGCONT)
		}
		letGo()
		return false
	})
	do()
	m.one.Signal(syscall.SIGCONT)
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
	m.T.Helper()
	for _, topic := range m.Topics.All() {
		if m.Partitions(topic) > 0 {
			m.SettledEnds(topic)
		}
	}
}

// doubt has the exporter lose the answer to its next request in a transaction of
// the shard in question: its producer ends, and another begins.
func (m *mischief) doubt() {
	var once sync.Once
	txn := fmt.Sprintf("%s-%d", m.Topics.Ledger, m.busyShard())
	m.one.net.arm(func(r *request) (f fate) {
		if slices.Contains(workSteps, r.step) && r.txn == txn {
			once.Do(func() { f.drop = true })
		}
		return f
	})
}

// busyShard is the shard of the task that had the first event.
func (m *mischief) busyShard() int {
	return rig.ShardOf(m.seen.keys()[0].TaskID, m.Shards)
}

// meets holds what an exporter does, and says, against the table.
func (m *mischief) meets(c *child, how noticed, says []string) {
	m.T.Helper()
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
	m.T.Helper()
	c.AwaitExit(c.Expect(), rig.Patience, 1)
	words := lastWords(c)
	for _, piece := range says {
		if !strings.Contains(words, piece) {
			m.T.Errorf("exporter %s: its last words\n%s\nare without %q", c.Name, words, piece)
		}
	}
	m.T.Logf("said: %s", words)
	c.net.arm(nil)
	c.Start()
	c.AwaitExit(c.Expect(), rig.Patience, 1)
}

// lastWords is the line with which an exporter ended by itself.
func lastWords(c *child) string {
	words := "(none)"
	for line := range strings.Lines(string(c.Logged())) {
		if strings.Contains(line, "the exporter ends") {
			words = strings.ReplaceAll(line, `\"`, `"`)
		}
	}
	return words
}

// standsStill waits until an exporter says what it waits for.
func (m *mischief) standsStill(c *child, says []string) {
	m.T.Helper()
	text := ""
	defer func() { m.T.Logf("/readyz: %s", text) }()
	rig.Eventually(m.T, "red readiness with "+strings.Join(says, ", "), rig.Patience, func() bool {
		var code int
		code, text = c.Page("/readyz")
		return code == http.StatusServiceUnavailable && holdsAll(text, says)
	})
}

// tells waits until an exporter has said something in its log.
func (m *mischief) tells(c *child, says []string) {
	m.T.Helper()
	rig.Eventually(m.T, "a log with "+strings.Join(says, ", "), rig.Patience, func() bool { return holdsAll(string(c.Logged()), says) })
}

func holdsAll(text string, pieces []string) bool {
	return !slices.ContainsFunc(pieces, func(piece string) bool { return !strings.Contains(text, piece) })
}

// goesOn waits for more events; where those that came before are lost, for more
// entries in the ledger.
func (m *mischief) goesOn() {
	m.T.Helper()
	if !m.lost {
		m.awaitMore(20)
		return
	}
	size := func() (all int64) {
		for _, end := range m.Ends(m.Topics.Ledger) {
			all += end
		}
		return all
	}
	before := size()
	rig.Eventually(m.T, "more entries", rig.Patience, func() bool { return size() > before+60 })
}

// end mends what can be mended, and counts.
func (m *mischief) end(c *child, how noticed) {
	m.T.Helper()
	if m.repair != nil && how != survives {
		m.repair(m)
		if how != waits {
			c = m.next("mended")
			c.Start()
		}
		if how = survives; m.then != "" {
			how = m.then
		}
		m.meets(c, how, nil)
	}
	m.Sim.Stop()
	if how == survives && !m.lost {
		m.awaitEvents()
	}
	if how == survives {
		c.Terminate()
	}
	m.count(how == survives && !m.lost)
}

// count holds all events that there were against the truth: none is there
// twice, and where the exporter went on none is missing.
func (m *mischief) count(whole bool) {
	m.T.Helper()
	m.settled() // all of them: they are about to be deleted
	keys := m.Published()
	if m.lost {
		keys = append(keys, m.before...)
	}
	proof := m.Sim.Truth().Check(keys)
	m.T.Logf("%s; %d events before", rig.Sum(proof), len(m.before))
	if len(proof.Duplicates)+len(proof.Unknown) > 0 {
		m.T.Errorf("published again: %v; of nothing: %v", proof.Duplicates, proof.Unknown)
	}
	if whole && len(proof.Missing) > 0 {
		m.T.Errorf("missing: %v", proof.Missing)
	}
	if !m.lost && proof.Events < len(m.before) {
		m.T.Errorf("%d events, and %d were seen before the deed", proof.Events, len(m.before))
	}
}

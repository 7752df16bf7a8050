package prooftest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// step is what a request is to the exporter's protocol: the phase of its
// producer and the request's name. Requests that belong to no producer go by
// their name alone.
type step string

// The steps of a producer's life, in their order.
const (
	stepFence          step = "fence InitProducerID"
	stepBarrierAdd     step = "barrier AddPartitionsToTxn"
	stepBarrierProduce step = "barrier Produce"
	stepBarrierEnd     step = "barrier EndTxn"
	stepReplay         step = "replay Fetch"
	stepAdd            step = "transaction AddPartitionsToTxn"
	stepProduce        step = "transaction Produce"
	stepEnd            step = "transaction EndTxn"
)

// The steps in which a ledger's meta is written, under a transactional id of its
// own.
const (
	stepMetaFind    step = "meta FindCoordinator"
	stepMetaFence   step = "meta InitProducerID"
	stepMetaAdd     step = "meta AddPartitionsToTxn"
	stepMetaProduce step = "meta Produce"
	stepMetaEnd     step = "meta EndTxn"
)

// Steps that belong to no producer.
const (
	stepFind        step = "FindCoordinator" // of a transactional id
	stepFindGroup   step = "group FindCoordinator"
	stepVersions    step = "ApiVersions"
	stepMetadata    step = "Metadata"
	stepConfigs     step = "DescribeConfigs"
	stepListOffsets step = "ListOffsets"
	stepJoin        step = "JoinGroup"
	stepSync        step = "SyncGroup"
	stepHeartbeat   step = "Heartbeat"
	stepLeave       step = "LeaveGroup"
	stepOffsets     step = "OffsetFetch"
)

// startSteps and workSteps are the steps of a producer's start, and of each of
// its transactions; metaSteps those of the transaction that begins a ledger.
var (
	metaSteps  = []step{stepMetaFence, stepMetaAdd, stepMetaProduce, stepMetaEnd}
	startSteps = []step{stepFence, stepBarrierAdd, stepBarrierProduce, stepBarrierEnd, stepReplay}
	workSteps  = []step{stepAdd, stepProduce, stepEnd}
)

// phase is how far a producer has come.
type phase string

const (
	starting    phase = "start" // no producer yet
	fence       phase = "fence"
	barrier     phase = "barrier"
	replay      phase = "replay"
	transaction phase = "transaction"

	meta phase = "meta" // all that the id which writes it ever is in
)

// producerState is one transactional id as the proxy sees it.
type producerState struct {
	phase   phase
	last    string // the last request, and how far it came
	open    bool   // from the answer to the first request of a transaction to that of its end
	unended bool   // a transaction, the barrier's included, may be open: from its first request to the answer to its end, or to the next fence
	number  int    // of the producer: how many of the id there have been
}

// tracker tells from the requests where each producer stands. It is safe for
// concurrent use.
type tracker struct {
	ledger string // topic: transactional ids are <ledger>-<partition>

	mu        sync.Mutex
	producers map[string]*producerState
	numbers   map[string]int // the last producer's, by id, over all processes
	listeners map[*listener]bool
	refused   int           // requests of a producer whose time is over
	journal   []journalLine // the newest at the end
}

// journalLine is what happened to one request.
type journalLine struct {
	at   time.Time
	text string
}

const journalLines = 20_000

func newTracker(ledger string) *tracker {
	return &tracker{ledger: ledger, producers: map[string]*producerState{}, numbers: map[string]int{}, listeners: map[*listener]bool{}}
}

func (t *tracker) note(format string, args ...any) {
	if len(t.journal) >= 2*journalLines {
		t.journal = slices.Clone(t.journal[journalLines:])
	}
	t.journal = append(t.journal, journalLine{time.Now(), fmt.Sprintf(format, args...)})
}

// began finds out what a request is.
func (t *tracker) began(r *request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.txn = t.transactionalID(r.msg)
	r.step = step(kmsg.NameForKey(r.api))
	if find, ok := r.msg.(*kmsg.FindCoordinatorRequest); ok {
		switch {
		case find.CoordinatorType == 0:
			r.step = stepFindGroup
		case isInit(find.CoordinatorKey):
			r.step = stepMetaFind
		}
	}
	if r.txn != "" {
		p := t.producers[r.txn]
		if p == nil {
			p = &producerState{phase: starting}
			if isInit(r.txn) {
				p.phase = meta
			}
			t.producers[r.txn] = p
		}
		if kmsg.Key(r.api) == kmsg.InitProducerID {
			t.numbers[r.txn]++
			p.number = t.numbers[r.txn]
		}
		r.producer, r.step = p, p.began(r)
		t.note("%s %s sent", r.txn, r.step)
	}
}

// transactionalID is the one that a request belongs to. A fetch of a ledger
// partition belongs to the producer that replays it.
func (t *tracker) transactionalID(msg kmsg.Request) string {
	switch req := msg.(type) {
	case *kmsg.InitProducerIDRequest:
		if req.TransactionalID != nil {
			return *req.TransactionalID
		}
	case *kmsg.AddPartitionsToTxnRequest:
		return req.TransactionalID
	case *kmsg.ProduceRequest:
		if req.TransactionID != nil {
			return *req.TransactionID
		}
	case *kmsg.EndTxnRequest:
		return req.TransactionalID
	case *kmsg.FetchRequest:
		for _, topic := range req.Topics {
			if topic.Topic == t.ledger && len(topic.Partitions) > 0 {
				return fmt.Sprintf("%s-%d", t.ledger, topic.Partitions[0].Partition)
			}
		}
	}
	return ""
}

// isInit reports whether a transactional id is the one that writes a ledger's
// meta, and no shard's.
func isInit(id string) bool { return strings.HasSuffix(id, "-init") }

func (p *producerState) began(r *request) step {
	switch r.msg.(type) {
	case *kmsg.InitProducerIDRequest:
		if p.phase != meta {
			p.phase = fence
		}
		p.open = false
	case *kmsg.AddPartitionsToTxnRequest:
		if p.phase == replay {
			p.phase = transaction
		}
		p.unended = true
	}
	s := step(string(p.phase) + " " + kmsg.NameForKey(r.api))
	p.last = "in " + string(s)
	return s
}

// ended takes the answer's error code.
func (t *tracker) ended(r *request) {
	p := r.producer
	if p == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.note("%s %s answered %d", r.txn, r.step, r.code)
	p.last = "after " + string(r.step)
	switch r.code {
	case 0:
	case 47, 49, 90:
		t.refused++
		return
	default:
		return
	}
	switch r.step {
	case stepFence:
		p.phase, p.unended = barrier, false
	case stepMetaFence:
		p.unended = false
	case stepBarrierEnd:
		p.phase, p.unended = replay, false
	case stepAdd, stepMetaAdd:
		p.open = true
		t.tell(r.txn, p)
	case stepEnd, stepMetaEnd:
		p.open, p.unended = false, false
	}
}

// around are the journal's lines not further than a margin from any of the
// times.
func (t *tracker) around(times []time.Time, margin time.Duration) (lines []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, line := range t.journal {
		if slices.ContainsFunc(times, func(at time.Time) bool { return line.at.Sub(at).Abs() <= margin }) {
			lines = append(lines, line.at.Format("15:04:05.000 ")+line.text)
		}
	}
	return lines
}

// idle is where a process without a producer stands: starting, or standing by.
const idle = "without a producer"

// where is what the producers of a process are doing, and whether one of them
// has a transaction open.
func (t *tracker) where() (at string, open bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []string
	for _, id := range slices.Sorted(maps.Keys(t.producers)) {
		p := t.producers[id]
		open = open || p.open
		if p.last != "" && p.phase != meta {
			all = append(all, p.last)
		}
	}
	switch len(all) {
	case 0:
		return idle, open
	case 1:
		return all[0], open
	}
	for _, one := range all { // of several shards, the one that is at work says most
		if strings.HasPrefix(one, "in ") {
			return one, open
		}
	}
	return all[0], open
}

// quiet reports whether no transaction of the process can be open.
func (t *tracker) quiet() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.producers {
		if p.unended {
			return false
		}
	}
	return true
}

// listener is told when a producer that came after so many of its id opens a
// transaction.
type listener struct {
	id     string
	after  int
	opened chan<- struct{}
}

// listen has a producer of a transactional id that is yet to begin tell when it
// opens its first transaction, until done is called.
func (t *tracker) listen(id string, opened chan<- struct{}) (done func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := &listener{id, t.numbers[id], opened}
	t.listeners[l] = true
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.listeners, l)
	}
}

// tell tells who listens that a transaction was opened.
func (t *tracker) tell(id string, p *producerState) {
	for l := range t.listeners {
		if l.id == id && p.number > l.after {
			select {
			case l.opened <- struct{}{}:
			default: // it was told
			}
		}
	}
}

// writes reports whether a producer of the process has begun, for a shard.
func (t *tracker) writes() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.producers {
		if p.phase != starting && p.phase != meta {
			return true
		}
	}
	return false
}

// forget is for a process that has died.
func (t *tracker) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.note("the process has ended")
	clear(t.producers)
}

// refusals is how many requests the brokers refused because they were those of
// a producer whose time is over: 47, 49 and 90 in the protocol guide's table.
func (t *tracker) refusals() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.refused
}

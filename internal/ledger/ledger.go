// Package ledger knows what has been published, and plans what has not: pure.
//
// The ledger is a compacted Kafka topic; each of its records is an *entry*. A
// Ledger is one partition of it (a *shard*) in memory. There is one way into
// it: Apply, by which a replay after a start and the commit of a plan alike
// bring it up to date, so that what a restart knows is what the running process
// knew.
//
// A *plan* is what one reading of a task makes us write. Planning changes
// nothing; a plan counts only once its entries have been applied, and they are
// applied only once Kafka has committed them. What a reading noticed without a
// plan of its own (rows that changed after they were published) is collected in
// the Reading, and taken over by Remember once the reading is complete.
package ledger

import (
	"fmt"
	"slices"
	"sync"
)

// Ledger is one shard of the ledger in memory. The zero value is not usable;
// see New. It may be used by several goroutines at once.
type Ledger struct {
	mu        sync.RWMutex
	tasks     map[string]*task
	last      *task // the one applied to last: a replay's entries come in runs
	meta      Meta
	hasMeta   bool
	writer    Writer
	hasWriter bool
	entries   int64 // live entries
	bytes     int64 // of their keys and values
}

// New returns an empty shard.
func New() *Ledger { return &Ledger{tasks: map[string]*task{}} }

// task is what the ledger holds of one task.
type task struct {
	id       string
	keySize  int                  // bytes of the id in a key
	calls    map[CallKey]mark     // what was published
	texts    Texts                // nil while there are none
	rows     map[string]uint64    // dead letters without a CallID: the row's hash by its key; nil while there are none
	hashes   map[uint64]struct{}  // rows without a CallID that need not be read again; nil while there are none
	looked   bool                 // by a whole reading since the replay
	suspects map[suspect]struct{} // rows that the last reading rejected for the first time; nil while there are none
	dead     int64                // of calls, those that were dead letters
	late     int64                // of calls, those that were late
	state    State
	hasState bool
}

// mark is what the set keeps of a call: its row's hash, with two flags in place of
// the lowest bits. Where a whole task is late, a separate set for each flag would
// cost as much again as the calls themselves.
type mark uint64

const (
	markDead mark = 1 << iota
	markLate
	markFlags = markDead | markLate
)

func markOf(p Published) mark {
	m := mark(p.Row) &^ markFlags
	if p.As == DeadLetter {
		m |= markDead
	}
	if p.Late {
		m |= markLate
	}
	return m
}

// hash is the row's hash as far as a mark keeps it; 0: not known.
func (m mark) hash() mark { return m &^ markFlags }

// published is how many entries say that something of the task was published.
func (t *task) published() int64 { return int64(len(t.calls) + len(t.rows)) }

// events is how many calls were published as events.
func (t *task) events() int64 { return int64(len(t.calls)) - t.dead }

// deadLetters is how many rows were published as dead letters.
func (t *task) deadLetters() int64 { return t.dead + int64(len(t.rows)) }

// begun reports whether the export of the task has begun: it was not merely
// passed over.
func (t *task) begun() bool {
	return t.published() > 0 || t.hasState && !t.state.BeforeExportSince
}

// Apply brings the shard up to date with an entry that Kafka has committed.
func (l *Ledger) Apply(e Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e.Kind {
	case KindMeta, KindProducer:
		l.applySingle(e)
	case KindTask:
		l.applyState(e)
	case KindRow:
		l.applyRow(e)
	case KindCall:
		if e.Tombstone {
			l.forget(e.TaskID, e.ID)
			return
		}
		applyCall(l, e.TaskID, e.ID, e.Published)
	}
}

// Replay applies a committed record of the ledger topic: Apply of ParseEntry,
// without allocations for call entries, of which there are millions. It keeps
// neither slice. An error means that no exporter of this version wrote the record;
// its text names no value.
func (l *Ledger) Replay(key, value []byte) error {
	if taskID, callID, ok := cutCallKey(key); ok && value != nil {
		if p, ok := parseExact(value); ok {
			l.mu.Lock()
			applyCall(l, taskID, callID, p)
			l.mu.Unlock()
			return nil
		}
	}
	e, err := ParseEntry(key, value)
	if err != nil {
		return err
	}
	l.Apply(e)
	return nil
}

// applyCall is generic so that a replay need not turn its bytes into strings.
// The last entry of a key wins, as it does for the cleaner.
func applyCall[T string | []byte](l *Ledger, taskID, callID T, p Published) {
	t := taskOf(l, taskID)
	k, exact := KeyOf(callID)
	if was, again := t.calls[k]; again {
		l.countCall(t, -1, len(callID), was)
	}
	m := markOf(p)
	t.calls[k] = m
	l.countCall(t, 1, len(callID), m)
	if !exact {
		put(&t.texts, k, string(callID))
	}
}

func (l *Ledger) forget(taskID, callID string) {
	t := l.tasks[taskID]
	if t == nil {
		return
	}
	k, _ := KeyOf(callID)
	was, there := t.calls[k]
	if !there {
		return
	}
	l.countCall(t, -1, len(callID), was)
	delete(t.calls, k)
	delete(t.texts, k)
	if len(t.calls) == 0 { // a map keeps its room; a closed task needs none
		t.calls, t.texts = map[CallKey]mark{}, nil
	}
}

func (l *Ledger) applyRow(e Entry) {
	if e.Tombstone && l.tasks[e.TaskID] == nil {
		return
	}
	t := taskOf(l, e.TaskID)
	was, there := t.rows[e.ID]
	size := int64(len(e.AppendKey(nil)) + publishedSize(markDead))
	switch {
	case e.Tombstone && there:
		delete(t.rows, e.ID)
		delete(t.hashes, was)
		l.count(-1, -size)
	case !e.Tombstone:
		put(&t.rows, e.ID, e.Published.Row)
		put(&t.hashes, e.Published.Row, struct{}{})
		if !there {
			l.count(1, size)
		}
	}
}

func (l *Ledger) applyState(e Entry) {
	if e.Tombstone && l.tasks[e.TaskID] == nil {
		return
	}
	t := taskOf(l, e.TaskID)
	if t.hasState {
		l.count(-1, -entrySize(Entry{Kind: KindTask, TaskID: t.id, State: t.state}))
	}
	t.state, t.hasState = e.State, !e.Tombstone
	if t.hasState {
		l.count(1, entrySize(e))
	}
}

// applySingle applies an entry of which a shard has one.
func (l *Ledger) applySingle(e Entry) {
	has := &l.hasMeta
	was := Entry{Kind: e.Kind, Meta: l.meta, Writer: l.writer}
	if e.Kind == KindMeta {
		l.meta = e.Meta
	} else {
		has, l.writer = &l.hasWriter, e.Writer
	}
	if *has {
		l.count(-1, -entrySize(was))
	}
	if *has = !e.Tombstone; *has {
		l.count(1, entrySize(e))
	}
}

// countCall counts a call entry in (1) or out (-1).
func (l *Ledger) countCall(t *task, n int64, callID int, m mark) {
	l.count(n, n*int64(len(KindCall)+1+t.keySize+1+callID+publishedSize(m)))
	if m&markDead != 0 {
		t.dead += n
	}
	if m&markLate != 0 {
		t.late += n
	}
}

func (l *Ledger) count(entries, bytes int64) {
	l.entries += entries
	l.bytes += bytes
}

// taskOf returns the task, made when it is new.
func taskOf[T string | []byte](l *Ledger, id T) *task {
	if l.last != nil && l.last.id == string(id) {
		return l.last
	}
	t := l.tasks[string(id)]
	if t == nil {
		t = &task{id: string(id), keySize: len(escape(string(id))), calls: map[CallKey]mark{}}
		l.tasks[t.id] = t
	}
	l.last = t
	return t
}

// put adds to a map that exists only while it is needed.
func put[M ~map[K]V, K comparable, V any](m *M, k K, v V) {
	if *m == nil {
		*m = M{}
	}
	(*m)[k] = v
}

// Sizes are as the topic holds them, so that the page can show the ledger's.

func publishedSize(m mark) int {
	n := len(prefixAt) + len(timeLayout) + len(asEvent) + len(prefixRow) + 16 + len(suffix)
	if m&markDead != 0 {
		n += len(asDeadLetter) - len(asEvent)
	}
	if m&markLate != 0 {
		n += len(lateTrue)
	}
	return n
}

func entrySize(e Entry) int64 { return int64(len(e.AppendKey(nil)) + len(e.AppendValue(nil))) }

// cutCallKey cuts call/<TaskID>/<CallID>; false also where the TaskID is escaped.
func cutCallKey(key []byte) (taskID, callID []byte, ok bool) {
	const prefix = string(KindCall) + "/"
	if len(key) < len(prefix) || string(key[:len(prefix)]) != prefix {
		return nil, nil, false
	}
	rest := key[len(prefix):]
	i := slices.Index(rest, '/')
	if i <= 0 || i == len(rest)-1 || slices.Contains(rest[:i], '%') {
		return nil, nil, false
	}
	return rest[:i], rest[i+1:], true
}

// Size is how many live entries the shard has and how many bytes their keys and
// values take in the topic.
func (l *Ledger) Size() (entries, bytes int64) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.entries, l.bytes
}

// Meta returns the meta entry; false when the shard has none.
func (l *Ledger) Meta() (Meta, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.meta, l.hasMeta
}

// String names the shard's size, for logs.
func (l *Ledger) String() string {
	entries, bytes := l.Size()
	return fmt.Sprintf("%d entries, %d bytes", entries, bytes)
}

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
	revisions *Revisions // nil: changes of published rows are counted alone
	day       Day
	entries   int64 // live entries
	bytes     int64 // of their keys and values
}

// New returns an empty shard.
func New() *Ledger { return &Ledger{tasks: map[string]*task{}} }

// task is what the ledger holds of one task.
type task struct {
	id       string
	keySize  int                   // bytes of the id in a key
	calls    map[CallKey]mark      // what was published
	texts    Texts                 // nil while there are none
	revised  map[CallKey]revised   // of calls that are events; nil where changes are counted alone
	letters  map[CallKey]Published // of calls that are dead letters; nil while there are none
	rows     map[string]Published  // dead letters without a CallID by the row's key, and those that were; nil while there are none
	hashes   map[uint64]struct{}   // rows without a CallID that need not be read again; nil while there are none
	deadRows int64                 // of rows, the dead letters
	looked   bool                  // by a whole reading since the replay
	suspects map[suspect]struct{}  // rows that the last reading rejected for the first time; nil while there are none
	last     int64                 // the highest task_sequence that was given
	unlinked int64                 // of rows, those that are known by their bytes alone
	state    State
	hasState bool
}

// mark is what the set keeps of a call: its row's hash, with a flag in place of the
// lowest bit.
type mark uint64

const markDead mark = 1

func markOf(p Published) mark {
	m := mark(p.Row).hash()
	if p.As == DeadLetter {
		m |= markDead
	}
	return m
}

// hash is the row's hash as far as a mark keeps it; 0: not known.
func (m mark) hash() mark { return m &^ markDead }

// published is how many entries say that something of the task was published.
func (t *task) published() int64 { return int64(len(t.calls) + len(t.rows)) }

// deadLetters is how many rows were published as dead letters, and have shown no
// call since.
func (t *task) deadLetters() int64 {
	return int64(len(t.letters)) + t.deadRows
}

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
	if taskID, callID, p, ok := CutEvent(key, value, l.form()); ok {
		l.mu.Lock()
		applyCall(l, taskID, callID, p)
		l.mu.Unlock()
		return nil
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
	if _, again := t.calls[k]; again {
		l.countCall(t, -1, len(callID))
	} else {
		l.day.published(p)
	}
	t.calls[k], t.last = markOf(p), max(t.last, p.N)
	if l.revisions != nil {
		l.revisions.apply(t, k, p)
	}
	l.countCall(t, 1, len(callID))
	if p.As == DeadLetter {
		p.At = milliseconds(p.At)
		put(&t.letters, k, p)
	} else {
		delete(t.letters, k)
	}
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
	if _, there := t.calls[k]; !there {
		return
	}
	l.countCall(t, -1, len(callID))
	delete(t.calls, k)
	delete(t.texts, k)
	delete(t.letters, k)
	delete(t.revised, k)
	if len(t.calls) == 0 { // a map keeps its room; a closed task needs none
		t.calls, t.texts, t.revised = map[CallKey]mark{}, nil, nil
	}
}

func (l *Ledger) applyRow(e Entry) {
	if e.Tombstone && l.tasks[e.TaskID] == nil {
		return
	}
	t := taskOf(l, e.TaskID)
	if was, there := t.rows[e.ID]; there {
		delete(t.rows, e.ID)
		delete(t.hashes, was.Row)
		if was.As == DeadLetter {
			t.deadRows--
		}
		l.count(-1, -entrySize(Entry{Kind: KindRow, TaskID: t.id, ID: e.ID, Published: was}))
		if unlinked(e.ID) {
			t.unlinked--
		}
	}
	if e.Tombstone {
		return
	}
	e.Published.At = milliseconds(e.Published.At)
	put(&t.rows, e.ID, e.Published)
	if e.Published.As == DeadLetter {
		t.deadRows++
		put(&t.hashes, e.Published.Row, struct{}{})
	}
	l.count(1, entrySize(e))
	if unlinked(e.ID) {
		t.unlinked++
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
	t.last = max(t.last, e.State.Events)
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
		l.day.wrote(e.Writer)
	}
	if *has {
		l.count(-1, -entrySize(was))
	}
	if *has = !e.Tombstone; *has {
		l.count(1, entrySize(e))
	}
}

// countCall counts a call entry in (1) or out (-1).
func (l *Ledger) countCall(t *task, n int64, callID int) {
	l.count(n, n*int64(len(KindCall)+1+t.keySize+1+callID+callSize))
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

// Sizes are as the topic holds them, so that the page can show the ledger's. Of a
// call, of which memory does not keep the number, the value counts as an event's with
// a number of four digits.

const callSize = len(`{"at":"2006-01-02T15:04:05.000Z","as":"event","n":1234,"row":"0123456789abcdef"}`)

func entrySize(e Entry) int64 { return int64(len(e.AppendKey(nil)) + len(e.AppendValue(nil))) }

// CutEvent is ParseEntry without allocations, for entries of events in our own exact
// form, of which there are millions; false for any other. form is that of the fields in
// most of them.
func CutEvent(key, value []byte, form string) (taskID, callID []byte, p Published, ok bool) {
	if taskID, callID, ok = cutCallKey(key); ok && value != nil {
		p, ok = parseExact(value, form)
		return taskID, callID, p, ok
	}
	return nil, nil, p, false
}

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

// Size is how many live entries the shard has and about how many bytes their keys and
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

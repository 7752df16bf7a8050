package audit

import (
	"sync"
	"time"

	"airudder-exporter/internal/ledger"
)

// Checker holds a ledger's entries, seals and events side by side: pure. It is given the
// seals, then the entries, then the events, then the entries that were written meanwhile;
// see the package's comment for why in this order. Events may come from several
// goroutines at once.
type Checker struct {
	only   string // the one task that is looked at; empty: all
	source bool   // rows of AIRudder are to be held against entries
	form   string // of the fields' hashes that can be compared; empty: none can

	mu      sync.Mutex
	tasks   map[string]*task
	last    *task // entries come in runs
	pending int   // events, and rows of AIRudder, without an entry so far
}

// NewChecker returns a Checker of one task, or of all where the id is empty.
func NewChecker(taskID string) *Checker { return &Checker{only: taskID, tasks: map[string]*task{}} }

// task is what is kept of a task.
type task struct {
	id      string
	calls   map[ledger.CallKey]slot
	texts   ledger.Texts                     // nil while there are none
	differs map[ledger.CallKey]int64         // numbers of events that are not their entries'; nil while there are none
	letters map[ledger.CallKey]ledger.Letter // of calls that are dead letters; nil while there are none
	rows    map[string]ledger.Published      // by row key; nil while there are none
	state   ledger.State
	last    int64 // the last number that the ledger knew when it was first read
	moving  bool  // its mark was written while the ledger was read, and what it says may not fit the entries that were
	seals   []seal
	source  source
}

// seal is what a seal's record says.
type seal struct {
	number, events int64
	digest         string
	ends           []int64
	at             time.Time
	partition      int // of the record
	offset         int64
	early          []fence // events that stand after an end, the first of them
}

// fence is an event that a seal tells of and ends before.
type fence struct {
	key ledger.CallKey
	Place
}

// Event is what an event's headers say. The slices need not outlive the call.
type Event struct {
	TaskID, CallID []byte
	N              int64
	Recorded       []byte // the time of its reading, in RFC 3339
	Place
}

// Place is where a record stands in its topic.
type Place struct {
	Partition int   `json:"partition"`
	Offset    int64 `json:"offset"`
}

// wants reports whether a task is looked at.
func (c *Checker) wants(taskID []byte) bool { return c.only == "" || c.only == string(taskID) }

// Entry takes in a committed record of the ledger, in the order of its partition. Its
// error is ledger.ParseEntry's.
func (c *Checker) Entry(key, value []byte) error { return c.entry(key, value, false) }

// Later takes in a record that stands after those of before, once all events were seen:
// the entry of an event that had none by then.
func (c *Checker) Later(key, value []byte) error { return c.entry(key, value, true) }

func (c *Checker) entry(key, value []byte, after bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if taskID, callID, p, ok := ledger.CutEvent(key, value, c.form); ok {
		if c.wants(taskID) {
			enter(c, taskID, callID, p, after)
		}
		return nil
	}
	e, err := ledger.ParseEntry(key, value)
	if err != nil || !c.wants([]byte(e.TaskID)) || e.TaskID == "" {
		return err
	}
	switch {
	case after && e.Kind == ledger.KindTask:
		if t := c.tasks[e.TaskID]; t != nil {
			t.moving = t.moving || t.state != e.State
		}
	case after && e.Kind == ledger.KindCall && e.Tombstone:
		c.forgetLater(e.TaskID, e.ID)
	case after && e.Kind != ledger.KindCall:
	case e.Kind == ledger.KindTask:
		t := taskOf(c, e.TaskID)
		t.state = e.State // the zero State after a tombstone
		t.last = max(t.last, e.State.Events)
	case e.Kind == ledger.KindRow:
		t := taskOf(c, e.TaskID)
		if put(&t.rows, e.ID, e.Published); e.Tombstone || e.Published.As != ledger.DeadLetter {
			delete(t.rows, e.ID)
		}
	case e.Tombstone:
		taskOf(c, e.TaskID).forget(e.ID)
	default:
		enter(c, e.TaskID, e.ID, e.Published, after)
	}
	return nil
}

// enter takes in an entry that says that a call was published. Of those read later, only two
// kinds count, since of the others, the events may stand after what was read of theirs:
// what tells of an event that was seen without an entry, and what has taken the place of
// an entry of before, which the cleaner took before it was read.
func enter[T string | []byte](c *Checker, taskID, callID T, p ledger.Published, after bool) {
	t := taskOf(c, taskID)
	k, exact := ledger.KeyOf(callID)
	was, known := t.calls[k]
	if c.source {
		c.pending -= t.source.enter(k, p, c.form)
	}
	if after {
		missed := known && t.state.ClosedAt.IsZero() && p.As == ledger.Event &&
			(was.standing&entered == 0 || was.standing&dead != 0 && was.seen != 0)
		replaced := !known && p.As == ledger.Event && p.N <= t.last && p.N > 0
		switch {
		case missed && was.standing&entered == 0 && was.n != clamp(p.N):
			t.differ(k, int64(was.n))
		case !missed && !replaced:
			return
		}
		if missed {
			c.pending--
		}
	} else if p.As == ledger.Event {
		t.last = max(t.last, p.N)
	}
	t.calls[k] = was.entry(p, after)
	if p.As == ledger.DeadLetter {
		put(&t.letters, k, p.Letter)
	} else {
		delete(t.letters, k)
	}
	if !exact && !known {
		put(&t.texts, k, string(callID))
	}
}

func (t *task) forget(callID string) {
	k, _ := ledger.KeyOf(callID)
	delete(t.calls, k)
	delete(t.texts, k)
	delete(t.letters, k)
}

// forgetLater takes an entry back that was seen later.
func (c *Checker) forgetLater(taskID, callID string) {
	t := taskOf(c, taskID)
	k, _ := ledger.KeyOf(callID)
	if s, known := t.calls[k]; known && s.standing&late != 0 {
		s.standing = 0
		t.calls[k] = s
		c.pending++
	}
}

func (t *task) differ(k ledger.CallKey, n int64) { put(&t.differs, k, n) }

// Seal takes in a status record.
func (c *Checker) Seal(f ledger.Fact, at Place) {
	s := f.Change.Seal
	if s == nil || !c.wants([]byte(f.TaskID)) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t := taskOf(c, f.TaskID)
	t.seals = append(t.seals, seal{
		number: s.Number, events: f.Change.Exported, digest: s.Digest, ends: s.Ends, at: f.ObservedAt,
		partition: at.Partition, offset: at.Offset,
	})
}

// Event takes in a committed event.
func (c *Checker) Event(e Event) {
	if !c.wants(e.TaskID) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t := taskOf(c, e.TaskID)
	k, exact := ledger.KeyOf(e.CallID)
	s, known := t.calls[k]
	switch {
	case !known:
		s = newSlot(e.N, time.Time{}).known(e.Recorded)
		if !exact {
			put(&t.texts, k, string(e.CallID))
		}
		c.pending++
	case s.standing&dead != 0 && s.seen == 0:
		s.n = clamp(e.N)
		c.pending++
	case s.standing&dead != 0:
	case s.n == 0: // an entry that was written by hand
		s.n = clamp(e.N)
	case s.n != clamp(e.N):
		t.differ(k, e.N)
	}
	for i := range t.seals {
		t.seals[i].hold(k, s, e)
	}
	if s.standing&revised != 0 {
		s = s.known(e.Recorded)
	}
	t.calls[k] = s.see()
}

// hold holds where a seal says that the events end against an event that it tells of.
// Only the first event of a call counts: another one has no place anywhere. One that was
// recorded after the seal is one that a repair has published again.
func (s *seal) hold(k ledger.CallKey, of slot, e Event) {
	if len(s.early) == shownEarly || of.seen != 0 || e.N < 1 || e.N > s.events || e.Partition < len(s.ends) && e.Offset < s.ends[e.Partition] {
		return
	}
	var recorded time.Time
	if err := recorded.UnmarshalText(e.Recorded); err == nil && recorded.After(s.at) {
		return
	}
	s.early = append(s.early, fence{k, e.Place})
}

// shownEarly is how many events after its ends a seal keeps: the fault may be some of
// theirs.
const shownEarly = 8

// Pending reports whether events, or rows of AIRudder, have no entry so far.
func (c *Checker) Pending() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pending > 0
}

// taskOf returns the task, made when it is new.
func taskOf[T string | []byte](c *Checker, id T) *task {
	if c.last != nil && c.last.id == string(id) {
		return c.last
	}
	t := c.tasks[string(id)]
	if t == nil {
		t = &task{id: string(id), calls: map[ledger.CallKey]slot{}}
		c.tasks[t.id] = t
	}
	c.last = t
	return t
}

// put adds to a map that exists only while it is needed.
func put[M ~map[K]V, K comparable, V any](m *M, k K, v V) {
	if *m == nil {
		*m = M{}
	}
	(*m)[k] = v
}

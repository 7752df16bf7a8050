package ledger

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"airudder-exporter/internal/call"
)

// upstream is a tiny AIRudder: tasks whose rows come, ring, end, ring again,
// change after their end and vanish.
type upstream struct {
	rng   *rand.Rand
	tasks []*upTask
	calls int
}

type upTask struct {
	id, status  string
	scheduleEnd time.Time
	named, gone bool
	rows        []*upRow
	nextRow     int64
}

type upRow struct {
	row    call.Row
	broken bool // it decodes to no call
}

func (u *upstream) add(now time.Time) {
	t := &upTask{id: fmt.Sprintf("task-%d", len(u.tasks)), status: call.Created}
	if u.rng.IntN(8) == 0 {
		t.id += "/100%"
	}
	if u.rng.IntN(2) == 0 {
		t.scheduleEnd = now.Add(time.Duration(u.rng.IntN(400)-300) * time.Hour)
	}
	t.named = u.rng.IntN(6) == 0
	u.tasks = append(u.tasks, t)
}

func (u *upstream) callID() string {
	u.calls++
	switch u.rng.IntN(10) {
	case 0:
		return fmt.Sprintf("odd/%d", u.calls)
	case 1:
		return fmt.Sprintf("%032X", 0xabc0000+u.calls)
	case 2:
		return fmt.Sprintf("shared-%d", u.rng.IntN(20)) // in other tasks and rows too
	}
	return fmt.Sprintf("%032x", 0xabc0000+u.calls)
}

// move lets something happen to a task.
func (u *upstream) move(t *upTask, now time.Time) {
	if len(t.rows) == 0 || u.rng.IntN(5) == 0 {
		t.nextRow++
		t.rows = append(t.rows, &upRow{row: call.Row{ID: call.Some(t.nextRow), Status: call.Pending, Hash: u.rng.Uint64()}})
	}
	i := u.rng.IntN(len(t.rows))
	r := t.rows[i]
	switch u.rng.IntN(24) {
	case 0, 1, 2, 3:
		r.row.CallID, r.row.Status = u.callID(), call.Calling
	case 4, 5, 6, 7, 8, 9, 10:
		if r.row.CallID == "" {
			r.row.CallID = u.callID()
		}
		r.row.Status = call.Finished
	case 11:
		r.row.CallID, r.row.Status = "", call.Finished // no CallID: a dead letter
	case 12:
		r.row.Status = []string{call.Cancelled, "odd"}[u.rng.IntN(2)]
	case 13:
		r.row.Hash = u.rng.Uint64() // a change after the end
	case 14:
		r.broken, r.row.Hash = !r.broken && u.rng.IntN(3) == 0, u.rng.Uint64()
	case 15:
		t.rows = append(t.rows[:i], t.rows[i+1:]...) // the response shrinks
	case 16:
		t.rows = append(t.rows, &upRow{r.row, r.broken}) // a row twice in one response
	case 17, 18:
		t.status = []string{"", call.Created, call.Pending, call.Calling, call.Paused}[u.rng.IntN(5)]
	case 19, 20, 21:
		t.status = []string{call.Finished, call.Canceled, call.Cancelled}[u.rng.IntN(3)]
	case 22:
		t.scheduleEnd = now.Add(time.Duration(u.rng.IntN(400)-300) * time.Hour)
	case 23:
		t.gone = u.rng.IntN(20) == 0
	}
}

func (t *upTask) header() call.Task {
	h := header(t.id, t.status)
	h.ScheduleEnd = t.scheduleEnd
	return h
}

// rejects is how many rows are no calls.
func (t *upTask) rejects() (n int) {
	for _, r := range t.rows {
		if _, is := r.reject(); is {
			n++
		}
	}
	return n
}

// reject is how a source hands on a row that is no call; false when it is none.
func (r *upRow) reject() (call.Reject, bool) {
	reject := call.Reject{CallID: r.row.CallID, RowID: r.row.ID, Hash: r.row.Hash}
	switch {
	case r.row.Status != call.Finished:
		return reject, false
	case r.broken:
		reject.Reason = call.BrokenJSON
	case r.row.CallID == "":
		reject.Reason = call.NoCallID
	default:
		return reject, false
	}
	return reject, true
}

// witness sees what is committed, as a consumer of the topics would, and holds
// it against what may be. It knows nothing of the ledger's code.
type witness struct {
	events   map[string]map[string]bool // TaskID, CallID
	dead     map[string]map[string]bool // TaskID, CallID or row key
	healed   map[string]map[string]bool
	sequence map[string]int64
	seals    map[string]int64
	status   map[string]string
	terminal map[string]bool      // seen so at least once
	ended    map[string]time.Time // seen terminal since
	sealedAt map[string]time.Time // zero: something was published since
	closed   map[string]bool

	glances   map[string][]glance // complete readings in a row that showed the same
	now       map[string]glance   // the reading that is being committed
	absence   map[string]time.Time
	life      int            // of the process
	read      map[string]int // in which of them a task was last read whole
	abandoned int            // closed without a seal
}

// glance is what a complete reading showed; no such task, where it has no status.
type glance struct {
	at        time.Time
	status    string
	counts    call.Counts
	published int // before what it says of the task itself
	whole     bool
	life      int
}

// ends reports whether an end may be built upon it.
func (g glance) ends() bool { return call.Terminal(g.status) && g.whole && g.counts.Unknown == 0 }

// glanced takes a complete reading whose plan is about to be committed.
func (w *witness) glanced(id string, g glance) {
	w.now[id] = g
	if !call.Terminal(g.status) || g.counts.Rows > 0 {
		delete(w.absence, id)
	} else {
		w.absent(id, g.at)
	}
}

// absent notes that there is nothing of a task.
func (w *witness) absent(id string, at time.Time) {
	if since, is := w.absence[id]; !is || at.Before(since) {
		w.absence[id] = at
	}
}

// looked takes a reading whose plan was committed. Where its process died, what it
// planned may be in the log or not: it may count, but puts an end to no other.
func (w *witness) looked(id string, g glance, died bool) {
	g.published = w.published(id)
	g.life = w.life
	if !died {
		w.read[id] = w.life
		w.glances[id] = slices.DeleteFunc(w.glances[id], func(was glance) bool { return !g.ends() || !alike(was, g) })
	}
	if g.ends() {
		w.glances[id] = append(w.glances[id], g)
	}
}

// published is how many calls and dead letters were; a letter's end alone is neither.
func (w *witness) published(id string) int {
	return len(w.events[id]) + len(w.dead[id]) + len(w.healed[id])
}

func alike(a, b glance) bool { return a.counts == b.counts && a.published == b.published }

// sure reports whether what is being committed may be final: earlier readings that
// count, far enough apart, showed the same.
func (w *witness) sure(id string, policy Policy, counts func(glance) bool) error {
	g := w.now[id]
	if !g.ends() {
		return fmt.Errorf("by a reading that shows %+v", g)
	}
	open := g.counts.Rows == 0 || g.counts.Finished+g.counts.Cancelled < g.counts.Rows
	for _, first := range w.glances[id] {
		if !counts(first) || !alike(first, g) || g.at.Sub(first.at) < policy.Between-time.Millisecond {
			continue
		}
		if !open {
			return nil
		}
		for _, second := range w.glances[id] {
			if g.at.Sub(first.at) >= policy.OpenFor-time.Millisecond &&
				g.at.Sub(second.at) >= policy.Between-time.Millisecond && second.at.Sub(first.at) >= policy.Between-time.Millisecond {
				return nil
			}
		}
	}
	return fmt.Errorf("by %+v, after %+v", g, w.glances[id])
}

func newWitness() *witness {
	return &witness{
		events: map[string]map[string]bool{}, dead: map[string]map[string]bool{}, healed: map[string]map[string]bool{},
		sequence: map[string]int64{}, seals: map[string]int64{}, status: map[string]string{},
		terminal: map[string]bool{}, ended: map[string]time.Time{}, sealedAt: map[string]time.Time{}, closed: map[string]bool{},
		glances: map[string][]glance{}, now: map[string]glance{}, absence: map[string]time.Time{}, read: map[string]int{},
	}
}

// taken reports whether anything of a task was published.
func (w *witness) taken(id string) bool {
	return len(w.events[id])+len(w.dead[id]) > 0 || w.sequence[id] > 0
}

// see takes one committed unit; an error is a broken promise.
func (w *witness) see(id string, u Unit, p Plan, counts call.Counts, policy Policy) error {
	if (u.Call != nil || u.Dead != nil || len(u.Changes) > 0) && w.closed[id] {
		return fmt.Errorf("something of the closed task %s is published", id)
	}
	switch {
	case u.Call != nil:
		if u.Call.Status != call.Finished || u.Call.CallID == "" {
			return fmt.Errorf("%s/%s is published though it is %q", id, u.Call.CallID, u.Call.Status)
		}
		w.sealedAt[id] = time.Time{}
		if n := u.Entries[0].Published.N; n != int64(len(w.events[id]))+1 {
			return fmt.Errorf("%s/%s has number %d after %d events", id, u.Call.CallID, n, len(w.events[id]))
		}
		if err := w.resolved(id, u); err != nil {
			return err
		}
		if w.dead[id][u.Call.CallID] {
			return fmt.Errorf("%s/%s is an event, and its dead letter is not resolved", id, u.Call.CallID)
		}
		return once(w.events, id, u.Call.CallID)
	case len(u.Resolved) > 0:
		return w.resolved(id, u)
	case u.Dead != nil:
		key := u.Dead.CallID
		if key == "" {
			key = "row:" + u.Dead.RowKey
		}
		if w.events[id][key] {
			return fmt.Errorf("the event %s/%s is a dead letter too", id, key)
		}
		if over := p.ObservedAt.Sub(w.ended[id]); u.Dead.Reason == call.NoCallID &&
			(!call.Terminal(w.status[id]) || !call.Terminal(w.now[id].status) || over < policy.Between-time.Millisecond) {
			return fmt.Errorf("%s/%s is a dead letter %v after the end, and may still get a CallID", id, key, over)
		}
		return once(w.dead, id, key)
	}
	for _, c := range u.Changes {
		if err := w.change(id, c, p, counts, policy); err != nil {
			return err
		}
	}
	for _, e := range u.Entries {
		if e.Tombstone && !w.closed[id] {
			return fmt.Errorf("a tombstone in the open task %s", id)
		}
		if e.Kind == KindTask && !e.State.ClosedAt.IsZero() {
			return w.close(id, p, policy)
		}
	}
	return nil
}

// resolved takes the dead letters that a unit ends: each was one.
func (w *witness) resolved(id string, u Unit) error {
	for _, of := range u.Resolved {
		key := of.Key
		if key != of.CallID {
			key = "row:" + key
		}
		if !w.dead[id][key] {
			return fmt.Errorf("%s/%s is resolved, and is no dead letter", id, key)
		}
		if u.Call == nil && !w.events[id][of.CallID] {
			return fmt.Errorf("%s/%s is resolved by %s, which is no event", id, key, of.CallID)
		}
		if u.Call != nil && u.Call.CallID != of.CallID {
			return fmt.Errorf("%s/%s is resolved by %s, not by its unit's call", id, key, of.CallID)
		}
		delete(w.dead[id], key)
		if key != of.CallID {
			if err := once(w.healed, id, key); err != nil {
				return err
			}
		}
	}
	return nil
}

func once(of map[string]map[string]bool, id, key string) error {
	if of[id] == nil {
		of[id] = map[string]bool{}
	}
	if of[id][key] {
		return fmt.Errorf("%s/%s is published twice", id, key)
	}
	of[id][key] = true
	return nil
}

func (w *witness) change(id string, c StatusChange, p Plan, counts call.Counts, policy Policy) error {
	if c.Sequence != w.sequence[id]+1 {
		return fmt.Errorf("task %s: sequence %d after %d", id, c.Sequence, w.sequence[id])
	}
	if c.Previous.Set != (c.Sequence > 1) || c.Previous.Value != w.status[id] {
		return fmt.Errorf("task %s: previous status %+v, was %q", id, c.Previous, w.status[id])
	}
	if c.Exported != int64(len(w.events[id])) {
		return fmt.Errorf("task %s: exported %d, want %d", id, c.Exported, len(w.events[id]))
	}
	if c.Counts != counts {
		return fmt.Errorf("task %s: counts %+v, want %+v", id, c.Counts, counts)
	}
	w.sequence[id]++
	if c.Seal == nil {
		if c.Status == "" || c.Status == w.status[id] {
			return fmt.Errorf("task %s: from %q to %q", id, w.status[id], c.Status)
		}
		if call.Terminal(c.Status) && !call.Terminal(w.status[id]) {
			w.ended[id] = p.ObservedAt
		}
		w.status[id] = c.Status
		w.terminal[id] = w.terminal[id] || call.Terminal(c.Status)
		w.sealedAt[id] = time.Time{}
		return nil
	}
	end := w.ended[id]
	if schedule := p.Task.ScheduleEnd; !schedule.IsZero() && schedule.Before(end) {
		end = schedule
	}
	if p.ObservedAt.Before(end.Add(policy.AfterEnd).Truncate(time.Millisecond)) {
		return fmt.Errorf("task %s: sealed %v after its end", id, p.ObservedAt.Sub(end))
	}
	if err := w.sure(id, policy, func(glance) bool { return true }); err != nil {
		return fmt.Errorf("task %s: sealed too early: %w", id, err)
	}
	return w.seal(id, c, p)
}

func (w *witness) seal(id string, c StatusChange, p Plan) error {
	if !call.Terminal(w.status[id]) || c.Status != w.status[id] {
		return fmt.Errorf("task %s: sealed as %q, is %q", id, c.Status, w.status[id])
	}
	if !w.sealedAt[id].IsZero() {
		return fmt.Errorf("task %s: sealed again without a reason", id)
	}
	w.seals[id]++
	w.sealedAt[id] = p.ObservedAt
	var ids []string
	for callID := range w.events[id] {
		ids = append(ids, callID)
	}
	if digest := wantDigest(ids...); c.Seal.Number != w.seals[id] || c.Seal.Digest != digest {
		return fmt.Errorf("task %s: seal %+v, want number %d and digest %s", id, *c.Seal, w.seals[id], digest)
	}
	return nil
}

func (w *witness) close(id string, p Plan, policy Policy) error {
	if w.closed[id] {
		return fmt.Errorf("task %s: closed twice", id)
	}
	at := w.sealedAt[id]
	if w.read[id] != w.life {
		return fmt.Errorf("task %s: closed by the first reading of a process", id)
	}
	if since, is := w.absence[id]; is && p.ObservedAt.Sub(since) >= policy.Retention-time.Millisecond {
		w.closed[id] = true
		if at.IsZero() {
			w.abandoned++
		}
		return nil
	}
	if at.IsZero() {
		return fmt.Errorf("task %s: closed, but its last seal does not tell all", id)
	}
	if since, is := w.absence[id]; is && p.ObservedAt.Sub(since) >= policy.Between-time.Millisecond {
		// the second answer in a row that there is no such task
	} else if err := w.sure(id, policy, func(g glance) bool { return g.life == w.life }); err != nil {
		return fmt.Errorf("task %s: closed too early: %w", id, err)
	}
	if p.ObservedAt.Before(at.Truncate(time.Millisecond).Add(policy.Retention)) {
		return fmt.Errorf("task %s: closed %v after its seal", id, p.ObservedAt.Sub(at))
	}
	w.closed[id] = true
	return nil
}

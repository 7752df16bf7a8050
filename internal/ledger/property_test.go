package ledger

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"airudder-exporter/internal/call"
)

var (
	seed  = flag.Uint64("seed", 0, "the property test's first seed; 0: another one each time")
	steps = flag.Int("steps", 400, "steps of one world of the property test")
	count = flag.Int("worlds", 25, "worlds of the property test")
)

// errCrash ends a reading where a process would have died.
var errCrash = errors.New("crash")

// TestAnyHistory plays worlds in which everything happens in any order: polls
// are repeated, cut off and interrupted between any two units, the process dies
// and replays a log that the cleaner has been at, settings and clocks move.
// What a consumer may see is checked at every commit, the ledger at every step.
func TestAnyHistory(t *testing.T) {
	first := *seed
	if first == 0 {
		first = rand.Uint64()
	}
	var published, seals, closed, abandoned, late int
	for i := range *count {
		w := newWorld(t, first+uint64(i))
		w.play(*steps)
		if t.Failed() {
			t.Fatalf("rerun with -seed %d -worlds 1", first+uint64(i))
		}
		for _, events := range w.seen.events {
			published += len(events)
		}
		for _, n := range w.seen.seals {
			seals += int(n)
		}
		closed += len(w.seen.closed)
		abandoned += w.seen.abandoned
		late += w.late
	}
	t.Logf("seed %d: %d events, %d seals, %d closed tasks, %d of them without a seal, %d late changes",
		first, published, seals, closed, abandoned, late)
	if published == 0 || seals == 0 || closed == abandoned || abandoned == 0 || late == 0 {
		t.Error("the worlds show too little to prove anything")
	}
}

type world struct {
	t      *testing.T
	rng    *rand.Rand
	up     *upstream
	shard  *shard
	seen   *witness
	now    time.Time
	policy Policy
	faults bool
	late   int // changes that were counted

	checked int     // records of the log when the replay was last checked
	before  *Ledger // what a reading found, and each of its commits left; nil: no reading
}

func newWorld(t *testing.T, seed uint64) *world {
	rng := rand.New(rand.NewPCG(seed, 0))
	w := &world{
		t: t, rng: rng, up: &upstream{rng: rng}, shard: newShard(meta), seen: newWitness(),
		now: noon, policy: Policy{AfterEnd: 24 * time.Hour, Retention: 100 * time.Hour, Between: 5 * time.Minute, OpenFor: time.Hour}, faults: true,
	}
	for range 1 + rng.IntN(4) {
		w.up.add(w.now)
	}
	return w
}

func (w *world) play(steps int) {
	w.t.Helper()
	for range steps {
		w.step()
		if len(w.shard.log) != w.checked {
			w.shard.checkReplay(w.t)
			w.checked = len(w.shard.log)
		}
		if w.t.Failed() {
			return
		}
	}
	w.settle()
}

func (w *world) step() {
	task := w.up.tasks[w.rng.IntN(len(w.up.tasks))]
	switch n := w.rng.IntN(100); {
	case n < 40:
		for range 1 + w.rng.IntN(6) {
			w.up.move(task, w.now)
		}
	case n < 70:
		w.poll(task)
	case n < 75:
		w.watch(task)
	case n < 80:
		w.clean(task)
	case n < 90:
		w.now = w.now.Add(time.Duration(w.rng.Int64N(int64(60 * time.Hour))))
	case n < 92:
		w.now = w.now.Add(-time.Duration(w.rng.Int64N(int64(60 * time.Hour))))
	case n < 94:
		w.policy.AfterEnd = []time.Duration{0, 12, 24, 1000}[w.rng.IntN(4)] * time.Hour
	case n < 96:
		w.policy.Retention = time.Duration(w.rng.IntN(4)*50) * time.Hour
	case n < 97:
		w.configureSince()
	case n < 98:
		task.named = !task.named
	case n < 99:
		if len(w.up.tasks) < 6 {
			w.up.add(w.now)
		}
	default:
		w.restart()
	}
}

// watch polls a task that is quiet, a few minutes or days apart.
func (w *world) watch(task *upTask) {
	longest := []time.Duration{10 * time.Minute, 2 * time.Hour, 100 * time.Hour}[w.rng.IntN(3)]
	for range 1 + w.rng.IntN(8) {
		w.poll(task)
		w.now = w.now.Add(time.Duration(w.rng.Int64N(int64(longest))))
	}
}

// configureSince moves the setting; only a lower one is written to the ledger.
func (w *world) configureSince() {
	m, _ := w.shard.Meta()
	since := m.ExportSince.Add(time.Duration(w.rng.IntN(200)-100) * time.Hour)
	if since.Before(m.ExportSince) {
		m.ExportSince = since
		w.shard.write(Entry{Kind: KindMeta, Meta: m})
	}
	w.restart()
}

// restart replays the log, which the cleaner may have been at meanwhile: that
// makes no difference.
func (w *world) restart() {
	w.t.Helper()
	w.seen.life++
	whole := dump(w.shard.replayed(w.t))
	if w.rng.IntN(2) == 0 {
		w.shard.compact(w.rng.IntN(len(w.shard.log)+1), w.rng.IntN(2) == 0)
	}
	w.shard.restart(w.t)
	if got := dump(w.shard.Ledger); got != whole {
		w.t.Fatalf("compacted\n%s\nwhole\n%s", got, whole)
	}
	w.checked = 0
}

// dies says whether the process dies here.
func (w *world) dies() bool { return w.faults && w.rng.IntN(40) == 0 }

// commit writes the units one after the other; the process may die between any
// two of them, and after one is committed but before it is applied.
func (w *world) commit(id string, p Plan, counts call.Counts) error {
	w.checkUnwritten()
	if w.before != nil {
		defer func() { w.before = copyOf(w.shard.Ledger) }()
	}
	for _, u := range p.Units {
		if w.dies() {
			return errCrash
		}
		if err := w.seen.see(id, u, p, counts, w.policy); err != nil {
			w.t.Errorf("at %v: %v", w.now, err)
		}
		doubt := w.dies()
		for _, e := range u.Entries {
			w.shard.log = append(w.shard.log, recordOf(e))
			if !doubt {
				w.shard.Apply(e)
			}
		}
		if doubt {
			return errCrash
		}
	}
	return nil
}

// checkUnwritten: planning changes nothing that the ledger holds.
func (w *world) checkUnwritten() {
	w.t.Helper()
	if w.before != nil && !reflect.DeepEqual(copyOf(w.shard.Ledger), w.before) {
		w.t.Errorf("planning wrote: got\n%s\nwant\n%s", dump(w.shard.Ledger), dump(w.before))
	}
}

// poll reads a task once, and restarts if the process died over it. It returns
// how many units it planned, and whether the reading left rejects untold.
func (w *world) poll(task *upTask) (units int, more bool) {
	units, more, err := w.read(task)
	if err != nil {
		w.restart()
	}
	return units, more
}

func (w *world) read(task *upTask) (units int, more bool, err error) {
	w.before = copyOf(w.shard.Ledger)
	defer func() { w.before = nil }()
	if task.gone {
		reading := w.shard.Begin(task.id, task.named)
		p := reading.Gone(w.now, w.policy)
		w.seen.absent(task.id, w.now)
		if err := w.commit(task.id, p, call.Counts{}); err != nil {
			return len(p.Units), false, err
		}
		reading.Remember()
		w.seen.looked(task.id, glance{at: w.now}, false)
		return len(p.Units), false, nil
	}
	reading := w.shard.Begin(task.id, task.named)
	units, rest, err := w.stream(task, reading)
	if err != nil || rest == nil { // what a cut reading noticed is dropped with it
		w.checkUnwritten()
		return units, false, err
	}
	end := rest()
	w.seen.glanced(task.id, end.glance)
	if err := end.check(); err != nil {
		w.t.Errorf("task %s: %v", task.id, err)
	}
	units += len(end.plan.Units)
	if err := w.commit(task.id, end.plan, end.counts); err != nil {
		w.seen.looked(task.id, end.glance, true)
		return units, end.more, err
	}
	held, _ := reading.Held()
	w.late += reading.Remember()
	w.seen.looked(task.id, end.glance, false)
	return units, end.more || held > 0, nil
}

type ending struct {
	plan   Plan
	counts call.Counts
	more   bool // there were more rejects
	glance glance
}

// check: a reading that did not tell all neither seals nor closes.
func (e ending) check() error {
	for _, u := range e.plan.Units {
		for _, c := range u.Changes {
			if e.more && c.Seal != nil {
				return errors.New("sealed while rejects were left")
			}
		}
		for _, entry := range u.Entries {
			if e.more && !entry.State.ClosedAt.IsZero() {
				return errors.New("closed while rejects were left")
			}
		}
	}
	return nil
}

// maxRejects is how many rejects one reading of a world tells.
const maxRejects = 3

// stream plays the response row by row, as the source and the loop do: known
// rows are passed over, the others go into parts; the next part is planned while
// the one before is still on its way. Where the response is cut off there is no
// ending.
func (w *world) stream(task *upTask, reading *Reading) (units int, rest func() ending, err error) {
	var counts call.Counts
	var rejects []call.Reject
	var waiting Plan
	var part []call.Row
	flush := func() error {
		next := rowsOf(reading, call.Part{Task: task.header(), Started: w.now, Rows: part})
		err := w.commit(task.id, waiting, call.Counts{})
		units += len(next.Units)
		waiting, part = next, nil
		return err
	}
	cut := len(task.rows) + 1
	if w.faults && w.rng.IntN(3) == 0 {
		cut = w.rng.IntN(len(task.rows) + 1)
	}
	more := false
	for i, r := range task.rows {
		if i == cut {
			break
		}
		counts.Rows++
		if call.MeaningOf(r.row.Status) == call.MeansCancelled {
			counts.Cancelled++
		}
		if r.row.Status == "odd" {
			counts.Unknown++
		}
		if r.row.Status != call.Finished {
			if w.rng.IntN(5) == 0 { // or what is not complete
				part = append(part, r.row)
			}
			continue
		}
		counts.Finished++
		reject, isReject := r.reject()
		asks := isReject || w.rng.IntN(5) > 0 // a row may also become known after it was asked for
		if asks && knows(reading, r.row.CallID, r.row.Hash) {
			continue
		}
		if isReject {
			if len(rejects) == maxRejects {
				more = true
				continue
			}
			rejects = append(rejects, reject)
			continue
		}
		if part = append(part, r.row); w.rng.IntN(3) == 0 {
			if err := flush(); err != nil {
				return units, nil, err
			}
		}
	}
	if cut > len(task.rows) || w.rng.IntN(2) == 0 {
		if err := flush(); err != nil {
			return units, nil, err
		}
	}
	if err := w.commit(task.id, waiting, call.Counts{}); err != nil {
		return units, nil, err
	}
	if cut <= len(task.rows) {
		return units, nil, nil
	}
	return units, func() ending {
		plan := reading.End(call.Reading{
			Task: task.header(), Started: w.now, Counts: counts, Rejects: rejects, MoreRejects: more,
		}, w.policy)
		held, _ := reading.Held()
		return ending{plan, counts, more, glance{
			at: w.now, status: task.status, counts: counts, whole: !more && held == 0,
			published: w.seen.published(task.id),
		}}
	}, nil
}

// clean deletes some of a closed task's entries, or tries to of another's.
func (w *world) clean(task *upTask) {
	for w.rng.IntN(4) > 0 {
		p := w.shard.Tombstones(task.id, 1+w.rng.IntN(5))
		if w.commit(task.id, p, call.Counts{}) != nil {
			w.restart()
			return
		}
	}
}

// settle ends a world without faults: what is finished now is published, a
// reading that shows the same plans nothing, closed tasks leave nothing behind.
func (w *world) settle() {
	w.faults = false
	w.seen.life++
	w.shard.restart(w.t)
	for _, task := range w.up.tasks {
		wasClosed := w.seen.closed[task.id]
		if w.rest(task); w.waits(task) {
			w.now = w.now.Add(w.policy.Between)
			w.rest(task)
		}
		w.checkPublished(task, wasClosed)
		w.seen.life++
		w.shard.restart(w.t)
		healed := len(w.seen.healed[task.id])
		// But it may be forgotten which rejects are told, or that the sound one of two rows of one id is known.
		if units := w.rest(task); units != 0 && task.rejects() <= maxRejects && len(w.seen.healed[task.id]) == healed {
			w.t.Errorf("task %s: a restart plans %d units", task.id, units)
		}
		if w.seen.closed[task.id] {
			w.checkClosed(task)
		}
	}
	w.shard.checkReplay(w.t)
}

// rest polls a task until readings plan nothing any more. What takes two readings
// takes three where the first told a few rejects of many.
func (w *world) rest(task *upTask) (all int) {
	w.t.Helper()
	for idle := 0; idle < 3+len(task.rows)/3; idle++ {
		units, _ := w.poll(task)
		if units > 0 {
			idle = 0
		}
		if all += units; all > 20+4*len(task.rows) {
			w.t.Fatalf("task %s does not come to rest", task.id)
		}
	}
	return all
}

// waits reports whether a task that has ended shows a row that may still get a CallID.
func (w *world) waits(task *upTask) bool {
	return call.Terminal(task.status) && slices.ContainsFunc(task.rows, func(r *upRow) bool {
		reject, is := r.reject()
		return is && reject.CallID == "" && !w.seen.dead[task.id]["row:"+rowKey(reject)] && !w.seen.healed[task.id]["row:"+rowKey(reject)]
	})
}

// checkPublished: each call that is finished now and was before the task was
// closed has been published, once, unless the task ended before the export began.
func (w *world) checkPublished(task *upTask, wasClosed bool) {
	m, _ := w.shard.Meta()
	wanted := task.named || task.scheduleEnd.IsZero() || !task.scheduleEnd.Before(m.ExportSince) || w.seen.taken(task.id)
	if task.gone || wasClosed {
		return
	}
	for _, r := range task.rows {
		if r.row.Status != call.Finished {
			continue
		}
		key := r.row.CallID
		_, rejected := r.reject()
		if state := w.shard.Standing(task.id).State; rejected && (!call.Terminal(task.status) || w.now.Before(state.TerminalSince.Add(w.policy.Between))) && (key == "" || task.rejects() > maxRejects) {
			continue // it may still get a CallID, or others that may fill the reading
		}
		if key == "" {
			key = fmt.Sprintf("row:%d", r.row.ID.Value)
		}
		if got := w.seen.events[task.id][key] || w.seen.dead[task.id][key] || w.seen.healed[task.id][key]; got != wanted {
			w.t.Errorf("%s/%s: published %v, want %v", task.id, key, got, wanted)
		}
	}
	if want := task.status; wanted && want != "" && w.seen.status[task.id] != want {
		w.t.Errorf("task %s: consumers know status %q, want %q", task.id, w.seen.status[task.id], want)
	}
}

// checkClosed cleans a closed task and brings up whatever could bring it back.
func (w *world) checkClosed(task *upTask) {
	for {
		p := w.shard.Tombstones(task.id, 7)
		if len(p.Units) == 0 {
			break
		}
		if err := w.commit(task.id, p, call.Counts{}); err != nil {
			w.t.Fatal(err)
		}
	}
	w.shard.compact(len(w.shard.log), true)
	w.shard.restart(w.t)
	if got := w.shard.Standing(task.id); got.Phase != Closed || got.Leftover || got.Events != int64(len(w.seen.events[task.id])) || got.DeadLetters != 0 {
		w.t.Errorf("the closed task %s stands at %+v", task.id, got)
	}
	for _, r := range w.shard.log {
		if e, err := ParseEntry(r.key, r.value); err != nil || e.TaskID == task.id && e.Kind != KindTask {
			w.t.Errorf("of the closed task %s there is %s left (error %v)", task.id, r.key, err)
		}
	}
	task.named, task.gone, task.status, task.scheduleEnd = true, false, call.Calling, time.Time{}
	if units := w.rest(task); units != 0 {
		w.t.Errorf("the closed task %s came back with %d units", task.id, units)
	}
}

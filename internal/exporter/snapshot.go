package exporter

import (
	"slices"
	"strings"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/notice"
)

// Snapshot is what the exporter shows of itself. It holds no personal data. Tasks and
// Recent are for whoever shows it to fill in: there may be 200,000 tasks.
type Snapshot struct {
	LedgerID      string    `json:"ledger_id"`
	ExportSince   time.Time `json:"export_since,omitzero"`
	Partitions    int       `json:"ledger_partitions"`
	LedgerEntries int64     `json:"ledger_entries"`
	LedgerBytes   int64     `json:"ledger_bytes"`

	// AsOf: what is said of the ledger and of tasks was known then, since a shard is to
	// be restored again; of several, the earliest time. Zero: all is current.
	AsOf time.Time `json:"as_of,omitzero"`

	Shards []ShardStatus `json:"shards"`
	Owners []Owner       `json:"owners"` // of all shards, as far as they are known
	Tasks  []TaskStatus  `json:"tasks"`
	Recent []Published   `json:"recent_events"` // newest first
	List   ListStatus    `json:"list"`

	Topics   []TopicStatus `json:"topics"`
	TopicsAt time.Time     `json:"topics_at,omitzero"` // when somebody looked at them; zero: not yet

	// PassedOver is how many tasks of the last listing are not exported and were never
	// read: the list itself says that they ended before ExportSince. Tasks has none of
	// them.
	PassedOver int64 `json:"tasks_passed_over"`

	LastHint time.Time `json:"last_hint_at,omitzero"` // zero: none came

	Notices []notice.Notice `json:"notices"` // what needs the operator while events flow
	Ready   bool            `json:"ready"`
	Why     string          `json:"why,omitempty"` // why not ready
	Healthy bool            `json:"healthy"`
	At      time.Time       `json:"at"`

	pastEntries, pastBytes int64                   // of LedgerEntries and LedgerBytes: in shards that are to be restored again
	left                   func(cause string) bool // the notice board's; nil: there is none
	covered                string                  // the cause of the notice that Why tells of; empty: of none

	Down []Down `json:"-"` // all that keeps it from being ready
}

// ShardStatus is one shard that this process owns or tries to open.
type ShardStatus struct {
	Shard     int       `json:"shard"`
	Restored  time.Time `json:"restored,omitzero"`     // zero: not restored
	Committed time.Time `json:"committed_at,omitzero"` // when a transaction last was; zero: never
	Error     string    `json:"error,omitempty"`       // why the last producer ended
	ErrorAt   time.Time `json:"error_at,omitzero"`     // when it first did, since the shard was last restored
	Waiting   string    `json:"waiting,omitempty"`     // which request Kafka does not answer, since when and why
	AsOf      time.Time `json:"as_of,omitzero"`        // what is said of its ledger and tasks was known then; zero: it is current, or nothing is known

	waiting func() string // nil: it cannot tell
	ends    int           // producers in a row that ended without a commit
}

// TaskStatus is one task of an owned shard.
type TaskStatus struct {
	TaskID      string       `json:"task_id"`
	Name        string       `json:"task_name,omitempty"`
	Shard       int          `json:"shard"`
	Status      string       `json:"status,omitempty"`
	Phase       ledger.Phase `json:"phase"`
	Rows        int64        `json:"rows"` // of the last complete reading by this producer
	Finished    int64        `json:"rows_finished"`
	Cancelled   int64        `json:"rows_cancelled"`
	Open        int64        `json:"rows_open"`
	NoStatus    int64        `json:"rows_without_status,omitempty"`    // among the open ones; nothing of them is published
	Unknown     int64        `json:"rows_of_unknown_status,omitempty"` // likewise
	Events      int64        `json:"events"`                           // in the ledger
	DeadLetters int64        `json:"dead_letters"`
	Seal        int64        `json:"seal,omitempty"`
	SealedAt    time.Time    `json:"sealed_at,omitzero"`
	Begins      time.Time    `json:"schedule_start,omitzero"` // by the last reading by this producer
	Ends        time.Time    `json:"schedule_end,omitzero"`
	ReadAt      time.Time    `json:"read_at,omitzero"`
	NextRead    time.Time    `json:"next_read,omitzero"` // not before any request goes; zero: when a listing shows a change
	Error       string       `json:"error,omitempty"`
	ErrorKind   string       `json:"error_kind,omitempty"`
	ErrorAt     time.Time    `json:"error_at,omitzero"`
	ErrorShared bool         `json:"error_shared,omitempty"` // with other tasks, and none of its own: a notice or why tells of it
	AsOf        time.Time    `json:"as_of,omitzero"`         // all this was known then: its shard is to be restored again; zero: it is current
}

// Calling reports whether the task places calls now, as far as is known.
func (t TaskStatus) Calling() bool { return call.Fold(t.Status) == call.Calling }

// ListStatus is how the task list fares.
type ListStatus struct {
	Tasks       int       `json:"tasks"`
	ReadAt      time.Time `json:"read_at,omitzero"`
	Error       string    `json:"error,omitempty"`
	ErrorAt     time.Time `json:"error_at,omitzero"`
	ErrorShared bool      `json:"error_shared,omitempty"` // with tasks: a notice or why tells of it
}

// Totals returns the snapshot without its tasks and recent events.
func (e *Exporter) Totals() Snapshot {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	s := Snapshot{
		LedgerID: e.meta.LedgerID, ExportSince: e.meta.ExportSince, Partitions: e.meta.Partitions, At: now,
		List:    ListStatus{Tasks: len(e.listing.tasks), ReadAt: e.listing.at},
		Healthy: e.healthy(now),
		Shards:  []ShardStatus{},
		Notices: e.notices.Notices(), left: e.notices.Left,
		Topics: e.used(), TopicsAt: e.topics.at,
		Owners: e.shownOwners(),
	}
	s.LastHint = e.lastHint.time()
	if e.listing.err != nil {
		s.List.Error, s.List.ErrorAt = e.listing.err.Error(), e.listing.errAt
		failing, _ := e.upstream.like(e.listing.err)
		s.List.ErrorShared = failing > 0
	}
	e.held = e.source.Flight().Held
	for shard, status := range e.shards {
		if p := e.pasts[shard]; p != nil && e.runs[shard] == nil {
			status.AsOf = p.at
			s.addPast(p)
		}
		if status.waiting != nil {
			status.Waiting = status.waiting()
		}
		s.Shards = append(s.Shards, status)
	}
	slices.SortFunc(s.Shards, func(a, b ShardStatus) int { return a.Shard - b.Shard })
	for _, r := range e.runs {
		entries, bytes := r.ledger.Size()
		s.LedgerEntries += entries
		s.LedgerBytes += bytes
		s.PassedOver += r.passedOver.Load()
	}
	s.Down = e.down(s.Shards, now)
	if s.Ready = len(s.Down) == 0; !s.Ready {
		s.Why, s.covered = s.Down[0].Why, s.Down[0].covers
	}
	s.Notices = slices.DeleteFunc(s.Notices, func(n notice.Notice) bool { return n.Cause == s.covered })
	return s
}

// restored is how many shards are at work.
func (s Snapshot) restored() (n int) {
	for _, shard := range s.Shards {
		if !shard.Restored.IsZero() {
			n++
		}
	}
	return n
}

// TaskIDs returns the tasks that the owned shards' ledgers know, or knew while they
// were last restored, and those that are yet to be read for the first time, sorted.
func (e *Exporter) TaskIDs() []string {
	var ids []string
	runs, pasts := e.shown()
	for _, p := range pasts {
		for i := range p.tasks {
			ids = append(ids, p.tasks[i].taskID)
		}
	}
	for _, r := range runs {
		ids = append(ids, r.ledger.TaskIDs()...)
		ids = append(ids, r.schedule.taskIDs(r.ledger.Knows)...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Task returns what is known of a task; false: nothing is.
func (e *Exporter) Task(taskID string) (TaskStatus, bool) {
	e.mu.Lock()
	shard := e.cfg.ShardOf(taskID, max(e.meta.Partitions, 1))
	r, p, held := e.runs[shard], e.pasts[shard], e.held
	e.mu.Unlock()
	if r == nil {
		return p.task(taskID)
	}
	standing := r.ledger.Standing(taskID)
	r.schedule.mu.Lock()
	j := r.schedule.jobs[taskID]
	t := r.status(standing, j)
	var err error
	if j != nil {
		err = j.err
	}
	r.schedule.mu.Unlock()
	t.ErrorShared = err != nil && e.upstream.shared(err)
	if !t.NextRead.IsZero() {
		t.NextRead = later(t.NextRead, held)
	}
	return t, j != nil || standing.Phase != ledger.Unknown
}

// healthy reports whether every loop still goes round: the polling of a shard
// does at least every ten seconds. e.mu is held.
func (e *Exporter) healthy(now time.Time) bool {
	for _, r := range e.runs {
		if now.Sub(time.Unix(0, r.beat.Load())) > time.Minute {
			return false
		}
	}
	return true
}

func (e *Exporter) running() (all []*run) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.runs {
		all = append(all, r)
	}
	return all
}

// took, restored, went, ended and waits keep what the page says of a shard: given to
// this process, replayed by a producer, written by it, waiting for the next one, or for
// a tool.

func (e *Exporter) took(s Shard) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.shards[s.Number()] = ShardStatus{Shard: s.Number(), waiting: s.Waiting}
}

func (e *Exporter) went(shard int, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.shards[shard]
	s.Committed, s.ends = at, 0
	e.shards[shard] = s
	e.lastCommit.set(at)
}

func (e *Exporter) restored(shard int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.shards[shard]
	s.Restored = time.Now()
	e.shards[shard] = s
}

func (e *Exporter) ended(shard int, why string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.shards[shard]
	if !s.Restored.IsZero() || s.Error == "" {
		s.ErrorAt = time.Now()
	}
	s.Restored, s.Error = time.Time{}, why
	s.ends++
	e.shards[shard] = s
}

// waits says of a shard that a tool writes it.
func (e *Exporter) waits(shard int, by string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.shards[shard]
	s.Restored, s.ErrorAt = time.Time{}, time.Now()
	s.Error = "a tool writes the ledger (" + by + "); this exporter waits until that is done and then continues"
	e.shards[shard] = s
}

// dropShard forgets a shard that is owned no more.
func (e *Exporter) dropShard(shard int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.shards, shard)
	delete(e.pasts, shard)
	shards := e.meta.Partitions
	ofShard := func(taskID string) bool { return e.cfg.ShardOf(taskID, shards) == shard }
	e.holds.forget(ofShard)
	e.uncommitted.forget(ofShard)
	e.watched.Range(func(taskID, _ any) bool {
		if ofShard(taskID.(string)) {
			e.watched.Delete(taskID)
		}
		return true
	})
	e.notices.Forget(func(subject string) bool {
		taskID, ofTask := strings.CutPrefix(subject, taskSubject(""))
		return ofTask && ofShard(taskID) || subject == shardSubject(shard) || subject == listedSubject(shard) || subject == contestSubject(shard)
	})
	e.contests.forget(shard)
	e.upstream.release(ofShard)
	if len(e.shards) == 0 {
		e.upstream.reset(e.notices)
	}
}

// status is what the ledger and the schedule say of a task; j may be nil. The
// schedule's lock is held.
func (r *run) status(s ledger.Standing, j *job) TaskStatus {
	t := TaskStatus{
		TaskID: s.TaskID, Shard: r.shard.Number(), Status: s.State.Status, Phase: s.Phase,
		Events: s.Events, DeadLetters: s.DeadLetters, Seal: s.State.Seal, SealedAt: s.State.SealedAt,
	}
	if j == nil {
		return t
	}
	t.Name, t.ReadAt, t.NextRead, t.Begins, t.Ends = j.name, j.readAt, j.due, j.begins, j.ends
	t.Rows, t.Finished, t.Cancelled, t.Open = j.counts.Rows, j.counts.Finished, j.counts.Cancelled, j.counts.Open()
	t.NoStatus, t.Unknown = j.counts.NoStatus, j.counts.Unknown
	if held, waits := r.holds.of(s.TaskID); waits {
		t.Error, t.ErrorKind, t.ErrorAt = held.String(), "topic_limit", held.since
	}
	if j.err != nil {
		t.Error, t.ErrorKind, t.ErrorAt = j.err.Error(), kindOf(j.err), j.errAt
	}
	return t
}

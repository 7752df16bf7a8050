package exporter

import (
	"context"
	"log/slog"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/notice"
	"airudder-exporter/internal/setting"
)

// Config are the loop's settings. All durations are above zero.
type Config struct {
	LedgerTopic  string
	EventTopic   string
	Revisions    *ledger.Revisions // nil: changes of published rows are counted alone
	Pins         ledger.Wanted     // of the ledger
	ExportSince  time.Time         // zero: a week before the ledger's creation
	ListInterval time.Duration
	PollMin      time.Duration // between two reads of a task in which calls are finishing
	PollMax      time.Duration // between two reads of a task in which nothing happens
	Policy       ledger.Policy
	Concurrency  int // reads at once, over all shards

	// ShardOf says where a task lives among so many shards.
	ShardOf func(taskID string, shards int) int

	// LastDay is told of what others did in the last day: once for each shard, when this
	// process first restores it, and of a writer that WatchOwners sees, perhaps more than
	// once. nil: nobody asks.
	LastDay func(ledger.Day)

	// SettingName is what the operator calls a setting, by its field's name here
	// or, for the one that decides who owns a shard, "Assignment"; nil: that.
	SettingName func(field string) string
}

func (c Config) Setting(field string) string {
	return setting.Name(c.SettingName, field)
}

// Check says what is wrong with the settings by themselves.
func (c Config) Check() []*setting.Error {
	var rules setting.Check
	rules.Positive(c.Setting("ListInterval"), c.ListInterval)
	rules.Positive(c.Setting("PollMin"), c.PollMin)
	rules.Positive(c.Setting("PollMax"), c.PollMax)
	rules.NotBelow(c.Setting("PollMax"), c.PollMax, c.Setting("PollMin"), c.PollMin)
	if d := c.Policy.AfterEnd; d < 0 {
		rules.Bad(c.Setting("Policy.AfterEnd"), d, "is below 0: give a duration such as 24h, or 0s")
	}
	if d := c.Policy.OpenFor; d < 0 {
		rules.Bad(c.Setting("Policy.OpenFor"), d, "is below 0: give a duration such as 1h, or 0s")
	}
	rules.Positive(c.Setting("Policy.Retention"), c.Policy.Retention)
	if name := c.Pins.Account; name != "" && !accountName.MatchString(name) {
		rules.Bad(c.Setting("Account"), name, "is not a short name: give a letter or digit, and up to 63 more, dots, dashes and underscores")
	}
	return rules.Problems
}

// accountName is what an account may be called: it stands in headers and in a URL.
var accountName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// LedgerTopics are the topics that a refusal of the ledger names.
func (c Config) LedgerTopics() ledger.Topics {
	return ledger.Topics{Ledger: c.LedgerTopic, Event: c.EventTopic, SettingName: c.SettingName}
}

// Exporter is one process's loop over the shards that it owns.
type Exporter struct {
	cfg     Config
	source  Source
	encoder NewEncoder
	log     *slog.Logger
	metrics *metrics
	slots   chan struct{} // one token for each read under way

	hintSlots chan struct{} // and for those beside them that hints ask for: all slots may wait for the budget
	lastHint  stamp
	process   ledger.Writer
	notices   *notice.Board
	recent    recent
	holds     holds
	dead      deadNews
	prints    prints
	upstream  upstream
	contests  contests

	uncommitted uncommitted
	watched     sync.Map // by TaskID: when this process first began a reading of it that was whole (time.Time)
	lastRead    stamp    // any task, whole
	lastCommit  stamp

	mu         sync.Mutex
	meta       ledger.Meta
	runs       map[int]*run        // by shard
	shards     map[int]ShardStatus // owned, restored or not
	owners     map[int]Owner       // by shard, as somebody last looked
	pasts      map[int]*past       // by shard: owned, restored before, and to be restored again
	told       map[int]bool        // shards whose last day was told
	changed    chan struct{}
	listHinted chan struct{} // a hint tells of a task that is not known
	listing    listing
	held       time.Time // until when no request went, as it was last shown
	refused    string    // why this process is given no shards; empty: it may be
	topics     topicsSeen
}

// listing is the last answer of the task list.
type listing struct {
	tasks []call.Listed
	at    time.Time     // zero: never
	off   bool          // there is no list
	took  time.Duration // to read it; 0: not known
	err   error         // of the last try
	errAt time.Time
}

// New returns an exporter that owns nothing yet.
func New(
	cfg Config, source Source, encoder NewEncoder, process ledger.Writer, log *slog.Logger, reg prometheus.Registerer,
) *Exporter {
	e := &Exporter{
		cfg: cfg, source: source, encoder: encoder, log: log, process: process,
		slots:      make(chan struct{}, cfg.Concurrency),
		hintSlots:  make(chan struct{}, hintSlots),
		listHinted: make(chan struct{}, 1),
		notices:    notice.New(reg, causes...),
		holds:      holds{tasks: map[string]hold{}},
		dead:       deadNews{log: log, counts: map[deadLetters]int{}},
		runs:       map[int]*run{},
		shards:     map[int]ShardStatus{},
		pasts:      map[int]*past{},
		owners:     map[int]Owner{},
		told:       map[int]bool{},

		uncommitted: uncommitted{tasks: map[string]wait{}},

		changed: make(chan struct{}, 1),
	}
	e.metrics = newMetrics(reg, e)
	return e
}

// Owned tells the exporter how many shards this process owns now, which is its
// share of the request budget.
func (e *Exporter) Owned(shards int) {
	e.mu.Lock()
	total := max(e.meta.Partitions, 1)
	e.mu.Unlock()
	e.source.Share(min(1, float64(shards)/float64(total)))
}

// Refused tells the exporter why this process is given no shards besides those that
// it owns; empty: it may be. Until then it is not ready.
func (e *Exporter) Refused(why string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refused = why
}

// GroupSilent tells the exporter why the group that gives out the shards does not answer;
// empty: it does. Events flow meanwhile.
func (e *Exporter) GroupSilent(why string) {
	e.notices.Observe(groupSubject, e.cfg.ofGroup(why)...)
}

// List asks for the task list, for as long as ctx lasts, and hands it to the
// shards. A process that owns nothing asks nothing.
func (e *Exporter) List(ctx context.Context) error {
	retry := newBackoff(e.cfg.PollMin, e.cfg.ListInterval)
	var began time.Time
	next, failed := time.Now(), false
	for ctx.Err() == nil {
		wait := time.Until(next)
		switch {
		case !e.owns():
			wait = e.cfg.ListInterval
		case wait <= 0:
			wait, failed, began = e.cfg.ListInterval, false, time.Now()
			if err := e.list(ctx); err != nil {
				wait, failed = retryIn(retry, err), true
			} else {
				retry.Reset()
			}
			next = time.Now().Add(wait)
		}
		if hinted := e.pause(ctx, wait); hinted && !failed {
			if soon := began.Add(listApart); soon.Before(next) {
				next = soon
			}
		}
	}
	return nil
}

// pause waits for d, or until a shard came, or a hint of a task that is not known.
func (e *Exporter) pause(ctx context.Context, d time.Duration) (hinted bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-e.changed:
	case <-e.listHinted:
		return true
	case <-timer.C:
	}
	return false
}

func (e *Exporter) owns() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.runs) > 0
}

func (e *Exporter) list(ctx context.Context) error {
	e.mu.Lock()
	since := e.meta.ExportSince
	e.mu.Unlock()
	began := time.Now()
	listed, err := e.source.List(ctx, since)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e.metrics.lists.WithLabelValues(kindOf(err)).Inc()
	e.notices.Observe(budgetSubject, e.cfg.ofBudget(listed)...)
	if err == nil {
		seen := e.cfg.OfListing(listed)
		if listed.Entries == 0 && !listed.Off {
			seen = append(seen, e.cfg.ofEmpty(e.underway())...)
		}
		e.notices.Observe(listSubject, seen...)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case err == nil:
		e.listing = listing{tasks: listed.Tasks, at: time.Now(), off: listed.Off, took: max(time.Since(began), time.Nanosecond)}
		if !listed.Off {
			e.upstream.answered("")
		}
	default:
		e.listing.err, e.listing.errAt = err, time.Now()
		e.log.Debug("the task list cannot be read; trying again", "kind", kindOf(err), "error", err)
		e.listing.tasks = merge(listed.Tasks, e.listing.tasks)
	}
	for _, r := range e.runs {
		r.wake()
	}
	return err
}

// underway is how many tasks that were not named by hand are calling or paused.
func (e *Exporter) underway() (n int) {
	for _, r := range e.running() {
		for _, s := range r.ledger.Standings() {
			if s.Phase == ledger.Open && call.Underway(s.State.Status) && !e.source.Named(s.TaskID) {
				n++
			}
		}
	}
	return n
}

// merge adds to what came beside an error, which is at least what was named by
// hand, the tasks of the listing before.
func merge(tasks, before []call.Listed) []call.Listed {
	all := slices.Clone(tasks)
	has := make(map[string]bool, len(tasks))
	for _, l := range tasks {
		has[l.TaskID] = true
	}
	for _, l := range before {
		if !has[l.TaskID] {
			all = append(all, l)
		}
	}
	return all
}

// listed returns the tasks of the last listing.
func (e *Exporter) listed() []call.Listed {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.listing.tasks
}

// enter and leave keep the set of shards at work.
func (e *Exporter) enter(r *run) {
	e.mu.Lock()
	e.runs[r.shard.Number()] = r
	r.before = e.pasts[r.shard.Number()]
	delete(e.pasts, r.shard.Number())
	e.mu.Unlock()
	select {
	case e.changed <- struct{}{}:
	default:
	}
}

func (e *Exporter) leave(r *run) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.runs, r.shard.Number())
}

// newBackoff grows from first to last, with jitter, and never gives up.
func newBackoff(first, last time.Duration) *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.MaxElapsedTime = min(first, last), last, 0
	b.Reset()
	return b
}

package exporter

import (
	"sync"
	"time"
)

// uncommitted are the tasks of which a plan waits for its commit: finished calls that
// no reader sees yet. They outlive the producers, since what one could not commit waits
// for the next; until its task was read whole and nothing of it is left to write.
type uncommitted struct {
	mu    sync.Mutex
	tasks map[string]wait
}

// wait is one task's. There is at most one plan of a task at a time.
type wait struct {
	since time.Time
	by    *run // whose plan it is, or was
}

// put notes a plan that a producer is to commit.
func (u *uncommitted) put(taskID string, by *run) {
	u.mu.Lock()
	defer u.mu.Unlock()
	w := u.tasks[taskID]
	if w.since.IsZero() {
		w.since = time.Now()
	}
	w.by = by
	u.tasks[taskID] = w
}

// done notes that nothing of a task waits any more.
func (u *uncommitted) done(taskID string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.tasks, taskID)
}

// forget drops the tasks that match.
func (u *uncommitted) forget(match func(taskID string) bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for taskID := range u.tasks {
		if match(taskID) {
			delete(u.tasks, taskID)
		}
	}
}

// oldest says since when the oldest plan waits; zero when none does. by is whose plans
// count; nil: all, those of producers that have ended, too.
func (u *uncommitted) oldest(by *run) (oldest time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, w := range u.tasks {
		if (by == nil || w.by == by) && (oldest.IsZero() || w.since.Before(oldest)) {
			oldest = w.since
		}
	}
	return oldest
}

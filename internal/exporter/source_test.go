package exporter

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"airudder-exporter/internal/call"
)

// fakeSource is an upstream in memory. Its fields but mu's are set before the
// exporter starts, or by way of change.
type fakeSource struct {
	t *testing.T

	mu      sync.Mutex
	tasks   map[string]*fakeTask
	list    bool                                                 // whether the list shows the tasks
	bare    bool                                                 // the list holds nothing but ids
	listErr error                                                // beside which those named by hand are listed
	named   []string                                             // by hand
	took    time.Duration                                        // until a response begins
	perRow  time.Duration                                        // between two of its rows
	broken  func(taskID string, read int) (after int, err error) // nil: whole; else the rows before the cut

	empty    bool                          // the list shows no task
	answered func(taskID string, read int) // after each answer; nil: nothing happens

	slow  func(taskID string) time.Duration // instead of took; nil: took
	hangs bool                              // nothing is answered; requests are given up after two minutes

	flight  call.Flight
	shared  []float64
	lists   int
	reads   map[string]int
	began   []string        // tasks, in the order of their reads
	reading map[string]bool // now
	most    int             // reads at once
}

type fakeTask struct {
	task    call.Task
	rows    []call.Row
	rejects []call.Reject
	print   uint64 // of the list entry
	gone    bool   // the detail knows it no more
	total   int64  // rows that the answer counts; 0: it does not
}

func newFakeSource(t *testing.T) *fakeSource {
	return &fakeSource{
		t: t, tasks: map[string]*fakeTask{}, list: true, took: 20 * time.Millisecond,
		reads: map[string]int{}, reading: map[string]bool{},
	}
}

// change does something to the source while the exporter runs.
func (s *fakeSource) change(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

// set has a task show a status and so many rows. The list entry changes with
// the status, as a real one would.
func (s *fakeSource) set(id, status string, finished, open int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &fakeTask{task: call.Task{ID: id, Name: call.Some("name of " + id), Status: call.Some(status)}}
	for _, b := range []byte(status) {
		t.print = t.print*31 + uint64(b)
	}
	for i := range finished + open {
		row := call.Row{ID: call.Some(int64(i)), CallID: fmt.Sprintf("%s-call-%d", id, i), Status: call.Finished, Hash: 16}
		if i >= finished {
			row.Status = call.Calling
		}
		t.rows = append(t.rows, row)
	}
	s.tasks[id] = t
}

// finished is how many finished calls there are in all.
func (s *fakeSource) finished() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tasks {
		for _, r := range t.rows {
			if r.Complete() {
				n++
			}
		}
	}
	return n
}

// count is how often a task was read.
func (s *fakeSource) count(taskID string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads[taskID]
}

// asked waits for the first byte of an answer, as a client waits.
func (s *fakeSource) asked(ctx context.Context, taskID string, took time.Duration) error {
	w := call.Waiting{TaskID: taskID, Since: time.Now()}
	s.mu.Lock()
	s.flight.Waiting = append(s.flight.Waiting, w)
	hangs := s.hangs
	s.mu.Unlock()
	slept := took == 0 || sleep(ctx, took)
	for n := 0; n < 120 && slept && hangs; n++ {
		slept = sleep(ctx, time.Second)
		s.mu.Lock()
		hangs = s.hangs
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.flight.Waiting, w)
	s.flight.Waiting = slices.Delete(s.flight.Waiting, i, i+1)
	switch {
	case !slept:
		return ctx.Err()
	case hangs:
		return fakeUpstreamError{kind: "timeout"}
	}
	s.flight.Answered = time.Now()
	return nil
}

func (s *fakeSource) Flight() call.Flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	return call.Flight{Answered: s.flight.Answered, Waiting: slices.Clone(s.flight.Waiting), Held: s.flight.Held}
}

func (s *fakeSource) List(ctx context.Context, _ time.Time) (all call.Listing, err error) {
	hung := s.asked(ctx, "", 0)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lists++
	if hung != nil {
		return all, hung
	}
	all.Off = !s.list
	if s.list && s.listErr == nil && !s.empty {
		for id, t := range s.tasks {
			l := call.Listed{TaskID: id, Fingerprint: t.print}
			if !s.bare {
				l.Status, l.ScheduleEnd = t.task.Status.Value, t.task.ScheduleEnd
			}
			all.Tasks = append(all.Tasks, l)
		}
	}
	all.Entries = len(all.Tasks)
	for _, id := range s.named {
		if !slices.ContainsFunc(all.Tasks, func(l call.Listed) bool { return l.TaskID == id }) {
			all.Tasks = append(all.Tasks, call.Listed{TaskID: id})
		}
	}
	return all, s.listErr
}

func (s *fakeSource) Named(taskID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.named, taskID)
}

func (s *fakeSource) Kinds() []string { return []string{"auth", "html"} }

func (s *fakeSource) Share(fraction float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shared = append(s.shared, fraction)
}

// begin notes a read; two of one task at once are an error.
func (s *fakeSource) begin(taskID string) (t *fakeTask, read int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reading[taskID] {
		s.t.Errorf("task %s is read twice at once", taskID)
	}
	s.reading[taskID] = true
	s.most = max(s.most, len(s.reading))
	s.reads[taskID]++
	s.began = append(s.began, taskID)
	return s.tasks[taskID], s.reads[taskID]
}

func (s *fakeSource) end(taskID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.reading, taskID)
	if s.answered != nil {
		s.answered(taskID, s.reads[taskID])
	}
}

func (s *fakeSource) Read(ctx context.Context, taskID string, judge call.Judge, yield func(call.Part) error) (call.Reading, error) {
	started := time.Now()
	t, read := s.begin(taskID)
	defer s.end(taskID)
	took := s.took
	if s.slow != nil {
		took = s.slow(taskID)
	}
	if err := s.asked(ctx, taskID, took); err != nil {
		return call.Reading{}, err
	}
	if t == nil || t.gone {
		return call.Reading{}, call.ErrNoTask
	}
	cut, cutErr := len(t.rows), error(nil)
	if s.broken != nil {
		if after, err := s.broken(taskID, read); err != nil {
			cut, cutErr = min(after, cut), err
		}
	}
	reading := call.Reading{Task: t.task, Started: started, Rejects: t.rejects, Total: t.total}
	for _, row := range t.rows[:cut] {
		if s.perRow > 0 && !sleep(ctx, s.perRow) { // a timer of 0 in a bubble can crash the race detector
			return call.Reading{}, ctx.Err()
		}
		reading.Counts.Rows++
		if row.Status != call.Finished {
			continue
		}
		reading.Counts.Finished++
		if judge([]byte(row.CallID), row.Hash) != call.RowNew {
			continue
		}
		if err := yield(call.Part{Task: t.task, Started: started, Rows: []call.Row{row}}); err != nil {
			return call.Reading{}, err
		}
	}
	return reading, cutErr
}

// fakeUpstreamError is what a source says of itself.
type fakeUpstreamError struct {
	kind  string
	after time.Duration
}

func (e fakeUpstreamError) Error() string             { return "upstream: " + e.kind }
func (e fakeUpstreamError) Kind() string              { return e.kind }
func (e fakeUpstreamError) Cause() string             { return e.Error() }
func (e fakeUpstreamError) RetryAfter() time.Duration { return e.after }

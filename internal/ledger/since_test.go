package ledger

import (
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/call"
)

func ended(id, status string, at time.Time) call.Task {
	task := header(id, status)
	task.ScheduleEnd = at
	return task
}

func TestExportSince(t *testing.T) {
	since := meta.ExportSince
	for _, tt := range []struct {
		name  string
		end   time.Time
		named bool
		want  bool
	}{
		{"no schedule", time.Time{}, false, true},
		{"after", since.Add(time.Second), false, true},
		{"just then", since, false, true},
		{"before", since.Add(-time.Second), false, false},
		{"before, named by hand", since.Add(-time.Second), true, true},
		{"before, calling", since.Add(-time.Second), false, true},
		{"before, Paused", since.Add(-time.Second), false, true},
		{"before, pending", since.Add(-time.Second), false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newShard(meta)
			status := call.Finished
			if _, other, is := strings.Cut(tt.name, ", "); is && !tt.named {
				status = other
			}
			task := ended(taskA, status, tt.end)
			if got := s.Wants(call.Listed{TaskID: taskA, Status: status, ScheduleEnd: tt.end}, tt.named); got != tt.want {
				t.Errorf("by the list: got %v, want %v", got, tt.want)
			}
			r := s.Begin(taskA, tt.named)
			rows := r.Rows(call.Part{Task: task, Started: noon, Rows: done("a")})
			if got := len(rows.Units) == 1; got != tt.want {
				t.Errorf("rows planned: got %v, want %v", got, tt.want)
			}
			s.commit(rows.Units...)
			end := r.End(call.Reading{Task: task, Started: noon, Rejects: []call.Reject{{CallID: "x"}}}, policy)
			s.commit(end.Units...)
			if got := len(changes(end)) > 0; got != tt.want {
				t.Errorf("transition planned: got %v, want %v", got, tt.want)
			}
			if got := s.Standing(taskA).Phase; (got == BeforeExportSince) == tt.want {
				t.Errorf("got phase %s", got)
			}
			s.checkReplay(t)
		})
	}
}

func TestPassedOver(t *testing.T) {
	s := newShard(meta)
	end := meta.ExportSince.Add(-100 * time.Hour)
	task := ended(taskA, call.Finished, end)

	_, plan := s.read(task, noon, policy, done("a"))
	want := Entry{Kind: KindTask, TaskID: taskA, State: State{BeforeExportSince: true, ScheduleEnd: end}}
	if len(plan.Units) != 1 || len(plan.Units[0].Entries) != 1 || plan.Units[0].Entries[0] != want || plan.Units[0].Changes != nil {
		t.Fatalf("got %+v, want entry %+v alone", plan.Units, want)
	}
	if _, again := s.read(task, noon, policy, done("a")); len(again.Units) != 0 {
		t.Errorf("noted again: %+v", again.Units)
	}
	s.restart(t)
	wants := func(listed time.Time, named bool) bool {
		return s.Wants(call.Listed{TaskID: taskA, ScheduleEnd: listed}, named)
	}
	if wants(time.Time{}, false) {
		t.Error("read again although the list says nothing new")
	}
	if wants(end, false) {
		t.Error("read again although the list says the same")
	}
	if !wants(time.Time{}, true) {
		t.Error("not wanted although named by hand")
	}
	if !wants(noon, false) {
		t.Error("not wanted although its end was moved")
	}
	// Its end has moved in the detail too.
	if rows, plan := s.read(ended(taskA, call.Calling, noon), noon, policy, done("a")); planned(rows) != "a" || said(plan) != "1 →calling" {
		t.Errorf("got %q and %q", planned(rows), said(plan))
	}
	if got := s.Standing(taskA); got.Phase != Open || got.State.BeforeExportSince || !got.State.ScheduleEnd.IsZero() {
		t.Errorf("got %+v, want it open", got)
	}
}

// TestBackfill: meta's export_since is lowered, and what was passed over is
// decided anew.
func TestBackfill(t *testing.T) {
	s := newShard(meta)
	near, far := meta.ExportSince.Add(-100*time.Hour), meta.ExportSince.Add(-1000*time.Hour)
	s.read(ended(taskA, call.Finished, near), noon, policy, done("a"))
	s.read(ended(taskB, call.Finished, far), noon, policy, done("b"))

	lowered := meta
	lowered.ExportSince = meta.ExportSince.Add(-500 * time.Hour)
	s.write(Entry{Kind: KindMeta, Meta: lowered})
	s.checkReplay(t)
	if got := s.Standing(taskA).Phase; got != Unknown {
		t.Errorf("got phase %s, want %s", got, Unknown)
	}
	if got := s.Standing(taskB).Phase; got != BeforeExportSince {
		t.Errorf("got phase %s, want %s", got, BeforeExportSince)
	}
	if !s.Wants(call.Listed{TaskID: taskA}, false) || s.Wants(call.Listed{TaskID: taskB}, false) {
		t.Error("the list's tasks are chosen by the old export_since")
	}
	rows, end := s.read(ended(taskA, call.Finished, near), noon, policy, done("a"))
	if planned(rows) != "a" || said(end) != "1 →finished" {
		t.Errorf("got %q and %q", planned(rows), said(end))
	}
	if got := s.Standing(taskA); got.State.BeforeExportSince || !got.State.ScheduleEnd.IsZero() {
		t.Errorf("its entry still says that it was passed over: %+v", got)
	}
	if rows, end := s.read(ended(taskB, call.Finished, far), noon, policy, done("b")); len(rows.Units)+len(end.Units) != 0 {
		t.Errorf("exported although it ended before: %+v %+v", rows.Units, end.Units)
	}
}

// TestNamedThenNot: what was begun by name goes on without it, even where the
// first response broke off.
func TestNamedThenNot(t *testing.T) {
	s := newShard(meta)
	task := ended(taskA, "", meta.ExportSince.Add(-time.Hour))
	s.read(task, noon, policy, nil)
	r := s.Begin(taskA, true)
	s.commit(rowsOf(r, call.Part{Task: task, Started: noon, Rows: done("a")}).Units...)
	s.restart(t)
	if got := s.Standing(taskA).Phase; got != Open {
		t.Errorf("got phase %s, want %s", got, Open)
	}
	if !s.Wants(call.Listed{TaskID: taskA}, false) {
		t.Error("not wanted any more")
	}
	if rows, _ := s.read(task, noon, policy, done("a", "b")); planned(rows) != "b" {
		t.Errorf("got %q, want b", planned(rows))
	}
}

// TestKnownTaskIsNotPassedOver: a task that was taken in stays in, whatever its
// schedule says later.
func TestKnownTaskIsNotPassedOver(t *testing.T) {
	s := newShard(meta)
	s.read(header(taskA, call.Calling), noon, policy, nil)
	task := ended(taskA, call.Calling, meta.ExportSince.Add(-time.Hour))
	if rows, _ := s.read(task, noon, policy, done("a")); planned(rows) != "a" {
		t.Errorf("got %q, want a", planned(rows))
	}
	if !s.Wants(call.Listed{TaskID: taskA, ScheduleEnd: task.ScheduleEnd}, false) {
		t.Error("not wanted")
	}
}

package rebuild

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// Facts of one task, seconds after began.

func published(n int64, callID string, second int) ledger.Fact {
	return ledger.Fact{N: n, TaskID: "t1", ObservedAt: began.Add(time.Duration(second) * time.Second), As: ledger.Event, CallID: callID}
}

func letter(row string, second int) ledger.Fact {
	return ledger.Fact{TaskID: "t1", ObservedAt: began.Add(time.Duration(second) * time.Second), As: ledger.DeadLetter, RowKey: row}
}

func changed(sequence int64, status string, second int, exported int64) ledger.Fact {
	return ledger.Fact{TaskID: "t1", ObservedAt: began.Add(time.Duration(second) * time.Second),
		Change: ledger.StatusChange{Sequence: sequence, Status: status, Exported: exported, Counts: call.Counts{Rows: 10}}}
}

func sealing(sequence int64, second int, number int64, callIDs ...string) ledger.Fact {
	f := changed(sequence, call.Finished, second, int64(len(callIDs)))
	f.Change.Seal = &ledger.Seal{Number: number, Digest: ledger.Digest(callIDs)}
	return f
}

var began = time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC)

func TestRebuild(t *testing.T) {
	const day = 24 * 3600
	whole := []ledger.Fact{changed(1, call.Calling, 0, 0), published(1, "c1", 0), published(2, "c2", 5), letter("7", 10),
		changed(2, call.Finished, 10, 2), published(3, "c3", 20), sealing(3, 30, 1, "c1", "c2", "c3")}
	later := func(second int) time.Time { return began.Add(time.Duration(second) * time.Second) }
	for _, tt := range []struct {
		name  string
		kept  []ledger.Entry
		facts []ledger.Fact
		reach reach
		now   int // seconds
		phase ledger.Phase
		want  []string // keys and values, in order; one more line each for Doubt and Cut
	}{
		{name: "sealed", facts: whole, now: day, phase: ledger.Sealed, want: []string{
			`task/t1 {"status":"finished","sequence":3,"events":3,"terminal_since":"2026-11-01T06:00:10Z","seal":1,"sealed_at":"2026-11-01T06:00:30Z","sealed_events":3,"had_rows":true}`,
			`call/t1/c1 {"at":"2026-11-01T06:00:00.000Z","as":"event","n":1,"row":"0000000000000000"}`,
			`call/t1/c2 {"at":"2026-11-01T06:00:05.000Z","as":"event","n":2,"row":"0000000000000000"}`,
			`call/t1/c3 {"at":"2026-11-01T06:00:20.000Z","as":"event","n":3,"row":"0000000000000000"}`,
			`row/t1/7 {"at":"2026-11-01T06:00:10.000Z","as":"dead_letter","row":"0000000000000000"}`}},
		{name: "closed", facts: whole, now: 31 * day, phase: ledger.Closed, want: []string{
			`task/t1 {"status":"finished","sequence":3,"events":3,"terminal_since":"2026-11-01T06:00:10Z","seal":1,"sealed_at":"2026-11-01T06:00:30Z","sealed_events":3,"had_rows":true,"closed_at":"2026-12-01T06:00:30Z"}`}},
		{name: "a seal that does not tell all", facts: append(slices.Clone(whole), published(4, "c4", 40)), now: 31 * day, phase: ledger.Ended, want: []string{
			"task/t1", "call/t1/c1", "call/t1/c2", "call/t1/c3", "call/t1/c4", "row/t1/7"}},
		{name: "a seal whose calls are gone", facts: whole[3:], reach: reach{events: later(15)}, now: day, phase: ledger.Closed, want: []string{
			"task/t1", "cut: its seal counts 3 calls, of which 1 are left"}},
		{name: "a seal with as many other calls", facts: append(slices.Clone(whole[2:]), published(1, "c9", 3)), now: day, phase: ledger.Closed, want: []string{
			"task/t1", "cut: its seal counts 3 calls, of which 3 are left"}},
		{name: "a seal that is whole, older than the topics", facts: whole, reach: reach{changes: later(15)}, now: day, phase: ledger.Sealed,
			want: []string{"task/t1", "call/t1/c1", "call/t1/c2", "call/t1/c3", "row/t1/7"}},
		{name: "called again after the seal", facts: append(slices.Clone(whole), changed(4, call.Calling, 50, 3)), now: 31 * day, phase: ledger.Open, want: []string{
			`task/t1 {"status":"calling","sequence":4,"events":3,"seal":1,"had_rows":true}`, "call/t1/c1", "call/t1/c2", "call/t1/c3", "row/t1/7"}},
		{name: "in another order, and twice", facts: slices.Concat(whole, whole)[5:12], now: day, phase: ledger.Sealed,
			want: []string{"task/t1", "call/t1/c1", "call/t1/c2", "call/t1/c3", "row/t1/7"}},
		{name: "open", facts: whole[:3], now: day, phase: ledger.Open, want: []string{`task/t1 {"status":"calling","sequence":1,"events":2,"had_rows":true}`, "call/t1/c1", "call/t1/c2"}},
		{name: "no status yet", facts: whole[1:2], now: day, phase: ledger.Open, want: []string{`task/t1 {"events":1}`, "call/t1/c1"}},
		{name: "no status left", facts: whole[1:2], reach: reach{events: later(-1), changes: later(-1)}, now: day, phase: ledger.Open,
			want: []string{"task/t1", "call/t1/c1", "doubt: no change of its status is left"}},
		{name: "no status left, and all events", facts: whole[1:2], reach: reach{changes: later(-1)}, now: day, phase: ledger.Open,
			want: []string{"task/t1", "call/t1/c1"}},
		{name: "its first changes are gone", facts: whole[1:5], reach: reach{events: later(-1)}, now: day, phase: ledger.Ended, want: []string{
			`task/t1 {"status":"finished","sequence":2,"events":2,"terminal_since":"2026-11-01T06:00:10Z","had_rows":true}`,
			"call/t1/c1", "call/t1/c2", "row/t1/7", "doubt: the changes of its status begin with number 2"}},
		{name: "older than the topics", facts: whole[:3], reach: reach{events: later(1), deadLetters: later(2)}, now: day, phase: ledger.Open, want: []string{
			"task/t1", "call/t1/c1", "call/t1/c2",
			"doubt: first read at 2026-11-01T06:00:00Z, before its events are still there; first read at 2026-11-01T06:00:00Z, before its dead letters are still there"}},
		{name: "fewer than its last number", facts: []ledger.Fact{whole[0], whole[1], whole[4]}, now: day, phase: ledger.Ended, want: []string{
			"task/t1", "call/t1/c1", "doubt: 2 calls were published, of which 1 are left"}},
		{name: "half of it was written before", kept: []ledger.Entry{
			{Kind: ledger.KindCall, TaskID: "t1", ID: "c1", Published: ledger.Published{At: later(1), As: ledger.Event, N: 1}},
			{Kind: ledger.KindRow, TaskID: "t1", ID: "7", Published: ledger.Published{At: later(10), As: ledger.DeadLetter}},
			{Kind: ledger.KindTask, TaskID: "t1", State: ledger.State{Status: call.Calling, Sequence: 1}},
		}, facts: whole, now: day, phase: ledger.Sealed, want: []string{"task/t1", "call/t1/c2", "call/t1/c3"}},
		{name: "closed by the lost ledger", kept: []ledger.Entry{{Kind: ledger.KindTask, TaskID: "t1", State: ledger.State{Status: call.Finished, Sequence: 3, Events: 3, SealedAt: later(30), ClosedAt: later(40)}}},
			facts: whole, now: day, phase: ledger.Closed},
		{name: "before the export", kept: []ledger.Entry{{Kind: ledger.KindTask, TaskID: "t1", State: ledger.State{BeforeExportSince: true, ScheduleEnd: later(-day)}}},
			now: day, phase: ledger.BeforeExportSince},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPast()
			for _, e := range tt.kept {
				p.keep(e)
			}
			for _, f := range tt.facts {
				p.add(f)
			}
			tasks := p.outcomes(tt.reach, ledger.Policy{Retention: 30 * day * time.Second}, later(tt.now))
			if len(tasks) != 1 || tasks[0].phase != tt.phase {
				t.Fatalf("got %+v, want one task that is %s", tasks, tt.phase)
			}
			compareLines(t, lines(tasks[0]), tt.want)
		})
	}
}

// lines are a task's entries as the topic will have them, its doubt and its cut.
func lines(task outcome) (got []string) {
	for e := range task.entries() {
		got = append(got, string(e.AppendKey(nil))+" "+string(e.AppendValue(nil)))
	}
	if task.doubt != "" {
		got = append(got, "doubt: "+task.doubt)
	}
	if task.cut != "" {
		got = append(got, "cut: "+task.cut)
	}
	return got
}

// compareLines compares where there is a value, and the keys alone where not.
func compareLines(t *testing.T, got, want []string) {
	t.Helper()
	same := slices.EqualFunc(got, want, func(g, w string) bool { return g == w || strings.HasPrefix(g, w+" {") })
	if !same {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestRebuildTwice(t *testing.T) {
	p := newPast()
	for _, f := range []ledger.Fact{
		{TaskID: "t1", ObservedAt: began, As: ledger.DeadLetter, CallID: "c1", Reason: call.BrokenJSON},
		published(2, "c2", 9), published(1, "c1", 3), published(2, "c2", 4), letter("7", 1), letter("7", 0), letter("8", 2),
		{TaskID: "t1", ObservedAt: began.Add(3 * time.Second), As: ledger.Resolved, CallID: "c1"},
		{TaskID: "t1", ObservedAt: began.Add(3 * time.Second), As: ledger.Resolved, RowKey: "8", CallID: "c3", Reason: call.NoCallID},
	} {
		p.add(f)
	}
	if got := len(p.twice); got != 2 { // c2 and row 7; a dead letter that became an event is none
		t.Errorf("published twice: got %d, want 2", got)
	}
	compareLines(t, lines(p.outcomes(reach{}, ledger.Policy{}, began)[0]), []string{
		`task/t1 {"events":2}`,
		`call/t1/c1 {"at":"2026-11-01T06:00:03.000Z","as":"event","n":1,"row":"0000000000000000"}`,
		`call/t1/c2 {"at":"2026-11-01T06:00:04.000Z","as":"event","n":2,"row":"0000000000000000"}`,
		`row/t1/7 {"at":"2026-11-01T06:00:00.000Z","as":"dead_letter","row":"0000000000000000"}`,
		`row/t1/8 {"at":"2026-11-01T06:00:03.000Z","as":"resolved","reason":"no_call_id","call_id":"c3","row":"0000000000000000"}`})
}

func TestRebuildExportSince(t *testing.T) {
	at := func(hours int) time.Time { return began.Add(time.Duration(hours) * time.Hour) }
	for _, tt := range []struct {
		name       string
		reach      reach
		configured time.Time
		want       time.Time
	}{
		{"all is known", reach{}, time.Time{}, at(-168)},
		{"all is known, configured", reach{}, at(-1000), at(-1000)},
		{"the last topic's reach", reach{events: at(3), deadLetters: at(5), changes: at(4)}, time.Time{}, at(5)},
		{"configured later", reach{events: at(3)}, at(9), at(9)},
		{"configured earlier", reach{events: at(3)}, at(-9), at(3)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPast()
			p.add(published(2, "c2", 7200))
			p.add(published(1, "c1", 0))
			if got := p.exportSince(tt.reach, tt.configured, 168*time.Hour); !got.Equal(tt.want) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// TestRebuiltShard restores a shard from what a rebuild writes: it knows what was
// published, and counts no late changes.
func TestRebuiltShard(t *testing.T) {
	p := newPast()
	for _, f := range []ledger.Fact{changed(1, call.Calling, 0, 0), published(4, "c1", 0), // those before are gone
		changed(2, call.Finished, 5, 4), published(5, "c2", 6), letter("3", 7)} {
		p.add(f)
	}
	l, rows := ledger.New(), 0
	for _, task := range p.outcomes(reach{}, ledger.Policy{}, began) {
		for e := range task.entries() {
			if l.Apply(e); e.Kind == ledger.KindRow && e.ID == "3" {
				rows++
			}
		}
	}
	reading := l.Begin("t1", false)
	for callID, want := range map[string]call.Verdict{"c1": call.RowKnown, "c2": call.RowKnown, "c3": call.RowNew} {
		if got := reading.Verdict([]byte(callID), 5); got != want {
			t.Errorf("%s: got verdict %d, want %d", callID, got, want)
		}
	}
	if n := reading.Remember(); n != 0 {
		t.Errorf("%d late changes, though no row's bytes are known", n)
	}
	if plan := reading.Rows(call.Part{}); plan.Last != 5 {
		t.Errorf("the next number follows %d, want 5", plan.Last)
	}
	got := l.Standing("t1")
	if got.Events != 5 || got.DeadLetters != 1 || got.Phase != ledger.Ended || got.State.Sequence != 2 || rows != 1 {
		t.Errorf("got %+v and row 3 %d times", got, rows)
	}
}

// TestSameStates plans readings, and has a rebuild work the task's state out of what
// they published: it is the one that the ledger held, but for looks and doubts, which
// the next readings have again.
func TestSameStates(t *testing.T) {
	const hour = time.Hour
	l, p := ledger.New(), newPast()
	policy := ledger.Policy{AfterEnd: hour, Retention: 24 * hour}
	for i, status := range []string{call.Created, call.Calling, call.Finished, call.Finished, call.Calling, call.Calling, call.Canceled, call.Canceled, call.Canceled, call.Canceled, call.Canceled} {
		asked := began.Add(time.Duration(i) * 2 * hour)
		task := call.Task{ID: "t1", Status: call.Some(status)}
		reading := l.Begin("t1", false)
		rows := []call.Row{{CallID: fmt.Sprint("c", min(i, 6)), Status: call.Finished, Hash: 4}}
		plans := []ledger.Plan{reading.Rows(call.Part{Task: task, Started: asked, Rows: rows})}
		commit := func(plan ledger.Plan) {
			for _, u := range plan.Units {
				for _, e := range u.Entries {
					l.Apply(e)
				}
			}
		}
		for i, u := range plans[0].Units {
			plans[0].Units[i] = u.Number(plans[0].Last + 1)
			reading.Gave(1)
		}
		commit(plans[0])
		plans = append(plans, reading.End(call.Reading{Task: task, Started: asked, Counts: call.Counts{Rows: 1, Finished: 1}}, policy))
		commit(plans[1])
		for _, plan := range plans {
			for _, f := range factsOf(plan) {
				p.add(f)
			}
		}
		want := l.Standing("t1")
		want.State.Look, want.State.Unconfirmed = ledger.Look{}, ""
		want.State.Events = want.Events // which a task's entry tells as of when it was written
		got := p.outcomes(reach{}, policy, asked)[0]
		if got.state != want.State || got.phase != want.Phase {
			t.Errorf("after reading %d: got %s %+v, want %s %+v", i, got.phase, got.state, want.Phase, want.State)
		}
	}
}

// factsOf is what a consumer reads of a plan that was committed.
func factsOf(p ledger.Plan) (all []ledger.Fact) {
	for _, u := range p.Units {
		if u.Call != nil {
			all = append(all, ledger.Fact{TaskID: p.Task.ID, ObservedAt: p.ObservedAt, As: ledger.Event, CallID: u.Call.CallID,
				N: u.Entries[0].Published.N})
		}
		for _, c := range u.Changes {
			all = append(all, ledger.Fact{TaskID: p.Task.ID, ObservedAt: p.ObservedAt, Change: c})
		}
	}
	return all
}

package ledger

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/call"
)

var policy = Policy{AfterEnd: 24 * time.Hour, Retention: 720 * time.Hour, Between: 5 * time.Minute, OpenFor: time.Hour}

// planned are the CallIDs of a plan's events.
func planned(p Plan) string {
	var ids []string
	for _, u := range p.Units {
		if u.Call != nil {
			ids = append(ids, u.Call.CallID)
		}
	}
	return strings.Join(ids, " ")
}

func TestRowsPlansNewCompleteRows(t *testing.T) {
	s := newShard(meta)
	rows := done("a", "b", "c")
	rows[1].Status = call.Calling
	rows = append(rows, call.Row{Status: call.Finished}, call.Row{Status: call.Cancelled, CallID: "d"})
	task := header(taskA, call.Calling)

	plan := s.Begin(taskA, false).Rows(call.Part{Task: task, Started: noon, Rows: rows})
	if got, want := planned(plan), "a c"; got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
	if plan.Task.ID != taskA || plan.ObservedAt != noon {
		t.Errorf("the plan is of task %q, observed at %v", plan.Task.ID, plan.ObservedAt)
	}
	want := Entry{Kind: KindCall, TaskID: taskA, ID: "a", Published: Published{At: noon, As: Event, Row: 1 << 20}}
	if got := plan.Units[0].Entries; len(got) != 1 || got[0] != want {
		t.Errorf("got entries %+v, want %+v", got, want)
	}
	if n := len(s.Standings()); n != 0 {
		t.Errorf("planning left %d tasks", n)
	}

	s.commit(plan.Units...)
	if got := planned(s.Begin(taskA, false).Rows(call.Part{Task: task, Rows: rows})); got != "" {
		t.Errorf("planned again: %q", got)
	}
	s.checkReplay(t)
}

func TestRepeatsInOneResponse(t *testing.T) {
	s := newShard(meta)
	task := header(taskA, call.Calling)
	r := s.Begin(taskA, false)
	if got := planned(r.Rows(call.Part{Task: task, Rows: done("a", "b", "a")})); got != "a b" {
		t.Errorf("got %q, want %q", got, "a b")
	}
	// The part before is not applied yet.
	if got := planned(r.Rows(call.Part{Task: task, Rows: done("b", "c")})); got != "c" {
		t.Errorf("got %q, want %q", got, "c")
	}
	if got := r.Repeats(); got != 2 {
		t.Errorf("got %d repeats, want 2", got)
	}
	// Nor may a reject of the same call say otherwise.
	end := r.End(call.Reading{Task: task, Rejects: []call.Reject{{Reason: call.BrokenJSON, CallID: "c"}}}, policy)
	for _, u := range end.Units {
		if u.Dead != nil {
			t.Error("a call became an event and a dead letter")
		}
	}
}

func TestOneCallIDInTwoTasks(t *testing.T) {
	s := newShard(meta)
	for _, id := range []string{taskA, taskB} {
		if rows, _ := s.read(header(id, call.Calling), noon, policy, done(callA)); planned(rows) != callA {
			t.Errorf("task %s: got %q, want %q", id, planned(rows), callA)
		}
	}
	s.compact(len(s.log), true)
	s.restart(t)
	for _, id := range []string{taskA, taskB} {
		if rows, _ := s.read(header(id, call.Calling), noon, policy, done(callA)); planned(rows) != "" {
			t.Errorf("task %s: planned again: %q", id, planned(rows))
		}
	}
}

func TestOddCallIDs(t *testing.T) {
	s := newShard(meta)
	odd := []string{
		callA, strings.ToUpper(callA), callA[:31], callA + "0", "a/b", "/", "é✓", strings.Repeat("é", 16), "call", " ",
	}
	task := header(taskA, call.Finished)
	rows, _ := s.read(task, noon, Policy{}, done(odd...))
	if got, want := len(rows.Units), len(odd); got != want {
		t.Fatalf("planned %d calls, want %d", got, want)
	}
	s.checkReplay(t)
	s.restart(t)
	r := s.Begin(taskA, false)
	for _, id := range odd {
		if !knows(r, id, 1<<20) {
			t.Errorf("%q is not known after a replay", id)
		}
	}
	if got, want := digest(s.tasks[taskA]), wantDigest(odd...); got != want {
		t.Errorf("digest: got %s, want %s", got, want)
	}
	s.write(Entry{Kind: KindTask, TaskID: taskA, State: State{ClosedAt: noon}})
	s.commit(s.Tombstones(taskA, 1000).Units...)
	s.checkReplay(t)
	if got := s.Standing(taskA); got.Events != int64(len(odd)) || got.Leftover {
		t.Errorf("after the tombstones: %+v", got)
	}
}

func TestLateChanges(t *testing.T) {
	s := newShard(meta)
	s.read(header(taskA, call.Calling), noon, policy, done("a", "b"))
	s.write(Entry{Kind: KindCall, TaskID: taskA, ID: "rebuilt", Published: Published{At: noon, As: Event}})
	look := func(id string, hash uint64) int {
		t.Helper()
		r := s.Begin(taskA, false)
		for range 2 { // a response is asked for a second time, too
			if !knows(r, id, hash) {
				t.Fatalf("%s is not known", id)
			}
		}
		late := r.Remember()
		if again := r.Remember(); again != 0 {
			t.Errorf("%s: remembered twice: %d late changes more", id, again)
		}
		return late
	}
	for _, tt := range []struct {
		when, id string
		hash     uint64
		want     int
	}{
		{"the same row", "a", 1 << 20, 0},
		{"a hash that is not known", "a", 0, 0},
		{"changed", "a", 2 << 20, 1},
		{"seen before", "a", 2 << 20, 0},
		{"changed back", "a", 1 << 20, 1},
		{"nothing to compare with", "rebuilt", 5 << 20, 0},
		{"now there is", "rebuilt", 6 << 20, 1},
	} {
		if got := look(tt.id, tt.hash); got != tt.want {
			t.Errorf("%s: got %d late changes, want %d", tt.when, got, tt.want)
		}
	}
	look("b", 3<<20)
	if got := s.Begin(taskA, false).Verdict([]byte("b"), 4<<20); got != call.RowChanged {
		t.Errorf("another row: got verdict %d, want %d", got, call.RowChanged)
	}
	s.restart(t)
	if got := look("b", 3<<20); got != 1 {
		t.Errorf("after a replay: got %d late changes, want 1", got)
	}
	if knows(s.Begin(taskA, false), "c", 1) || knows(s.Begin(taskB, false), "a", 1) {
		t.Error("a call is known that was never published")
	}
}

// TestLateChangeKeepsWhatACallWas: the new hash must not wipe out the flags.
func TestLateChangeKeepsWhatACallWas(t *testing.T) {
	s := newShard(meta)
	s.write(Entry{Kind: KindCall, TaskID: taskA, ID: "a", Published: Published{At: noon, As: DeadLetter, Row: 1 << 20}})
	s.write(Entry{Kind: KindCall, TaskID: taskA, ID: "b", Published: Published{At: noon, As: Event, N: 1, Row: 1 << 20}})
	before := dump(s.Ledger)
	r := s.Begin(taskA, false)
	for id, want := range map[string]call.Verdict{"a": call.RowNew, "b": call.RowChanged} {
		if got := r.Verdict([]byte(id), 7<<20); got != want {
			t.Errorf("%s: got verdict %d, want %d", id, got, want)
		}
	}
	if got := r.Remember(); got != 1 { // a dead letter has no event that could differ
		t.Fatalf("got %d late changes, want 1", got)
	}
	if got := dump(s.Ledger); got != before {
		t.Errorf("got\n%s\nwant\n%s", got, before)
	}
}

func TestDeadLetters(t *testing.T) {
	noID := call.NewReject(call.NoCallID, []byte(`{"Status":"finished"}`))
	noID.Hash = 9 << 20
	withRow := noID
	withRow.RowID = call.Some(int64(1181))
	withCall := call.Reject{Reason: call.BrokenJSON, CallID: callA, Hash: 8 << 20}
	sum := sha256.Sum256([]byte(`{"Status":"finished"}`))
	rejects := []call.Reject{noID, withRow, withCall, noID, withRow, withCall}

	s := newShard(meta)
	task := header(taskA, call.Finished)
	s.read(header(taskA, call.Calling), noon, policy, nil)
	if _, end := s.read(task, noon, policy, nil, rejects...); len(end.Units) != 1 || said(end) != "2 calling→finished" {
		t.Errorf("after one answer, which may be damaged: got %+v", end.Units)
	}
	later := noon.Add(policy.Between)
	_, end := s.read(task, later, policy, nil, rejects...)
	want := []Entry{
		{Kind: KindRow, TaskID: taskA, ID: "sha256:" + wantHex(sum[:8]), Published: Published{At: later, As: DeadLetter, Row: 9 << 20, Letter: Letter{Reason: call.NoCallID}}},
		{Kind: KindRow, TaskID: taskA, ID: "1181", Published: Published{At: later, As: DeadLetter, Row: 9 << 20, Letter: Letter{Reason: call.NoCallID}}},
		{Kind: KindCall, TaskID: taskA, ID: callA, Published: Published{At: later, As: DeadLetter, Row: 8 << 20, Letter: Letter{Reason: call.BrokenJSON}}},
	}
	if len(end.Units) != 4 { // and the look
		t.Fatalf("got %d units, want 4", len(end.Units))
	}
	for i, e := range want {
		u := end.Units[i]
		if u.Dead == nil || u.Call != nil || len(u.Entries) != 1 || u.Entries[0] != e {
			t.Errorf("unit %d: got %+v, want entry %+v", i, u, e)
		}
		if key := u.Dead.RowKey; e.Kind == KindRow && key != e.ID || e.Kind == KindCall && key != "" {
			t.Errorf("unit %d: row key is %q", i, key)
		}
	}
	s.checkReplay(t)
	s.read(task, later, policy, nil, rejects...)
	for _, after := range []string{"at once", "after a replay"} {
		if _, again := s.read(task, later, policy, nil, rejects...); len(again.Units) != 0 {
			t.Errorf("%s: dead letters a second time: %+v", after, again.Units)
		}
		s.restart(t)
	}
}

// TestWaitsForCallID: a finished row without a CallID waits until its task's end was
// seen and a reading long enough after it still shows both, whoever saw the end; a
// damaged one does not. No task is sealed meanwhile.
func TestWaitsForCallID(t *testing.T) {
	noID := call.Reject{Reason: call.NoCallID, RowID: call.Some(int64(7)), Hash: 7 << 20}
	broken := call.Reject{Reason: call.BrokenJSON, CallID: callA, Hash: 8 << 20}
	at := noon.Add(48 * time.Hour) // its seal is due at its end
	type reading struct {
		status  string
		after   time.Duration // the first
		restart bool          // before it
		dead    int           // letters that it plans
		held    int
	}
	almost, long := policy.Between-time.Millisecond, policy.Between
	for name, readings := range map[string][]reading{
		"in time":         {{call.Finished, 0, false, 0, 2}, {call.Finished, almost, false, 1, 1}, {call.Finished, long, false, 1, 0}},
		"a later reading": {{call.Finished, 0, false, 0, 2}, {call.Finished, 20 * long, false, 2, 0}},
		"before the end":  {{call.Calling, 0, false, 0, 2}, {call.Calling, 9 * long, false, 1, 1}, {call.Finished, 10 * long, false, 0, 1}, {call.Finished, 10*long + almost, false, 0, 1}, {call.Finished, 11 * long, false, 1, 0}},
		"a restart":       {{call.Finished, 0, false, 0, 2}, {call.Finished, long, true, 0, 2}, {call.Finished, long, false, 2, 0}},
		"two restarts":    {{call.Finished, 0, false, 0, 2}, {call.Finished, almost, true, 0, 2}, {call.Finished, long, true, 0, 2}, {call.Finished, 2 * long, false, 2, 0}},
		"not at its end any more": {{call.Finished, 0, false, 0, 2}, {call.Calling, long, false, 1, 1}, {"", long, false, 0, 1}, {call.Calling, long, false, 0, 1},
			{call.Finished, 2 * long, false, 0, 1}, {call.Finished, 2*long + almost, false, 0, 1}, {call.Finished, 3 * long, false, 1, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShard(meta)
			for i, read := range readings {
				if read.restart {
					s.restart(t)
				}
				task := ended(taskA, read.status, noon)
				r, started := s.Begin(taskA, false), at.Add(read.after)
				end := r.End(call.Reading{Task: task, Started: started, Counts: call.Counts{Rows: 2, Finished: 2},
					Rejects: []call.Reject{noID, broken}}, policy)
				s.commit(end.Units...)
				held, rejected := r.Held()
				if r.Remember(); dead(end) != read.dead || held != read.held || rejected != read.held {
					t.Errorf("reading %d: got %d dead letters, %d held, %d of them rejected; want %d and %d", i, dead(end), held, rejected, read.dead, read.held)
				}
				if got := s.Standing(taskA); !got.State.SealedAt.IsZero() || got.State.Look.Count > 0 && held > 0 {
					t.Errorf("reading %d: %+v", i, got)
				}
				s.checkReplay(t)
			}
		})
	}
}

// TestNumbersGoOn: the next event's number follows the highest that anything tells of,
// however few entries there are: a rebuilt ledger may have lost the first.
func TestNumbersGoOn(t *testing.T) {
	for name, tt := range map[string]struct {
		entries []Entry
		want    int64
	}{
		"nothing":               {nil, 1},
		"an entry's":            {[]Entry{{Kind: KindCall, ID: callB, Published: Published{At: noon, As: Event, N: 7}}}, 8},
		"a dead letter's":       {[]Entry{{Kind: KindCall, ID: callB, Published: Published{At: noon, As: DeadLetter}}}, 1},
		"the task's":            {[]Entry{{Kind: KindTask, State: State{Status: call.Calling, Sequence: 1, Events: 9}}}, 10},
		"the task's is old":     {[]Entry{{Kind: KindTask, State: State{Events: 2}}, {Kind: KindCall, ID: callB, Published: Published{At: noon, As: Event, N: 5}}}, 6},
		"the entry is old":      {[]Entry{{Kind: KindCall, ID: callB, Published: Published{At: noon, As: Event, N: 5}}, {Kind: KindTask, State: State{Events: 6}}}, 7},
		"an entry that is gone": {[]Entry{{Kind: KindCall, ID: callB, Published: Published{At: noon, As: Event, N: 3}}, {Kind: KindCall, ID: callB, Tombstone: true}}, 4},
	} {
		s := newShard(meta)
		for _, e := range tt.entries {
			e.TaskID = taskA
			s.write(e)
		}
		rows, _ := s.read(header(taskA, call.Calling), noon, policy, done(callA))
		if got := rows.Units[0].Entries[0].Published.N; got != tt.want {
			t.Errorf("%s: got number %d, want %d", name, got, tt.want)
		}
	}
}

// TestHealing: a dead letter whose row is sound later becomes its event, once; whatever
// old answers show then, it stays one.
func TestHealing(t *testing.T) {
	noID, sound := call.NewReject(call.NoCallID, []byte(`{}`)), done("x")[0]
	noID.RowID, sound.ID = call.Some(int64(7)), call.Some(int64(7))
	broken := call.Reject{Reason: call.BrokenJSON, CallID: callA, Hash: 8 << 20}
	s := newShard(meta)
	task := header(taskA, call.Finished)
	at := func(h int) time.Time { return noon.Add(time.Duration(h) * time.Hour) }
	s.read(task, at(0), policy, done("first"), noID, broken)
	s.read(task, at(1), policy, nil, noID, broken)
	if got := s.Standing(taskA); got.DeadLetters != 2 {
		t.Fatalf("got %+v, want two dead letters", got)
	}
	for h := 24; s.Standing(taskA).Phase != Sealed && h < 30; h++ {
		s.read(task, at(h), policy, nil, noID, broken)
	}
	rows, _ := s.read(task, at(40), policy, append(done(callA), sound))
	wantRow := Published{At: at(40), As: Resolved, Row: sound.Hash, Letter: Letter{Reason: call.NoCallID, CallID: "x"}}
	if len(rows.Units) != 2 || rows.Units[0].Entries[0].Published.N != 2 || rows.Units[1].Entries[0].Published.N != 3 ||
		len(rows.Units[1].Entries) != 2 || rows.Units[1].Entries[1].Published != wantRow {
		t.Fatalf("got %+v", rows.Units)
	}
	for i, want := range []Resolution{
		{callA, callA, call.Some(int64(0)), call.BrokenJSON}, {"7", "x", call.Some(int64(7)), call.NoCallID},
	} {
		if got := rows.Units[i].Resolved; len(got) != 1 || got[0] != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	if got := s.Standing(taskA); got.Phase != Ended || got.DeadLetters != 0 || got.Events != 3 {
		t.Errorf("got %+v, want its seal to be no longer valid", got)
	}
	for range 2 {
		s.checkReplay(t)
		for range 3 { // old answers, and then a new one
			for range 2 {
				if rows, end := s.read(task, at(41), policy, nil, noID, broken); len(rows.Units) != 0 || dead(end) != 0 {
					t.Errorf("an event turned back: %+v %+v", rows.Units, end.Units)
				}
			}
			if rows, _ := s.read(task, at(41), policy, append(done(callA), sound)); len(rows.Units) != 0 {
				t.Errorf("again: %+v", rows.Units)
			}
		}
		s.restart(t)
	}
}

// TestResolvedByAnEventBefore: a dead letter without a CallID whose row shows a call that
// was published before, by another row, ends without a second event.
func TestResolvedByAnEventBefore(t *testing.T) {
	noID := call.Reject{Reason: call.NoCallID, RowID: call.Some(int64(7)), Hash: 7 << 20}
	first, other := done(callA), done(callA)
	other[0].ID, other[0].Hash = noID.RowID, 9<<20
	s, at := newShard(meta), noon
	read := func(rows []call.Row, rejects ...call.Reject) (all []Unit, unexported int64) {
		t.Helper()
		r := s.Begin(taskA, false)
		rows = slices.DeleteFunc(slices.Clone(rows), func(row call.Row) bool { return r.Verdict([]byte(row.CallID), row.Hash) != call.RowNew })
		rowsPlan := rowsOf(r, call.Part{Task: header(taskA, call.Finished), Started: at, Rows: rows})
		s.commit(rowsPlan.Units...)
		c := call.Reading{Task: header(taskA, call.Finished), Started: at, Counts: call.Counts{Rows: 2, Finished: 2}, Rejects: rejects}
		end := r.End(c, policy)
		s.commit(end.Units...)
		change := StatusChange{}
		unexported = r.counted(&change, c).Unexported
		r.Remember()
		s.checkReplay(t)
		at = at.Add(policy.Between)
		return append(rowsPlan.Units, end.Units...), unexported
	}
	for range 3 {
		if _, unexported := read(first, noID); unexported != 1 {
			t.Errorf("%d rows without an event, want one", unexported)
		}
	}
	if got := s.Standing(taskA); got.Events != 1 || got.DeadLetters != 1 {
		t.Fatalf("got %+v", got)
	}
	want := Resolution{"7", callA, noID.RowID, call.NoCallID}
	for i := range 3 {
		units, unexported := read(append(first, other...))
		if unexported != 0 {
			t.Errorf("reading %d: %d rows without an event, want none", i, unexported)
		}
		for _, u := range units {
			if u.Call != nil || len(u.Resolved) > 0 && (i > 0 || u.Resolved[0] != want) {
				t.Errorf("reading %d: got %+v", i, u)
			}
		}
		if got := s.Standing(taskA); got.Events != 1 || got.DeadLetters != 0 {
			t.Errorf("reading %d: got %+v", i, got)
		}
	}
}

// TestHealUnseals: after a single dead letter has become its event, the seal before does
// not hold, and the next tells of the event.
func TestHealUnseals(t *testing.T) {
	noID := call.Reject{Reason: call.NoCallID, RowID: call.Some(int64(7)), Hash: 7 << 20}
	broken := call.Reject{Reason: call.BrokenJSON, CallID: callA, Hash: 8 << 20}
	sound := done(callA)
	sound[0].ID = noID.RowID
	task := header(taskA, call.Finished)
	for _, reject := range []call.Reject{noID, broken} {
		s := newShard(meta)
		at := noon
		seal := func(rejects ...call.Reject) (last Plan) {
			t.Helper()
			for range 30 {
				if at = at.Add(6 * time.Hour); s.Standing(taskA).Phase != Sealed {
					_, last = s.read(task, at, policy, nil, rejects...)
				}
				s.checkReplay(t)
			}
			return last
		}
		s.read(task, at, policy, done(callB), reject)
		if got := changes(seal(reject)); len(got) != 1 || got[0].Seal == nil || got[0].Exported != 1 {
			t.Fatalf("%s: got %+v, want a seal beside a dead letter", reject.Reason, got)
		}
		s.read(task, at, policy, sound)
		if got := s.Standing(taskA); got.Phase != Ended || got.DeadLetters != 0 {
			t.Errorf("%s: got %+v, want no seal", reject.Reason, got)
		}
		s.restart(t)
		got := changes(seal())
		if len(got) != 1 || got[0].Seal == nil || got[0].Seal.Number != 2 || got[0].Exported != 2 || got[0].Seal.Digest != wantDigest(callA, callB) {
			t.Errorf("%s: got %+v, want another seal", reject.Reason, got)
		}
	}
}

func dead(p Plan) (n int) {
	for _, u := range p.Units {
		if u.Dead != nil {
			n++
		}
	}
	return n
}

// TestTooLargeAgain: the same bytes are tried again only where the topic takes more than
// it did, and a dead letter is published once.
func TestTooLargeAgain(t *testing.T) {
	s := newShard(meta)
	task := header(taskA, call.Finished)
	s.write(Entry{Kind: KindCall, TaskID: taskA, ID: callA, Published: Published{
		At: noon, As: DeadLetter, Row: 1 << 20, Letter: Letter{Reason: call.TooLarge, Limit: 1000},
	}})
	for _, tt := range []struct {
		limit int
		want  call.Verdict
	}{{0, call.RowKnown}, {1000, call.RowKnown}, {1001, call.RowNew}} {
		r := s.Begin(taskA, false)
		r.Limit(tt.limit)
		if got := r.Verdict([]byte(callA), 1<<20); got != tt.want {
			t.Errorf("limit %d: got verdict %d, want %d", tt.limit, got, tt.want)
		}
	}
	r := s.Begin(taskA, false)
	plan := r.Rows(call.Part{Task: task, Started: noon, Rows: done(callA)})
	r.GiveUp([]call.Reject{TooLarge(plan.Units[0], 2000).Dead.Reject})
	end := r.End(call.Reading{Task: task, Started: noon, Counts: call.Counts{Rows: 1, Finished: 1}}, policy)
	if want := (Published{At: noon, As: DeadLetter, Row: 1 << 20, Letter: Letter{Reason: call.TooLarge, Limit: 2000}}); dead(end) != 0 || end.Units[0].Entries[0].Published != want {
		t.Errorf("got %+v, want the entry with the new limit alone", end.Units)
	}
	if got := changes(end); len(got) != 1 || got[0].Unexported != 1 {
		t.Errorf("got %+v, want one row without an event", got)
	}
	s.commit(end.Units...)
	if r = s.Begin(taskA, false); s.Standing(taskA).DeadLetters != 1 {
		t.Errorf("got %+v", s.Standing(taskA))
	}
	if r.Limit(2000); r.Verdict([]byte(callA), 1<<20) != call.RowKnown {
		t.Error("tried again for the same limit")
	}
	s.checkReplay(t)
}

// TestSoundAndTooLarge: a damaged row that is sound later, with an event that is too
// large, stays the dead letter that it is; its entry has the bytes and the limit alone
// from now on.
func TestSoundAndTooLarge(t *testing.T) {
	s := newShard(meta)
	task := header(taskA, call.Finished)
	broken := call.Reject{Reason: call.BrokenJSON, CallID: callA, Hash: 8 << 20}
	s.read(task, noon, policy, nil, broken)
	s.read(task, noon, policy, nil, broken)
	for i, later := range []time.Time{noon.Add(time.Hour), noon.Add(2 * time.Hour)} {
		r := s.Begin(taskA, false)
		r.Limit(1000)
		units := 0
		if r.Verdict([]byte(callA), 1<<20) == call.RowNew {
			plan := r.Rows(call.Part{Task: task, Started: later, Rows: done(callA)})
			r.GiveUp([]call.Reject{TooLarge(plan.Units[0], 1000).Dead.Reject})
			end := r.End(call.Reading{Task: task, Started: later, Counts: call.Counts{Rows: 1, Finished: 1}}, policy)
			want := Entry{Kind: KindCall, TaskID: taskA, ID: callA, Published: Published{
				At: noon.Truncate(time.Millisecond), As: DeadLetter, Row: 1 << 20, Letter: Letter{Reason: call.BrokenJSON, Limit: 1000}}}
			if units = len(end.Units); dead(end) != 0 || end.Units[0].Entries[0] != want {
				t.Errorf("got %+v, want %+v", end.Units, want)
			}
			s.commit(end.Units...)
			r.Remember()
		}
		if (units > 0) != (i == 0) {
			t.Errorf("reading %d: %d units", i, units)
		}
		s.checkReplay(t)
		s.restart(t)
	}
	r := s.Begin(taskA, false)
	if r.Limit(1001); r.Verdict([]byte(callA), 1<<20) != call.RowNew {
		t.Error("not tried for a higher limit")
	}
}

// TestUnlinked: of rows without an id, a task has a bounded number of dead letters.
func TestUnlinked(t *testing.T) {
	s := newShard(meta)
	task := header(taskA, call.Finished)
	s.read(task, noon, policy, nil)
	var rejects []call.Reject
	for i := range maxUnlinked + 5 {
		reject := call.NewReject(call.BrokenJSON, fmt.Appendf(nil, "%d", i))
		reject.Hash = uint64(i+1) << 20
		rejects = append(rejects, reject)
	}
	r := s.Begin(taskA, false)
	for range 2 {
		r = s.Begin(taskA, false)
		s.commit(r.End(call.Reading{Task: task, Started: noon, Rejects: rejects}, policy).Units...)
		r.Remember()
	}
	if got := s.Standing(taskA); got.DeadLetters != maxUnlinked || r.Beyond() != 5 {
		t.Errorf("got %d dead letters and %d beyond", got.DeadLetters, r.Beyond())
	}
	s.checkReplay(t)
}

func wantHex(b []byte) string {
	const digits = "0123456789abcdef"
	var s string
	for _, c := range b {
		s += string(digits[c>>4]) + string(digits[c&15])
	}
	return s
}

// TestRejectsMakeRoom: a source asks of a row without a CallID, too, whether it
// is known, so that a task of many of them is read to its end sometime.
func TestRejectsMakeRoom(t *testing.T) {
	s := newShard(meta)
	reject := call.Reject{Reason: call.NoCallID, RowID: call.Some(int64(5)), Hash: 7 << 20}
	known := func(hash uint64) bool { return s.Begin(taskA, false).Verdict(nil, hash) == call.RowKnown }
	if known(7 << 20) {
		t.Error("known before it was published")
	}
	for range 3 {
		if s.read(header(taskA, call.Calling), noon, policy, nil, reject); known(7 << 20) {
			t.Error("known while it may still get a CallID")
		}
	}
	later := noon.Add(policy.Between)
	s.read(header(taskA, call.Finished), noon, policy, nil, reject)
	s.read(header(taskA, call.Finished), later, policy, nil, reject)
	if !known(7<<20) || known(8<<20) || known(0) {
		t.Errorf("got known %v, another hash %v, none %v; want true, false, false", known(7<<20), known(8<<20), known(0))
	}
	changed := reject
	changed.Hash = 8 << 20
	s.read(header(taskA, call.Finished), later, policy, nil, changed)
	if _, end := s.read(header(taskA, call.Finished), later, policy, nil, changed); len(end.Units) != 0 {
		t.Errorf("a changed row is a dead letter again: %+v", end.Units)
	}
	if !known(8 << 20) {
		t.Error("the row's new bytes are not known")
	}
	s.restart(t)
	if !known(7 << 20) {
		t.Error("not known after a replay")
	}
}

func TestTooLarge(t *testing.T) {
	s := newShard(meta)
	s.read(header(taskA, call.Finished), noon, policy, nil)
	row := done(callA)[0]
	row.Raw = []byte(strings.Repeat("x", call.MaxRaw+1))
	plan := s.Begin(taskA, false).Rows(call.Part{Task: header(taskA, call.Finished), Started: noon, Rows: []call.Row{row}})

	u := TooLarge(plan.Units[0], 1_000_000)
	want := Entry{Kind: KindCall, TaskID: taskA, ID: callA, Published: Published{
		At: noon, As: DeadLetter, Row: row.Hash, Letter: Letter{Reason: call.TooLarge, Limit: 1_000_000},
	}}
	if len(u.Entries) != 1 || u.Entries[0] != want || u.Call != nil || u.Changes != nil {
		t.Errorf("got %+v, want entry %+v", u, want)
	}
	if plan.Units[0].Entries[0].Published.As != Event {
		t.Error("the unit that was given has changed")
	}
	d := u.Dead
	if d.Reason != call.TooLarge || d.CallID != callA || d.RowID != row.ID || d.Hash != row.Hash || d.RowKey != "" {
		t.Errorf("got %+v", d)
	}
	if d.RawSize != call.MaxRaw+1 || len(d.Raw) != call.MaxRaw || d.RawSHA256 != sha256.Sum256(row.Raw) {
		t.Errorf("got %d of %d bytes, sum %x", len(d.Raw), d.RawSize, d.RawSHA256)
	}
	if want := "the event is larger than a record of the topic may be (1000000 bytes)"; d.Detail != want {
		t.Errorf("got detail %q, want %q", d.Detail, want)
	}
	s.commit(u)
	if r := s.Begin(taskA, false); r.Verdict([]byte(callA), row.Hash) != call.RowKnown {
		t.Error("what was too large is decoded again")
	}
	if got := s.Standing(taskA); got.Events != 0 || got.DeadLetters != 1 {
		t.Errorf("got %+v, want one dead letter", got)
	}
	s.checkReplay(t)
}

// TestLastEntryWins: the order of the log decides, as it does for the cleaner.
func TestLastEntryWins(t *testing.T) {
	s := newShard(meta)
	values := []Published{
		{At: noon, As: Event, Row: 4}, {At: noon, As: DeadLetter, Row: 8}, {At: noon, As: Event, Row: 12},
	}
	for range 2 {
		for _, p := range values {
			s.write(Entry{Kind: KindCall, TaskID: taskA, ID: callA, Published: p})
			s.write(Entry{Kind: KindRow, TaskID: taskA, ID: "1", Published: Published{At: noon, As: DeadLetter, Row: p.Row}})
			s.write(Entry{Kind: KindTask, TaskID: taskA, State: State{Status: call.Calling, Sequence: int64(p.Row)}})
			s.checkReplay(t)
			whole := dump(s.Ledger)
			s.compact(len(s.log), false)
			if got := dump(s.replayed(t)); got != whole {
				t.Fatalf("compacted\n%s\nwhole\n%s", got, whole)
			}
		}
	}
	for _, kind := range []Kind{KindCall, KindRow, KindTask} {
		e := Entry{Kind: kind, TaskID: taskA, Tombstone: true}
		if kind != KindTask {
			e.ID = map[Kind]string{KindCall: callA, KindRow: "1"}[kind]
		}
		s.write(e)
		s.write(e)
		s.checkReplay(t)
	}
	s.write(Entry{Kind: KindProducer, Writer: Writer{Host: "h", Role: "tool"}})
	s.checkReplay(t)
	if got := s.writer; got.Role != "tool" {
		t.Errorf("got writer %+v", got)
	}
	s.write(Entry{Kind: KindMeta, Tombstone: true})
	s.checkReplay(t)
	if entries, _ := s.Size(); entries != 1 {
		t.Errorf("got %d entries, want the producer's alone", entries)
	}
}

// TestTombstonesOfNothing leave no trace: a replay of a compacted log may begin
// with them.
func TestTombstonesOfNothing(t *testing.T) {
	l := New()
	for _, key := range []string{"call/t/c", "row/t/1", "task/t"} {
		if err := l.Replay([]byte(key), nil); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := dump(l), dump(New()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestChangedRowsAreBounded: a vendor that adds a field changes every row. What
// one reading cannot remember, the next ones do, and each change counts once.
func TestChangedRowsAreBounded(t *testing.T) {
	s := newShard(meta)
	const calls = maxChanged + 3
	for i := range calls {
		s.Apply(Entry{Kind: KindCall, TaskID: taskA, ID: strconv.Itoa(i), Published: Published{At: noon, As: Event, Row: 1 << 20}})
	}
	for i, want := range []int{maxChanged, 3, 0} {
		r := s.Begin(taskA, false)
		for id := range calls {
			r.Verdict(strconv.AppendInt(nil, int64(id), 10), 2<<20)
		}
		if got := r.Remember(); got != want {
			t.Errorf("reading %d: got %d late changes, want %d", i, got, want)
		}
	}
}

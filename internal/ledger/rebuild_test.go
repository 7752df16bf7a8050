package ledger

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/call"
)

// Facts of one task, seconds after began.

func published(as As, callID string, second int) Fact {
	return Fact{TaskID: "t1", ObservedAt: began.Add(time.Duration(second) * time.Second), As: as, CallID: callID}
}

func letter(row string, second int) Fact {
	return Fact{TaskID: "t1", ObservedAt: began.Add(time.Duration(second) * time.Second), As: DeadLetter, RowKey: row}
}

func changed(sequence int64, status string, second int, finished int64) Fact {
	return Fact{TaskID: "t1", ObservedAt: began.Add(time.Duration(second) * time.Second),
		Change: StatusChange{Sequence: sequence, Status: status, Counts: call.Counts{Rows: 10, Finished: finished}}}
}

func sealing(sequence int64, second int, number int64, dead int64, callIDs ...string) Fact {
	f := changed(sequence, call.Finished, second, int64(len(callIDs)))
	sealed := &task{calls: map[callKey]mark{}, texts: map[callKey]string{}}
	for _, id := range callIDs {
		k, _ := keyOf(id)
		sealed.calls[k], sealed.texts[k] = 0, id
	}
	f.Change.Seal = &Seal{Number: number, Exported: int64(len(callIDs)), DeadLettered: dead, Digest: digest(sealed)}
	return f
}

var began = time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC)

func TestRebuild(t *testing.T) {
	const day = 24 * 3600
	whole := []Fact{changed(1, call.Calling, 0, 0), published(Event, "c1", 0), published(Event, "c2", 5), letter("7", 10),
		changed(2, call.Finished, 10, 2), published(Event, "c3", 20), sealing(3, 30, 1, 1, "c1", "c2", "c3")}
	later := func(second int) time.Time { return began.Add(time.Duration(second) * time.Second) }
	for _, tt := range []struct {
		name  string
		kept  []Entry
		facts []Fact
		reach Reach
		now   int // seconds
		phase Phase
		want  []string // keys and values, in order; one more line each for Doubt and Cut
	}{
		{name: "sealed", facts: whole, now: day, phase: Sealed, want: []string{
			`task/t1 {"status":"finished","sequence":3,"first_terminal":"2026-11-01T06:00:10Z","terminal_since":"2026-11-01T06:00:10Z","seal":1,"sealed_at":"2026-11-01T06:00:30Z","sealed_entries":4}`,
			`call/t1/c1 {"at":"2026-11-01T06:00:00.000Z","as":"event","row":"0000000000000000"}`,
			`call/t1/c2 {"at":"2026-11-01T06:00:05.000Z","as":"event","row":"0000000000000000"}`,
			`call/t1/c3 {"at":"2026-11-01T06:00:20.000Z","as":"event","late":true,"row":"0000000000000000"}`,
			`row/t1/7 {"at":"2026-11-01T06:00:10.000Z","as":"dead_letter","row":"0000000000000000"}`}},
		{name: "closed", facts: whole, now: 31 * day, phase: Closed, want: []string{
			`task/t1 {"status":"finished","sequence":3,"first_terminal":"2026-11-01T06:00:10Z","terminal_since":"2026-11-01T06:00:10Z","seal":1,"sealed_at":"2026-11-01T06:00:30Z","sealed_entries":4,"closed_at":"2026-12-01T06:00:30Z"}`}},
		{name: "a seal that does not tell all", facts: append(slices.Clone(whole), published(Event, "c4", 40)), now: 31 * day, phase: Ended, want: []string{
			"task/t1", "call/t1/c1", "call/t1/c2", "call/t1/c3", "call/t1/c4", "row/t1/7"}},
		{name: "a seal whose calls are gone", facts: whole[3:], reach: Reach{Events: later(15)}, now: day, phase: Closed, want: []string{
			"task/t1", "cut: its seal counts 4 calls and dead letters, of which 2 are left"}},
		{name: "a seal with as many other calls", facts: append(slices.Clone(whole[2:]), published(Event, "c9", 3)), now: day, phase: Closed, want: []string{
			"task/t1", "cut: its seal counts 4 calls and dead letters, of which 4 are left"}},
		{name: "a seal that is whole, older than the topics", facts: whole, reach: Reach{Changes: later(15)}, now: day, phase: Sealed,
			want: []string{"task/t1", "call/t1/c1", "call/t1/c2", "call/t1/c3", "row/t1/7"}},
		{name: "called again after the seal", facts: append(slices.Clone(whole), changed(4, call.Calling, 50, 3)), now: 31 * day, phase: Open, want: []string{
			`task/t1 {"status":"calling","sequence":4,"first_terminal":"2026-11-01T06:00:10Z","seal":1}`, "call/t1/c1", "call/t1/c2", "call/t1/c3", "row/t1/7"}},
		{name: "in another order, and twice", facts: slices.Concat(whole, whole)[5:12], now: day, phase: Sealed,
			want: []string{"task/t1", "call/t1/c1", "call/t1/c2", "call/t1/c3", "row/t1/7"}},
		{name: "open", facts: whole[:3], now: day, phase: Open, want: []string{`task/t1 {"status":"calling","sequence":1}`, "call/t1/c1", "call/t1/c2"}},
		{name: "no status yet", facts: whole[1:2], now: day, phase: Open, want: []string{"call/t1/c1"}},
		{name: "no status left", facts: whole[1:2], reach: Reach{Changes: later(-1)}, now: day, phase: Open,
			want: []string{"call/t1/c1", "doubt: no change of its status is left"}},
		{name: "its first changes are gone", facts: whole[1:5], now: day, phase: Ended, want: []string{
			`task/t1 {"status":"finished","sequence":2,"first_terminal":"2026-11-01T06:00:10Z","terminal_since":"2026-11-01T06:00:10Z"}`,
			"call/t1/c1", "call/t1/c2", "row/t1/7", "doubt: the changes of its status begin with number 2"}},
		{name: "older than the topics", facts: whole[:3], reach: Reach{Events: later(1), DeadLetters: later(2)}, now: day, phase: Open, want: []string{
			"task/t1", "call/t1/c1", "call/t1/c2",
			"doubt: first read at 2026-11-01T06:00:00Z, before its events are still there; first read at 2026-11-01T06:00:00Z, before its dead letters are still there"}},
		{name: "fewer than its rows", facts: []Fact{whole[0], whole[1], whole[4]}, now: day, phase: Ended, want: []string{
			"task/t1", "call/t1/c1", "doubt: at least 2 calls and dead letters were published, of which 1 are left"}},
		{name: "half of it was written before", kept: []Entry{
			{Kind: KindCall, TaskID: "t1", ID: "c1", Published: Published{At: later(1), As: Event}},
			{Kind: KindRow, TaskID: "t1", ID: "7", Published: Published{At: later(10), As: DeadLetter}},
			{Kind: KindTask, TaskID: "t1", State: State{Status: call.Calling, Sequence: 1}},
		}, facts: whole, now: day, phase: Sealed, want: []string{"task/t1", "call/t1/c2", "call/t1/c3"}},
		{name: "closed by the lost ledger", kept: []Entry{{Kind: KindTask, TaskID: "t1", State: State{Status: call.Finished, Sequence: 3, SealedAt: later(30), ClosedAt: later(40)}}},
			facts: whole, now: day, phase: Closed},
		{name: "before the export", kept: []Entry{{Kind: KindTask, TaskID: "t1", State: State{BeforeExportSince: true, ScheduleEnd: later(-day)}}},
			now: day, phase: BeforeExportSince},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := NewRebuild()
			for _, e := range tt.kept {
				r.Keep(e)
			}
			for _, f := range tt.facts {
				r.Add(f)
			}
			tasks := r.Rebuilt(tt.reach, Policy{Retention: 30 * day * time.Second}, later(tt.now))
			if len(tasks) != 1 || tasks[0].Phase != tt.phase {
				t.Fatalf("got %+v, want one task that is %s", tasks, tt.phase)
			}
			compareLines(t, lines(tasks[0]), tt.want)
		})
	}
}

// lines are a task's entries as the topic will have them, its doubt and its cut.
func lines(task RebuiltTask) (got []string) {
	for e := range task.Entries() {
		got = append(got, string(e.AppendKey(nil))+" "+string(e.AppendValue(nil)))
	}
	if task.Doubt != "" {
		got = append(got, "doubt: "+task.Doubt)
	}
	if task.Cut != "" {
		got = append(got, "cut: "+task.Cut)
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
	r := NewRebuild()
	for _, f := range []Fact{published(DeadLetter, "c1", 0), published(Event, "c2", 9), published(Event, "c1", 3), published(Event, "c2", 4), letter("7", 1), letter("7", 0)} {
		r.Add(f)
	}
	if got := len(r.Twice()); got != 3 {
		t.Errorf("published twice: got %d, want 3", got)
	}
	compareLines(t, lines(r.Rebuilt(Reach{}, Policy{}, began)[0]), []string{
		`call/t1/c1 {"at":"2026-11-01T06:00:03.000Z","as":"event","row":"0000000000000000"}`,
		`call/t1/c2 {"at":"2026-11-01T06:00:04.000Z","as":"event","row":"0000000000000000"}`,
		`row/t1/7 {"at":"2026-11-01T06:00:00.000Z","as":"dead_letter","row":"0000000000000000"}`})
}

func TestRebuildExportSince(t *testing.T) {
	at := func(hours int) time.Time { return began.Add(time.Duration(hours) * time.Hour) }
	for _, tt := range []struct {
		name       string
		reach      Reach
		configured time.Time
		want       time.Time
	}{
		{"all is known", Reach{}, time.Time{}, at(-168)},
		{"all is known, configured", Reach{}, at(-1000), at(-1000)},
		{"the last topic's reach", Reach{Events: at(3), DeadLetters: at(5), Changes: at(4)}, time.Time{}, at(5)},
		{"configured later", Reach{Events: at(3)}, at(9), at(9)},
		{"configured earlier", Reach{Events: at(3)}, at(-9), at(3)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := NewRebuild()
			r.Add(published(Event, "c2", 7200))
			r.Add(published(Event, "c1", 0))
			if got := r.ExportSince(tt.reach, tt.configured, 168*time.Hour); !got.Equal(tt.want) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestLowered(t *testing.T) {
	since, reach := began, began.Add(-time.Hour)
	for _, tt := range []struct {
		name        string
		asked, want time.Time
	}{
		{"nothing", time.Time{}, since},
		{"later", since.Add(time.Hour), since},
		{"earlier", since.Add(-time.Minute), since.Add(-time.Minute)},
		{"before all that is known", reach.Add(-time.Hour), reach},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := (Meta{ExportSince: since, Reach: reach}).Lowered(tt.asked); !got.Equal(tt.want) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// TestRebuiltShard has a shard restored from what a rebuild writes: it
// knows what was published, and counts no late changes.
func TestRebuiltShard(t *testing.T) {
	r := NewRebuild()
	l := New()
	l.Apply(Entry{Kind: KindMeta, Meta: meta})
	for _, f := range []Fact{changed(1, call.Calling, 0, 0), published(Event, "c1", 0), changed(2, call.Finished, 5, 1), published(Event, "c2", 6), letter("3", 7)} {
		r.Add(f)
	}
	for _, task := range r.Rebuilt(Reach{}, Policy{}, began) {
		for e := range task.Entries() {
			l.Apply(e)
		}
	}
	reading := l.Begin("t1", false)
	if !knows(reading, "c1", 5) || !knows(reading, "c2", 5) || knows(reading, "c3", 5) {
		t.Error("the rebuilt shard does not know the calls that were published, or knows others")
	}
	if n := reading.Remember(); n != 0 {
		t.Errorf("%d late changes, though no row's bytes are known", n)
	}
	got := l.Standing("t1")
	if got.Events != 2 || got.DeadLetters != 1 || got.Phase != Ended || got.State.Sequence != 2 {
		t.Errorf("got %+v", got)
	}
	if keys := slices.Sorted(maps.Keys(l.tasks["t1"].rows)); !slices.Equal(keys, []string{"3"}) {
		t.Errorf("got rows %v", keys)
	}
}

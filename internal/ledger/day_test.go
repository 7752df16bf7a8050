package ledger

import (
	"maps"
	"slices"
	"testing"
	"time"
)

// TestDay counts each event of the time asked for once, however often its entry comes.
func TestDay(t *testing.T) {
	since := time.Date(2026, 3, 14, 3, 0, 0, 0, time.UTC)
	l := New()
	if l.Day().Events != nil {
		t.Error("a ledger that was not asked counts")
	}
	l.WatchDay(since)
	entry := func(id string, after time.Duration, as As) {
		e := Entry{Kind: KindCall, TaskID: "t", ID: id, Published: Published{At: since.Add(after), As: as, N: 1, Row: 2}}
		if err := l.Replay(e.AppendKey(nil), e.AppendValue(nil)); err != nil {
			t.Fatal(err)
		}
	}
	entry("old", -time.Millisecond, Event)
	entry("a", 0, Event)
	entry("b", 59*time.Second, Event)
	entry("b", 5*time.Minute, Event) // again, of a revision
	entry("c", 2*time.Minute, Event)
	entry("d", 2*time.Minute, DeadLetter)
	writer := func(instance string, after time.Duration) {
		e := Entry{Kind: KindProducer, Writer: Writer{Host: "h", Instance: instance, Started: since.Add(after)}}
		if err := l.Replay(e.AppendKey(nil), e.AppendValue(nil)); err != nil {
			t.Fatal(err)
		}
	}
	writer("before", -time.Second)
	writer("one", time.Second)
	writer("two", time.Minute)
	writer("one", time.Second) // it has fenced two
	first := since.Unix() / 60
	day := l.Day()
	if want := map[int64]int{first: 2, first + 2: 1}; !maps.Equal(day.Events, want) {
		t.Errorf("got %v, want %v", day.Events, want)
	}
	if got, want := slices.Sorted(maps.Keys(day.Starts)), []string{"one", "two"}; !slices.Equal(got, want) {
		t.Errorf("the processes %q began, want %q", got, want)
	}
	entry("e", 0, Event)
	if got := l.Day().Events; got != nil {
		t.Errorf("after it was asked it counts %v", got)
	}
}

package ledger

import (
	"maps"
	"testing"
	"time"
)

// TestMinutes counts each event of the time asked for once, however often its entry comes.
func TestMinutes(t *testing.T) {
	since := time.Date(2026, 3, 14, 3, 0, 0, 0, time.UTC)
	l := New()
	if l.Minutes() != nil {
		t.Error("a ledger that was not asked counts")
	}
	l.CountMinutes(since)
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
	first := since.Unix() / 60
	if got, want := l.Minutes(), map[int64]int{first: 2, first + 2: 1}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	entry("e", 0, Event)
	if got := l.Minutes(); got != nil {
		t.Errorf("after it was asked it counts %v", got)
	}
}

package exporter

import (
	"fmt"
	"testing"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// Where more is due than can be read, tasks about to finish have every second
// turn, and no lane waits for ever.
func TestTurns(t *testing.T) {
	p := newPlanner(t)
	add := func(kind, status string, n int, open int64) {
		for i := range n {
			id := fmt.Sprint(kind, i)
			p.list(id, "", 1)
			p.wantDue(id)
			p.read(id, status, 100, open)
			p.now = p.now.Add(time.Millisecond)
		}
	}
	add("resting", call.Paused, 4, 100)
	add("placing", call.Calling, 4, 50)
	add("ending", call.Calling, 4, 5)
	p.turn = 0
	p.now = p.now.Add(time.Minute)
	kinds := map[byte]int{}
	for i, id := range p.due() {
		if kinds[id[0]]++; i == 7 && (kinds['e'] != 4 || kinds['p'] != 2 || kinds['r'] != 2) {
			t.Errorf("after eight turns %v were read, want 4 that end and 2 of each other kind", kinds)
		}
	}
	if kinds['e'] != 4 || kinds['p'] != 4 || kinds['r'] != 4 {
		t.Errorf("%v were read, want 4 of each kind", kinds)
	}
}

func TestRank(t *testing.T) {
	for _, tt := range []struct {
		status     string
		rows, open int64
		want       rank
	}{
		{call.Calling, 100, 6, placing},
		{call.Calling, 100, 5, ending},
		{call.Calling, 3, 0, ending},
		{call.Calling, 0, 0, placing}, // nothing is known of its rows
		{call.Paused, 100, 1, resting},
		{call.Finished, 100, 1, resting},
		{"", 0, 0, resting},
	} {
		if got := rankOf(tt.status, call.Counts{Rows: tt.rows, Finished: tt.rows - tt.open}); got != tt.want {
			t.Errorf("%q with %d of %d rows open: got %d, want %d", tt.status, tt.open, tt.rows, got, tt.want)
		}
	}
}

// Times that the ledger keeps have no monotonic reading. In the lanes all have,
// so that a clock that is set disorders nothing.
func TestLanesAreMonotonic(t *testing.T) {
	p := newPlanner(t)
	sealed := ledger.Standing{TaskID: "a", Phase: ledger.Sealed, State: ledger.State{SealedAt: p.now.Round(0)}}
	p.known(sealed, p.now)
	if due := p.jobs["a"].due; due == due.Round(0) {
		t.Error("the due time has no monotonic reading")
	}
	if _, ok := p.next(p.now, false); ok {
		t.Error("a task is next although none is due")
	}
}

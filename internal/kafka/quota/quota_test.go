package quota

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var errSilence = errors.New("no answer")

func TestThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q Throttle
		q.Note(0)
		q.Note(-1)
		if asked, until := q.Last(); asked != 0 || !until.IsZero() || q.Muted() || q.Explain(errSilence) != "" {
			t.Errorf("asked %v until %v of a broker that asks nothing", asked, until)
		}
		q.Note(100)
		if q.Muted() || q.Explain(errSilence) != "" {
			t.Error("a tenth of a second is worth a connection, or a word")
		}
		began := time.Now()
		q.Note(12_000)
		if asked, until := q.Last(); asked != 12*time.Second || !until.Equal(began.Add(asked)) || !q.Muted() {
			t.Errorf("asked %v until %v", asked, until)
		}
		q.Note(1000) // by another broker
		if _, until := q.Last(); !until.Equal(began.Add(12 * time.Second)) {
			t.Errorf("a shorter throttle ends a longer one: until %v", until)
		}
		if got := q.Explain(errSilence); !strings.Contains(got, "(throttle_time_ms 1000)") || !strings.Contains(got, "producer_byte_rate") {
			t.Errorf("a silence is explained by %q", got)
		}
		time.Sleep(12 * time.Second)
		if q.Muted() {
			t.Error("muted after the time")
		}
		time.Sleep(time.Minute)
		if got := q.Explain(errSilence); got != "" {
			t.Errorf("a silence long after it is explained by %q", got)
		}
		q.Note(1<<31 - 1)
		if asked, _ := q.Last(); asked != longest {
			t.Errorf("three weeks are waited out: %v", asked)
		}
	})
}

// A doubt that followed a throttle halves the next transaction, again and again;
// each success doubles it. Any other doubt changes nothing.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q Throttle
		want := func(room int) {
			t.Helper()
			if got := q.Room(); got != room {
				t.Errorf("room for %d bytes, want %d", got, room)
			}
		}
		q.Ended(errSilence, 1000)
		q.Ended(nil, 1000)
		want(0)
		q.Note(5000)
		q.Ended(nil, 1000)
		want(0)
		for size, room := range map[int]int{1000: 500, 500: 250, 1: 1} {
			q.Ended(errSilence, size)
			want(room)
		}
		q.Ended(errSilence, 100_000)
		want(50_000)
		q.Ended(nil, 50_000)
		want(100_000)
		for range 20 {
			q.Ended(nil, 1)
		}
		want(0)
		time.Sleep(2 * time.Minute)
		q.Ended(errSilence, 1000)
		want(0)
	})
}

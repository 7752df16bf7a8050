package progress

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"
)

func TestElsewhereOneLineEveryTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		work := Out{To: &out}.Start("replay", "calls", 5_000_000)
		time.Sleep(time.Second / 2) // never at the moment of a line
		for range 25 {
			work.Add(100_000)
			time.Sleep(time.Second)
		}
		work.Done()
		want := "replay: 1,000,000 of 5,000,000 calls, 100,000/s, 40s left\n" +
			"replay: 2,000,000 of 5,000,000 calls, 100,000/s, 30s left\n"
		if got := out.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestTerminalKeepsOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		work := Out{To: &out, Terminal: true}.Start("audit", "calls", 0)
		work.Add(200)
		time.Sleep(450 * time.Millisecond)
		work.Done()
		want := clear + "audit: 200 calls, 1,000/s" + clear + "audit: 200 calls, 500/s" + clear
		if got := out.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestShortWorkShowsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, terminal := range []bool{false, true} {
			var out bytes.Buffer
			work := Out{To: &out, Terminal: terminal}.Start("replay", "calls", 1)
			work.Add(1)
			time.Sleep(100 * time.Millisecond)
			work.Done()
			if out.Len() > 0 {
				t.Errorf("terminal %v: got %q, want nothing", terminal, &out)
			}
		}
		Out{}.Start("replay", "calls", 1).Done()
	})
}

func TestLine(t *testing.T) {
	for _, test := range []struct {
		done  int
		total int64
		want  string
	}{
		{0, 10, "replay: 0 of 10 calls, 0/s"},
		{10, 10, "replay: 10 of 10 calls, 5/s"},
		{12, 10, "replay: 12 of 10 calls, 6/s"}, // there were more than was thought
		{4, 0, "replay: 4 calls, 2/s"},
	} {
		w := Work{what: "replay", unit: "calls", total: test.total}
		w.Add(test.done)
		if got := w.line(2 * time.Second); got != test.want {
			t.Errorf("%d of %d: got %q, want %q", test.done, test.total, got, test.want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -123: "-123", -1234: "-1,234"} {
		if got := Count(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

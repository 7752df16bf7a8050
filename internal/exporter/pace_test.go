package exporter

import (
	"testing"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

func TestPace(t *testing.T) {
	const s, m, h = time.Second, time.Minute, time.Hour
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) time.Time { return began.Add(d) }
	ended := func(since time.Duration) ledger.State {
		return ledger.State{Status: call.Finished, TerminalSince: at(-since)}
	}
	for _, tt := range []struct {
		name      string
		phase     ledger.Phase
		state     ledger.State
		task      call.Task
		published int
		waits     bool
		last      time.Duration
		afterEnd  time.Duration // 0: an hour
		interval  time.Duration
		due       time.Duration // 0: the interval, shortened by up to a tenth; below never: this, likewise; never: no due time
	}{
		{name: "first reading", phase: ledger.Open, interval: 5 * s},
		{name: "calls finish", phase: ledger.Open, published: 3, last: 4 * m, interval: 5 * s},
		{name: "nothing changes", phase: ledger.Open, last: 10 * s, interval: 15 * s},
		{name: "nothing changes for long", phase: ledger.Open, last: 4 * m, interval: 5 * m},
		{name: "no status at all", phase: ledger.Unknown, last: 4 * m, interval: 5 * m},
		{name: "paused", phase: ledger.Open, task: call.Task{Status: call.Some(call.Paused)}, last: 8 * s, interval: 12 * s},
		{name: "created", phase: ledger.Open, task: call.Task{Status: call.Some(call.Created)}, interval: 5 * m},
		{name: "pending, begins soon", phase: ledger.Open,
			task: call.Task{Status: call.Some(call.Pending), ScheduleStart: at(40 * s)}, interval: 40 * s},
		{name: "pending, begins at once", phase: ledger.Open,
			task: call.Task{Status: call.Some(call.Pending), ScheduleStart: at(s)}, interval: 5 * s},
		{name: "pending, should have begun", phase: ledger.Open,
			task: call.Task{Status: call.Some(call.Pending), ScheduleStart: at(-s)}, interval: 5 * m},
		{name: "pending, and yet calls finish", phase: ledger.Open, published: 1,
			task: call.Task{Status: call.Some(call.Pending)}, interval: 5 * s},
		{name: "just ended", phase: ledger.Ended, state: ended(0), interval: 5 * s},
		{name: "ended, checked again", phase: ledger.Ended, state: ended(m), last: 40 * s, interval: 80 * s},
		{name: "ended, late rows", phase: ledger.Ended, state: ended(m), last: 4 * m, published: 1, interval: 5 * s},
		{name: "ended, at most PollMax apart", phase: ledger.Ended, state: ended(20 * m), last: 5 * m, interval: 5 * m},
		{name: "ended, at most an hour apart in a day", phase: ledger.Ended, state: ended(20 * m), last: 50 * m, afterEnd: 24 * h, interval: h},
		{name: "ended, the seal is near", phase: ledger.Ended, state: ended(58 * m), last: 5 * m, interval: 5 * m, due: 2 * m},
		{name: "ended, the schedule seals earlier", phase: ledger.Ended, state: ended(10 * m), last: 5 * m,
			task: call.Task{ScheduleEnd: at(-59 * m)}, interval: 5 * m, due: m},
		{name: "ended, the schedule ends later", phase: ledger.Ended, state: ended(58 * m), last: 5 * m,
			task: call.Task{ScheduleEnd: at(h)}, interval: 5 * m, due: 2 * m},
		{name: "ended, the seal is overdue", phase: ledger.Ended, state: ended(2 * h), last: 5 * s, interval: 10 * s},
		{name: "ended, a row may still get its CallID", phase: ledger.Ended, state: ended(m), last: 4 * m, waits: true, interval: 5 * m, due: 4 * m},
		{name: "ended, and it did not", phase: ledger.Ended, state: ended(6 * m), last: 40 * m, waits: true, afterEnd: 24 * h, interval: h, due: -5 * m},
		{name: "sealed, a late row waits", phase: ledger.Sealed, state: ledger.State{SealedAt: began, TerminalSince: at(-h)}, waits: true, due: -5 * m},
		{name: "sealed", phase: ledger.Sealed, state: ledger.State{SealedAt: began}, last: m, due: 720 * h},
		{name: "sealed, the closing is overdue", phase: ledger.Sealed, state: ledger.State{SealedAt: at(-721 * h)}, due: 5 * m},
		{name: "closed", phase: ledger.Closed, last: m, due: never},
		{name: "passed over", phase: ledger.BeforeExportSince, last: m, due: never},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := testConfig()
			if tt.afterEnd > 0 {
				cfg.Policy.AfterEnd = tt.afterEnd
			}
			d := outcome{began: began, seen: observation{
				task: tt.task, published: tt.published, waits: tt.waits, standing: ledger.Standing{Phase: tt.phase, State: tt.state},
			}}
			interval, due := cfg.pace(d, tt.last)
			if interval != tt.interval {
				t.Errorf("interval %s, want %s", interval, tt.interval)
			}
			atMost := tt.interval
			if tt.due < never {
				atMost = -tt.due
			}
			switch got := due.Sub(began); {
			case tt.due == never:
				if !due.IsZero() {
					t.Errorf("due in %s, want never", got)
				}
			case tt.due > 0:
				if got != tt.due {
					t.Errorf("due in %s, want %s", got, tt.due)
				}
			case got > atMost || got < atMost*9/10:
				t.Errorf("due in %s, want %s or up to a tenth less", got, atMost)
			}
		})
	}
}

const never time.Duration = -1

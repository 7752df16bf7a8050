package exporter

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// Between two runs the clock is set by years, ahead or back, or a setting
// changes: no call of an open, sealed or closed task is published again, and a
// closed task is not even read.
func TestClockIsSet(t *testing.T) {
	const years = 10 * 365 * 24 * time.Hour
	retention := func(d time.Duration) func(*Config) { return func(c *Config) { c.Policy.Retention = d } }
	since := func(at time.Time) func(*Config) { return func(c *Config) { c.ExportSince = at } }
	bubble := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // when time begins here
	for _, lasted := range []time.Duration{20 * time.Minute, 90 * time.Minute, 5 * time.Hour} {
		for name, tt := range map[string]struct {
			set    time.Duration // the clock, between the runs
			change func(*Config) // nil: as before
		}{
			"ahead":                           {years, nil},
			"back":                            {-years, nil},
			"ahead, and a longer retention":   {years, retention(2 * years)},
			"back, and a shorter retention":   {-years, retention(time.Second)},
			"back, and an earlier export":     {-years, since(bubble.Add(-3 * years))},
			"ahead, and a later export":       {years, since(bubble.Add(years))},
			"as it was, and a later export":   {0, since(bubble.Add(years))},
			"as it was, a shorter retention":  {0, retention(time.Second)},
			"as it was, and an older backlog": {0, since(bubble.Add(-years))},
		} {
			t.Run(fmt.Sprintf("%s after %s", name, lasted), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					source, kafka := newFakeSource(t), newFakeKafka()
					w := start(t, quick(), source, kafka)
					source.set("a", call.Calling, 6, 9)
					time.Sleep(10 * time.Minute)
					source.set("a", call.Finished, 15, 0)
					time.Sleep(lasted - 10*time.Minute)
					before := w.task("a").Phase
					if want := map[time.Duration]ledger.Phase{90 * time.Minute: ledger.Sealed, 5 * time.Hour: ledger.Closed}[lasted]; want != "" && before != want {
						t.Fatalf("the task is %s, want %s", before, want)
					}
					w.stop()
					kafka.shift(t, -tt.set)
					cfg := quick()
					if tt.change != nil {
						tt.change(&cfg)
					}
					reads := source.count("a")
					w = start(t, cfg, source, kafka)
					time.Sleep(30 * time.Minute)
					source.change(func() { source.tasks["a"].print++ })
					time.Sleep(48 * time.Hour)
					if more := source.count("a") - reads; before == ledger.Closed && more > 0 {
						t.Errorf("the closed task was read %d times", more)
					}
					w.stop()
					once(t, kafka, 15, "call/a/")
				})
			})
		}
	}
}

// shift moves every time in the ledger, as if it had been written by another
// clock.
func (k *fakeKafka) shift(t *testing.T, by time.Duration) {
	t.Helper()
	move := func(at *time.Time) {
		if !at.IsZero() {
			*at = at.Add(by)
		}
	}
	k.Edit(0, func(entries []batch.Record) []batch.Record {
		for i, r := range entries {
			e, err := ledger.ParseEntry(r.Key, r.Value)
			if err != nil {
				t.Fatal(err)
			}
			s := &e.State
			for _, at := range []*time.Time{&e.Published.At, &s.TerminalSince, &s.SealedAt, &s.ClosedAt} {
				move(at)
			}
			entries[i].Value = e.AppendValue(nil)
		}
		return entries
	})
}

package exporter

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/exporter/fakekafka"
	"airudder-exporter/internal/ledger"
)

// private is a configuration that shows less than testConfig, and knows so.
func private() Config {
	cfg := testConfig()
	cfg.Pins.Privacy = "strict"
	cfg.Pins.Stricter = func(old, new string) bool { return old == "" && new == "strict" }
	return cfg
}

// What a ledger was made with is refused where it differs, taken over where it only
// shows less, and filled in where the configuration leaves it open.
func TestStartWithOtherPins(t *testing.T) {
	for _, tt := range []struct {
		name   string
		cfg    func(*Config)
		writes int
		says   string // in the refusal
		key    string
	}{
		{"the same", func(*Config) {}, 0, "", "row"},
		{"a key left open", func(c *Config) { c.Pins.EventKey = "" }, 0, "", "row"},
		{"another key", func(c *Config) { c.Pins.EventKey = "call" }, 0, "EventKey is call, but the ledger was made with row", ""},
		{"another account", func(c *Config) { c.Pins.Account = "id" }, 0, "Account is id, but the ledger was made with (none)", ""},
		{"another request", func(c *Config) { c.Pins.DetailPath = "/w" }, 0, "DetailRequest is /w, but the ledger was made with /detail", ""},
		{"stricter", func(c *Config) { *c = private() }, 1, "", "row"},
		{"not known to be stricter", func(c *Config) { *c = private(); c.Pins.Stricter = nil }, 0, "Privacy is strict, but the ledger was made with (none)", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, cfg := begun(2, time.Now()), testConfig()
			tt.cfg(&cfg)
			meta, err := newWorld(t, cfg, newFakeSource(t)).Start(t.Context(), f)
			written, writes := metas(t, f, 2)
			if writes--; writes != tt.writes {
				t.Errorf("meta was written %d times, want %d", writes, tt.writes)
			}
			if tt.says != "" {
				if !errors.Is(err, ledger.ErrRefused) || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("got %v, want a refusal that says %q", err, tt.says)
				}
				return
			}
			if err != nil || meta.EventKey != tt.key || meta.Privacy != cfg.Pins.Privacy || written[1].Pins != meta.Pins {
				t.Errorf("got %+v, %v, and in a partition %+v", meta, err, written[1])
			}
		})
	}
}

// A ledger whose meta was written again is known by its last meta entry, in whichever
// direction the configuration went.
func TestStartReadsTheLastPins(t *testing.T) {
	f := begun(1, time.Now())
	meta, _ := metas(t, f, 1)
	meta[0].EventKey = "comments"
	f.Append(EntryRecord(ledgerTopic, ledger.Entry{Kind: ledger.KindMeta, Meta: meta[0]}))
	cfg := testConfig()
	cfg.Pins.EventKey = "comments"
	if got, err := newWorld(t, cfg, newFakeSource(t)).Start(t.Context(), f); err != nil || got.EventKey != "comments" {
		t.Errorf("got %+v, %v", got, err)
	}
	got, found, err := Holds(t.Context(), testConfig(), f)
	if err != nil || !found || got.EventKey != "comments" {
		t.Errorf("the ledger holds %+v, %v, %v", got, found, err)
	}
}

// Processes of the old and the stricter configuration start at once on a new ledger.
// Whoever comes first, the stricter one stays in force, and no process goes on with the
// other one after it.
func TestStartsRaceWithPins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fakekafka.New(ledgerTopic, 3)
		f.MarkersTake = 10 * time.Millisecond
		var group sync.WaitGroup
		for i := range 12 {
			cfg := testConfig()
			if i%2 == 1 {
				cfg = private()
			}
			group.Go(func() {
				time.Sleep(time.Duration(i) * 3 * time.Millisecond)
				w := newWorld(t, cfg, newFakeSource(t))
				meta, err := w.Start(t.Context(), f)
				for errors.Is(err, fakekafka.ErrFenced) {
					time.Sleep(time.Duration(i) * time.Millisecond)
					meta, err = w.Start(t.Context(), f)
				}
				switch {
				case cfg.Pins.Privacy == "strict" && (err != nil || meta.Privacy != "strict"):
					t.Errorf("process %d, strict: %+v, %v", i, meta, err)
				case err != nil && !errors.Is(err, ledger.ErrRefused):
					t.Errorf("process %d: %v", i, err)
				}
			})
		}
		group.Wait()
		written, writes := metas(t, f, 3)
		for i, m := range written {
			if m.Privacy != "strict" || m.LedgerID != written[0].LedgerID {
				t.Errorf("partition %d holds %+v", i, m)
			}
		}
		if writes > 2 {
			t.Errorf("meta was written %d times", writes)
		}
	})
}

// A running exporter sees at its next producer's start that the ledger has been
// adopted: one whose configuration leaves the event key open goes on with it, one that
// wants something else ends.
func TestAdoptedWhileRunning(t *testing.T) {
	for _, tt := range []struct {
		name    string
		asks    string
		refused bool
	}{{"the key left open", "", false}, {"the old key", "row", true}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source, kafka := newFakeSource(t), newFakeKafka()
				source.set("a", "calling", 3, 3)
				cfg := testConfig()
				cfg.Pins.EventKey = tt.asks
				w := start(t, cfg, source, kafka)
				time.Sleep(time.Second)
				adopted := w.metaNow()
				adopted.EventKey = "call"
				kafka.Append(EntryRecord(ledgerTopic, ledger.Entry{Kind: ledger.KindMeta, Meta: adopted}))
				kafka.Fence(0)
				source.set("a", "calling", 4, 2)
				time.Sleep(time.Minute)
				key := w.metaNow().EventKey
				w.cancel()
				w.group.Wait()
				if errors.Is(w.err, ledger.ErrRefused) != tt.refused || !tt.refused && key != "call" {
					t.Errorf("goes on with the key %s, and ended with %v", key, w.err)
				}
			})
		})
	}
}

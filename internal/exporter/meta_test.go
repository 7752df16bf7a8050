package exporter

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/exporter/fakekafka"
	"airudder-exporter/internal/ledger"
)

// metas are the meta entries of all partitions that were written last, and how
// often any was.
func metas(t *testing.T, k *fakekafka.Kafka, partitions int) (last []ledger.Meta, writes int) {
	t.Helper()
	for i := range partitions {
		var m ledger.Meta
		entries := k.Entries(i)
		for _, r := range entries {
			if err := json.Unmarshal(r.Value, &m); err != nil {
				t.Fatal(err)
			}
		}
		last, writes = append(last, m), max(writes, len(entries))
	}
	return last, writes
}

// begun is a ledger that exports since a time.
func begun(partitions int, since time.Time) *fakekafka.Kafka {
	k := fakekafka.New(ledgerTopic, partitions)
	k.Append(EntryRecord(ledgerTopic, ledger.Entry{Kind: ledger.KindMeta, Meta: ledger.Meta{
		Format: ledger.Format, LedgerID: "id", Partitions: partitions, EventTopic: "events", Pins: testPins.Pins, ExportSince: since,
	}}))
	return k
}

func TestStartBeginsALedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fakekafka.New(ledgerTopic, 3)
		meta, err := newWorld(t, testConfig(), newFakeSource(t)).Start(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		want := ledger.Meta{
			Format: ledger.Format, LedgerID: meta.LedgerID, Partitions: 3, EventTopic: "events", Pins: testPins.Pins,
			ExportSince: time.Now().UTC().Add(-168 * time.Hour), Created: time.Now().UTC(),
		}
		if meta != want {
			t.Errorf("meta is %+v, want %+v", meta, want)
		}
		if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(meta.LedgerID) {
			t.Errorf("the ledger's id %q is no UUID", meta.LedgerID)
		}
		written, _ := metas(t, f, 3)
		for i, got := range written {
			if got != meta {
				t.Errorf("partition %d holds %+v, want %+v", i, got, meta)
			}
		}
		again, err := newWorld(t, testConfig(), newFakeSource(t)).Start(t.Context(), f)
		if _, writes := metas(t, f, 3); err != nil || again != meta || writes != 1 {
			t.Errorf("a second start: %+v, %v after %d writes, want the same meta and no more writes", again, err, writes)
		}
	})
}

func TestStartWithExportSince(t *testing.T) {
	since := time.Date(2025, 1, 2, 3, 4, 5, 0, time.FixedZone("", 8*3600))
	cfg := testConfig()
	cfg.ExportSince = since
	f := fakekafka.New(ledgerTopic, 1)
	meta, err := newWorld(t, cfg, newFakeSource(t)).Start(t.Context(), f)
	written, _ := metas(t, f, 1)
	if err != nil || !meta.ExportSince.Equal(since) || !written[0].ExportSince.Equal(since) {
		t.Errorf("meta says %s, %v, want %s", meta.ExportSince, err, since)
	}
}

// Many processes start at once, and see each other's work half done.
func TestStartsRace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fakekafka.New(ledgerTopic, 4)
		f.MarkersTake = 10 * time.Millisecond
		ids := make(chan string, 20)
		for i := range cap(ids) {
			go func() {
				time.Sleep(time.Duration(i) * 3 * time.Millisecond)
				w := newWorld(t, testConfig(), newFakeSource(t))
				meta, err := w.Start(t.Context(), f)
				for errors.Is(err, fakekafka.ErrFenced) {
					time.Sleep(time.Duration(i) * time.Millisecond)
					meta, err = w.Start(t.Context(), f)
				}
				if err != nil {
					t.Errorf("process %d: %v", i, err)
				}
				ids <- meta.LedgerID
			}()
		}
		first := <-ids
		for range cap(ids) - 1 {
			if got := <-ids; got != first {
				t.Errorf("processes found the ledgers %s and %s", first, got)
			}
		}
		if _, writes := metas(t, f, 4); writes != 1 {
			t.Errorf("meta was written %d times", writes)
		}
	})
}

func TestExportSinceIsOnlyLowered(t *testing.T) {
	year := func(y int) time.Time { return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC) }
	for _, tt := range []struct {
		name       string
		configured time.Time
		want       time.Time
		writes     int
		log        string
	}{
		{"not configured", time.Time{}, year(2025), 0, ""},
		{"the same", year(2025), year(2025), 0, ""},
		{"earlier", year(2024), year(2024), 1, ""},
		{"later", year(2026), year(2025), 0, "begin later than the ledger says; that is ignored"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, cfg := begun(2, year(2025)), testConfig()
			cfg.ExportSince = tt.configured
			w := newWorld(t, cfg, newFakeSource(t))
			meta, err := w.Start(t.Context(), f)
			written, writes := metas(t, f, 2)
			if writes--; err != nil || !meta.ExportSince.Equal(tt.want) || writes != tt.writes {
				t.Errorf("since %s, %v after %d writes; want %s after %d", meta.ExportSince, err, writes, tt.want, tt.writes)
			}
			for _, m := range written {
				if !m.ExportSince.Equal(tt.want) || m.LedgerID != "id" || m.Pins != testPins.Pins {
					t.Errorf("a partition holds %+v", m)
				}
			}
			if got := w.log.String(); tt.log == "" && got != "" || !strings.Contains(got, tt.log) {
				t.Errorf("the log says %q, want %q", got, tt.log)
			}
		})
	}
}

func TestStartWarns(t *testing.T) {
	f, cfg := begun(2, time.Now()), testConfig()
	f.Resize(3) // a partition that was added later
	w := newWorld(t, cfg, newFakeSource(t))
	meta, err := w.Start(t.Context(), f)
	if err != nil || meta.Partitions != 2 {
		t.Fatalf("%d partitions, %v; want the pinned 2", meta.Partitions, err)
	}
	if want := "more partitions than it began with"; !strings.Contains(w.log.String(), want) {
		t.Errorf("the log lacks %q: %s", want, w.log)
	}
}

func TestStartRefuses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(f *fakekafka.Kafka)
		names string // the sentences are the ledger's
	}{
		{"lost", func(f *fakekafka.Kafka) {
			f.Resize(0)
			f.Resize(2)
			f.Append(batch.Record{Topic: "events"})
		}, "events"},
		{"a partition lost", func(f *fakekafka.Kafka) { f.Edit(1, holding()) }, "partition 1"},
		{"begins late", func(f *fakekafka.Kafka) { f.Begins(1, 17) }, "offset 17"},
		{"two ledgers", func(f *fakekafka.Kafka) { f.Edit(1, holding(`{"format":2,"ledger_id":"other","partitions":2}`)) }, "other"},
		{"another event topic", func(f *fakekafka.Kafka) {
			for i := range 2 {
				f.Edit(i, holding(`{"format":2,"ledger_id":"id","partitions":2,"event_topic":"calls"}`))
			}
		}, "calls"},
		{"fewer partitions", func(f *fakekafka.Kafka) { f.Resize(1) }, "says 2"},
		{"garbage", func(f *fakekafka.Kafka) { f.Edit(1, holding(`{"ledger_id":`)) }, "partition 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := begun(2, time.Now())
			tt.spoil(f)
			_, err := newWorld(t, testConfig(), newFakeSource(t)).Start(t.Context(), f)
			if !errors.Is(err, ledger.ErrRefused) || !strings.Contains(err.Error(), tt.names) {
				t.Errorf("got %v, want a refusal that names %s", err, tt.names)
			}
			_, _, inspected := Inspect(t.Context(), testConfig(), f)
			if !errors.Is(inspected, ledger.ErrRefused) {
				t.Errorf("inspected: %v, want a refusal", inspected)
			}
			if len(f.Entries(0)) > 1 {
				t.Error("a refused ledger was written")
			}
		})
	}
}

// holding has a ledger partition hold these meta entries and no others.
func holding(metas ...string) func([]batch.Record) []batch.Record {
	return func([]batch.Record) (all []batch.Record) {
		for _, m := range metas {
			all = append(all, batch.Record{Topic: ledgerTopic, Key: []byte("meta"), Value: []byte(m)})
		}
		return all
	}
}

func TestStartMayBeTriedAgain(t *testing.T) {
	f := begun(1, time.Now())
	f.LookFault = func() error { return errors.New("no broker") }
	_, err := newWorld(t, testConfig(), newFakeSource(t)).Start(t.Context(), f)
	if err == nil || errors.Is(err, ledger.ErrRefused) {
		t.Errorf("got %v, want an error that is no refusal", err)
	}
}

func TestInspectWritesNothing(t *testing.T) {
	f := fakekafka.New(ledgerTopic, 2)
	if _, found, err := Inspect(t.Context(), testConfig(), f); found || err != nil || len(f.Log()) > 0 {
		t.Errorf("a new ledger: found %v, %v, %d records written", found, err, len(f.Log()))
	}
	cfg := testConfig()
	cfg.ExportSince = time.Unix(0, 0) // which a start would write
	f = begun(2, time.Now())
	before := len(f.Log())
	if meta, found, err := Inspect(t.Context(), cfg, f); !found || meta.LedgerID != "id" || err != nil || len(f.Log()) > before {
		t.Errorf("a ledger: %+v, %v, %v, %d records written", meta, found, err, len(f.Log())-before)
	}
}

// The ledger is read to its first meta entry, and further only where the
// configuration is earlier than that one says.
func TestStartReadsNoFurtherThanNeeded(t *testing.T) {
	year := func(y int) time.Time { return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC) }
	call := EntryRecord(ledgerTopic, ledger.Entry{Kind: ledger.KindCall, TaskID: "t", ID: "c", Published: ledger.Published{As: ledger.Event}})
	lowered := begun(1, year(2023)).Entries(0)[0]
	for _, tt := range []struct {
		name       string
		ledger     func(entries []batch.Record) []batch.Record // from one meta of 2025
		configured time.Time
		reads      int // records
		since      time.Time
	}{
		{"not lowered", func(e []batch.Record) []batch.Record { return append(e, call, call) }, time.Time{}, 1, year(2025)},
		{"lowered before", func(e []batch.Record) []batch.Record { return append(e, call, lowered, call) }, year(2023), 1 + 4, year(2023)},
		{"lowered before, and cleaned", func([]batch.Record) []batch.Record { return []batch.Record{call, lowered, call} }, year(2023), 2, year(2023)},
	} {
		k := begun(1, year(2025))
		k.Edit(0, tt.ledger)
		counted := &counting{Topics: k}
		cfg := testConfig()
		cfg.ExportSince = tt.configured
		meta, err := newWorld(t, cfg, newFakeSource(t)).Start(t.Context(), counted)
		if err != nil || !meta.ExportSince.Equal(tt.since) || counted.records != tt.reads {
			t.Errorf("%s: since %s, %v after %d records, want %s after %d", tt.name, meta.ExportSince, err, counted.records, tt.since, tt.reads)
		}
	}
}

// counting counts the records that a Look shows.
type counting struct {
	Topics
	records int
}

func (c *counting) Look(ctx context.Context, topic string, visit func(int, []byte, []byte) (bool, error)) ([]int64, error) {
	return c.Topics.Look(ctx, topic, func(partition int, key, value []byte) (bool, error) {
		c.records++
		return visit(partition, key, value)
	})
}

// A shard is held against the meta at each producer's start: one of another
// ledger ends the program, a lowered ExportSince is taken over.
func TestMetaOfAShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", "calling", 3, 3)
		w := start(t, testConfig(), source, kafka)
		time.Sleep(time.Second)
		lowered := w.metaNow()
		lowered.ExportSince = lowered.ExportSince.Add(-time.Hour)
		write := func(m ledger.Meta) {
			kafka.Append(EntryRecord(ledgerTopic, ledger.Entry{Kind: ledger.KindMeta, Meta: m}))
		}
		write(lowered)
		kafka.Fence(0)
		source.set("a", "calling", 4, 2)
		time.Sleep(time.Minute)
		if got := w.Totals().ExportSince; !got.Equal(lowered.ExportSince) {
			t.Errorf("the exporter still exports since %s, want %s", got, lowered.ExportSince)
		}
		lowered.LedgerID = "other"
		write(lowered)
		kafka.Fence(0)
		source.set("a", "calling", 5, 1)
		time.Sleep(time.Minute)
		w.cancel()
		w.group.Wait()
		if !errors.Is(w.err, ledger.ErrRefused) {
			t.Errorf("the shard ended with %v, want a refusal", w.err)
		}
	})
}

// A third process may write behind our fence: a ledger is refused only when it
// is torn behind fence after fence.
func TestStartOutlivesATornLook(t *testing.T) {
	for _, tt := range []struct {
		torn    int // looks that miss the second partition's meta
		refused bool
	}{{0, false}, {1, false}, {2, false}, {settleTries, false}, {settleTries + 1, true}} {
		k := begun(2, time.Now())
		k.Append(batch.Record{Topic: "events"})
		topics := &torn{Topics: k, looks: tt.torn}
		e := New(testConfig(), newFakeSource(t), nil, ledger.Writer{}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		if _, err := e.Start(t.Context(), topics); errors.Is(err, ledger.ErrRefused) != tt.refused || err != nil && !tt.refused {
			t.Errorf("%d torn looks: error %v, want refused %t", tt.torn, err, tt.refused)
		}
		if _, writes := metas(t, k, 2); writes != 1 {
			t.Errorf("%d torn looks: meta is written again", tt.torn)
		}
	}
}

// torn hides the second partition's records from its first looks.
type torn struct {
	Topics
	looks int
}

func (f *torn) Look(ctx context.Context, topic string, visit func(int, []byte, []byte) (bool, error)) ([]int64, error) {
	f.looks--
	return f.Topics.Look(ctx, topic, func(partition int, key, value []byte) (bool, error) {
		if partition == 1 && f.looks >= 0 {
			return true, nil
		}
		return visit(partition, key, value)
	})
}

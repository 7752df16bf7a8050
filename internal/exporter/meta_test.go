package exporter

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/ledger"
)

// fakeTopics are a ledger of several partitions, of which WriteOnce writes one
// after the other: a look in between sees a part, as it does on a broker whose
// markers are on their way.
type fakeTopics struct {
	mu        sync.Mutex
	parts     [][]batch.Record
	starts    []int64
	published bool
	lookErr   error
	writes    int
	turn      chan struct{} // whose it is may write; a channel, for which a bubble's time goes on
	slow      time.Duration
}

func (f *fakeTopics) topics() Topics {
	return Topics{
		Published: func(context.Context, string) (bool, error) { return f.published, f.lookErr },
		Look:      f.look,
		WriteOnce: f.writeOnce,
	}
}

func (f *fakeTopics) look(_ context.Context, _ string, visit func(int, []byte, []byte) error) ([]int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, part := range f.parts {
		for _, r := range part {
			if err := visit(i, r.Key, r.Value); err != nil {
				return nil, err
			}
		}
	}
	if f.starts != nil {
		return f.starts, nil
	}
	return make([]int64, len(f.parts)), nil
}

func (f *fakeTopics) writeOnce(ctx context.Context, id string, decide func(context.Context) (map[int]batch.Record, error)) error {
	if id != ledgerTopic+"-init" {
		return errors.New("another transactional id: " + id)
	}
	if f.turn != nil {
		f.turn <- struct{}{}
		defer func() { <-f.turn }()
	}
	records, err := decide(ctx)
	if err != nil || len(records) == 0 {
		return err
	}
	f.writes++
	for i := range f.parts {
		f.mu.Lock()
		f.parts[i] = append(f.parts[i], records[i])
		f.mu.Unlock()
		time.Sleep(f.slow)
	}
	return nil
}

// metas are the last meta entries of all partitions.
func (f *fakeTopics) metas(t *testing.T) (all []ledger.Meta) {
	t.Helper()
	for _, part := range f.parts {
		var m ledger.Meta
		for _, r := range part {
			if err := json.Unmarshal(r.Value, &m); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, m)
	}
	return all
}

// begun is a ledger that exports since a time.
func begun(partitions int, since time.Time) *fakeTopics {
	f := &fakeTopics{parts: make([][]batch.Record, partitions)}
	meta := ledger.Entry{Kind: ledger.KindMeta, Meta: ledger.Meta{
		LedgerID: "id", Partitions: partitions, EventTopic: "events", EventKey: "call_id", ExportSince: since,
	}}
	for i := range f.parts {
		f.parts[i] = []batch.Record{{Topic: ledgerTopic, Key: meta.AppendKey(nil), Value: meta.AppendValue(nil)}}
	}
	return f
}

func TestStartBeginsALedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeTopics{parts: make([][]batch.Record, 3)}
		meta, err := newWorld(t, testConfig(), newFakeSource(t)).Start(t.Context(), f.topics())
		if err != nil {
			t.Fatal(err)
		}
		want := ledger.Meta{
			LedgerID: meta.LedgerID, Partitions: 3, EventTopic: "events", EventKey: "call_id",
			ExportSince: time.Now().UTC().Add(-168 * time.Hour), Created: time.Now().UTC(),
		}
		if meta != want {
			t.Errorf("meta is %+v, want %+v", meta, want)
		}
		if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(meta.LedgerID) {
			t.Errorf("the ledger's id %q is no UUID", meta.LedgerID)
		}
		for i, got := range f.metas(t) {
			if got != meta {
				t.Errorf("partition %d holds %+v, want %+v", i, got, meta)
			}
		}
		again, err := newWorld(t, testConfig(), newFakeSource(t)).Start(t.Context(), f.topics())
		if err != nil || again != meta || f.writes != 1 {
			t.Errorf("a second start: %+v, %v after %d writes, want the same meta and no more writes", again, err, f.writes)
		}
	})
}

func TestStartWithExportSince(t *testing.T) {
	since := time.Date(2025, 1, 2, 3, 4, 5, 0, time.FixedZone("", 8*3600))
	cfg := testConfig()
	cfg.ExportSince = since
	f := &fakeTopics{parts: make([][]batch.Record, 1)}
	meta, err := newWorld(t, cfg, newFakeSource(t)).Start(t.Context(), f.topics())
	if err != nil || !meta.ExportSince.Equal(since) || !f.metas(t)[0].ExportSince.Equal(since) {
		t.Errorf("meta says %s, %v, want %s", meta.ExportSince, err, since)
	}
}

// Many processes start at once, and see each other's work half done.
func TestStartsRace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeTopics{parts: make([][]batch.Record, 4), slow: 10 * time.Millisecond, turn: make(chan struct{}, 1)}
		ids := make(chan string, 20)
		for i := range cap(ids) {
			go func() {
				time.Sleep(time.Duration(i) * 3 * time.Millisecond)
				meta, err := newWorld(t, testConfig(), newFakeSource(t)).Start(t.Context(), f.topics())
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
		if f.writes != 1 {
			t.Errorf("meta was written %d times", f.writes)
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
		{"later", year(2026), year(2025), 0, "AIRUDDER_EXPORT_SINCE is later"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, cfg := begun(2, year(2025)), testConfig()
			cfg.ExportSince = tt.configured
			w := newWorld(t, cfg, newFakeSource(t))
			meta, err := w.Start(t.Context(), f.topics())
			if err != nil || !meta.ExportSince.Equal(tt.want) || f.writes != tt.writes {
				t.Errorf("since %s, %v after %d writes; want %s after %d", meta.ExportSince, err, f.writes, tt.want, tt.writes)
			}
			for _, m := range f.metas(t) {
				if !m.ExportSince.Equal(tt.want) || m.LedgerID != "id" || m.EventKey != "call_id" {
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
	f.parts = append(f.parts, nil) // a partition that was added later
	cfg.EventKey = "comments"
	w := newWorld(t, cfg, newFakeSource(t))
	meta, err := w.Start(t.Context(), f.topics())
	if err != nil || meta.Partitions != 2 {
		t.Fatalf("%d partitions, %v; want the pinned 2", meta.Partitions, err)
	}
	for _, want := range []string{"KAFKA_EVENT_KEY differs", "more partitions than it began with"} {
		if !strings.Contains(w.log.String(), want) {
			t.Errorf("the log lacks %q: %s", want, w.log)
		}
	}
}

func TestStartRefuses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(f *fakeTopics)
		want  string
	}{
		{"lost", func(f *fakeTopics) { f.parts, f.published = make([][]batch.Record, 2), true }, "holds no meta entry, but events holds events"},
		{"a partition lost", func(f *fakeTopics) { f.parts[1] = nil }, "partition 1 of ledger holds no meta entry although others do"},
		{"begins late", func(f *fakeTopics) { f.starts = []int64{0, 17} }, "partition 1 of ledger begins at offset 17"},
		{"two ledgers", func(f *fakeTopics) { f.parts[1][0].Value = []byte(`{"ledger_id":"other","partitions":2}`) }, "different ledgers"},
		{"another event topic", func(f *fakeTopics) {
			for i := range f.parts {
				f.parts[i][0].Value = []byte(`{"ledger_id":"id","partitions":2,"event_topic":"calls"}`)
			}
		}, "belongs to the event topic calls"},
		{"fewer partitions", func(f *fakeTopics) { f.parts = f.parts[:1] }, "made anew with fewer"},
		{"garbage", func(f *fakeTopics) { f.parts[1][0].Value = []byte(`{"ledger_id":`) }, "partition 1 of ledger holds 1 entries that cannot be read"},
		{"a deleted entry", func(f *fakeTopics) {
			f.parts[1] = append(f.parts[1], batch.Record{Topic: ledgerTopic, Key: []byte("meta")})
		}, "partition 1 of ledger holds no meta entry although others do"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := begun(2, time.Now())
			tt.spoil(f)
			_, err := newWorld(t, testConfig(), newFakeSource(t)).Start(t.Context(), f.topics())
			if !errors.Is(err, ledger.ErrRefused) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want a refusal with %q", err, tt.want)
			}
			_, _, inspected := Inspect(t.Context(), testConfig(), f.topics())
			if !errors.Is(inspected, ledger.ErrRefused) {
				t.Errorf("inspected: %v, want a refusal", inspected)
			}
			if f.writes > 0 {
				t.Error("a refused ledger was written")
			}
		})
	}
}

func TestStartMayBeTriedAgain(t *testing.T) {
	f := begun(1, time.Now())
	f.lookErr = errors.New("no broker")
	_, err := newWorld(t, testConfig(), newFakeSource(t)).Start(t.Context(), f.topics())
	if err == nil || errors.Is(err, ledger.ErrRefused) {
		t.Errorf("got %v, want an error that is no refusal", err)
	}
}

func TestInspectWritesNothing(t *testing.T) {
	f := &fakeTopics{parts: make([][]batch.Record, 2)}
	if _, found, err := Inspect(t.Context(), testConfig(), f.topics()); found || err != nil || f.writes > 0 {
		t.Errorf("a new ledger: found %v, %v, %d writes", found, err, f.writes)
	}
	cfg := testConfig()
	cfg.ExportSince = time.Unix(0, 0) // which a start would write
	f = begun(2, time.Now())
	if meta, found, err := Inspect(t.Context(), cfg, f.topics()); !found || meta.LedgerID != "id" || err != nil || f.writes > 0 {
		t.Errorf("a ledger: %+v, %v, %v, %d writes", meta, found, err, f.writes)
	}
}

// A shard is held against the meta at each producer's start: one of another
// ledger ends the program, a lowered ExportSince is taken over.
func TestMetaOfAShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", "calling", 3, 3)
		w := start(t, testConfig(), source, kafka)
		time.Sleep(time.Second)
		lowered := w.meta
		lowered.ExportSince = lowered.ExportSince.Add(-time.Hour)
		write := func(m ledger.Meta) {
			kafka.mu.Lock()
			defer kafka.mu.Unlock()
			e := ledger.Entry{Kind: ledger.KindMeta, Meta: m}
			kafka.ledger = append(kafka.ledger, batch.Record{Topic: ledgerTopic, Key: e.AppendKey(nil), Value: e.AppendValue(nil)})
		}
		write(lowered)
		kafka.fence()
		source.set("a", "calling", 4, 2)
		time.Sleep(time.Minute)
		if got := w.Totals().ExportSince; !got.Equal(lowered.ExportSince) {
			t.Errorf("the exporter still exports since %s, want %s", got, lowered.ExportSince)
		}
		lowered.LedgerID = "other"
		write(lowered)
		kafka.fence()
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
	entry := ledger.Entry{Kind: ledger.KindMeta, Meta: ledger.Meta{LedgerID: "l", Partitions: 2, EventTopic: "events", EventKey: "call_id"}}
	for _, tt := range []struct {
		torn    int // looks that miss the second partition's meta
		refused bool
	}{{0, false}, {1, false}, {2, false}, {settleTries, false}, {settleTries + 1, true}} {
		looks := 0
		topics := Topics{
			Published: func(context.Context, string) (bool, error) { return true, nil },
			Look: func(_ context.Context, _ string, visit func(int, []byte, []byte) error) ([]int64, error) {
				looks++
				for partition := range 2 {
					if partition == 1 && looks <= tt.torn {
						continue
					}
					if err := visit(partition, entry.AppendKey(nil), entry.AppendValue(nil)); err != nil {
						return nil, err
					}
				}
				return []int64{0, 0}, nil
			},
			WriteOnce: func(ctx context.Context, _ string, decide func(context.Context) (map[int]batch.Record, error)) error {
				records, err := decide(ctx)
				if len(records) > 0 {
					t.Errorf("%d torn looks: meta is written again", tt.torn)
				}
				return err
			},
		}
		e := New(testConfig(), newFakeSource(t), nil, ledger.Writer{}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		if _, err := e.Start(t.Context(), topics); errors.Is(err, ledger.ErrRefused) != tt.refused || err != nil && !tt.refused {
			t.Errorf("%d torn looks: error %v, want refused %t", tt.torn, err, tt.refused)
		}
	}
}

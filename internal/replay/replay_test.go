package replay

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"airudder-exporter/internal/rig"
)

// TestRun copies a source with aborted records, in batches of several sizes, continues with
// what comes later, and finds nothing more to do.
func TestRun(t *testing.T) {
	s := newShop(t)
	s.fill(100)
	plan := s.must(func(c *Config) { c.Execute = false })
	if !strings.Contains(plan, "all        100") || s.Partitions(s.target) != 0 {
		t.Errorf("a plan of 100 records that creates nothing: %d partitions\n%s", s.Partitions(s.target), plan)
	}
	s.must()
	s.holds(everything)
	s.fill(50)
	if out := s.must(); !strings.Contains(out, "50 records were copied; "+s.target+" holds 150") {
		t.Errorf("got\n%s", out)
	}
	s.holds(everything)
	if out := s.must(); !strings.Contains(out, "everything that is selected was copied: there is nothing to do") {
		t.Errorf("got\n%s", out)
	}
	if n := s.holds(everything); n != 150 {
		t.Errorf("%d records", n)
	}
}

func TestRunSelects(t *testing.T) {
	s := newShop(t)
	s.fill(60)
	some := s.Read(s.source).Committed[30]
	for name, tt := range map[string]struct {
		of       func(*Config)
		selected func(*kgo.Record) bool
	}{
		"a task":       {func(c *Config) { c.Select.TaskID = "task-1" }, func(r *kgo.Record) bool { return strings.HasPrefix(string(r.Key), "task-1/") }},
		"a call":       {func(c *Config) { c.Select.CallID = "call-7" }, func(r *kgo.Record) bool { return string(r.Key) == "task-1/call-7" }},
		"a partition":  {func(c *Config) { c.Select.Partitions = []int{2, 0} }, func(r *kgo.Record) bool { return r.Partition != 1 }},
		"from a time":  {func(c *Config) { c.Select.Since = some.Timestamp }, func(r *kgo.Record) bool { return !r.Timestamp.Before(some.Timestamp) }},
		"up to a time": {func(c *Config) { c.Select.Until = some.Timestamp }, func(r *kgo.Record) bool { return r.Timestamp.Before(some.Timestamp) }},
		"from when they occurred": {func(c *Config) { c.Select.By, c.Select.Since = Occurred, some.Timestamp.Add(-time.Minute) }, func(r *kgo.Record) bool {
			return !r.Timestamp.Before(some.Timestamp)
		}},
		"by their values": {func(c *Config) {
			c.Select.Where = []string{"value=8"}
			c.Where = func(_ context.Context, value []byte) (bool, error) { return strings.HasSuffix(string(value), "8"), nil }
		}, func(r *kgo.Record) bool { return strings.HasSuffix(string(r.Value), "8") }},
	} {
		s.target = s.source + "-" + strings.ReplaceAll(name, " ", "-")
		s.must(tt.of)
		if n := s.holds(tt.selected); n == 0 || n == 60 {
			t.Errorf("%s: %d records, want some", name, n)
		}
	}
}

// Of several ledgers one is said, and stays the one that is meant.
func TestRunOfOneLedger(t *testing.T) {
	s := newShop(t)
	s.fill(20)
	s.must()
	s.fill(20, with("airudder_ledger_id", "ledger-2"))
	_, err := s.replay(t.Context(), s.config())
	if err == nil || !strings.Contains(err.Error(), "holds records of several ledgers: say by --ledger-id which one is meant: \"ledger-1\" (0 records), \"ledger-2\" (20 records)") {
		t.Errorf("got %v", err)
	}
	s.must(func(c *Config) { c.Select.LedgerID = "ledger-1" })
	s.fill(20)
	s.must(func(c *Config) { c.Select.LedgerID = "ledger-1" })
	s.holds(func(r *kgo.Record) bool { return rig.Header(r, "airudder_ledger_id") == "ledger-1" })
}

// A replay's topic can be replayed: the headers that count are the last ones.
func TestRunOfAReplay(t *testing.T) {
	s := newShop(t)
	s.fill(20)
	s.must()
	first := s.source
	s.source, s.target = s.target, s.target+"-again"
	s.must()
	got := s.Read(s.target).Committed
	for _, r := range got {
		var origins []string
		for _, h := range r.Headers {
			if h.Key == OriginHeader {
				origins = append(origins, string(h.Value))
			}
		}
		if len(origins) != 2 || !strings.HasPrefix(origins[0], first+"/") || !strings.HasPrefix(origins[1], s.source+"/") {
			t.Errorf("origins %q", origins)
		}
	}
	if len(got) != 20 {
		t.Errorf("%d records, want 20", len(got))
	}
	if out := s.must(); !strings.Contains(out, "there is nothing to do") {
		t.Errorf("again: %s", out)
	}
}

// One that is interrupted in the middle is continued, whatever its rate.
func TestRunIsInterrupted(t *testing.T) {
	s := newShop(t)
	s.fill(200)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := s.replay(ctx, s.config(func(c *Config) { c.Rate = 40 }))
		ended <- err
	}()
	rig.Eventually(t, "some copies", rig.Patience, func() bool {
		if s.Partitions(s.target) == 0 {
			return false
		}
		for _, end := range s.StableEnds(s.target) {
			if end > 0 {
				return true
			}
		}
		return false
	})
	cancel()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "run this again to continue after them") {
		t.Errorf("got %v", err)
	}
	if n := len(s.Read(s.target).Committed); n == 0 || n == 200 {
		t.Errorf("%d records after the interruption, want some", n)
	}
	s.must()
	if n := s.holds(everything); n != 200 {
		t.Errorf("%d records", n)
	}
}

// Runs of one replay side by side fence each other; whatever becomes of them, each record
// is there once.
func TestRunsSideBySide(t *testing.T) {
	s := newShop(t)
	s.fill(200)
	s.Create(s.target, parts, "retention.ms=-1")
	var running sync.WaitGroup
	for range 3 {
		running.Go(func() {
			if out, err := s.replay(t.Context(), s.config(func(c *Config) { c.Rate = 400 })); err != nil && Refused(err) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	running.Wait()
	s.must()
	if n := s.holds(everything); n != 200 {
		t.Errorf("%d records", n)
	}
}

// Retention was faster than a replay that was killed: what was copied continues, and the
// user hears of it.
func TestRunAfterRetention(t *testing.T) {
	s := newShop(t)
	s.fill(60)
	s.must()
	copied := s.SettledEnds(s.source)[0]
	s.fill(60)
	s.Truncate(s.source, copied+10)
	out, err := s.replay(t.Context(), s.config())
	if err == nil || !Refused(err) || !strings.Contains(err.Error(), "retention deleted offsets ") || !strings.Contains(err.Error(), fmt.Sprintf(" to %d of %s[0]", copied+9, s.source)) {
		t.Errorf("got %v\n%s", err, out)
	}
	if out := s.must(); !strings.Contains(out, "there is nothing to do") {
		t.Errorf("then\n%s", out)
	}
	want := map[int32]int{}
	for _, r := range s.Read(s.source).Committed {
		want[r.Partition]++
	}
	for _, r := range s.Read(s.target).Committed {
		if o, ok := parseOrigin(rig.Header(r, OriginHeader)); ok && o.offset >= copied+10 {
			want[r.Partition]--
		}
	}
	for p, n := range want {
		if n != 0 {
			t.Errorf("partition %d: %d records that were left are not copied", p, n)
		}
	}
}

// What is committed late, below records that others have committed since, is copied by the
// next run: a run never copies past a transaction that is open.
func TestRunBesideOpenTransactions(t *testing.T) {
	s := newShop(t)
	only := func(r *kgo.Record) { r.Partition = 0 }
	begin := func(name string) *kgo.Client {
		writer, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers...), kgo.TransactionalID(name+s.source), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(writer.Close)
		if err := writer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := writer.ProduceSync(t.Context(), s.event(only)).FirstErr(); err != nil {
			t.Fatal(err)
		}
		return writer
	}
	commit := func(writer *kgo.Client) {
		t.Helper()
		if err := writer.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
	}
	first := begin("first")
	asked := make(chan struct{})
	n := &network{api: kmsg.ListOffsets, skip: 2, how: func(c *conn, request []byte) error { // after where it starts, and where it ends
		close(asked)
		_, err := c.Conn.Write(request)
		return err
	}}
	s.dial = n.dial
	ended := make(chan error, 1)
	go func() {
		_, err := s.replay(t.Context(), s.config())
		ended <- err
	}()
	<-asked // the ends are fixed, and it waits for the first
	late := begin("late")
	commit(begin("meanwhile"))
	commit(first)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	commit(late)
	s.must()
	if n := s.holds(everything); n != 3 {
		t.Errorf("%d records, want 3", n)
	}
}

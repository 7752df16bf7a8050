package hold

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/kafka/access"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/rig"
)

// bench is a ledger with its topics and those who write to it.
type bench struct {
	*rig.Kafka
	t      *testing.T
	ledger string
}

func newBench(t *testing.T) *bench {
	k := rig.OpenKafka(t)
	b := &bench{Kafka: k, t: t, ledger: fmt.Sprint("ledger-", exporter.NewID()[:8])}
	k.Create(b.ledger, 2, "cleanup.policy=compact")
	k.Create(b.ledger+"-events", 2)
	k.Create(b.ledger+"-status", 1)
	return b
}

func (b *bench) client() *kafka.Client {
	b.t.Helper()
	c, err := kafka.Dial(kafka.Config{
		Config: access.Config{Brokers: b.Brokers}, ClientID: "test", Compression: "none",
		LedgerTopic: b.ledger, EventTopic: b.ledger + "-events", StatusTopic: b.ledger + "-status",
		TransactionTimeout: time.Second,
	}, slog.New(slog.NewTextHandler(io.Discard, nil)), prometheus.NewRegistry())
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(c.Close)
	return c
}

func (b *bench) tool(instance string, log *slog.Logger) Tool {
	return Tool{Client: b.client(), Ledger: b.ledger, Process: ledger.Writer{Host: instance, Instance: instance}, Log: log}
}

func (b *bench) entry(callID string) batch.Record {
	return exporter.EntryRecord(b.ledger, ledger.Entry{Kind: ledger.KindCall, TaskID: "t", ID: callID,
		Published: ledger.Published{As: ledger.Event, N: 1}})
}

func nothing(int, []byte, []byte) error { return nil }

// committed are the ledger's committed records of a shard: the CallIDs of calls, and of
// the producers who they are.
func (b *bench) committed(shard int32) (all []string) {
	b.t.Helper()
	for _, r := range b.ReadAs(b.ledger, b.SettledEnds(b.ledger), kgo.ReadCommitted()) {
		e, err := ledger.ParseEntry(r.Key, r.Value)
		switch {
		case err != nil:
			b.t.Errorf("%s: %v", r.Key, err)
		case r.Partition != shard:
		case e.Kind == ledger.KindProducer && e.Writer.Done:
			all = append(all, e.Writer.Instance+" is done")
		case e.Kind == ledger.KindProducer:
			all = append(all, e.Writer.Instance)
		default:
			all = append(all, e.ID)
		}
	}
	return all
}

// TestEachTransactionEndsWithTheProducer writes more than a transaction takes.
func TestEachTransactionEndsWithTheProducer(t *testing.T) {
	b := newBench(t)
	var replayed atomic.Int64
	err := b.tool("a", discard).Run(t.Context(), All(2), func() {},
		func(shard int, key, value []byte) error {
			replayed.Add(1)
			return nil
		},
		func(ctx context.Context, h *Held) error {
			if err := h.Fits(1, []batch.Record{b.entry("1")}); err != nil {
				return err
			}
			large := b.entry("2") // two of them are too large for one transaction
			large.Value = append(large.Value, strings.Repeat(" ", 600_000)...)
			return h.Commit(ctx, 1, [][]batch.Record{{b.entry("1")}, {large}, {b.entry("3")}, {large}})
		})
	if err != nil {
		t.Fatal(err)
	}
	if got := replayed.Load(); got != 2 {
		t.Errorf("the replays show %d records, want the two barriers", got)
	}
	if got, want := strings.Join(b.committed(1), " "), "a 1 a 2 a 3 a 2 a a is done"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := strings.Join(b.committed(0), " "), "a a is done"; got != want {
		t.Errorf("the shard that nothing was written to has %s, want %s", got, want)
	}
}

var discard = slog.New(slog.DiscardHandler)

// TestTwoToolsTakeTurns has one tool work for longer than a dead one is waited for, and
// another come meanwhile.
func TestTwoToolsTakeTurns(t *testing.T) {
	b := newBench(t)
	waiting, begun := make(chan struct{}), make(chan struct{})
	second := make(chan error, 1)
	look := b.client().Partition(0)
	err := b.tool("a", discard).Run(t.Context(), []int{0}, func() {}, nothing, func(ctx context.Context, h *Held) error {
		go func() {
			said := slog.New(&saying{Handler: slog.DiscardHandler, want: "waiting until it is done", said: waiting})
			second <- b.tool("b", said).Run(t.Context(), []int{0}, func() {}, nothing, func(ctx context.Context, h *Held) error {
				close(begun)
				return h.Commit(ctx, 0, [][]batch.Record{{b.entry("of b")}})
			})
		}()
		<-waiting
		_, _, first, err := look.Newest(ctx, func([]byte) bool { return true })
		for end := first; err == nil && end < first+14; { // a beat and its marker, each half second
			_, _, end, err = look.Newest(ctx, func([]byte) bool { return true })
		}
		if err != nil {
			return err
		}
		select {
		case <-begun:
			t.Error("the second begins while the first works")
		default:
		}
		return h.Commit(ctx, 0, [][]batch.Record{{b.entry("of a")}})
	})
	if err := errors.Join(err, <-second); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(b.committed(0), " ")
	if !strings.HasSuffix(got, "a of a a a is done b of b b b is done") {
		t.Errorf("got %s", got)
	}
}

// saying closes a channel at the first message with certain words.
type saying struct {
	slog.Handler
	want string
	said chan struct{}
	once atomic.Bool
}

func (s *saying) Enabled(context.Context, slog.Level) bool { return true }

func (s *saying) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, s.want) && !s.once.Swap(true) {
		close(s.said)
	}
	return nil
}

// TestFencedToolBeginsAgain has an exporter of before this rule fence the tool, once or
// every time.
func TestFencedToolBeginsAgain(t *testing.T) {
	for _, tt := range []struct {
		fences, works int
		ok            bool
	}{{1, 2, true}, {99, attempts, false}} {
		t.Run(fmt.Sprint(tt.fences), func(t *testing.T) {
			b := newBench(t)
			rival := b.client().Partition(0)
			began, works := 0, 0
			err := b.tool("a", discard).Run(t.Context(), []int{0}, func() { began++ }, nothing, func(ctx context.Context, h *Held) error {
				if works++; works <= tt.fences {
					barrier := func(int64, int16) batch.Record {
						return exporter.ProducerRecord(b.ledger, ledger.Writer{Instance: "rival"})
					}
					if _, err := rival.Open(ctx, barrier, func([]byte, []byte) error { return nil }); err != nil {
						t.Error(err)
					}
				}
				return h.Commit(ctx, 0, [][]batch.Record{{b.entry("1")}})
			})
			if works != tt.works || began != works || (err == nil) != tt.ok || !tt.ok && !errors.Is(err, kafka.ErrFenced) {
				t.Errorf("it began %d times, worked %d times and ended with %v", began, works, err)
			}
			want := "a rival a 1 a a is done"
			if got := strings.Join(b.committed(0), " "); tt.ok && got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// TestInterruptedToolSaysThatItIsDone ends a tool while it works, and one that refuses.
func TestInterruptedToolSaysThatItIsDone(t *testing.T) {
	b := newBench(t)
	ctx, interrupt := context.WithCancel(t.Context())
	err := b.tool("a", discard).Run(ctx, []int{0}, func() {}, nothing, func(ctx context.Context, h *Held) error {
		interrupt()
		<-ctx.Done()
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	refused := errors.New("refused")
	err = b.tool("b", discard).Run(t.Context(), []int{0}, func() {}, nothing, func(context.Context, *Held) error { return refused })
	if !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	if got, want := strings.Join(b.committed(0), " "), "a a is done b b is done"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestToolsAtOnce has several tools fence each other between a fence and its barrier: each
// gets its turn.
func TestToolsAtOnce(t *testing.T) {
	b := newBench(t)
	for round := range 5 {
		var tools errgroup.Group
		for i := range 3 {
			name := fmt.Sprint(round, "-", i)
			tools.Go(func() error {
				return b.tool(name, discard).Run(t.Context(), []int{0}, func() {}, nothing, func(ctx context.Context, h *Held) error {
					return h.Commit(ctx, 0, [][]batch.Record{{b.entry("of " + name)}})
				})
			})
		}
		if err := tools.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	entries := map[string]int{}
	for _, e := range b.committed(0) {
		if rest, ok := strings.CutPrefix(e, "of "); ok {
			entries[rest]++
		}
	}
	if len(entries) != 15 {
		t.Errorf("the entries of %d tools are there, want all 15: %v", len(entries), entries)
	}
}

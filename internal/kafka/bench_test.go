package kafka

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"airudder-exporter/internal/batch"
)

// calls is n calls of 600 bytes of event and 70 of ledger entry.
func (s *shop) calls(n int) [][]batch.Record {
	entry := bytes.Repeat([]byte("{entry} "), 4)
	units := make([][]batch.Record, n)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range units {
		event := make([]byte, 600) // of which text compresses to about a half
		for j := range event {
			event[j] = "etaoin srhld"[rng.IntN(12)]
		}
		key := fmt.Sprintf("%032x", i)
		units[i] = []batch.Record{
			{Topic: s.config.EventTopic, Key: []byte(key), Value: event},
			{Topic: s.config.LedgerTopic, Key: []byte("call/" + key), Value: entry},
		}
	}
	return units
}

// BenchmarkCommit measures calls a second: transactions one after the other,
// with the next one prepared while the last is committed, and the same records
// without transactions.
func BenchmarkCommit(b *testing.B) {
	s := newShop(b, 1, 4)
	s.config.Compression = "none"
	c := s.dial(b)
	for _, n := range []int{200, 1000, 4000} {
		units := s.calls(n)
		p, _ := s.start(b, c, 0, "bench")
		prepare := func() func(context.Context) error {
			txn, err := p.Prepare(slices.Values(units))
			if err != nil || txn.Units != n {
				b.Fatal(txn, err)
			}
			return func(ctx context.Context) error { return p.Commit(ctx, txn) }
		}
		run := func(name string, step func()) {
			b.Run(fmt.Sprintf("%d/%s", n, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					step()
				}
				b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "calls/s")
			})
		}
		run("plain", func() { s.plain(b, c, p, units) })
		run("transactions", func() {
			if err := prepare()(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
		done := make(chan error, 1)
		done <- nil
		run("overlapping", func() {
			commit := prepare()
			if err := <-done; err != nil {
				b.Fatal(err)
			}
			go func() { done <- commit(context.Background()) }()
		})
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTransactions is what transactions of 1,000 calls cost: calls a
// second against the same records without transactions, one after the other
// and with the next one prepared while the last one's markers are written. The
// three take turns, so that a busy machine hits them alike; the figures are
// medians over the turns.
func BenchmarkTransactions(b *testing.B) {
	for _, codec := range []string{"none", "lz4"} {
		b.Run(codec, func(b *testing.B) { benchmarkTransactions(b, codec) })
	}
}

func benchmarkTransactions(b *testing.B, codec string) {
	const calls, each = 1000, 10
	s := newShop(b, 1, 4)
	s.config.Compression = codec
	c := s.dial(b)
	p, _ := s.start(b, c, 0, "bench")
	units := s.calls(calls)
	prepare := func() func(context.Context) error {
		txn, err := p.Prepare(slices.Values(units))
		if err != nil || txn.Units != calls {
			b.Fatal(txn, err)
		}
		return func(ctx context.Context) error { return p.Commit(ctx, txn) }
	}
	turns := []struct {
		name string
		take func()
	}{
		{"plain", func() {
			for range each {
				s.plain(b, c, p, units)
			}
		}},
		{"transactions", func() {
			for range each {
				if err := prepare()(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		}},
		{"overlapping", func() {
			done := make(chan error, 1)
			done <- nil
			for range each {
				commit := prepare()
				if err := <-done; err != nil {
					b.Fatal(err)
				}
				go func() { done <- commit(context.Background()) }()
			}
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		}},
	}
	rates := make([][]float64, len(turns))
	for b.Loop() {
		for i, turn := range turns {
			began := time.Now()
			turn.take()
			rates[i] = append(rates[i], each*calls/time.Since(began).Seconds())
		}
	}
	for i, turn := range turns {
		b.ReportMetric(median(rates[i]), turn.name+"-calls/s")
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(ratios(rates[1], rates[0])), "of-plain")
	b.ReportMetric(median(ratios(rates[2], rates[0])), "overlapping-of-plain")
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// ratios are those of each turn.
func ratios(over, under []float64) (all []float64) {
	for i := range over {
		all = append(all, over[i]/under[i])
	}
	return all
}

// plain sends units' records without a transaction, waiting for all replicas.
func (s *shop) plain(b *testing.B, c *Client, p *Producer, units [][]batch.Record) {
	txn, err := p.layout.Fill(slices.Values(units))
	if err != nil {
		b.Fatal(err)
	}
	leaders, err := p.session.byLeader(b.Context(), txn.Batches)
	if err != nil {
		b.Fatal(err)
	}
	var group errgroup.Group
	for _, part := range leaders {
		group.Go(func() error { return c.produceTo(b.Context(), "", part, func(batch.Place, int64) {}) })
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkReplay reads a ledger of a million entries, beside what franz-go
// needs to fetch the same partition.
func BenchmarkReplay(b *testing.B) {
	const million = 1_000_000
	s := newShop(b, 1, 1)
	c := s.dial(b)
	p, _ := s.start(b, c, 0, "writer")
	value := []byte(`{"at":1760000000000,"kind":"event","hash":"0123456789abcdef"}`)
	for i := 0; i < million; {
		units := make([][]batch.Record, 4000)
		for j := range units {
			units[j] = []batch.Record{{Topic: s.config.LedgerTopic, Key: []byte(fmt.Sprintf("call/task-%04d/%032x", i/5000, i)), Value: value}}
			i++
		}
		if err := publish(p, units); err != nil {
			b.Fatal(err)
		}
	}
	end := s.SettledEnds(s.config.LedgerTopic)[0]
	b.Run("replay", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			n, size := 0, 0
			r := &replay{Place: batch.Place{Topic: s.config.LedgerTopic, Partition: 0}, producerID: p.session.producerID, epoch: p.session.epoch, barrier: end - 4001, key: []byte("producer"),
				visit: func(_ int64, key, value []byte) error { n++; size += len(key) + len(value); return nil }}
			if err := c.replayUntil(b.Context(), r); err != nil {
				b.Fatal(err)
			}
			if n < million {
				b.Fatalf("%d records", n)
			}
		}
	})
	b.Run("franz-go", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.fetchAll(b, end)
		}
	})
}

func (s *shop) fetchAll(b *testing.B, end int64) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers...), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxBytes(64<<20), kgo.FetchMaxPartitionBytes(4<<20), kgo.FetchMaxWait(100*time.Millisecond),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{s.config.LedgerTopic: {0: kgo.NewOffset().AtStart()}}), kgo.KeepControlRecords())
	if err != nil {
		b.Fatal(err)
	}
	defer cl.Close()
	for at := int64(0); at < end; {
		cl.PollFetches(b.Context()).EachRecord(func(r *kgo.Record) { at = r.Offset + 1 })
	}
}

// BenchmarkPrepare measures encoding alone, by compression.
func BenchmarkPrepare(b *testing.B) {
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		b.Run(codec, func(b *testing.B) {
			s := newShop(b, 1, 6)
			s.config.Compression = codec
			p, _ := s.start(b, s.dial(b), 0, "bench")
			units := s.calls(1000)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Prepare(slices.Values(units)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(1000*b.N)/b.Elapsed().Seconds(), "calls/s")
		})
	}
}

package benchtest

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/kafka/access"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/rig"
)

// A ledger of 200 tasks of 5,000 calls, of which ten ran at the same time and
// each had 20 calls finish between two readings.
const (
	ledgerEntries = 1_000_000
	ledgerCalls   = 5_000 // of a task
	ledgerAtOnce  = 10
	ledgerRun     = 20
)

// ledgerTask is the task of the n-th entry.
func ledgerTask(n int) int {
	const group = ledgerAtOnce * ledgerCalls
	return n/group*ledgerAtOnce + n%group/ledgerRun%ledgerAtOnce
}

// BenchmarkRecover starts a producer on a ledger of a million entries: fence,
// barrier, replay, and the sets in memory. Beside it, in turns, franz-go just
// fetches the same partition. Heap is what the sets take once the garbage is
// gone. The embedded broker runs apart: its records in our heap would be the
// garbage collector's work, and count as ours.
func BenchmarkRecover(b *testing.B) {
	b.Run("embedded", func(b *testing.B) { benchmarkRecover(b, newWorld(brokerProcess(b))) })
	b.Run("real", func(b *testing.B) { benchmarkRecover(b, newWorld(rig.RealKafka(b))) })
}

func benchmarkRecover(b *testing.B, w *world) {
	client := w.dial()
	w.fillLedger(client)
	var ours, theirs []time.Duration
	var perEntry float64
	for b.Loop() {
		for range 3 {
			theirs = append(theirs, w.fetch(w.StableEnds(w.topics.Ledger)[0]))
			before := heap()
			began := time.Now()
			l := ledger.New()
			w.recover(client, l)
			ours = append(ours, time.Since(began))
			if n, _ := l.Size(); n < ledgerEntries {
				b.Fatalf("%d entries in memory, want %d", n, ledgerEntries)
			}
			perEntry = max(perEntry, (float64(heap())-float64(before))/ledgerEntries)
			runtime.KeepAlive(l)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(milliseconds(median(ours)), "ms")
	b.ReportMetric(milliseconds(median(theirs)), "franz-ms")
	b.ReportMetric(float64(median(ours))/float64(median(theirs)), "times-franz")
	b.ReportMetric(perEntry, "heap-B/entry")
}

// dial is the exporter's client of this Kafka.
func (w *world) dial() *kafka.Client {
	w.T.Helper()
	client, err := kafka.Dial(w.config(), slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		w.T.Fatal(err)
	}
	w.T.Cleanup(client.Close)
	return client
}

// config is how the exporter reaches this Kafka.
func (w *world) config() kafka.Config {
	return kafka.Config{
		Config:      access.Config{Brokers: w.Brokers},
		LedgerTopic: w.topics.Ledger, EventTopic: w.topics.Events, StatusTopic: w.topics.Status, DeadLetterTopic: w.topics.Dead,
		Compression: "lz4",
	}
}

// recover makes client the shard's producer and fills l with what is there.
func (w *world) recover(client *kafka.Client, l *ledger.Ledger) *kafka.Producer {
	w.T.Helper()
	barrier := ledger.Entry{Kind: ledger.KindProducer, Writer: ledger.Writer{Host: "bench", Started: time.Now()}}
	p, err := client.Producer(context.Background(), 0,
		func(int64, int16) batch.Record {
			return batch.Record{Key: barrier.AppendKey(nil), Value: barrier.AppendValue(nil)}
		},
		func(_ int64, key, value []byte) error { return l.Replay(key, value) })
	if err != nil {
		w.T.Fatal(err)
	}
	return p
}

// fillLedger writes the entries of a million calls, a thousand a transaction.
func (w *world) fillLedger(client *kafka.Client) {
	w.T.Helper()
	p := w.recover(client, ledger.New())
	at := time.Now()
	for from := 0; from < ledgerEntries; from += 1000 {
		units := make([][]batch.Record, 1000)
		for i := range units {
			n := from + i
			entry := ledger.Entry{
				Kind: ledger.KindCall, TaskID: fmt.Sprintf("%032x", ledgerTask(n)), ID: callID(n),
				Published: ledger.Published{At: at, As: ledger.Event, Row: uint64(n) * 0x9e3779b97f4a7c15},
			}
			units[i] = []batch.Record{{Topic: w.topics.Ledger, Key: entry.AppendKey(nil), Value: entry.AppendValue(nil)}}
		}
		txn, err := p.Prepare(slices.Values(units))
		if err == nil {
			err = p.Commit(context.Background(), txn)
		}
		if err != nil || txn.Units != len(units) {
			w.T.Fatalf("write %d entries: %+v, %v", len(units), txn, err)
		}
	}
}

// fetch is how long franz-go takes for the ledger partition, records and no
// more.
func (w *world) fetch(end int64) time.Duration {
	w.T.Helper()
	began := time.Now()
	reader, err := kgo.NewClient(kgo.SeedBrokers(w.Brokers...), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.FetchMaxBytes(64<<20), kgo.FetchMaxPartitionBytes(4<<20),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{w.topics.Ledger: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		w.T.Fatal(err)
	}
	defer reader.Close()
	for at := int64(0); at < end; {
		fetches := reader.PollFetches(context.Background())
		if err := fetches.Err0(); err != nil {
			w.T.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) { at = r.Offset + 1 })
	}
	return time.Since(began)
}

// heap is what is in use once the garbage is gone.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

package benchtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"airudder-exporter/internal/audit"
	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/record"
	"airudder-exporter/internal/rig"
)

// auditedCalls are those of 100 tasks.
const (
	auditedCalls = 500_000
	auditedTasks = 100
)

// BenchmarkAudit holds a ledger of half a million calls against their events. The events
// have the size, the headers and the compression of the exporter's.
func BenchmarkAudit(b *testing.B) {
	b.Run("embedded", func(b *testing.B) { benchmarkAudit(b, newWorld(brokerProcess(b))) })
	b.Run("real", func(b *testing.B) { benchmarkAudit(b, newWorld(rig.RealKafka(b))) })
}

func benchmarkAudit(b *testing.B, w *world) {
	client := w.dial()
	w.fillCalls(client)
	decoder, err := record.NewDecoder(record.Registry{URL: w.registry})
	if err != nil {
		b.Fatal(err)
	}
	of := audit.Config{
		Exporter: exporter.Config{LedgerTopic: w.topics.Ledger, EventTopic: w.topics.Events},
		Topics:   record.Topics{Ledger: w.topics.Ledger, CallCompleted: w.topics.Events, TaskStatus: w.topics.Status},
	}
	var took, cpu []time.Duration
	for b.Loop() {
		began, spent := time.Now(), processTime()
		report, err := audit.New(of, client, decoder).Run(b.Context())
		if err != nil || !report.Clean || report.Counts[audit.OK] != auditedCalls {
			b.Fatalf("got %+v, %v", report, err)
		}
		took, cpu = append(took, time.Since(began)), append(cpu, processTime()-spent)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(milliseconds(median(took)), "ms")
	b.ReportMetric(auditedCalls/median(took).Seconds(), "calls/s")
	b.ReportMetric(median(cpu).Seconds()*1e6/auditedCalls, "cpu-us/call")
}

// processTime is what this process has had of the processors.
func processTime() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used) // does not fail
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// fillCalls writes events and their entries, a thousand a transaction.
func (w *world) fillCalls(client *kafka.Client) {
	w.T.Helper()
	commit := w.committer(client)
	commit([][]batch.Record{{exporter.EntryRecord(w.topics.Ledger, ledger.Entry{Kind: ledger.KindMeta, Meta: ledger.Meta{
		Format: ledger.Format, LedgerID: "bench", Partitions: 1, EventTopic: w.topics.Events,
	}})}})
	rng, at := rand.New(rand.NewPCG(1, 2)), time.Now()
	units := make([][]batch.Record, 1000)
	for from := 0; from < auditedCalls; from += len(units) {
		for i := range units {
			units[i] = w.published(rng, from+i, at)
		}
		commit(units)
	}
}

// committer makes client the shard's producer, and returns what commits units, all in one
// transaction.
func (w *world) committer(client *kafka.Client) func(units [][]batch.Record) {
	w.T.Helper()
	p := w.recover(client, ledger.New())
	return func(units [][]batch.Record) {
		w.T.Helper()
		txn, err := p.Prepare(slices.Values(units))
		if err == nil {
			err = p.Commit(context.Background(), txn)
		}
		if err != nil || txn.Units != len(units) {
			w.T.Fatalf("write %d units: %v", len(units), err)
		}
	}
}

// published are the event and the entry of a call.
func (w *world) published(rng *rand.Rand, n int, at time.Time) []batch.Record {
	taskID := fmt.Sprintf("%032x", 0x1b2c3d4e5f60000+n%auditedTasks)
	sequence := int64(1 + n/auditedTasks)
	value := fmt.Appendf(nil, "%-300s%-200s", "Reminder March, fluent English, Asia/Jakarta", "said the sentence that robots say")
	for len(value) < 700 {
		value = strconv.AppendUint(value, rng.Uint64(), 36)
	}
	header := func(key, value string) batch.Header { return batch.Header{Key: key, Value: []byte(value)} }
	time := at.UTC().Format("2006-01-02T15:04:05.000Z")
	entry := ledger.Entry{Kind: ledger.KindCall, TaskID: taskID, ID: callID(n), Published: ledger.Published{
		At: at, As: ledger.Event, N: sequence, Row: uint64(n) * 0x9e3779b97f4a7c15,
	}}
	return []batch.Record{{Topic: w.topics.Events, Key: fmt.Appendf(nil, "%s/%d", taskID, n), Value: value, Headers: []batch.Header{
		header("ce_specversion", "1.0"), header("ce_type", "airudder.call.completed"),
		header("ce_source", "https://api.airudder.com/tasks/"+taskID), header("ce_id", taskID+"/"+callID(n)+"/0"),
		header("ce_subject", callID(n)), header("ce_time", time), header("ce_recordedtime", time),
		header("content-type", "application/avro"), header("airudder_ledger_id", "bench"),
		header("ce_sequence", strconv.FormatInt(sequence, 10)), header("airudder_privacy", "open/e3b0c44298fc1c14"),
	}}, exporter.EntryRecord(w.topics.Ledger, entry)}
}

package benchtest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/record"
	"airudder-exporter/internal/rig"
	"airudder-exporter/internal/seals"
)

// sealedTasks are those of BenchmarkSeals, each with four changes of its status and a
// seal.
const sealedTasks = 100_000

// BenchmarkSeals reads the seals of a hundred thousand tasks.
func BenchmarkSeals(b *testing.B) {
	b.Run("embedded", func(b *testing.B) { benchmarkSeals(b, newWorld(brokerProcess(b))) })
	b.Run("real", func(b *testing.B) { benchmarkSeals(b, newWorld(rig.RealKafka(b))) })
}

func benchmarkSeals(b *testing.B, w *world) {
	client := w.dial()
	w.sealTasks()
	decoder, err := record.NewDecoder(record.Registry{URL: w.registry})
	if err != nil {
		b.Fatal(err)
	}
	var took, cpu []time.Duration
	for b.Loop() {
		began, spent := time.Now(), processTime()
		report, err := seals.Read(b.Context(), client, decoder, seals.Config{StatusTopic: w.topics.Status, EventTopic: w.topics.Events})
		if err != nil || len(report.Seals) != sealedTasks {
			b.Fatalf("%d seals, %v", len(report.Seals), err)
		}
		took, cpu = append(took, time.Since(began)), append(cpu, processTime()-spent)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(milliseconds(median(took)), "ms")
	b.ReportMetric(milliseconds(median(cpu)), "cpu-ms")
}

// sealTasks writes the status records of all tasks.
func (w *world) sealTasks() {
	w.T.Helper()
	topics := record.Topics{CallCompleted: w.topics.Events, TaskStatus: w.topics.Status, DeadLetter: w.topics.Dead, Ledger: w.topics.Ledger}
	ids, err := record.Register(w.T.Context(), record.Registry{URL: w.registry, AutoRegister: true}, topics)
	if err != nil {
		w.T.Fatal(err)
	}
	encoder, err := record.NewEncoder(record.EncoderConfig{
		Topics: topics, IDs: ids, EventKey: record.KeyRow, BaseURL: "https://api.airudder.com", LedgerID: "bench",
	})
	if err != nil {
		w.T.Fatal(err)
	}
	commit := w.committer(w.dial())
	var units [][]batch.Record
	for n := range sealedTasks {
		plan := ledger.Plan{Task: call.Task{ID: fmt.Sprintf("%032x", n), Name: call.Some("Reminder March")}, ObservedAt: time.Now()}
		for i, status := range []string{call.Pending, call.Calling, call.Finished, call.Finished} {
			change := ledger.StatusChange{Sequence: int64(i + 1), Status: status, Exported: 500}
			if i == 3 {
				change.Seal = &ledger.Seal{Number: 1, Digest: ledger.Digest(nil), Ends: make([]int64, 6)}
			}
			plan.Units = append(plan.Units, ledger.Unit{Changes: []ledger.StatusChange{change}})
		}
		encoded, err := encoder.Plan(plan)
		if err != nil {
			w.T.Fatal(err)
		}
		for _, unit := range encoded {
			records := slices.Clone(unit.Records)
			for i, r := range records { // the encoder uses its memory again
				records[i].Key, records[i].Value = slices.Clone(r.Key), slices.Clone(r.Value)
			}
			units = append(units, records)
		}
		if len(units) >= 1000 || n == sealedTasks-1 {
			commit(units)
			units = nil
		}
	}
}

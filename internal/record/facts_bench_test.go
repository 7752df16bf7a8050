package record

import (
	"testing"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// BenchmarkFact reads what a rebuild reads: events, and a transition among them.
func BenchmarkFact(b *testing.B) {
	p := benchPlan(200)
	p.Units = append(p.Units, ledger.Unit{Changes: []ledger.StatusChange{{Sequence: 1, Status: call.Calling}}})
	units, err := newTestEncoder(b, EncoderConfig{}).Plan(p)
	if err != nil {
		b.Fatal(err)
	}
	var records []batch.Record
	for _, u := range units {
		records = append(records, u.Records[0])
	}
	d, _ := newTestDecoder(b)
	for b.Loop() {
		for _, r := range records {
			if _, err := d.Fact(b.Context(), r); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportAllocs()
	b.ReportMetric(float64(b.N*len(records))/b.Elapsed().Seconds(), "records/s")
}

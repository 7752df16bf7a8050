package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/audit"
	"airudder-exporter/internal/rig"
)

const eventTopic = "airudder.call-completed"

// event is a committed event; n counts from 0, by its number.
func (s *surroundings) event(n int) *kgo.Record {
	s.t.Helper()
	events := s.kafka.Read(eventTopic).Committed
	slices.SortFunc(events, func(a, b *kgo.Record) int {
		return strings.Compare(rig.Header(a, "ce_sequence"), rig.Header(b, "ce_sequence"))
	})
	return events[n]
}

// like is a record with other values in some headers.
func like(r *kgo.Record, headers map[string]string) *kgo.Record {
	copied := &kgo.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: slices.Clone(r.Headers)}
	for i, h := range copied.Headers {
		if value, other := headers[h.Key]; other {
			copied.Headers[i].Value = []byte(value)
		}
	}
	return copied
}

// entry is a record of the ledger.
func entry(key string, value string, of ...any) *kgo.Record {
	r := &kgo.Record{Topic: ledgerTopic, Key: []byte(key)}
	if value != "" {
		r.Value = fmt.Appendf(nil, value, of...)
	}
	return r
}

// audit runs an audit, and returns what it printed.
func (s *surroundings) audit(code int, args ...string) audit.Report {
	s.t.Helper()
	p := s.run(append([]string{"audit", "--json"}, args...)...)
	p.wantEnd(code)
	var report audit.Report
	if err := json.Unmarshal([]byte(p.stdout.String()), &report); err != nil {
		s.t.Fatalf("%v: %s", err, &p.stdout)
	}
	return report
}

// TestAuditNames plants one fault of each class, and has it named, and nothing else.
func TestAuditNames(t *testing.T) {
	const published = `{"at":"2026-03-01T12:00:00.000Z","as":"event","n":%d,"row":"0000000000000000"}`
	for _, tt := range []struct {
		name  string
		plant func(s *surroundings, callID string, r *kgo.Record) // the third event
		want  map[audit.Class]int64
		line  string // of the report for people
	}{
		{"missing event", func(s *surroundings, _ string, r *kgo.Record) {
			s.kafka.MustWrite(entry("call/task-1/lost", published, 6))
		}, map[audit.Class]int64{audit.OK: 5, audit.MissingEvent: 1}, "missing_event: task task-1, call lost, number 6: "},
		{"doubled event", func(s *surroundings, _ string, r *kgo.Record) {
			s.kafka.MustWrite(like(r, nil))
		}, map[audit.Class]int64{audit.OK: 4, audit.DoubledEvent: 1}, "doubled_event: task task-1, call %s, number 3, at "},
		{"an event that the ledger forgot", func(s *surroundings, callID string, r *kgo.Record) {
			s.kafka.MustWrite(entry("call/task-1/"+callID, ""))
		}, map[audit.Class]int64{audit.OK: 4, audit.EventWithoutEntry: 1}, "event_without_entry: task task-1, call %s, number 3, at "},
		{"an event that the ledger takes for a dead letter", func(s *surroundings, callID string, r *kgo.Record) {
			s.kafka.MustWrite(entry("call/task-1/"+callID, `{"at":"2026-03-01T12:00:00.000Z","as":"dead_letter"}`))
		}, map[audit.Class]int64{audit.OK: 4, audit.EventWithoutEntry: 1}, "the ledger knows it as a dead letter"},
		{"a number without a call", func(s *surroundings, _ string, r *kgo.Record) {
			s.kafka.MustWrite(entry("call/task-1/far", published, 9),
				like(r, map[string]string{"ce_id": "task-1/far/0", "ce_subject": "far", "ce_sequence": "9"}))
		}, map[audit.Class]int64{audit.OK: 6, audit.NumberMissing: 3}, "number_missing: task task-1, numbers 6 to 8: "},
		{"a number twice", func(s *surroundings, callID string, r *kgo.Record) {
			s.kafka.MustWrite(entry("call/task-1/again", published, 3),
				like(r, map[string]string{"ce_id": "task-1/again/0", "ce_subject": "again"}))
		}, map[audit.Class]int64{audit.OK: 4, audit.NumberDoubled: 1}, "number_doubled: task task-1, number 3, call "},
		{"another number", func(s *surroundings, callID string, r *kgo.Record) {
			s.kafka.MustWrite(entry("call/task-1/other", published, 6),
				like(r, map[string]string{"ce_id": "task-1/other/0", "ce_subject": "other", "ce_sequence": "7"}))
		}, map[audit.Class]int64{audit.OK: 5, audit.NumberDiffers: 1}, "number_differs: task task-1, call other, number 6, at "},
		{"nothing", func(*surroundings, string, *kgo.Record) {}, map[audit.Class]int64{audit.OK: 5}, "nothing was found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := surround(t)
			s.exportWhole()
			r := s.event(2)
			callID := rig.Header(r, "ce_subject")
			tt.plant(s, callID, r)
			code := min(1, len(tt.want)-1)
			report := s.audit(code)
			maps.DeleteFunc(report.Counts, func(_ audit.Class, n int64) bool { return n == 0 })
			if !maps.Equal(report.Counts, tt.want) {
				t.Errorf("got %v, want %v: %+v", report.Counts, tt.want, report.Findings)
			}
			p := s.run("audit", "--task", "task-1")
			p.wantEnd(code)
			if want := strings.ReplaceAll(tt.line, "%s", callID); !strings.Contains(p.stdout.String(), want) {
				t.Errorf("%q is not in\n%s", want, &p.stdout)
			}
		})
	}
}

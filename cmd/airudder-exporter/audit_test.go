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

// TestAuditThatCannotTell has what an audit needs go missing, and options that say nothing:
// one sentence with the cure.
func TestAuditThatCannotTell(t *testing.T) {
	for _, tt := range []struct {
		name   string
		spoil  func(s *surroundings)
		args   []string
		code   int
		said   string
		export bool
	}{
		{"nothing is there", func(*surroundings) {}, nil, 2, "could not tell: there is no topic airudder.call-ledger: set KAFKA_TOPIC_LEDGER to the topic's name", false},
		{"no ledger yet", func(s *surroundings) { s.env["AIRUDDER_BASE_URL"] = "http://" + rig.FreeAddress(s.t); s.emptyLedger() }, nil, 2, "is no ledger yet", false},
		{"the ledger was lost", func(s *surroundings) { s.kafka.Remove(ledgerTopic); s.makeLedger() }, nil, 2, "airudder-exporter ledger rebuild", true},
		{"no event topic", func(s *surroundings) { s.kafka.Remove(eventTopic) }, nil, 2, "there is no topic airudder.call-completed: set KAFKA_TOPIC_CALL_COMPLETED to", true},
		{"no broker", func(s *surroundings) { s.env["KAFKA_BROKERS"] = rig.FreeAddress(s.t) }, nil, 2, "could not tell: ", true},
		{"no registry", func(s *surroundings) { s.env["SCHEMA_REGISTRY_URL"] = "http://" + rig.FreeAddress(s.t) }, nil, 2, "airudder.task-status[0]@0: ", true},
		{"an entry that cannot be read", func(s *surroundings) { s.kafka.MustWrite(entry("call/task-1/c", "?")) }, nil, 2, "holds 1 entries that cannot be read", true},
		{"a task that nobody knows", func(*surroundings) {}, []string{"--task", "task-9"}, 2, "neither ledger nor events know the task task-9", true},
		{"no task", func(*surroundings) {}, []string{"--task="}, 1, "give a TaskID", false},
		{"a task and a time", func(*surroundings) {}, []string{"--task", "task-1", "--since", "1h"}, 1, "--task and --since or --until: give one of them", false},
		{"a time to come", func(*surroundings) {}, []string{"--since", "2126-01-01T00:00:00Z"}, 1, "give a time that has passed", false},
		{"times the wrong way round", func(*surroundings) {}, []string{"--since", "1h", "--until", "2h"}, 1, "--until: give a time after that of --since", false},
		{"an unknown option", func(*surroundings) {}, []string{"--repiar"}, 1, "unknown flag: --repiar", false},
		{"a word too many", func(*surroundings) {}, []string{"task-1"}, 1, "unknown command", false},
		{"no key for AIRudder", func(s *surroundings) { delete(s.env, "AIRUDDER_APP_KEY") }, []string{"--source"}, 1, "AIRUDDER_APP_KEY", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := surround(t)
			if tt.export {
				s.exportWhole()
			}
			tt.spoil(s)
			p := s.run(append([]string{"audit"}, tt.args...)...)
			p.wantEnd(tt.code, tt.said)
			if said := p.stdout.String(); said != "" {
				t.Errorf("it said %s", said)
			}
		})
	}
}

// emptyLedger makes all topics, and no ledger in them.
func (s *surroundings) emptyLedger() {
	for _, topic := range []string{eventTopic, "airudder.task-status"} {
		s.kafka.Create(topic, 1)
	}
	s.kafka.Create(ledgerTopic, 1, "cleanup.policy=compact")
}

// TestAuditWindow looks at the calls of a time.
func TestAuditWindow(t *testing.T) {
	s := surround(t)
	s.exportWhole()
	s.kafka.MustWrite(entry("call/task-1/lost", `{"at":"2026-03-01T12:00:00.000Z","as":"event","n":6,"row":"0000000000000000"}`))
	if r := s.audit(0, "--since", "5m"); r.Counts[audit.OK] != 5 {
		t.Errorf("got %v, want the five calls", r.Counts)
	}
	if r := s.audit(1, "--until", "5m"); r.Counts[audit.OK] != 0 || r.Counts[audit.MissingEvent] != 1 {
		t.Errorf("got %v, want the missing one", r.Counts)
	}
	if r := s.audit(0, "--until", "2026-03-01T12:00:00Z"); r.Counts[audit.MissingEvent] != 0 {
		t.Errorf("got %v, want nothing", r.Counts)
	}
}

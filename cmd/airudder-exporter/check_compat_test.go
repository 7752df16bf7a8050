package main

import (
	"strings"
	"testing"

	"airudder-exporter/internal/rig"
)

// check --compatibility tries Kafka and the registry, leaves the configured topics alone,
// and ends with what it came to.
func TestCheckCompatibility(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before func(*surroundings)
		code   int
		says   []string
	}{
		{"fit", func(*surroundings) {}, 0, []string{
			"  ok    control records: the commit's marker is sent, at offset 1\n", "  ok    registration: ",
			"  info  consumer group: not tried: KAFKA_ASSIGNMENT is all: no consumer group is joined\n", "\nall checks passed\n",
		}},
		{"fit, with a group, and schemas registered by hand", func(s *surroundings) {
			s.env["KAFKA_ASSIGNMENT"], s.env["SCHEMA_REGISTRY_AUTO_REGISTER"] = "group", "false"
		}, 0, []string{
			"  ok    consumer group: it gives the shard out, and confirms it by a heartbeat\n",
			"  info  registration: not tried: a run only looks schemas up, which check does (SCHEMA_REGISTRY_AUTO_REGISTER is false)\n",
		}},
		{"no markers", func(s *surroundings) { s.env["KAFKA_BROKERS"] = s.kafka.Twisted(rig.WithoutMarkers()) }, 1, []string{
			"  FAIL  control records: the record has offset 0, and the log ends at 1: no marker was written\n" +
				"        without it the exporter does not start: it cannot tell what is committed from what is not; what to do: use brokers that",
			"  ?     not tried either: read_committed, producer, two topics, restart, event size, times\n", "\n1 of the checks failed, and 7 could not be tried\n",
		}},
		{"no broker", func(s *surroundings) { s.env["KAFKA_BROKERS"] = rig.FreeAddress(s.t) }, 2, []string{
			"  ?     requests: not tried: nothing listens at the address", "  ?     not tried either: topics, compaction, transactions,", "\n17 checks could not be tried\n",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := surround(t)
			tt.before(s)
			p := s.run("check", "--compatibility", "--timeout", "30s")
			if p.code != tt.code {
				t.Errorf("exit code %d, want %d", p.code, tt.code)
			}
			for _, want := range tt.says {
				if !strings.Contains(p.stdout.String(), want) {
					t.Errorf("it does not say %q:\n%s", want, &p.stdout)
				}
			}
			if n := s.kafka.Partitions(ledgerTopic); n > 0 {
				t.Errorf("the ledger was made, with %d partitions", n)
			}
		})
	}
}

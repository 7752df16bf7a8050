package main

import (
	"encoding/json"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"airudder-exporter/internal/airuddersim"
)

func TestTail(t *testing.T) {
	s := surround(t)
	s.sim.AddTask(airuddersim.TaskSpec{ID: "task-2", Status: airuddersim.Finished,
		Rows: []airuddersim.RowSpec{{Raw: `{"id":7,"Status":"finished","CalleeName":"Sari"}`}}})
	p := s.start("run")
	p.until("an export", func() bool {
		return p.shows("/metrics", `airudder_dead_letters_total{reason="no_call_id"} 1`)() &&
			p.shows("/metrics", "\nairudder_events_total 5\n")() && p.shows("/metrics", "\nairudder_status_changes_total 2\n")() && p.shows("/metrics", "\nairudder_seals_total 1\n")()
	})
	for _, tt := range []struct {
		topic, name string
		lines       int
		looks       int      // lines that may come besides, one for each reading that shows a task's end anew
		keys        string   // of the first line
		fields      []string // of the value, some of them
	}{
		{"events", "airudder.call-completed", 5, 0, "", []string{"call_id", "callee_number", "observed_at", "task_id"}},
		{"status", "airudder.task-status", 3, 0, "task-", []string{"previous_status", "seal", "sequence", "status"}},
		{"dead-letters", "airudder.call-dead-letter", 1, 0, "task-2", []string{"raw", "raw_sha256", "reason", "row_id"}},
		{"ledger", "airudder.call-ledger", 1 + 1 + 5 + 1 + 2, 4, "meta", []string{"event_topic", "ledger_id", "partitions"}},
	} {
		t.Run(tt.topic, func(t *testing.T) {
			lines := s.tail(tt.lines, "--topic", tt.topic)
			if len(lines) < tt.lines || len(lines) > tt.lines+tt.looks {
				t.Errorf("%d lines, want %d to %d", len(lines), tt.lines, tt.lines+tt.looks)
			}
			for i, line := range lines {
				var got tailed
				var value map[string]any
				if err := json.Unmarshal([]byte(line), &got); err != nil {
					t.Fatalf("line %d is no JSON: %v\n%s", i, err, line)
				}
				if got.Topic != tt.name || got.Key == "" || got.Timestamp.IsZero() {
					t.Errorf("line %d: %s", i, line)
				}
				if i > 0 {
					continue
				}
				if err := json.Unmarshal(got.Value, &value); err != nil {
					t.Fatalf("the value of line %d is no JSON object: %v\n%s", i, err, line)
				}
				for _, f := range tt.fields {
					if _, has := value[f]; !has {
						t.Errorf("the value has no %s, only %q", f, slices.Sorted(maps.Keys(value)))
					}
				}
				if !strings.HasPrefix(got.Key, tt.keys) {
					t.Errorf("the first key is %q, want %q", got.Key, tt.keys)
				}
			}
		})
	}
}

// Without --from-start the next record is the first.
func TestTailFollows(t *testing.T) {
	s := surround(t)
	s.export(5)
	before := map[string]bool{}
	for _, line := range s.tail(5) {
		before[callID(t, line)] = true
	}
	p := s.start("tail")
	run := s.start("run")
	run.until("a reading", run.shows("/metrics", `airudder_polls_total{outcome="ok"}`))
	for calls := 0; len(p.stdout.lines()) == 0; calls++ { // the tail may not have begun yet
		if _, err := s.sim.AddRow("task-1", airuddersim.RowSpec{Status: airuddersim.Finished}); err != nil {
			t.Fatal(err)
		}
		want := "\nairudder_events_total " + strconv.Itoa(1+calls) + "\n"
		run.until("an event more", run.shows("/metrics", want))
	}
	p.stop()
	p.wantEnd(0)
	for _, line := range p.stdout.lines() {
		if before[callID(t, line)] {
			t.Errorf("it shows what was there before it began: %s", line)
		}
	}
}

// callID is the call that a line of tail is about.
func callID(t *testing.T, line string) string {
	t.Helper()
	var got tailed
	var value struct {
		CallID string `json:"call_id"`
	}
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	if err := json.Unmarshal(got.Value, &value); err != nil || value.CallID == "" {
		t.Fatalf("no call_id: %v: %s", err, line)
	}
	return value.CallID
}

// A tail that asks a broker which never answers can be ended.
func TestTailWithoutABroker(t *testing.T) {
	s := surround(t)
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	s.env["KAFKA_BROKERS"] = mute.Addr().String()
	p := s.start("tail")
	asked := make(chan net.Conn, 1)
	go func() {
		defer close(asked)
		if asks, err := mute.Accept(); err == nil {
			asked <- asks
		}
	}()
	select {
	case asks := <-asked:
		defer asks.Close()
	case <-p.ended:
		t.Fatalf("it ended by itself:\n%s", &p.stderr)
	}
	p.stop()
	p.wantEnd(0)
}

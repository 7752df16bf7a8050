package main

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestRebuild loses a ledger, rebuilds it and continues: the calls from before
// are known, those from after are published.
func TestRebuild(t *testing.T) {
	s := surround(t)
	s.exportWhole()
	s.kafka.Remove(ledgerTopic)
	s.run("ledger", "rebuild").wantEnd(0)
	s.run("run").wantEnd(1, "ledger refused", "run `airudder-exporter ledger rebuild --execute`")
	p := s.run("ledger", "rebuild", "--execute")
	p.wantEnd(0)
	golden(t, "rebuild.txt", stable(p.stdout.String()))
	s.run("ledger", "rebuild", "--execute").wantEnd(1, "refused: airudder.call-ledger is the ledger ")
	if _, err := s.sim.FinishNext("task-1", 2); err != nil {
		t.Fatal(err)
	}
	s.export(2)
	if n := len(s.tail(7)); n != 7 {
		t.Errorf("%d events, want 7", n)
	}
}

// TestRebuildOfOne loses the ledger of one of two accounts that share the topics. The
// rebuild takes no record of the other's, says which there are, and keeps id and key.
func TestRebuildOfOne(t *testing.T) {
	s := surround(t)
	s.env["AIRUDDER_ACCOUNT"], s.env["KAFKA_EVENT_KEY"] = "id", "call"
	s.exportWhole()
	first := s.ledgerID()
	delete(s.env, "KAFKA_EVENT_KEY")
	other := maps.Clone(s.env)
	s.second()
	s.run("ledger", "create", "--execute").wantEnd(0)
	s.export(5)
	s.env = maps.Clone(other)
	s.kafka.Remove(ledgerTopic)
	p := s.run("ledger", "rebuild", "--execute")
	p.wantEnd(1, "refused: the topics hold records of several ledgers: say by --ledger-id which one is meant:\n",
		"\n  "+first+", account id: 6 records, the newest of ", ", account ph: ")
	s.run("ledger", "rebuild", "--ledger-id", "nobody's").wantEnd(1, "refused: nothing in the topics is of the ledger nobody's. There are:\n")
	s.env["AIRUDDER_ACCOUNT"] = "vn"
	s.run("ledger", "rebuild", "--ledger-id", first).wantEnd(1, "are of the account id, but AIRUDDER_ACCOUNT is vn: set it to")
	s.env["AIRUDDER_ACCOUNT"] = "id"
	p = s.run("ledger", "rebuild", "--execute", "--ledger-id", first)
	p.wantEnd(0)
	for _, want := range []string{"5 of calls", "records of other ledgers", "the ledger is there: " + first} {
		if !strings.Contains(p.stdout.String(), want) {
			t.Errorf("%q is not in\n%s", want, &p.stdout)
		}
	}
	if _, err := s.sim.FinishNext("task-1", 2); err != nil {
		t.Fatal(err)
	}
	s.export(2)
	s.second()
	s.export(2)
	if n := len(s.tail(14)); n != 14 {
		t.Errorf("%d events, want 14: 7 of each account", n)
	}
	if id := s.ledgerID(); id == first {
		t.Errorf("both ledgers have the id %s", id)
	}
	s.env = other
	if id := s.ledgerID(); id != first {
		t.Errorf("the rebuilt ledger has the id %s, want %s", id, first)
	}
	if key := s.meta()["event_key"]; key != "call" {
		t.Errorf("the rebuilt ledger has the event key %s, want call, which the newest events have", key)
	}
}

// meta is the ledger's last meta entry.
func (s *surroundings) meta() (last map[string]any) {
	s.t.Helper()
	topic := cmp.Or(s.env["KAFKA_TOPIC_LEDGER"], ledgerTopic)
	for _, r := range s.kafka.Read(topic).Committed {
		if string(r.Key) == "meta" {
			if err := json.Unmarshal(r.Value, &last); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	return last
}

func (s *surroundings) ledgerID() string {
	s.t.Helper()
	id, _ := s.meta()["ledger_id"].(string)
	return id
}

// A rebuild that is told no event key refuses newest events that have several.
func TestRebuildOfSeveralKeys(t *testing.T) {
	s := surround(t)
	s.env["KAFKA_EVENT_KEY"] = "comments"
	s.exportWhole()
	s.env["KAFKA_EVENT_KEY"] = "task_id"
	s.run("ledger", "adopt", "--execute").wantEnd(0)
	if _, err := s.sim.FinishNext("task-1", 2); err != nil {
		t.Fatal(err)
	}
	s.export(2)
	s.kafka.Remove(ledgerTopic)
	delete(s.env, "KAFKA_EVENT_KEY")
	s.run("ledger", "rebuild", "--execute").wantEnd(1, "refused: the newest events have keys of more than one kind: set KAFKA_EVENT_KEY to what is meant from now on")
	s.env["KAFKA_EVENT_KEY"] = "task_id"
	s.run("ledger", "rebuild", "--execute").wantEnd(0)
	if key := s.meta()["event_key"]; key != "task_id" {
		t.Errorf("the rebuilt ledger has the event key %s, want task_id", key)
	}
}

// Without --execute nothing is written: the topic is still missing.
func TestRebuildPlan(t *testing.T) {
	s := surround(t)
	s.exportWhole()
	s.kafka.Remove(ledgerTopic)
	delete(s.env, "AIRUDDER_APP_KEY") // AIRudder is not asked
	delete(s.env, "AIRUDDER_APP_SECRET")
	for range 2 {
		p := s.run("ledger", "rebuild")
		p.wantEnd(0)
		for _, want := range []string{"missing: it is created", "5 of calls", "1 of tasks", "nothing was written"} {
			if got := p.stdout.String(); !strings.Contains(got, want) {
				t.Errorf("%q is not in\n%s", want, got)
			}
		}
	}
}

func TestRebuildRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before func(s *surroundings)
		code   int
		says   []string
	}{
		{"no topics", func(*surroundings) {}, 1, []string{"missing: airudder.call-completed, airudder.task-status, airudder.call-dead-letter"}},
		{"in use", func(s *surroundings) { s.exportWhole() }, 1, []string{"refused: airudder.call-ledger is the ledger ", "with all exporters stopped"}},
		{"a record that is none of ours", func(s *surroundings) {
			s.exportWhole()
			s.kafka.Remove(ledgerTopic)
			s.write("airudder.task-status", binary.BigEndian.AppendUint32([]byte{0}, 1<<20))
		}, 2, []string{"airudder.task-status[0]@", "look up schema 1048576"}},
		{"a record of another kind", func(s *surroundings) {
			s.exportWhole()
			s.kafka.Remove(ledgerTopic)
			s.write("airudder.task-status", s.kafka.Read("airudder.call-completed").Committed[0].Value)
		}, 1, []string{"airudder.task-status[0]@", "the topic of the status changes holds something else"}},
		{"calls without events", func(s *surroundings) {
			s.exportWhole()
			s.kafka.Remove(ledgerTopic)
			s.kafka.Truncate("airudder.call-completed", -1)
		}, 1, []string{"refused: calls of 1 tasks may be published again"}},
		{"a named task of which nothing is left", func(s *surroundings) {
			s.exportWhole()
			s.kafka.Remove(ledgerTopic)
			s.kafka.Truncate("airudder.call-completed", -1)
			s.env["AIRUDDER_TASK_IDS"] = "task-0"
		}, 1, []string{"refused: calls of 2 tasks may be published again"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := surround(t)
			tt.before(s)
			s.run("ledger", "rebuild", "--execute").wantEnd(tt.code, tt.says...)
		})
	}
}

func TestRebuildOfNothing(t *testing.T) {
	s := surround(t)
	s.env["AIRUDDER_APP_KEY"] = "wrong" // so that a run makes topics and meta, and publishes nothing
	p := s.start("run")
	p.until("a page that says so", p.shows("/readyz", "refuses the app key"))
	p.stop()
	p.wantEnd(0)
	s.kafka.Remove(ledgerTopic)
	p = s.run("ledger", "rebuild", "--execute")
	p.wantEnd(0)
	if got, want := p.stdout.String(), "nothing has been published yet: a run begins the ledger by itself\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What a rebuilt ledger does not know stays unknown, whatever is asked for.
func TestRebuildWithoutItsBeginning(t *testing.T) {
	s := surround(t)
	s.exportWhole()
	s.kafka.Remove(ledgerTopic)
	s.kafka.Truncate("airudder.call-dead-letter", -1) // it is empty, and its log starts at 0: nothing is gone
	s.run("ledger", "rebuild").wantEnd(0)
	s.kafka.Truncate("airudder.call-completed", -1)
	s.run("ledger", "rebuild", "--accept", "--execute").wantEnd(0)
	s.env["AIRUDDER_EXPORT_SINCE"] = "2020-01-01T00:00:00Z"
	p := s.start("run")
	p.until("a warning", func() bool {
		return strings.Contains(p.stderr.String(), `begin earlier than the rebuilt ledger reaches: tasks that ended before may have been `+
			`published already, and are not exported","setting":"AIRUDDER_EXPORT_SINCE"`)
	})
	p.until("readiness", p.ready)
	if code, _ := p.get("/healthz"); code != http.StatusOK {
		t.Errorf("/healthz answers %d", code)
	}
	p.stop()
	p.wantEnd(0)
}

// TestRebuildBesideAnExporter rebuilds a ledger while an exporter runs that has
// not noticed its loss. That one ends without having published anything more.
func TestRebuildBesideAnExporter(t *testing.T) {
	s := surround(t)
	p := s.start("run")
	p.until("five events", p.shows("/metrics", "\nairudder_events_total 5\n"))
	p.until("the task's status", p.shows("/metrics", "\nairudder_status_changes_total 1\n"))
	s.kafka.Remove(ledgerTopic)
	s.run("ledger", "rebuild", "--execute").wantEnd(0)
	if _, err := s.sim.FinishNext("task-1", 2); err != nil {
		t.Fatal(err)
	}
	p.wait()
	p.wantEnd(1, "ledger refused: airudder.call-ledger was made anew at ", "start it again")
	s.export(2)
	if n := len(s.tail(7)); n != 7 {
		t.Errorf("%d events, want 7", n)
	}
}

// exportWhole runs the exporter until it has published the task's five calls,
// and its status.
func (s *surroundings) exportWhole() {
	s.t.Helper()
	p := s.start("run")
	p.until("five events", p.shows("/metrics", "\nairudder_events_total 5\n"))
	p.until("the task's status", p.shows("/metrics", "\nairudder_status_changes_total 1\n"))
	p.stop()
	p.wantEnd(0)
}

// write writes one record as a stranger would.
func (s *surroundings) write(topic string, value []byte) {
	s.kafka.MustWrite(&kgo.Record{Topic: topic, Value: value})
}

// TestShow shows what the ledger knows of a task, and of one that it does not know.
func TestShow(t *testing.T) {
	s := surround(t)
	s.exportWhole()
	p := s.run("ledger", "show", "task-1", "--entries")
	p.wantEnd(0)
	for _, want := range []string{
		"task task-1, partition 0 of 1 of airudder.call-ledger\n", "status       calling, change 1\n",
		"events       5, the last number is 5\n", "seal         none\n", "last writer  exporter, host ",
		`{"key":"task/task-1","value":{"status":"calling","sequence":1,"events":5,`,
	} {
		if got := p.stdout.String(); !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if n := strings.Count(p.stdout.String(), `{"key":"call/task-1/`); n != 5 {
		t.Errorf("%d entries of calls, want 5", n)
	}
	for name := range s.env { // it needs Kafka alone
		if strings.HasPrefix(name, "AIRUDDER_") || strings.HasPrefix(name, "SCHEMA_") {
			delete(s.env, name)
		}
	}
	s.env["PRIVACY"] = "lender" // of which nobody has the key here
	s.run("ledger", "show", "task-1").wantEnd(0)
	s.run("ledger", "show", "task-9").wantEnd(1, "airudder.call-ledger knows nothing of the task task-9: it was never read")
	s.run("ledger", "show").wantEnd(1, "accepts 1 arg(s), received 0")
}

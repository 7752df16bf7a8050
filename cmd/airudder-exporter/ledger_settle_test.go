package main

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/rig"
)

// second has what runs from here on be another account's, with a ledger of its own.
func (s *surroundings) second() {
	s.env["AIRUDDER_ACCOUNT"], s.env["KAFKA_TOPIC_LEDGER"] = "ph", "ledger-ph"
}

// TestCreate begins a second account's ledger beside the events of the first.
func TestCreate(t *testing.T) {
	s := surround(t)
	s.export(5)
	s.second()
	s.run("run").wantEnd(1, "ledger refused: ledger-ph holds no meta entry", "run `airudder-exporter ledger rebuild --execute`",
		"name it by AIRUDDER_ACCOUNT and run `airudder-exporter ledger create`")
	s.kafka.Remove("ledger-ph")
	p := s.run("ledger", "create")
	p.wantEnd(0)
	golden(t, "create.txt", stable(p.stdout.String()))
	p = s.run("ledger", "create", "--execute")
	p.wantEnd(0)
	if want := "the ledger is there: "; !strings.Contains(p.stdout.String(), want) {
		t.Errorf("%q is not in\n%s", want, &p.stdout)
	}
	s.run("ledger", "create", "--execute").wantEnd(1, "refused: ledger-ph is the ledger ", "a run continues it")
	s.export(5)
	if n := len(s.tail(10)); n != 10 {
		t.Errorf("%d events, want 10: 5 of each account", n)
	}
	s.env["KAFKA_TOPIC_LEDGER"] = "ledger-of-a-typo"
	s.run("ledger", "create", "--execute").wantEnd(1, "refused: the newest events of the account ph in airudder.call-completed are of the ledger ",
		"run `airudder-exporter ledger rebuild --execute --ledger-id ")
}

func TestCreateRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before func(s *surroundings)
		code   int
		says   string
	}{
		{"no account", func(s *surroundings) { delete(s.env, "AIRUDDER_ACCOUNT") }, 1, "refused: AIRUDDER_ACCOUNT is not set"},
		{"no topics", func(s *surroundings) { s.kafka.Remove("airudder.call-completed") }, 1, "missing: airudder.call-completed"},
		{"a ledger that lost its meta", func(s *surroundings) {
			s.makeLedger()
			entry := kgo.KeyStringRecord("call/task-1/c1", `{"at":"2026-03-01T12:00:00Z","as":"event"}`)
			entry.Topic = "ledger-ph"
			s.kafka.MustWrite(entry)
		}, 1, "partition 0 of ledger-ph holds entries of a ledger that has lost its meta entry"},
		{"no broker", func(s *surroundings) { s.env["KAFKA_BROKERS"] = rig.FreeAddress(s.t) }, 2, "could not tell: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := surround(t)
			s.export(5)
			s.second()
			tt.before(s)
			s.run("ledger", "create", "--execute").wantEnd(tt.code, tt.says)
		})
	}
}

// TestAdopt changes what a ledger was made with: a run refuses it until the operator
// says that it is meant, and one that goes on with the old configuration ends.
func TestAdopt(t *testing.T) {
	s := surround(t)
	s.export(5)
	s.run("ledger", "adopt", "--execute").wantEnd(0)
	old := s.start("run")
	old.until("readiness", old.ready)
	running := s.env["HTTP_ADDR"]
	s.env["HTTP_ADDR"] = rig.FreeAddress(t)
	s.env["KAFKA_EVENT_KEY"], s.env["AIRUDDER_ACCOUNT"] = "comments", "id"
	s.run("run").wantEnd(1, "KAFKA_EVENT_KEY is comments, but the ledger was made with row; "+
		"AIRUDDER_ACCOUNT is id, but the ledger was made with (none)")
	p := s.run("ledger", "adopt")
	p.wantEnd(0)
	golden(t, "adopt.txt", stable(p.stdout.String()))
	s.run("run").wantEnd(1, "run `airudder-exporter ledger adopt`")
	s.run("ledger", "adopt", "--execute").wantEnd(0)
	if _, err := s.sim.FinishNext("task-1", 2); err != nil {
		t.Fatal(err)
	}
	old.wait()
	old.wantEnd(1, "AIRUDDER_ACCOUNT is (none), but the ledger was made with id")
	p = s.run("ledger", "adopt")
	p.wantEnd(0)
	if want := "there is nothing to adopt"; !strings.Contains(p.stdout.String(), want) {
		t.Errorf("%q is not in\n%s", want, &p.stdout)
	}
	delete(s.env, "KAFKA_EVENT_KEY") // what the ledger says
	s.env["HTTP_ADDR"] = running
	s.export(2)
	if n := len(s.tail(7)); n != 7 {
		t.Errorf("%d events, want 7", n)
	}
}

func TestAdoptRefuses(t *testing.T) {
	s := surround(t)
	s.run("ledger", "adopt").wantEnd(1, "missing: airudder.call-ledger")
	s.export(5)
	s.second()
	s.run("ledger", "create", "--execute").wantEnd(0)
	s.run("ledger", "adopt", "--execute").wantEnd(0)
	delete(s.env, "AIRUDDER_ACCOUNT")
	s.run("ledger", "adopt", "--execute").wantEnd(1, "refused: the newest events of the account without a name in airudder.call-completed are of the ledger ")
	s.kafka.Remove("ledger-ph")
	s.makeLedger()
	s.run("ledger", "adopt").wantEnd(1, "ledger refused: ledger-ph holds no meta entry")
}

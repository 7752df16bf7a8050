package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// TestReplay copies the events of one task of two, looks at the copies, and goes on with
// what is published later.
func TestReplay(t *testing.T) {
	s := surround(t)
	s.export(5) // first, so that they stand at the same offsets each time
	s.sim.AddTask(airuddersim.TaskSpec{ID: "task-2", Status: airuddersim.Calling, Rows: airuddersim.FinishedRows(7)})
	s.export(7)
	c := s.consumer()
	p := c.run("replay", "again", "--to-topic", "again", "--task", "task-1")
	p.wantEnd(0)
	text := regexp.MustCompile(`/[0-9a-f]{16}`).ReplaceAllString(p.stdout.String(), "/DIGEST") // the ledger's id is in it
	text = regexp.MustCompile(`[0-9-]+T[0-9:]+Z`).ReplaceAllString(text, "TIME")
	golden(t, "replay.txt", regexp.MustCompile(`[0-9]+,[0-9]{3}\n`).ReplaceAllString(text, "BYTES\n"))
	if s.kafka.Partitions("again") != 0 {
		t.Error("a plan has created the topic")
	}
	p = c.run("replay", "again", "--to-topic", "again", "--task", "task-1", "--execute")
	p.wantEnd(0)
	if want := "5 records were copied; again holds 5"; !strings.Contains(p.stdout.String(), want) {
		t.Errorf("%q is not in\n%s", want, &p.stdout)
	}
	s.wantCopies("again", "task-1", 5)
	p = c.run("replay", "again", "--to-topic", "again", "--task", "task-1", "--execute")
	p.wantEnd(0)
	if want := "everything that is selected was copied: there is nothing to do"; !strings.Contains(p.stdout.String(), want) {
		t.Errorf("%q is not in\n%s", want, &p.stdout)
	}
	if _, err := s.sim.FinishNext("task-1", 2); err != nil {
		t.Fatal(err)
	}
	s.export(2)
	c.run("replay", "again", "--to-topic", "again", "--task", "task-1", "--execute").wantEnd(0)
	s.wantCopies("again", "task-1", 7)
}

// wantCopies holds a topic to so many copies of a task's events.
func (s *surroundings) wantCopies(topic, task string, n int) {
	s.t.Helper()
	got := rig.CheckReplay(s.t, s.kafka.Read("airudder.call-completed"), s.kafka.Read(topic), "again", func(r *kgo.Record) bool {
		return strings.HasPrefix(rig.Header(r, "ce_id"), task+"/")
	})
	if got != n {
		s.t.Errorf("%d copies, want %d", got, n)
	}
}

// A bad option is one sentence, and no broker is asked.
func TestReplayRefusesOptions(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"--to-topic t", "replay: give it one name, as in replay march-scores --to-topic scores.replay"},
		{"a b --to-topic t", "replay: give it one name"},
		{"a/b --to-topic t", `"a/b" is no name for a replay: give up to 100 letters, digits, dots, dashes and underscores`},
		{"a", "--to-topic: give the topic that is to be written"},
		{"a --to-topic t --topic ledger", "--topic ledger: give events, revised or status"},
		{"a --to-topic t --topic calls", `--topic: "calls" is none of events, status, `},
		{"a --to-topic t --topic status --call c1", "--call: the records of --topic status are about tasks: leave it out, or select with --task"},
		{"a --to-topic t --since 2h", `"--since" flag: give a time such as 2026-01-31T08:00:00Z, which means the same when the replay is run again`},
		{"a --to-topic t --since 2026-01-31T08:00:00Z --until 2026-01-31T08:00:00Z", "--until: give a time after that of --since"},
		{"a --to-topic t --by observed", `--by: "observed" is none of published, occurred`},
		{"a --to-topic t --partition x", `invalid argument "x" for "--partition" flag`},
		{"a --to-topic t --where Intention=A", "--where Intention: --topic events has no such field: give one of task_id, account, "},
		{"a --to-topic t --task=", `"--task" flag: give a TaskID`},
		{"a --to-topic t --rate -1", "--rate -1: give 1 or more, or 0 for as fast as it goes"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			p := (&surroundings{t: t}).run(append([]string{"replay"}, strings.Fields(tt.args)...)...)
			p.wantEnd(1, tt.want)
			if n := len(p.stderr.lines()); n != 1 || p.stdout.String() != "" {
				t.Errorf("%d lines on stderr, and on stdout %q", n, &p.stdout)
			}
		})
	}
}

// What the configuration tells is refused before anything is asked; what cannot be asked is
// told from that.
func TestReplayRefuses(t *testing.T) {
	s := surround(t)
	s.export(5)
	for _, tt := range []struct {
		name   string
		change func(c *surroundings)
		args   string
		code   int
		says   string
	}{
		{"a live topic", nil, "--to-topic airudder.call-completed", 1, `--to-topic: "airudder.call-completed" is also KAFKA_TOPIC_CALL_COMPLETED: give each topic a name of its own`},
		{"one that looks like the ledger", nil, "--to-topic airudder_call-ledger", 1, `--to-topic: "airudder_call-ledger" is also KAFKA_TOPIC_LEDGER`},
		{"the private topic", nil, "--to-topic airudder.call-private", 1, `is also KAFKA_TOPIC_CALL_PRIVATE`},
		{"no name", nil, "--to-topic a/b", 1, `--to-topic: "a/b" is not a topic name`},
		{"no revisions", nil, "--to-topic t --topic revised", 1, "--topic revised: set KAFKA_TOPIC_CALL_REVISED to the topic's name"},
		{"another source", func(c *surroundings) { c.env["KAFKA_TOPIC_CALL_COMPLETED"] = "elsewhere" }, "--to-topic t", 1, "refused: there is no topic elsewhere, or none that this user may read: set KAFKA_TOPIC_CALL_COMPLETED to the topic's name"},
		{"not created", func(c *surroundings) { delete(c.env, "KAFKA_CREATE_TOPICS") }, "--to-topic t", 1, "Set KAFKA_CREATE_TOPICS=true, or create them:\n  kafka-topics.sh "},
		{"another registry", func(c *surroundings) { c.env["SCHEMA_REGISTRY_URL"] = rig.EmbeddedRegistry(t) }, "--to-topic t", 1,
			"and the schema registry has no such schema: set SCHEMA_REGISTRY_URL to the registry that the exporter uses"},
		{"no registry", func(c *surroundings) { c.env["SCHEMA_REGISTRY_URL"] = "http://" + rig.FreeAddress(t) }, "--to-topic t", 2, "could not tell: look up the schema of airudder.call-completed["},
		{"no broker", func(c *surroundings) { c.env["KAFKA_BROKERS"] = rig.FreeAddress(t) }, "--to-topic t", 2, "could not tell: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := s.consumer()
			c.t = t
			if tt.change != nil {
				tt.change(c)
			}
			c.run(append([]string{"replay", "again", "--execute"}, strings.Fields(tt.args)...)...).wantEnd(tt.code, tt.says)
			if s.kafka.Partitions("t") > 0 {
				t.Error("a topic was created")
			}
		})
	}
	p := s.consumer().run("replay", "again", "--to-topic", "by-value", "--where", "task_id=task-1", "--where", "status=finished", "--execute")
	p.wantEnd(0)
	s.wantCopies("by-value", "task-1", 5)
	p = s.consumer().run("replay", "again", "--to-topic", "none", "--where", "task_id=nobody", "--execute")
	p.wantEnd(0)
	if !strings.Contains(p.stdout.String(), "nothing is selected: there is nothing to do") || s.kafka.Partitions("none") > 0 {
		t.Errorf("nothing is selected:\n%s", &p.stdout)
	}
	s.consumer().run("replay", "statuses", "--to-topic", "statuses", "--topic", "status", "--task", "task-1", "--execute").wantEnd(0)
	if n := len(s.kafka.Read("statuses").Committed); n == 0 {
		t.Error("no status was copied")
	}
}

package main

import (
	"context"
	"encoding/json"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka"
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
		{"dead-letters", "airudder.call-dead-letter", 1, 0, "task-2", []string{"raw_sha256", "raw_size", "reason", "resolved", "row_id"}},
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
				if _, has := value["raw"]; has || strings.Contains(line, `"headers"`) {
					t.Errorf("it shows what nobody asked for: %s", line)
				}
				if !strings.HasPrefix(got.Key, tt.keys) {
					t.Errorf("the first key is %q, want %q", got.Key, tt.keys)
				}
			}
		})
	}
	s.wantRaw()
}

// A dead letter's row is shown to those alone who ask for it.
func (s *surroundings) wantRaw() {
	s.t.Helper()
	raw := []string{"tail", "--topic", "dead-letters", "--end", "--raw"}
	for _, tt := range []struct {
		terminal bool
		args     []string
		want     string
	}{{false, raw, `"raw":"eyJ`}, {true, raw, `"CalleeName":"Sari"`}, {true, raw[:len(raw)-1], ""}} {
		c := s.consumer()
		c.terminal = tt.terminal
		p := c.run(tt.args...)
		p.wantEnd(0)
		last := slices.Concat([]string{""}, p.stdout.lines())[len(p.stdout.lines())]
		if !strings.Contains(last, tt.want) || !strings.Contains(last, "no_call_id") || tt.want == "" && strings.Contains(last, "Sari") {
			s.t.Errorf("%q, on a terminal %v: %s", tt.args, tt.terminal, last)
		}
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

// TestTailSelects exports two tasks, one with a dead letter, under a choice of privacy
// that a consumer does not know, and shows parts of what was published.
func TestTailSelects(t *testing.T) {
	s := surround(t)
	s.env["PRIVACY"], s.env["PRIVACY_KEY"] = "lender", privacyKey
	s.env["PRIVACY_FIELDS"] = "comments:keep"
	s.env["KAFKA_TOPIC_CALL_REVISED"] = "revised"
	s.sim.AddTask(airuddersim.TaskSpec{ID: "task%2", Status: airuddersim.Finished, Rows: []airuddersim.RowSpec{
		{Status: airuddersim.Finished, CallID: "c1", Set: map[string]string{"Intention": `"A=<1>"`, "TalkRound": "3"}},
		{Status: airuddersim.Finished, CallID: "c2", Set: map[string]string{"Intention": ""}},
	}})
	s.sim.AddTask(airuddersim.TaskSpec{ID: "task-3", Status: airuddersim.Finished,
		Rows: []airuddersim.RowSpec{{Raw: `{"id":7,"Status":"finished","CalleeName":"Sari"}`}}})
	began := time.Now().Add(-time.Second).UTC().Format(time.RFC3339)
	run := s.start("run")
	run.until("an export", func() bool {
		return run.shows("/metrics", `airudder_dead_letters_total{reason="no_call_id"} 1`)() && run.shows("/metrics", "\nairudder_events_total 7\n")()
	})
	run.stop()
	run.wantEnd(0)
	for _, tt := range []struct {
		args  string
		lines int    // below 0: some, one for each reading among them
		holds string // by each line
	}{
		{"--end", 7, `"duration_ms":`},
		{"--end --from-start --json", 7, `"call_id":`},
		{"--end --task task-1", 5, `"task_id":"task-1"`},
		{"--end --task nobody", 0, ""},
		{"--end --where call_id=c1", 1, `"intention":"A=<1>"`},
		{"--end --where intention=A=<1> --where talk_round=3", 1, `"call_id":"c1"`},
		{"--end --where intention=A=<1> --where talk_round=4", 0, ""},
		{"--end --where intention= --task task%2", 1, `"call_id":"c2"`},
		{"--until 0s", 7, ""},
		{"--until 1h", 0, ""},
		{"--end --since 1h", 7, ""},
		{"--end --since " + began, 7, ""},
		{"--until " + began, 0, ""},
		{"--end --headers --where call_id=c1", 1, `"headers":{"airudder_ledger_id":"`},
		{"--end --topic status --task task%2 --where sequence=1", 1, `"previous_status":null`},
		{"--end --topic private --task task%2", 2, `"callee_number":"+`},
		{"--end --topic revised", 0, ""},
		{"--end --topic revised --where call_id=c1 --where revision=1", 0, ""},
		{"--end --topic dead-letters", 1, `"reason":"no_call_id","resolved":false`},
		{"--end --topic dead-letters --where resolved=true", 0, ""},
		{"--end --topic ledger --task task-3", -1, `"key":"`},
		{"--end --topic ledger --task task%2", -1, `/task%252`},
	} {
		t.Run(tt.args, func(t *testing.T) {
			p := s.consumer().run(append([]string{"tail"}, strings.Fields(tt.args)...)...)
			p.wantEnd(0)
			lines := p.stdout.lines()
			if len(lines) != tt.lines && (tt.lines >= 0 || len(lines) == 0) {
				t.Errorf("%d lines, want %d:\n%s", len(lines), tt.lines, &p.stdout)
			}
			for _, line := range lines {
				if !strings.Contains(line, tt.holds) || !json.Valid([]byte(line)) {
					t.Errorf("no JSON with %s: %s", tt.holds, line)
				}
			}
			if strings.Contains(p.stdout.String(), "Sari") {
				t.Errorf("it shows a name:\n%s", &p.stdout)
			}
		})
	}
	s.terminal = true
	p := s.consumer().run("tail", "--end", "--where", "call_id=c1")
	p.wantEnd(0)
	if lines := p.stdout.lines(); len(lines) != 2 || !strings.HasPrefix(lines[0], "TIME ") || !strings.Contains(lines[1], "  A=<1>  ") {
		t.Errorf("on a terminal:\n%s", &p.stdout)
	}
	if p = s.consumer().run("tail", "--end", "--json"); !strings.HasPrefix(p.stdout.String(), `{"topic":`) {
		t.Errorf("as JSON on a terminal:\n%s", &p.stdout)
	}
	delete(s.env, "KAFKA_TOPIC_CALL_REVISED")
	s.consumer().run("tail", "--topic", "revised").wantEnd(1, "--topic revised: set KAFKA_TOPIC_CALL_REVISED to the topic's name")
	s.env["KAFKA_TOPIC_CALL_COMPLETED"] = "elsewhere"
	s.consumer().run("tail").wantEnd(1, "there is no topic elsewhere, or none that this user may read: set KAFKA_TOPIC_CALL_COMPLETED to the topic's name")
}

// A bad option is one sentence, and no broker is asked.
func TestTailRefuses(t *testing.T) {
	tomorrow := time.Now().Add(24 * time.Hour).Format(time.RFC3339)
	for _, tt := range []struct{ args, want string }{
		{"--task=", `invalid argument "" for "--task" flag: give a TaskID`},
		{"--where intention", `invalid argument "intention" for "--where" flag: give field=value`},
		{"--where =A", `invalid argument "=A" for "--where" flag: give field=value`},
		{"--where Intention=A", "--where Intention: --topic events has no such field: give one of task_id, account, "},
		{"--where reason=A --topic status", "--where reason: --topic status has no such field: give one of task_id, account, task_name, sequence, "},
		{"--where seal=A --topic revised", "--where seal: --topic revised has no such field: give one of revision, call, task_id, "},
		{"--where as=event --topic ledger", "--where: the records of --topic ledger have no schema: leave it out, or select with --task"},
		{"--since yesterday", `"--since" flag: give a time such as 2026-01-31T08:00:00Z, or a duration such as 2h for so long ago`},
		{"--since=", `"--since" flag: give a time such as`},
		{"--since=-2h", `"--since" flag: give a time such as`},
		{"--since 2026-01-31", `"--since" flag: give a time such as`},
		{"--until " + tomorrow, `"--until" flag: give a time that has passed: this one is still to come`},
		{"--since 1h --until 2h", "--until: give a time after that of --since"},
		{"--since 1h --until 1h", "--until: give a time after that of --since"},
		{"--since 1h --from-start", "--from-start and --since: give one of them"},
		{"--raw", "--raw: only --topic dead-letters has raw rows: leave it out"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			p := (&surroundings{t: t}).run(append([]string{"tail"}, strings.Fields(tt.args)...)...)
			p.wantEnd(1, tt.want)
			if n := len(p.stderr.lines()); n != 1 || p.stdout.String() != "" {
				t.Errorf("%d lines on stderr, and on stdout %q", n, &p.stdout)
			}
		})
	}
}

// One who is interrupted does not have all.
func TestTailIsInterruptedBeforeTheEnd(t *testing.T) {
	s := surround(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stderr output
	p := program{environ: environ(s.consumer().env), stdout: &output{}, stderr: &stderr}
	if code := p.run(ctx, []string{"tail", "--end"}); code != 1 || !strings.Contains(stderr.String(), "interrupted before the end") {
		t.Errorf("exit code %d:\n%s", code, &stderr)
	}
}

// TestTailTable holds the table for people: the values in it are not in any order that
// a schema has.
func TestTailTable(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 5, 700e6, time.UTC)
	for _, tt := range []struct{ topic, value, want string }{
		{"events", `{"task_id":"t1","call_id":"c1","task_sequence":7,"duration_ms":61540,"intention":"A\u001b[31m","ring_type":null,"hangup_type":"robot","callee_number":"+62811"}`, `
TIME                  PART@OFFSET  TASK                              CALL                                  NUMBER  DURATION  INTENTION  RING      HANGUP
2026-03-01T12:00:05Z  3@41         t1                                c1                                         7    1m1.5s  A·[31m               robot
    ce_id: t1/c1/0
    none: 
`}, {"status", `{"task_id":"t1","sequence":3,"previous_status":"calling","status":"finished","rows":9,"rows_finished":8,"rows_open":1,"exported":7,"unexported":1,"seal":null}`, `
TIME                  PART@OFFSET  TASK                              NUMBER  STATUS                   ROWS  FINISHED    OPEN  EXPORTED  UNEXPORTED
2026-03-01T12:00:05Z  3@41         t1                                     3  calling → finished          9         8       1         7           1
`},
	} {
		t.Run(tt.topic, func(t *testing.T) {
			of, err := tailedTopic(tt.topic)
			if err != nil {
				t.Fatal(err)
			}
			m := kafka.Message{Partition: 3, Offset: 41, Time: at}
			m.Value = []byte("Avro")
			p := printer{of: of, people: true, headers: tt.topic == "events"}
			m.Headers = []batch.Header{{Key: "ce_id", Value: []byte("t1/c1/0")}, {Key: "none"}}
			if got := "\n" + string(p.table(m, []byte(tt.value), of.read([]byte(tt.value)))); got != tt.want {
				t.Errorf("got%s\nwant%s", got, tt.want)
			}
		})
	}
}

package main

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/rig"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sr"
)

func TestRun(t *testing.T) {
	s := surround(t)
	p := s.start("run")
	p.until("five events", p.shows("/metrics", "\nairudder_events_total 5\n"))
	if _, err := s.sim.FinishNext("task-1", 2); err != nil {
		t.Fatal(err)
	}
	p.until("seven events", p.shows("/metrics", "\nairudder_events_total 7\n"))
	p.until("readiness", p.ready)
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ready", "/api/status": `"task_name":"Reminder March"`, "/": "Reminder March"} {
		if code, body := p.get(path); code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s answers %d, %q", path, code, body)
		}
	}
	if h := s.run("healthcheck", "--path", "/readyz"); h.code != 0 {
		t.Errorf("the health check ends with %d: %s", h.code, &h.stderr)
	}
	p.stop()
	p.wantEnd(0, `"msg":"the exporter has ended"`)
	if h := s.run("healthcheck"); h.code != 1 {
		t.Errorf("the health check of no exporter ends with %d", h.code)
	}

	p = s.start("run") // goes on where the first one ended
	p.until("a restored shard", p.shows("/api/status", `"phase":"open"`))
	p.until("a reading", p.shows("/metrics", `airudder_polls_total{outcome="ok"}`))
	p.stop()
	p.wantEnd(0)
	if n := len(s.tail(7)); n != 7 {
		t.Errorf("%d events after a restart, want 7", n)
	}
}

// A Kafka that cannot keep the promise is refused in one sentence, before anything is
// published.
func TestRunRefusesAnUnfitKafka(t *testing.T) {
	for name, tt := range map[string]struct {
		twist rig.Twist
		want  string
	}{
		"no transactions": {rig.NotOffered(kmsg.InitProducerID), `"error":"this Kafka has no transactions, without which calls would be published twice or lost: use Apache Kafka 2.3 or later, or a service that ` + "`airudder-exporter check --compatibility`" + ` finds fit`},
		"no markers":      {rig.WithoutMarkers(), `"error":"this Kafka keeps no control records, by which`},
		"hidden markers":  {rig.HidesMarkers(), `"error":"this Kafka keeps no control records, by which`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := surround(t)
			s.env["KAFKA_BROKERS"] = s.kafka.Twisted(tt.twist)
			s.env["KAFKA_TRANSACTION_TIMEOUT"] = "1s"
			p := s.run("run")
			p.wantEnd(1, `"msg":"the exporter ends",`+tt.want)
			if n := len(s.kafka.Read("airudder.call-completed").Committed); n > 0 {
				t.Errorf("%d events were published", n)
			}
		})
	}
}

// consumer is somebody with nothing of AIRudder's and no choice of what is private.
func (s *surroundings) consumer() *surroundings {
	c := &surroundings{t: s.t, env: maps.Clone(s.env), terminal: s.terminal}
	maps.DeleteFunc(c.env, func(name, _ string) bool {
		return strings.HasPrefix(name, "AIRUDDER_") || strings.HasPrefix(name, "PRIVACY")
	})
	c.env["AIRUDDER_UNKNOWN"], c.env["PRIVACY"] = "of no matter", "of no matter"
	return c
}

// tail is what tail prints from the start of a topic, n lines at least, for a
// consumer, and for the ledger without a registry.
func (s *surroundings) tail(n int, args ...string) []string {
	s.t.Helper()
	c := s.consumer()
	if slices.Contains(args, "ledger") {
		delete(c.env, "SCHEMA_REGISTRY_URL")
	}
	p := c.start(append([]string{"tail", "--from-start"}, args...)...)
	p.until("so many lines", func() bool { return len(p.stdout.lines()) >= n })
	p.stop()
	p.wantEnd(0)
	return p.stdout.lines()
}

// What is not there yet is waited for: it stands in the log and on the page, and
// the exporter goes on once it is there.
func TestRunWaits(t *testing.T) {
	s := surround(t)
	addr, broker := rig.FreeAddress(t), s.env["KAFKA_BROKERS"]
	s.env["KAFKA_BROKERS"] = addr
	p := s.start("run")
	p.until("a page that says so", p.shows("/readyz", "not ready: waiting for Kafka since "))
	if code, body := p.get("/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, addr) {
		t.Errorf("/readyz answers %d, %q; want the broker's address", code, body)
	}
	if code, _ := p.get("/healthz"); code != http.StatusOK {
		t.Errorf("/healthz answers %d while the exporter waits", code)
	}
	p.until("a line that says so", func() bool { return strings.Contains(p.stderr.String(), `"msg":"not ready: waiting for Kafka since `) })
	forward(t, addr, broker)
	p.until("five events", p.shows("/metrics", "\nairudder_events_total 5\n"))
	p.stop()
	p.wantEnd(0)
}

// forward makes an address lead to another until the test ends.
func forward(t *testing.T, from, to string) {
	t.Helper()
	l, err := net.Listen("tcp", from)
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return // closed
			}
			open.Go(func() { join(t.Context(), in, to) })
		}
	})
	t.Cleanup(func() { l.Close(); open.Wait() })
}

// join copies both ways until one side ends or ctx does.
func join(ctx context.Context, in net.Conn, to string) {
	defer in.Close()
	out, err := net.Dial("tcp", to)
	if err != nil {
		return // the other side sees its connection closed
	}
	defer out.Close()
	ctx, over := context.WithCancel(ctx)
	defer over()
	context.AfterFunc(ctx, func() { in.Close(); out.Close() })
	var copying sync.WaitGroup
	for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
		copying.Go(func() {
			defer over()
			_, _ = io.Copy(way[0], way[1]) // ends when either is closed
		})
	}
	copying.Wait()
}

// A registry that is not there is not taken for Kafka.
func TestRunWaitsForTheRegistry(t *testing.T) {
	s := surround(t)
	s.env["SCHEMA_REGISTRY_URL"] = "http://" + rig.FreeAddress(t)
	p := s.start("run")
	p.until("a page that says so", p.shows("/readyz", "not ready: waiting for the schema registry since "))
	if _, body := p.get("/readyz"); strings.Contains(body, "KAFKA_") {
		t.Errorf("/readyz gives another's cure: %q", body)
	}
	p.stop()
	p.wantEnd(0)
}

func TestRunStoppedWhileItWaits(t *testing.T) {
	s := surround(t)
	s.env["KAFKA_BROKERS"] = rig.FreeAddress(t)
	p := s.start("run")
	p.until("a page that says so", p.shows("/readyz", "waiting for Kafka"))
	p.stop()
	p.wantEnd(0, "the exporter has ended")
}

func TestRunWithAWrongKey(t *testing.T) {
	s := surround(t)
	s.env["AIRUDDER_APP_KEY"] = "wrong"
	p := s.start("run")
	p.until("a page that says so", p.shows("/readyz", "refuses the app key"))
	p.stop()
	p.wantEnd(0)
}

func TestRunWithAnIncompatibleSchema(t *testing.T) {
	s := surround(t)
	s.spoilSchema()
	s.run("run").wantEnd(1, `"msg":"the exporter ends"`, "airudder.call-completed-value", "incompatible at task_id")
}

// spoilSchema registers a schema that ours cannot follow.
func (s *surroundings) spoilSchema() {
	s.t.Helper()
	client, err := sr.NewClient(sr.URLs(s.env["SCHEMA_REGISTRY_URL"]))
	if err != nil {
		s.t.Fatal(err)
	}
	_, err = client.CreateSchema(s.t.Context(), "airudder.call-completed"+"-value", sr.Schema{Schema: `{"type":"record","name":"CallCompleted",
		"namespace":"airudder","fields":[{"name":"task_id","type":"long"}]}`})
	if err != nil {
		s.t.Fatal(err)
	}
}

// A ledger that was lost ends the program, and leaves the events alone.
func TestRunWithALostLedger(t *testing.T) {
	s := surround(t)
	s.export(5)
	s.kafka.Remove(ledgerTopic)
	s.run("run").wantEnd(1, `"msg":"the exporter ends"`, "ledger refused: airudder.call-ledger ")
}

// export runs the exporter until it has published so many calls.
func (s *surroundings) export(events int) {
	s.t.Helper()
	p := s.start("run")
	p.until("so many events", p.shows("/metrics", "\nairudder_events_total "+strconv.Itoa(events)+"\n"))
	p.stop()
	p.wantEnd(0)
}

// What was changed on a topic is told while the exporter works, and no longer once it was
// set right again.
func TestTopicsAreWatched(t *testing.T) {
	s := surround(t)
	s.export(5)
	cfg, _, err := loadConfig(t.Context(), environ(s.env))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	client, err := cluster(cfg.Kafka, log, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	source, err := upstream(cfg, log, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	e := exporter.New(loop(cfg), source, nil, ledger.Writer{}, log, prometheus.NewRegistry())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error)
	go func() {
		ended <- starter{cfg: cfg, log: log, client: client}.watchTopics(ctx, time.Millisecond, e.TopicsSeen)
	}()
	shown := func(what string, is func(exporter.Snapshot) bool) {
		t.Helper()
		rig.Eventually(t, what, time.Minute, func() bool { return is(e.Totals()) })
	}
	shown("the topics", func(s exporter.Snapshot) bool {
		return len(s.Topics) == 4 && len(s.Notices) == 0 && s.Topics[0].Name == "airudder.call-completed" && s.Topics[0].Partitions == 6 &&
			s.Topics[0].CleanupPolicy == "delete" && s.Topics[0].RetentionMS == 30*24*3600_000 && s.Topics[3].RetentionMS == 0
	})
	s.kafka.Set(ledgerTopic, "cleanup.policy=delete")
	shown("the ledger's policy", func(s exporter.Snapshot) bool {
		return len(s.Notices) == 1 && s.Notices[0].Cause == "topic_settings" && strings.Contains(s.Notices[0].Text,
			"the exporter continues, but could not start again: topic "+ledgerTopic+": cleanup.policy is delete, should be compact")
	})
	s.kafka.Set(ledgerTopic, "cleanup.policy=compact")
	s.kafka.Set("airudder.task-status", "retention.ms=3600000")
	shown("an end, and a short retention", func(s exporter.Snapshot) bool {
		status := s.Topics[1]
		return len(s.Notices) == 0 && status.RetentionMS == 3600_000 &&
			slices.ContainsFunc(status.Odd, func(o exporter.TopicSetting) bool { return o.Setting == "retention.ms" && !o.Breaks })
	})
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("got %v, want nil", err)
	}
}

func TestLedgerWithoutATool(t *testing.T) {
	for _, args := range [][]string{{"ledger"}, {"ledger", "rebiuld"}} {
		s := &surroundings{t: t}
		p := s.run(args...)
		p.wantEnd(1, "airudder-exporter: ")
	}
}

// makeLedger makes the topic as an operator would who lost it.
func (s *surroundings) makeLedger() {
	s.t.Helper()
	p := s.run("run") // makes the topics, then refuses
	p.wantEnd(1, "ledger refused")
}

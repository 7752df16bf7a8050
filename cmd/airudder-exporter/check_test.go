package main

import (
	"bytes"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// volatile is what differs from one run to the next.
var volatile = []struct {
	pattern *regexp.Regexp
	as      string
}{
	{regexp.MustCompile(`127\.\d+\.\d+\.\d+:\d+`), "127.0.0.1:PORT"},
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`), "LEDGER-ID"},
	{regexp.MustCompile(`[ \t]+\n`), "\n"},
}

func stable(text string) string {
	for _, v := range volatile {
		text = v.pattern.ReplaceAllString(text, v.as)
	}
	return text
}

// TestCheck holds what check prints below the configuration, in the good case
// and in those that fail, against golden files.
func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before func(s *surroundings)
		code   int
	}{
		{"good", func(s *surroundings) { s.export(5) }, 0},
		{"first", func(*surroundings) {}, 0},
		{"no-topics", func(s *surroundings) { s.env["KAFKA_CREATE_TOPICS"] = "false" }, 1},
		{"wrong-key", func(s *surroundings) { s.export(5); s.env["AIRUDDER_APP_SECRET"] = "wrong" }, 1},
		{"no-upstream", func(s *surroundings) { s.export(5); s.env["AIRUDDER_BASE_URL"] = "http://" + rig.FreeAddress(s.t) }, 1},
		{"other-pins", func(s *surroundings) { s.export(5); s.env["AIRUDDER_ACCOUNT"] = "id" }, 1},
		{"no-broker", func(s *surroundings) { s.env["KAFKA_BROKERS"] = rig.FreeAddress(s.t) }, 2},
		{"no-registry", func(s *surroundings) { s.export(5); s.env["SCHEMA_REGISTRY_URL"] = "http://" + rig.FreeAddress(s.t) }, 2},
		{"lost-ledger", func(s *surroundings) { s.export(5); s.kafka.Remove(ledgerTopic); s.makeLedger() }, 1},
		{"small-topic", func(s *surroundings) { s.export(5); s.kafka.Set("airudder.call-completed", "max.message.bytes=20000") }, 1},
		{"part", func(s *surroundings) {
			for range 24 {
				s.sim.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling})
			}
			err := s.sim.SetOddities(map[airuddersim.Oddity]string{
				airuddersim.ListCap: "20", airuddersim.ListTotal: "total", airuddersim.ListMore: "", airuddersim.TaskWords: "calling:busy",
			})
			if err != nil {
				s.t.Fatal(err)
			}
		}, 0},
		{"busy", func(s *surroundings) {
			s.export(5)
			s.env["AIRUDDER_REQUESTS_PER_SECOND"] = "1"
			s.env["AIRUDDER_LIST_INTERVAL"] = "1m"
			for range 58 {
				s.sim.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling})
			}
			s.sim.AddTask(airuddersim.TaskSpec{Status: airuddersim.Finished, ScheduleEnd: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
		}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := surround(t)
			tt.before(s)
			p := s.run("check")
			if p.code != tt.code {
				t.Errorf("exit code %d, want %d", p.code, tt.code)
			}
			_, checks, _ := strings.Cut(stable(p.stdout.String()), "\nAIRudder\n")
			golden(t, "check-"+tt.name+".txt", checks)
		})
	}
}

func TestCheckShowsTheConfiguration(t *testing.T) {
	s := surround(t)
	s.env["SCHEMA_REGISTRY_USERNAME"], s.env["SCHEMA_REGISTRY_PASSWORD"] = "someone", kafkaSecret
	p := s.run("check")
	p.wantEnd(0)
	for name, want := range map[string]string{
		"AIRUDDER_BASE_URL": s.upstream.URL, "AIRUDDER_APP_SECRET": "set", "AIRUDDER_REQUESTS_PER_SECOND": "100",
		"KAFKA_TOPIC_LEDGER": "airudder.call-ledger", "SCHEMA_REGISTRY_PASSWORD": "set", "LEDGER_RETENTION": "720h0m0s",
	} {
		if !regexp.MustCompile(`(?m)^  ` + name + ` +` + regexp.QuoteMeta(want) + ` +(environment|default)$`).MatchString(p.stdout.String()) {
			t.Errorf("%s is not shown as %s:\n%s", name, want, &p.stdout)
		}
	}
}

// --offline judges the configuration alone: it shows each value, where it comes from and
// every mistake, and asks nobody.
func TestCheckOffline(t *testing.T) {
	const long = "0123456789abcdef0123456789abcdef"
	for _, tt := range []struct {
		name  string
		given map[string]string
		code  int
	}{
		{"good", map[string]string{
			"AIRUDDER_APP_KEY": "short", "AIRUDDER_APP_SECRET_FILE": "testdata/offline-secret", "KAFKA_BROKERS": "k1:9092,k2:9092",
			"SCHEMA_REGISTRY_URL": "http://registry:8081", "PRIVACY": "strict", "PRIVACY_KEY": privacyKey, "AIRUDDER_TOTAL_FIELDS": " ",
			"KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": "user", "KAFKA_SASL_PASSWORD": long,
		}, 0},
		{"bad", map[string]string{
			"AIRUDDER_APP_KEY": long, "AIRUDDER_APP_SECRET_FILE": long, "AIRUDDER_BASE_URL": "https://user:" + long + "@host",
			"AIRUDDER_TIMEOUT": "30d", "AIRUDDER_TASK_IDS_FILE": "testdata/nowhere", "KAFKA_TLS_ENABLED": "true", "KAFKA_TLS_CA_FILE": "testdata/nowhere.pem",
			"SCHEMA_REGISTRY_URL": "registry:8081", "KAFKA_PARTITIONS": "0", "AIRUDDER_APP_SECERT": long, "LOG_LEVEL": "loud",
		}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := program{environ: environ(tt.given), stdout: &stdout, stderr: &stderr}.run(t.Context(), []string{"check", "--offline"})
			if code != tt.code || stderr.Len() > 0 {
				t.Errorf("ended with %d, want %d; stderr: %s", code, tt.code, &stderr)
			}
			golden(t, "check-offline-"+tt.name+".txt", stable(stdout.String()))
			if strings.Contains(stdout.String(), long) {
				t.Errorf("a secret is shown:\n%s", &stdout)
			}
		})
	}
}

// An upstream that takes requests and gives no answer costs no more than the timeout, and
// both are named.
func TestCheckAgainstAHungUpstream(t *testing.T) {
	s := surround(t)
	hung, err := net.Listen("tcp", "127.0.0.1:0") // connections are made, and nobody takes them
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hung.Close() })
	url := "http://" + hung.Addr().String()
	s.env["AIRUDDER_BASE_URL"] = url
	p := s.run("check", "--timeout", "200ms")
	p.wantEnd(2)
	if got := p.stderr.String(); !strings.Contains(got, "waiting for AIRudder at "+url+", 200ms at most (--timeout)") {
		t.Errorf("it does not say what it waits for:\n%s", got)
	}
	if got := p.stdout.String(); !strings.Contains(got, "AIRudder did not answer within 200ms (--timeout; a run waits ") || !strings.Contains(got, "AIRUDDER_TIMEOUT") {
		t.Errorf("it does not say what was not answered:\n%s", got)
	}
}

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// check changes nothing: neither topics nor schemas nor the ledger.
func TestCheckChangesNothing(t *testing.T) {
	s := surround(t)
	for range 2 {
		p := s.run("check")
		p.wantEnd(0)
		if got := p.stdout.String(); !strings.Contains(got, "a run would create") {
			t.Errorf("the topics are there after a check:\n%s", got)
		}
	}
}

const privacyKey = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// What becomes of each field stands between the configuration and AIRudder's answers.
func TestCheckShowsPrivacy(t *testing.T) {
	for name, given := range map[string]map[string]string{
		"open": {"KAFKA_EVENT_KEY": "comments"},
		"lender": {
			"PRIVACY": "lender", "PRIVACY_KEY": privacyKey, "KAFKA_EVENT_KEY": "callee_number",
			"PRIVACY_FIELDS": "comments:mask,raw:keep,additional_fields.CampaignCode:keep",
		},
		"kept": {"PRIVACY": "strict", "PRIVACY_KEY": privacyKey, "PRIVACY_FIELDS": "additional_fields:keep"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := surround(t)
			maps.Copy(s.env, given)
			p := s.run("check")
			p.wantEnd(0)
			_, privacy, _ := strings.Cut(p.stdout.String(), "\nPrivacy\n")
			privacy, rest, _ := strings.Cut(privacy, "\nAIRudder\n")
			golden(t, "check-privacy-"+name+".txt", stable(privacy))
			_, key, _ := strings.Cut(privacyKey, ":")
			if strings.Contains(p.stdout.String(), key) || strings.Contains(p.stderr.String(), key) {
				t.Error("the key is shown")
			}
			if topic := "airudder.call-private"; strings.Contains(rest, topic) != (name == "lender") {
				t.Errorf("%s is asked for: %v", topic, name != "lender")
			}
			if warned := strings.Contains(privacy, "keys hold personal data"); warned != (name == "open") {
				t.Errorf("a warning of keys that are personal: %v", warned)
			}
		})
	}
}

// Where the configuration leaves the event key open, it is the ledger's.
func TestPrivacyRefusesTheLedgersKey(t *testing.T) {
	s := surround(t)
	s.env["KAFKA_EVENT_KEY"] = "comments"
	s.export(5)
	delete(s.env, "KAFKA_EVENT_KEY")
	s.env["PRIVACY_FIELDS"] = "comments:drop"
	const why = "comments is drop, so it cannot be the key of the events: keep it, make it a pseudonym, or give another key; the ledger was made with it"
	p := s.run("check")
	p.wantEnd(1)
	if !strings.Contains(p.stdout.String(), "FAIL  "+why) {
		t.Errorf("check does not say it:\n%s", &p.stdout)
	}
	if p = s.run("run"); p.code != 1 || !strings.Contains(p.stderr.String(), why) {
		t.Errorf("run ends with %d, not saying it:\n%s", p.code, &p.stderr)
	}
}

package main

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"airudder-exporter/internal/env"
)

// The secrets of the tests; no message may show one.
const (
	appKey      = "key-4711"
	appSecret   = "secret-4712"
	kafkaSecret = "secret-4713"
)

// load reads a configuration of the least that is required and what is given.
// A value of "-" takes a variable out.
func load(t *testing.T, given map[string]string) (Config, []string, error) {
	t.Helper()
	set := map[string]string{
		"AIRUDDER_APP_KEY":    appKey,
		"AIRUDDER_APP_SECRET": appSecret,
		"KAFKA_BROKERS":       "kafka:9092",
		"SCHEMA_REGISTRY_URL": "http://registry:8081",
	}
	for name, value := range given {
		set[name] = value
		if value == "-" {
			delete(set, name)
		}
	}
	return loadConfig(t.Context(), environ(set))
}

// given is a secret that came from a variable.
func given(text string) (s env.Secret) {
	_ = s.EnvDecode(text) // never fails
	return s
}

func TestConfigDefaults(t *testing.T) {
	c, warnings, err := load(t, nil)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("error %v, warnings %q", err, warnings)
	}
	zone := c.Upstream.Zone
	c.Upstream.Zone = Zone{}
	want := Config{
		Upstream: Upstream{
			BaseURL: "https://api.airudder.com", AppKey: given(appKey), AppSecret: given(appSecret), AuthScheme: "Token",
			ListRequest: "GET /service/cloud/list", DetailRequest: "GET /service/cloud/detail?TaskID={task}",
			TotalFields: []string{"total", "totalCount", "totalNum", "recordCount"}, RequestsPerSecond: 1, Timeout: 2 * time.Minute, ResponseTimeout: 10 * time.Minute,
		},
		Polling: Polling{
			ListInterval: time.Minute, Concurrency: 4, MinInterval: 5 * time.Second, MaxInterval: 5 * time.Minute,
			AfterEnd: 24 * time.Hour, SealOpenAfter: time.Hour, LedgerRetention: 720 * time.Hour,
		},
		Kafka: Kafka{
			Brokers: []string{"kafka:9092"},
			Topics: Topics{
				CallCompleted: "airudder.call-completed", TaskStatus: "airudder.task-status",
				DeadLetter: "airudder.call-dead-letter", Ledger: "airudder.call-ledger",
			},
			Partitions: 6, LedgerPartitions: 1, Compression: "lz4", Assignment: "group",
			TransactionTimeout: 10 * time.Second,
		},
		Registry: Registry{URL: "http://registry:8081", TokenSource: "none", AutoRegister: true},
		Privacy:  Privacy{Preset: "open"},
		HTTP:     HTTP{Addr: "127.0.0.1:8080"}, LogFormat: "json",
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
	if _, offset := time.Now().In(zone.Location).Zone(); offset != 8*3600 {
		t.Errorf("redial zone: got an offset of %d s, want 8 h", offset)
	}
}

func TestConfigValues(t *testing.T) {
	c, warnings, err := load(t, map[string]string{
		"AIRUDDER_BASE_URL":      "https://eu.example.com/api/",
		"AIRUDDER_ACCOUNT":       "id-1",
		"AIRUDDER_LIST_REQUEST":  "off",
		"AIRUDDER_TOTAL_FIELDS":  "", // none
		"AIRUDDER_LIST_QUERY":    "", // as good as not set
		"AIRUDDER_TASK_IDS":      "a, b,,c,",
		"AIRUDDER_EXPORT_SINCE":  "2026-01-31T00:00:00+08:00",
		"AIRUDDER_ROW_STATUSES":  "answered:finished, busy:open,",
		"AIRUDDER_ZONE":          "Asia/Jakarta",
		"KAFKA_BROKERS":          "a:9092, [::1]:9093",
		"KAFKA_COMPRESSION":      "  zstd ",
		"KAFKA_SASL_MECHANISM":   "SCRAM-SHA-512",
		"KAFKA_SASL_USERNAME":    "exporter",
		"KAFKA_SASL_PASSWORD":    kafkaSecret,
		"HTTP_ADDR":              ":0",
		"LOG_LEVEL":              "debug",
		"AIRUDDER_TASK_IDS_FILE": "", // as good as not set
	})
	if err != nil || len(warnings) > 0 {
		t.Fatalf("error %v, warnings %q", err, warnings)
	}
	for name, pair := range map[string][2]any{
		"base URL":     {c.Upstream.BaseURL, "https://eu.example.com/api"},
		"account":      {pins(c).Account, "id-1"},
		"list":         {c.Upstream.ListRequest, "off"},
		"totals":       {strings.Join(c.Upstream.TotalFields, ","), ""},
		"task ids":     {c.Upstream.TaskIDs, []string{"a", "b", "c"}},
		"export since": {c.Polling.ExportSince.UTC(), time.Date(2026, 1, 30, 16, 0, 0, 0, time.UTC)},
		"row statuses": {c.Upstream.RowStatuses, []string{"answered:finished", "busy:open"}},
		"zone":         {c.Upstream.Zone.String(), "Asia/Jakarta"},
		"brokers":      {c.Kafka.Brokers, []string{"a:9092", "[::1]:9093"}},
		"compression":  {c.Kafka.Compression, "zstd"},
		"password":     {c.Kafka.SASL.Password.First(), kafkaSecret},
		"log level":    {c.LogLevel.String(), "debug"},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s: got %v, want %v", name, pair[0], pair[1])
		}
	}
}

func TestConfigSecretFiles(t *testing.T) {
	dir := t.TempDir()
	given := map[string]string{
		"KAFKA_SASL_MECHANISM": "SCRAM-SHA-256", "KAFKA_SASL_USERNAME": "u", "SCHEMA_REGISTRY_USERNAME": "u",
	}
	for _, name := range []string{"AIRUDDER_APP_KEY", "AIRUDDER_APP_SECRET", "KAFKA_SASL_PASSWORD", "SCHEMA_REGISTRY_PASSWORD"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("of "+name+"\r\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		given[name], given[name+"_FILE"] = "-", path
	}
	c, warnings, err := load(t, given)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("error %v, warnings %q", err, warnings)
	}
	got := []string{c.Upstream.AppKey.First(), c.Upstream.AppSecret.First(), c.Kafka.SASL.Password.First(), c.Registry.Password.First()}
	want := []string{"of AIRUDDER_APP_KEY", "of AIRUDDER_APP_SECRET", "of KAFKA_SASL_PASSWORD", "of SCHEMA_REGISTRY_PASSWORD"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A program that waits for a secret hears that it is told to end.
func TestRunEndsWhileItWaitsForASecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	s := &surroundings{t: t, env: map[string]string{"AIRUDDER_APP_KEY_FILE": path}}
	p := s.start("run")
	p.stop()
	p.wantEnd(0)
}

func TestConfigReportsAllAtOnceInOrder(t *testing.T) {
	_, _, err := load(t, map[string]string{
		"LOG_LEVEL":              "loud",
		"AIRUDDER_LIST_INTERVAL": "5x",
		"KAFKA_BROKERS":          "-",
		"AIRUDDER_APP_KEY":       "-",
		"AIRUDDER_CONCURENCY":    "3",
	})
	want := strings.Join([]string{
		`AIRUDDER_APP_KEY: is required: set it, or AIRUDDER_APP_KEY_FILE to a file that holds it`,
		`AIRUDDER_LIST_INTERVAL: "5x" is not a duration: give hours, minutes and seconds, as in 720h, 90m or 1h30m`,
		`KAFKA_BROKERS: is required`,
		`LOG_LEVEL: "loud" is not a log level: give debug, info, warn or error`,
		`AIRUDDER_CONCURENCY: is not a variable of this program: did you mean AIRUDDER_CONCURRENCY?`,
	}, "\n")
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestConfigWarnings(t *testing.T) {
	for _, test := range []struct {
		given map[string]string
		want  []string
	}{
		{map[string]string{"KAFKA_BROKER": "kafka:9092"}, []string{"KAFKA_BROKER: is not a variable of this program: did you mean KAFKA_BROKERS?"}},
		{map[string]string{"SCHEMA_REGISTRY_USER_NAME": "u"}, []string{"SCHEMA_REGISTRY_USER_NAME: is not a variable of this program: did you mean SCHEMA_REGISTRY_USERNAME?"}},
		{map[string]string{"LEDGER_RETENTON": "1h"}, []string{"LEDGER_RETENTON: is not a variable of this program: did you mean LEDGER_RETENTION?"}},
		{map[string]string{"HTTP_ADR": "x", "LOG_LEVELS": "y"}, []string{
			"HTTP_ADR: is not a variable of this program: did you mean HTTP_ADDR?",
			"LOG_LEVELS: is not a variable of this program: did you mean LOG_LEVEL?",
		}},
		{map[string]string{"HTTP_PROXY": "x", "KAFKA_HEAP_OPTS": "x", "KAFKA_PORT": "x", "PATH": "x", "LOG_DIR": "x"}, nil},
		{
			map[string]string{"KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": "u", "KAFKA_SASL_PASSWORD": kafkaSecret},
			[]string{"KAFKA_SASL_MECHANISM: PLAIN without KAFKA_TLS_ENABLED sends the password unencrypted"},
		},
		{
			map[string]string{"KAFKA_SASL_MECHANISM": "OAUTHBEARER", "KAFKA_SASL_TOKEN_SOURCE": "msk-iam"},
			[]string{"KAFKA_SASL_MECHANISM: OAUTHBEARER without KAFKA_TLS_ENABLED sends the token unencrypted"},
		},
		{map[string]string{"AIRUDDER_BASE_URL": "http://api.airudder.com"}, []string{"AIRUDDER_BASE_URL: http sends the key and the calls unencrypted"}},
		{map[string]string{"AIRUDDER_BASE_URL": "http://127.0.0.1:9000"}, nil},
		{map[string]string{ // what Kubernetes sets for Services called airudder and airudder-exporter
			"AIRUDDER_SERVICE_HOST": "10.0.0.1", "AIRUDDER_SERVICE_PORT": "80", "AIRUDDER_PORT": "tcp://10.0.0.1:80",
			"AIRUDDER_EXPORTER_SERVICE_HOST": "10.0.0.1", "AIRUDDER_EXPORTER_SERVICE_PORT_HTTP": "8080",
			"AIRUDDER_EXPORTER_PORT": "tcp://10.0.0.1:8080", "AIRUDDER_EXPORTER_PORT_8080_TCP": "tcp://10.0.0.1:8080",
			"AIRUDDER_EXPORTER_PORT_8080_TCP_ADDR": "10.0.0.1", "AIRUDDER_EXPORTER_PORT_8080_TCP_PROTO": "tcp",
		}, nil},
	} {
		_, got, err := load(t, test.given)
		if err != nil {
			t.Errorf("%v: %v", test.given, err)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%v: got %q, want %q", test.given, got, test.want)
		}
	}
}

// Kafka and the registry share one source of tokens, and each has what is sent beside them.
func TestConfigTokens(t *testing.T) {
	c, _, err := load(t, map[string]string{
		"KAFKA_SASL_MECHANISM": "OAUTHBEARER", "KAFKA_SASL_TOKEN_SOURCE": "oidc", "KAFKA_SASL_TOKEN_URL": "https://login.example/token",
		"KAFKA_SASL_CLIENT_ID": "me", "KAFKA_SASL_CLIENT_SECRET": kafkaSecret, "KAFKA_SASL_SCOPE": "kafka all",
		"KAFKA_SASL_EXTENSIONS":        "logicalCluster=lkc-1, identityPoolId=pool-1",
		"SCHEMA_REGISTRY_TOKEN_SOURCE": "kafka", "SCHEMA_REGISTRY_HEADERS": "target-sr-cluster=lsrc-1",
	})
	if err != nil {
		t.Fatal(err)
	}
	source := tokens(c.Kafka)
	for name, pair := range map[string][2]any{
		"source":      {source.Source + " " + source.URL + " " + source.ClientID + " " + source.ClientSecret() + " " + source.Scope, "oidc https://login.example/token me " + kafkaSecret + " kafka all"},
		"extensions":  {brokers(c.Kafka).SASL.Extensions, []string{"logicalCluster=lkc-1", "identityPoolId=pool-1"}},
		"one source":  {c.Registry.token == c.Kafka.SASL.Token.source && c.Registry.token != nil, true},
		"of the both": {registry(c.Registry).Token != nil && brokers(c.Kafka).SASL.Token != nil, true},
		"headers":     {registry(c.Registry).Headers(), "target-sr-cluster=lsrc-1"},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s: got %v, want %v", name, pair[0], pair[1])
		}
	}
}

// What a person is shown holds every value in force and no secret.
func TestConfigSettings(t *testing.T) {
	c, _, err := load(t, map[string]string{
		"KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": "u", "KAFKA_SASL_PASSWORD": kafkaSecret,
		"KAFKA_TLS_ENABLED": "true", "AIRUDDER_EXPORT_SINCE": "2026-01-31T00:00:00Z", "AIRUDDER_TASK_IDS": "a,b",
	})
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{}
	for _, s := range env.Table(c) {
		if s.Doc == "" {
			t.Errorf("%s has no description", s.Name)
		}
		shown[s.Name] = s.Value
		for _, secret := range []string{appKey, appSecret, kafkaSecret} {
			if strings.Contains(s.Value, secret) {
				t.Errorf("%s shows a secret", s.Name)
			}
		}
	}
	for name, want := range map[string]string{
		"AIRUDDER_APP_KEY": "set", "KAFKA_SASL_PASSWORD": "set", "SCHEMA_REGISTRY_PASSWORD": "",
		"AIRUDDER_TIMEOUT": "2m0s", "AIRUDDER_ZONE": "+08:00", "AIRUDDER_EXPORT_SINCE": "2026-01-31T00:00:00Z",
		"AIRUDDER_TASK_IDS": "a,b", "LOG_LEVEL": "info", "KAFKA_REPLICATION_FACTOR": "0", "KAFKA_TLS_ENABLED": "true",
	} {
		if got := shown[name]; got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each bad configuration gets exactly the lines that say what would be right.
func TestConfigBad(t *testing.T) {
	dir := t.TempDir()
	empty, full := filepath.Join(dir, "empty"), filepath.Join(dir, "full")
	for path, text := range map[string]string{empty: "\n", full: kafkaSecret} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	missing := filepath.Join(dir, "missing")
	long := strings.Repeat("x", 300)
	const (
		duration = " is not a duration: give hours, minutes and seconds, as in 720h, 90m or 1h30m"
		above    = " is not above 0: give a duration such as 1m or 30s"
		number   = " is not a whole number: give one such as 4"
		either   = " is neither true nor false: give one of them"
		topic    = " is not a topic name: give up to 249 letters, digits, dots, dashes and underscores"
		brokers  = " is not a list of host:port: give one such as kafka-1:9092,kafka-2:9092"
		baseURL  = " is not an absolute http or https URL: give one such as https://api.airudder.com"
		zone     = " is not a time zone: give an offset such as +08:00 or a name such as Asia/Jakarta"
		request  = "; give one such as GET /service/cloud/list?page={page}, or off for no list"
		hostPort = " is not host:port: give one such as 127.0.0.1:8080 or :8080"
	)
	for _, test := range []struct {
		name, value string
		want        string // after the variable's name
	}{
		{"AIRUDDER_BASE_URL", "api.airudder.com", `"api.airudder.com"` + baseURL},
		{"AIRUDDER_BASE_URL", "ftp://api", `"ftp://api"` + baseURL},
		{"AIRUDDER_BASE_URL", "https://", `"https://"` + baseURL},
		{"AIRUDDER_BASE_URL", "https://a?b=c", `"https://a?b=c"` + baseURL},
		{"AIRUDDER_BASE_URL", "https://me:" + appSecret + "@api", `"https://***@api" holds a user name: give the URL alone`},
		{"AIRUDDER_BASE_URL", "https//me:" + appSecret + "@api", `"https//***@api"` + baseURL},
		{"AIRUDDER_ACCOUNT", "a b", `"a b" is not a short name: give a letter or digit, and up to 63 more, dots, dashes and underscores`},
		{"AIRUDDER_ACCOUNT", "../x", `"../x" is not a short name: give a letter or digit, and up to 63 more, dots, dashes and underscores`},
		{"AIRUDDER_APP_KEY", "-", `is required: set it, or AIRUDDER_APP_KEY_FILE to a file that holds it`},
		{"AIRUDDER_APP_SECRET", " ", `is required: set it, or AIRUDDER_APP_SECRET_FILE to a file that holds it`},
		{"AIRUDDER_AUTH_SCHEME", "Token token", `"Token token" is not one word: give one such as Token or Bearer`},
		{"AIRUDDER_LIST_REQUEST", "off", `"off" leaves no task to export: give tasks as AIRUDDER_TASK_IDS or AIRUDDER_TASK_IDS_FILE, or a request such as GET /service/cloud/list`},
		{"AIRUDDER_LIST_REQUEST", "page={page}", `"page={page}" does not begin with GET or POST` + request},
		{"AIRUDDER_LIST_REQUEST", "GET /l?p={page}&o={offset:10}", `"GET /l?p={page}&o={offset:10}" has both {page} and {offset:10}: keep one of them, since pages are asked for in one way` + request},
		{"AIRUDDER_DETAIL_REQUEST", "GET /d", `"GET /d" does not say where the task's id goes; give one such as GET /service/cloud/detail?TaskID={task}`},
		{"AIRUDDER_TOTAL_FIELDS", "total, a b", `"total, a b" is not a list of fields: give their names, separated by commas, or nothing`},
		{"AIRUDDER_LIST_QUERY", "page={page}", `is no longer a variable of this program: put it into AIRUDDER_LIST_REQUEST, as in GET /service/cloud/list?page={page}`},
		{"AIRUDDER_LIST_ENABLED", "false", `is no longer a variable of this program: set AIRUDDER_LIST_REQUEST to off for no list`},
		{"AIRUDDER_LIST_INTERVAL", "5x", `"5x"` + duration},
		{"AIRUDDER_LIST_INTERVAL", "60", `"60" is not a duration without its unit: give 60s, 60m or 60h`},
		{"LEDGER_RETENTION", "30d", `"30d" is not a duration: hours are the largest unit, so give 720h`},
		{"LEDGER_RETENTION", "2 weeks", `"2 weeks" is not a duration: hours are the largest unit, so give 336h`},
		{"LEDGER_RETENTION", "one month", `"one month"` + duration},
		{"AIRUDDER_LIST_INTERVAL", "0s", `"0s"` + above},
		{"AIRUDDER_TASK_IDS", "a b", `"a b" is not a list of task ids: separate them by commas`},
		{"AIRUDDER_EXPORT_SINCE", "yesterday", `"yesterday" is not an RFC 3339 time: give one such as 2026-01-31T00:00:00Z`},
		{"AIRUDDER_ROW_STATUSES", "answered:finished,busy", `"answered:finished,busy" holds "busy" without a meaning: give word:meaning, as in answered:finished`},
		{"AIRUDDER_ROW_STATUSES", "calling:finished", `"calling:finished" gives "calling" another meaning: it is a status of AIRudder's documentation`},
		{"AIRUDDER_REQUESTS_PER_SECOND", "fast", `"fast" is not a number: give one such as 0.5 or 2`},
		{"AIRUDDER_REQUESTS_PER_SECOND", "0", `"0" is not above 0: give a number such as 0.5 or 2`},
		{"AIRUDDER_REQUESTS_PER_SECOND", "NaN", `"NaN" is not above 0: give a number such as 0.5 or 2`},
		{"AIRUDDER_CONCURRENCY", "many", `"many"` + number},
		{"AIRUDDER_CONCURRENCY", "0", `"0" is out of range: give 1 or more`},
		{"AIRUDDER_TIMEOUT", "-1s", `"-1s"` + above},
		{"AIRUDDER_RESPONSE_TIMEOUT", "1m", `"1m" is below AIRUDDER_TIMEOUT, 2m0s: give at least as much`},
		{"AIRUDDER_ZONE", "WIB", `"WIB"` + zone},
		{"AIRUDDER_ZONE", "+8", `"+8"` + zone},
		{"AIRUDDER_ZONE", "Local", `"Local"` + zone},
		{"AIRUDDER_POLL_MIN_INTERVAL", "0s", `"0s"` + above},
		{"AIRUDDER_POLL_MAX_INTERVAL", "1s", `"1s" is below AIRUDDER_POLL_MIN_INTERVAL, 5s: give at least as much`},
		{"AIRUDDER_POLL_AFTER_END", "-1h", `"-1h" is below 0: give a duration such as 24h, or 0s`},
		{"LEDGER_RETENTION", "0h", `"0h"` + above},
		{"KAFKA_BROKERS", "-", `is required`},
		{"KAFKA_BROKERS", ",", `","` + brokers},
		{"KAFKA_BROKERS", "kafka", `"kafka"` + brokers},
		{"KAFKA_BROKERS", "kafka:9092,kafka:port", `"kafka:9092,kafka:port"` + brokers},
		{"KAFKA_BROKERS", "me:" + kafkaSecret + "@kafka:9092", `"***@kafka:9092"` + brokers},
		{"KAFKA_BROKERS", "http://kafka:9092", `"http://kafka:9092"` + brokers},
		{"KAFKA_BROKERS", "a\nkafka:9092", `"a\nkafka:9092"` + brokers},
		{"KAFKA_CREATE_TOPICS", "please", `"please"` + either},
		{"KAFKA_REPLICATION_FACTOR", "-2", `"-2" is not a number of replicas: give 1 or more, 0 for 3 or as many as there are brokers, or -1 for the broker's default`},
		{"KAFKA_TOPIC_CALL_COMPLETED", "calls!", `"calls!"` + topic},
		{"KAFKA_TOPIC_TASK_STATUS", "..", `".."` + topic},
		{"KAFKA_TOPIC_DEAD_LETTER", long, `"` + long[:100] + `…"` + topic},
		{"KAFKA_TOPIC_LEDGER", "airudder_task-status", `"airudder_task-status" is also KAFKA_TOPIC_TASK_STATUS: give each topic a name of its own, and not one that differs by . and _ alone`},
		{"KAFKA_PARTITIONS", "0", `"0" is out of range: give 1 or more`},
		{"KAFKA_LEDGER_PARTITIONS", "1.5", `"1.5"` + number},
		{"KAFKA_EVENT_KEY", "phone", `"phone" is not an event key: give row, call, task_id, callee_number or comments`},
		{"KAFKA_EVENT_KEY", "call_id", `"call_id" is no longer an event key: give call, whose keys are <TaskID>/<CallID>, since two tasks may show one CallID`},
		{"KAFKA_COMPRESSION", "zip", `"zip" is not a compression: give none, gzip, snappy, lz4 or zstd`},
		{"KAFKA_ASSIGNMENT", "one", `"one" is not one of them: give group or all`},
		{"KAFKA_TRANSACTION_TIMEOUT", "999ms", `"999ms" is out of range: give a duration from 1s to 15m`},
		{"KAFKA_TRANSACTION_TIMEOUT", "15m1s", `"15m1s" is out of range: give a duration from 1s to 15m`},
		{"KAFKA_TLS_ENABLED", "on", `"on"` + either},
		{"KAFKA_TLS_CA_FILE", "/ca", `"/ca" has no effect without TLS: set KAFKA_TLS_ENABLED to true, or leave it out`},
		{"KAFKA_SASL_USERNAME", "me", `"me" has no effect without KAFKA_SASL_MECHANISM: give PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512`},
		{"KAFKA_SASL_PASSWORD", kafkaSecret, `has no effect without KAFKA_SASL_MECHANISM: give PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512`},
		{"KAFKA_SASL_PASSWORD_FILE", full, `has no effect without KAFKA_SASL_MECHANISM: give PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512`},
		{"SCHEMA_REGISTRY_URL", "-", `is required`},
		{"SCHEMA_REGISTRY_URL", "registry:8081", `"registry:8081" is not an absolute http or https URL: give one such as http://registry:8081`},
		{"SCHEMA_REGISTRY_URL", "http://me:" + kafkaSecret + "/@r:8081", `"http://***@r:8081" is not an absolute http or https URL: give one such as http://registry:8081`},
		{"SCHEMA_REGISTRY_URL", "http://me:" + kafkaSecret + "@r:8081", `"http://***@r:8081" holds a user name: give the URL alone, and the account as SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD`},
		{"SCHEMA_REGISTRY_USERNAME", "me", `SCHEMA_REGISTRY_PASSWORD is required with SCHEMA_REGISTRY_USERNAME: set it, or SCHEMA_REGISTRY_PASSWORD_FILE to a file that holds it`},
		{"SCHEMA_REGISTRY_PASSWORD", kafkaSecret, `SCHEMA_REGISTRY_USERNAME is required with SCHEMA_REGISTRY_PASSWORD`},
		{"KAFKA_SASL_TOKEN_SOURCE", "file", `"file" has no effect without KAFKA_SASL_MECHANISM=OAUTHBEARER` + "\n" +
			"KAFKA_SASL_TOKEN_FILE: is required with KAFKA_SASL_TOKEN_SOURCE=file"},
		{"KAFKA_SASL_TOKEN_COMMAND", "get " + kafkaSecret, `has no effect without KAFKA_SASL_TOKEN_SOURCE=command`},
		{"SCHEMA_REGISTRY_TOKEN_SOURCE", "oidc", `"oidc" is not one of them: give none or kafka`},
		{"SCHEMA_REGISTRY_TOKEN_SOURCE", "kafka", `"kafka" shows the token of Kafka, and there is none: set KAFKA_SASL_MECHANISM=OAUTHBEARER and KAFKA_SASL_TOKEN_SOURCE, or give none`},
		{"SCHEMA_REGISTRY_HEADERS", kafkaSecret, `has a header (the one at 1) that is none: give name=value, separated by commas`},
		{"SCHEMA_REGISTRY_TLS_CA_FILE", "/ca", `"/ca" has no effect without TLS: give https:// in SCHEMA_REGISTRY_URL, or leave it out`},
		{"SCHEMA_REGISTRY_AUTO_REGISTER", "2", `"2"` + either},
		{"PRIVACY", "Lender", `"Lender" is not a preset: give open, lender or strict`},
		{"PRIVACY", "lender", `PRIVACY_KEY callee_number is pseudonym+private: a token needs a key: set it, or PRIVACY_KEY_FILE to a file that holds it`},
		{"PRIVACY_FIELDS", "comments:pseudonym", `PRIVACY_KEY comments is pseudonym: a token needs a key: set it, or PRIVACY_KEY_FILE to a file that holds it`},
		{"PRIVACY_FIELDS", "comments:hash", `comments: "hash" is not a mode: give keep, drop, mask, pseudonym, private or pseudonym+private`},
		{"PRIVACY_KEY", kafkaSecret, "has no name before a colon: give one line such as k1:BASE64, where `openssl rand -base64 32` makes the BASE64"},
		{"PRIVACY_FIELD", "comments:drop", `is not a variable of this program: did you mean PRIVACY_FIELDS?`},
		{"PRIVACY_SALTING", "x", `is not a variable of this program`},
		{"HTTP_ADDR", "8080", `"8080"` + hostPort},
		{"HTTP_ADDR", "127.0.0.1:99999", `"127.0.0.1:99999"` + hostPort},
		{"LOG_FORMAT", "logfmt", `"logfmt" is not a log format: give json or text`},
		{"LOG_LEVEL", "INFO+1", `"INFO+1" is not a log level: give debug, info, warn or error`},
		{"AIRUDDER_APP_KEY_FILE", full, `is set twice, also by AIRUDDER_APP_KEY_FILE: keep one of them`},
		{"AIRUDDER_BEARER_TOKEN", appKey, `is not a variable of this program`},
	} {
		want := test.name + ": " + test.want
		switch {
		case strings.HasPrefix(test.want, "SCHEMA_REGISTRY_"), strings.HasPrefix(test.want, "PRIVACY_"):
			want = strings.Replace(test.want, " ", ": ", 1)
		case test.name == "KAFKA_SASL_PASSWORD_FILE", test.name == "AIRUDDER_APP_KEY_FILE":
			want = strings.TrimSuffix(test.name, "_FILE") + ": " + test.want
		}
		wantError(t, map[string]string{test.name: test.value}, want)
	}

	for _, test := range []struct {
		given map[string]string
		want  string
	}{
		{
			map[string]string{"AIRUDDER_APP_KEY": "-", "AIRUDDER_APP_KEY_FILE": missing},
			"AIRUDDER_APP_KEY: cannot be read from AIRUDDER_APP_KEY_FILE: no such file or directory: give the path of a file that holds the value",
		},
		{
			map[string]string{"AIRUDDER_APP_SECRET": "-", "AIRUDDER_APP_SECRET_FILE": empty},
			"AIRUDDER_APP_SECRET: cannot be read from AIRUDDER_APP_SECRET_FILE: the file \"" + empty + "\" is empty: write the value into it",
		},
		{ // the secret where the file's name belongs
			map[string]string{"AIRUDDER_APP_SECRET": "-", "AIRUDDER_APP_SECRET_FILE": appSecret},
			"AIRUDDER_APP_SECRET: cannot be read from AIRUDDER_APP_SECRET_FILE: no such file or directory: give the path of a file that holds the value",
		},
		{
			map[string]string{"KAFKA_SASL_MECHANISM": "SCRAM-SHA-512"},
			"KAFKA_SASL_USERNAME: is required with KAFKA_SASL_MECHANISM\n" +
				"KAFKA_SASL_PASSWORD: is required with KAFKA_SASL_MECHANISM: set it, or KAFKA_SASL_PASSWORD_FILE to a file that holds it",
		},
		{
			map[string]string{"KAFKA_SASL_MECHANISM": "GSSAPI", "KAFKA_SASL_USERNAME": "u", "KAFKA_SASL_PASSWORD": kafkaSecret},
			`KAFKA_SASL_MECHANISM: "GSSAPI" is not one of them: give PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER`,
		},
		{
			map[string]string{"KAFKA_SASL_MECHANISM": "OAUTHBEARER", "KAFKA_SASL_USERNAME": "u", "KAFKA_SASL_PASSWORD": kafkaSecret},
			`KAFKA_SASL_USERNAME: "u" has no effect with KAFKA_SASL_MECHANISM=OAUTHBEARER` + "\n" +
				"KAFKA_SASL_PASSWORD: has no effect with KAFKA_SASL_MECHANISM=OAUTHBEARER\n" +
				"KAFKA_SASL_TOKEN_SOURCE: is required with KAFKA_SASL_MECHANISM=OAUTHBEARER",
		},
		{
			map[string]string{"KAFKA_SASL_MECHANISM": "OAUTHBEARER", "KAFKA_SASL_TOKEN_SOURCE": "oidc", "KAFKA_SASL_TOKEN_FILE": "/token", "KAFKA_SASL_EXTENSIONS": "auth=x"},
			"KAFKA_SASL_TOKEN_URL: is required with KAFKA_SASL_TOKEN_SOURCE=oidc\n" +
				"KAFKA_SASL_CLIENT_ID: is required with KAFKA_SASL_TOKEN_SOURCE=oidc\n" +
				"KAFKA_SASL_CLIENT_SECRET: is required with KAFKA_SASL_TOKEN_SOURCE=oidc: set it, or KAFKA_SASL_CLIENT_SECRET_FILE to a file that holds it\n" +
				`KAFKA_SASL_TOKEN_FILE: "/token" has no effect without KAFKA_SASL_TOKEN_SOURCE=file` + "\n" +
				`KAFKA_SASL_EXTENSIONS: "auth=x" is no extension: give name=value such as logicalCluster=lkc-1, the name in letters`,
		},
		{
			map[string]string{"KAFKA_SASL_MECHANISM": "OAUTHBEARER", "KAFKA_SASL_TOKEN_SOURCE": "msk-iam", "SCHEMA_REGISTRY_TOKEN_SOURCE": "kafka"},
			`SCHEMA_REGISTRY_TOKEN_SOURCE: "kafka" shows a token that only MSK knows, with KAFKA_SASL_TOKEN_SOURCE=msk-iam: give none`,
		},
		{ // a key of the events that the topic does not show
			map[string]string{"PRIVACY_FIELDS": "comments:drop", "KAFKA_EVENT_KEY": "comments"},
			"KAFKA_EVENT_KEY: comments is drop, so it cannot be the key of the events: keep it, make it a pseudonym, or give another key",
		},
		{ // a topic that is used has a name of its own
			map[string]string{"PRIVACY_FIELDS": "comments:private", "KAFKA_TOPIC_CALL_PRIVATE": "airudder.call-completed"},
			`KAFKA_TOPIC_CALL_PRIVATE: "airudder.call-completed" is also KAFKA_TOPIC_CALL_COMPLETED: give each topic a name of its own, and not one that differs by . and _ alone`,
		},
		{map[string]string{"HINT_WEB_CONFIG_FILE": "/web"}, `HINT_WEB_CONFIG_FILE: "/web" is for hints, and nobody listens for these: set HINT_ADDR, or leave it out`},
		{
			map[string]string{"HTTP_HEALTHCHECK_USERNAME": "ops"},
			"HTTP_HEALTHCHECK_PASSWORD: is required with HTTP_HEALTHCHECK_USERNAME: set it, or HTTP_HEALTHCHECK_PASSWORD_FILE to a file that holds it",
		},
		{map[string]string{"KAFKA_TLS_ENABLED": "true", "KAFKA_TLS_CERT_FILE": "/cert"}, "KAFKA_TLS_KEY_FILE: is required with KAFKA_TLS_CERT_FILE"},
		{map[string]string{"KAFKA_TLS_ENABLED": "true", "KAFKA_TLS_KEY_FILE": "/key"}, "KAFKA_TLS_CERT_FILE: is required with KAFKA_TLS_KEY_FILE"},
		{ // together with what else is wrong
			map[string]string{"LOG_LEVEL": "loud", "KAFKA_TLS_ENABLED": "true", "KAFKA_TLS_CERT_FILE": "/cert"},
			"KAFKA_TLS_KEY_FILE: is required with KAFKA_TLS_CERT_FILE\n" +
				"LOG_LEVEL: \"loud\" is not a log level: give debug, info, warn or error",
		},
		{ // what follows from a bad value is no second mistake
			map[string]string{"KAFKA_TLS_ENABLED": "on", "KAFKA_TLS_CA_FILE": "/ca"},
			`KAFKA_TLS_ENABLED: "on" is neither true nor false: give one of them`,
		},
		{
			map[string]string{"AIRUDDER_POLL_MIN_INTERVAL": "1x", "AIRUDDER_POLL_MAX_INTERVAL": "1s"},
			`AIRUDDER_POLL_MIN_INTERVAL: "1x" is not a duration: give hours, minutes and seconds, as in 720h, 90m or 1h30m`,
		},
	} {
		wantError(t, test.given, test.want)
	}
}

func wantError(t *testing.T, given map[string]string, want string) {
	t.Helper()
	_, _, err := load(t, given)
	if err == nil {
		t.Errorf("%v: no error, want %q", given, want)
		return
	}
	if got := err.Error(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, secret := range []string{appKey, appSecret, kafkaSecret} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error shows a secret: %v", err)
		}
	}
}

package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // AIRUDDER_ZONE by name, also where the system has no zones

	"airudder-exporter/internal/airudder"
	"airudder-exporter/internal/env"
	"airudder-exporter/internal/token"
)

// Config is the exporter's whole configuration, as the environment gives it.
// The tags are the one place where a variable's name, default and meaning
// stand: env for the first two, doc for the third. A field tagged secret can
// also come from a file that <name>_FILE names, and is never shown; an env.Secret
// is read from there again. group is
// the heading in deploy/CONFIGURATION.md.
type Config struct {
	Upstream  Upstream  `group:"AIRudder"`
	Polling   Polling   `group:"Polling"`
	Kafka     Kafka     `group:"Kafka"`
	Registry  Registry  `group:"Schema registry"`
	Privacy   Privacy   `group:"Privacy"`
	Hints     Hints     `group:"Hints"`
	HTTP      HTTP      `group:"Serving and logging"`
	LogLevel  LogLevel  `env:"LOG_LEVEL,default=info" group:"Serving and logging" doc:"Least level that is logged: debug, info, warn or error."`
	LogFormat LogFormat `env:"LOG_FORMAT,default=json" group:"Serving and logging" doc:"json: a JSON object a line, for collectors; text: key=value, for people."`
}

// Upstream is the AIRudder account and how it may be asked.
type Upstream struct {
	BaseURL           string        `env:"AIRUDDER_BASE_URL,default=https://api.airudder.com" doc:"Root of the AIRudder API."`
	Account           string        `env:"AIRUDDER_ACCOUNT" doc:"Name of the account in every event, where there are several: a letter or digit, and up to 63 more, dots, dashes and underscores. Accounts may share the event topics; each needs a ledger of its own."`
	AppKey            env.Secret    `env:"AIRUDDER_APP_KEY,required" secret:"true" doc:"APPKey of the account."`
	AppSecret         env.Secret    `env:"AIRUDDER_APP_SECRET,required" secret:"true" doc:"APPSecret of the account."`
	AuthScheme        string        `env:"AIRUDDER_AUTH_SCHEME,default=Token" doc:"Word before the token in the Authorization header."`
	ListRequest       string        `env:"AIRUDDER_LIST_REQUEST,default=GET /service/cloud/list" doc:"Request for the task list, or off: method, path, query and, after a blank, a JSON body. Placeholders: {page} (from 1), {page0} (from 0), {offset:100} or {cursor:data.next} ask for page after page; {limit:100}; {since} and {until} are RFC 3339, or as {since:2006-01-02 15:04:05}, {since:unix} or {since:unixms} say."`
	DetailRequest     string        `env:"AIRUDDER_DETAIL_REQUEST,default=GET /service/cloud/detail?TaskID={task}" doc:"Request for a task's detail, likewise, with {task} for its TaskID."`
	TotalFields       []string      `env:"AIRUDDER_TOTAL_FIELDS,default=total,totalCount,totalNum,recordCount" blank:"true" doc:"Fields of an answer that count all there is, so that one that shows fewer tasks or rows is noticed. Case and underscores do not count; set and empty: none."`
	TaskIDs           []string      `env:"AIRUDDER_TASK_IDS" doc:"Tasks named by hand, separated by commas; exported whatever their age."`
	TaskIDsFile       string        `env:"AIRUDDER_TASK_IDS_FILE" doc:"A file of such tasks, one a line; read again when it changes."`
	RequestsPerSecond float64       `env:"AIRUDDER_REQUESTS_PER_SECOND,default=1" doc:"Request budget of the whole deployment, evenly spaced and shared by its exporters."`
	Timeout           time.Duration `env:"AIRUDDER_TIMEOUT,default=120s" doc:"Longest wait for a response's first byte, and between two of them."`
	ResponseTimeout   time.Duration `env:"AIRUDDER_RESPONSE_TIMEOUT,default=10m" doc:"Longest time for a whole response."`
	RowStatuses       []string      `env:"AIRUDDER_ROW_STATUSES" doc:"Meanings of rows' statuses that AIRudder does not document: word:meaning, separated by commas, as in answered:finished,blacklisted:cancelled,queued:open. Case does not count; a number may be a word."`
	Zone              Zone          `env:"AIRUDDER_ZONE,default=+08:00" doc:"Time zone of times that name none, as the redials' do: an offset or an IANA name."`
}

// Polling is when tasks are read, and how long they are remembered.
type Polling struct {
	ListInterval    time.Duration `env:"AIRUDDER_LIST_INTERVAL,default=1m" doc:"Time between two readings of the task list."`
	ExportSince     time.Time     `env:"AIRUDDER_EXPORT_SINCE" doc:"Tasks whose schedule ended before this time (RFC 3339) are not exported. Empty: 168h before the ledger's creation. An earlier time than the ledger's own is the backfill; a later one changes nothing."`
	Concurrency     int           `env:"AIRUDDER_CONCURRENCY,default=4" doc:"Tasks read at once."`
	MinInterval     time.Duration `env:"AIRUDDER_POLL_MIN_INTERVAL,default=5s" setting:"PollMin" doc:"Time between two readings of a task while its calls finish."`
	MaxInterval     time.Duration `env:"AIRUDDER_POLL_MAX_INTERVAL,default=5m" setting:"PollMax" doc:"The same while nothing changes."`
	AfterEnd        time.Duration `env:"AIRUDDER_POLL_AFTER_END,default=24h" setting:"Policy.AfterEnd" doc:"How long an ended task is looked at for late calls before it is sealed."`
	SealOpenAfter   time.Duration `env:"AIRUDDER_SEAL_OPEN_AFTER,default=1h" setting:"Policy.OpenFor" doc:"How long an ended task that shows no rows, or rows that are still open, must show the same, in three readings, before it is sealed or closed. Any other takes two, AIRUDDER_POLL_MAX_INTERVAL apart."`
	LedgerRetention time.Duration `env:"LEDGER_RETENTION,default=720h" setting:"Policy.Retention" doc:"How long a sealed task's calls stay in the ledger; then it is closed and never read again."`
}

// Hints is where AIRudder's webhooks may tell that something has ended.
type Hints struct {
	Addr          string     `env:"HINT_ADDR" doc:"Where hints are listened for, host:port. AIRudder's webhooks, sent to /hint/<HINT_SECRET> there, have the task they name read at once instead of when its turn comes. Empty: nobody listens."`
	Secret        env.Secret `env:"HINT_SECRET" secret:"true" doc:"Last part of the path of hints: at least 16 letters, digits, dashes and underscores."`
	WebConfigFile string     `env:"HINT_WEB_CONFIG_FILE" doc:"TLS for hints, as HTTP_WEB_CONFIG_FILE is for the page; the same file may serve both. Empty: none."`
	CIDRs         []string   `env:"HINT_CIDRS" doc:"Networks that may send hints, such as 203.0.113.0/24, separated by commas; a proxy in front counts as the sender. Empty: all."`
}

// HTTP is how the status page, health and metrics are served.
type HTTP struct {
	Addr                string     `env:"HTTP_ADDR,default=127.0.0.1:8080" doc:"Where the status page, health and metrics listen, host:port; an empty host means every interface."`
	WebConfigFile       string     `env:"HTTP_WEB_CONFIG_FILE" doc:"TLS and basic auth for them, a YAML file as Prometheus's exporters have it (exporter-toolkit); it, certificates and passwords are read again by themselves. Empty: neither."`
	Pprof               bool       `env:"HTTP_PPROF,default=false" doc:"Profiles under /debug/pprof, on loopback or for authenticated users alone."`
	HealthcheckUsername string     `env:"HTTP_HEALTHCHECK_USERNAME" doc:"User that the command healthcheck is, where HTTP_WEB_CONFIG_FILE has basic_auth_users."`
	HealthcheckPassword env.Secret `env:"HTTP_HEALTHCHECK_PASSWORD" secret:"true" doc:"Its password."`
}

// Kafka is the cluster, the topics and how they are written.
type Kafka struct {
	Brokers            []string      `env:"KAFKA_BROKERS,required" doc:"Brokers to begin with, host:port, separated by commas."`
	CreateTopics       bool          `env:"KAFKA_CREATE_TOPICS,default=false" doc:"Create topics that are missing; else a missing one is an error."`
	ReplicationFactor  int           `env:"KAFKA_REPLICATION_FACTOR,default=0" doc:"Replicas of created topics. 0: 3, or as many as there are brokers; -1: the broker's default. But for -1 they are created with min.insync.replicas one less, 2 at most."`
	Topics             Topics        //
	Partitions         int           `env:"KAFKA_PARTITIONS,default=6" doc:"Partitions of a created event topic."`
	LedgerPartitions   int           `env:"KAFKA_LEDGER_PARTITIONS,default=1" doc:"Partitions of a created ledger: how many exporters can work at once. Fixed at its creation."`
	EventKey           string        `env:"KAFKA_EVENT_KEY" doc:"Key of the events: row (TaskID/row id: the attempts of a row in order), call (TaskID/CallID), task_id, callee_number or comments; where that is empty, the key is as for call. Unset: what the ledger was made with, row for a new one."`
	Compression        string        `env:"KAFKA_COMPRESSION,default=lz4" doc:"Compression of the events: none, gzip, snappy, lz4 or zstd."`
	Assignment         string        `env:"KAFKA_ASSIGNMENT,default=group" doc:"group: exporters share the ledger's partitions through a consumer group; all: this one takes every partition at once."`
	TransactionTimeout time.Duration `env:"KAFKA_TRANSACTION_TIMEOUT,default=10s" doc:"How long the transaction of a dead exporter holds back readers."`
	TLS                TLS           `group:"Security of the connections to Kafka"`
	SASL               SASL          `group:"Security of the connections to Kafka"`
}

// Topics are the topics' names. CallPrivate is empty where no field is private,
// CallRevised where changes are not published.
type Topics struct {
	CallCompleted string `env:"KAFKA_TOPIC_CALL_COMPLETED,default=airudder.call-completed" setting:"EventTopic" doc:"Topic of the events."`
	TaskStatus    string `env:"KAFKA_TOPIC_TASK_STATUS,default=airudder.task-status" setting:"StatusTopic" doc:"Topic of the tasks' changes of status."`
	DeadLetter    string `env:"KAFKA_TOPIC_DEAD_LETTER,default=airudder.call-dead-letter" setting:"DeadLetterTopic" doc:"Topic of rows that cannot be events; holds raw personal data, unless PRIVACY drops it."`
	CallPrivate   string `env:"KAFKA_TOPIC_CALL_PRIVATE,default=airudder.call-private" setting:"PrivateTopic" doc:"Topic of the values that PRIVACY keeps apart from the events; used only where a field is private. Give it an ACL of its own."`
	CallRevised   string `env:"KAFKA_TOPIC_CALL_REVISED" setting:"RevisedTopic" doc:"Topic of what AIRudder says of a call after its event, as a CallRevised each time; empty: changes are counted alone. Not with the event keys callee_number and comments."`
	Ledger        string `env:"KAFKA_TOPIC_LEDGER,default=airudder.call-ledger" setting:"LedgerTopic" doc:"The compacted topic that records what has been published. Transactional ids and the group are named after it."`
}

// TLS is how the brokers' connections are encrypted.
type TLS struct {
	Enabled  bool   `env:"KAFKA_TLS_ENABLED,default=false" doc:"Encrypt connections to the brokers."`
	CAFile   string `env:"KAFKA_TLS_CA_FILE" doc:"Certificates that the brokers' are checked against, PEM; empty: the system's."`
	CertFile string `env:"KAFKA_TLS_CERT_FILE" doc:"Client certificate, PEM."`
	KeyFile  string `env:"KAFKA_TLS_KEY_FILE" doc:"Its private key, PEM."`
}

// SASL is who the exporter is to the brokers. An empty Mechanism means that it
// does not say.
type SASL struct {
	Mechanism  string     `env:"KAFKA_SASL_MECHANISM" doc:"PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER; empty: none."`
	Username   string     `env:"KAFKA_SASL_USERNAME" doc:"User name for SASL."`
	Password   env.Secret `env:"KAFKA_SASL_PASSWORD" secret:"true" doc:"Password for SASL."`
	Token      Token      //
	Extensions []string   `env:"KAFKA_SASL_EXTENSIONS" doc:"What OAUTHBEARER sends beside the token: name=value, separated by commas, such as logicalCluster=lkc-1,identityPoolId=pool-1."`
}

// Token is where the tokens of OAUTHBEARER come from.
type Token struct {
	Source       string     `env:"KAFKA_SASL_TOKEN_SOURCE" doc:"Where the tokens of OAUTHBEARER come from: oidc (an identity provider, by client credentials), file, command or msk-iam (signed with AWS's credentials)."`
	URL          string     `env:"KAFKA_SASL_TOKEN_URL" doc:"Token endpoint of the identity provider; for oidc."`
	ClientID     string     `env:"KAFKA_SASL_CLIENT_ID" doc:"Client there; for oidc."`
	ClientSecret env.Secret `env:"KAFKA_SASL_CLIENT_SECRET" secret:"true" doc:"Its secret; for oidc."`
	Scope        string     `env:"KAFKA_SASL_SCOPE" doc:"Scopes to ask for, separated by blanks; for oidc."`
	File         string     `env:"KAFKA_SASL_TOKEN_FILE" doc:"A file that always holds a token that has not ended, such as a projected service account's; for file."`
	Command      string     `env:"KAFKA_SASL_TOKEN_COMMAND" doc:"A program and its arguments, separated by blanks; for command. It prints a token, or JSON with token or access_token, and expires_in or expiry, within 10 s. No shell is in between; what it writes to its standard error is thrown away."`

	source *token.Source // of this process; nil: no token is used
}

// Registry is the schema registry.
type Registry struct {
	URL          string      `env:"SCHEMA_REGISTRY_URL,required" doc:"Schema registry with Confluent's REST API."`
	Username     string      `env:"SCHEMA_REGISTRY_USERNAME" doc:"User name for its basic authentication."`
	Password     env.Secret  `env:"SCHEMA_REGISTRY_PASSWORD" secret:"true" doc:"Password for it."`
	TokenSource  string      `env:"SCHEMA_REGISTRY_TOKEN_SOURCE,default=none" doc:"kafka: the token of KAFKA_SASL_TOKEN_SOURCE is shown to the registry, too, as a bearer token; none: no token is."`
	Headers      env.Secret  `env:"SCHEMA_REGISTRY_HEADERS" secret:"true" doc:"Headers of each request to it: name=value, separated by commas, such as target-sr-cluster=lsrc-1."`
	TLS          RegistryTLS //
	AutoRegister bool        `env:"SCHEMA_REGISTRY_AUTO_REGISTER,default=true" doc:"Register the schemas at start; else they must be there."`

	token *token.Source // nil: no token is shown to it
}

// RegistryTLS is how the connections to the registry are encrypted, where its URL is https.
type RegistryTLS struct {
	CAFile   string `env:"SCHEMA_REGISTRY_TLS_CA_FILE" doc:"Certificates that the registry's is checked against, PEM; empty: the system's."`
	CertFile string `env:"SCHEMA_REGISTRY_TLS_CERT_FILE" doc:"Client certificate, PEM."`
	KeyFile  string `env:"SCHEMA_REGISTRY_TLS_KEY_FILE" doc:"Its private key, PEM."`
}

// Privacy is what becomes of personal data. Nothing of it is required: by default
// everything is published as AIRudder sends it.
type Privacy struct {
	Preset string   `env:"PRIVACY,default=open" setting:"Privacy" doc:"What becomes of personal data: open (all is kept), lender (numbers become tokens; they, names, extras and the talk are apart, in KAFKA_TOPIC_CALL_PRIVATE) or strict (they are nowhere). deploy/OPERATING.md has the table."`
	Fields []string `env:"PRIVACY_FIELDS" doc:"Modes above the preset's, separated by commas: field:mode, with keep, drop, mask, pseudonym, private or pseudonym+private. additional_fields.NAME:keep keeps one field that the schema does not know."`
	Key    string   `env:"PRIVACY_KEY" secret:"true" doc:"Key of the tokens, one line: name:base64 of 32 bytes or more. Required where a field is a pseudonym. Read at the start alone: another key makes other tokens."`
}

// Zone is a time zone, written as an offset (+08:00) or an IANA name.
type Zone struct{ *time.Location }

// EnvDecode implements envconfig's Decoder.
func (z *Zone) EnvDecode(value string) error {
	location, err := airudder.ParseZone(value)
	z.Location = location
	return err
}

func (z Zone) String() string {
	if z.Location == nil {
		return ""
	}
	return z.Location.String()
}

// LogLevel is a slog.Level by one of its four plain names.
type LogLevel struct{ slog.Level }

// EnvDecode implements envconfig's Decoder.
func (l *LogLevel) EnvDecode(value string) error {
	switch value {
	case "debug", "info", "warn", "error":
		return l.Level.UnmarshalText([]byte(value))
	}
	return errors.New("is not a log level: give debug, info, warn or error")
}

func (l LogLevel) String() string { return strings.ToLower(l.Level.String()) }

// LogFormat is how log lines are written.
type LogFormat string

// EnvDecode implements envconfig's Decoder.
func (f *LogFormat) EnvDecode(value string) error {
	if *f = LogFormat(value); value != "json" && value != "text" {
		return errors.New("is not a log format: give json or text")
	}
	return nil
}

// handler writes in the format to w.
func (f LogFormat) handler(w io.Writer, options *slog.HandlerOptions) slog.Handler {
	if f == "text" {
		return slog.NewTextHandler(w, options)
	}
	return slog.NewJSONHandler(w, options)
}

// gone are variables of earlier versions, and what to set instead.
var gone = map[string]string{
	"AIRUDDER_LIST_QUERY":   "put it into AIRUDDER_LIST_REQUEST, as in GET /service/cloud/list?page={page}",
	"AIRUDDER_LIST_ENABLED": "set AIRUDDER_LIST_REQUEST to off for no list",
	"AIRUDDER_REDIAL_ZONE":  "set AIRUDDER_ZONE, which holds for every time that names no zone",
}

// privacyVariables is what the variables that say what is private begin with. A command
// that ignores them takes it that everything can be.
const privacyVariables = "PRIVACY"

// loadConfig reads the configuration, and the files that it names, from environ
// (NAME=value). ignored are the beginnings of variables that the command has no
// use for: they are neither read nor missed. The error has a line for everything
// that is wrong; no line of it, and no warning, shows a secret.
func loadConfig(ctx context.Context, environ []string, ignored ...string) (Config, []string, error) {
	c, r := readConfig(ctx, environ, ignored...)
	return c, r.Warnings(), r.Err()
}

// readConfig is loadConfig, with what knows where each value comes from.
func readConfig(ctx context.Context, environ []string, ignored ...string) (Config, *env.Reader) {
	var c Config
	r := env.Read(ctx, &c, env.Environment{
		Set: environ, Own: []string{"AIRUDDER_", "PRIVACY_"}, Ignored: ignored,
		Shared: []string{"KAFKA_", "SCHEMA_REGISTRY_", "LEDGER_", "HTTP_", "LOG_"}, Gone: gone,
	})
	c.tidy()
	c.tokens()
	if !slices.Contains(ignored, privacyVariables) {
		c.unused()
	}
	c.check(r)
	c.warn(r)
	return c, r
}

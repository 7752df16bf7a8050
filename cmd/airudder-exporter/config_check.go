package main

import (
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"airudder-exporter/internal/env"
	"airudder-exporter/internal/record"
	"airudder-exporter/internal/shards"
)

// tidy brings values into the one form that the rest of the program expects.
func (c *Config) tidy() {
	c.Upstream.BaseURL = strings.TrimRight(c.Upstream.BaseURL, "/")
	c.Registry.URL = strings.TrimRight(c.Registry.URL, "/")
	c.Upstream.TaskIDs = slices.DeleteFunc(c.Upstream.TaskIDs, func(id string) bool { return id == "" })
	c.Kafka.Brokers = slices.DeleteFunc(c.Kafka.Brokers, func(b string) bool { return b == "" })
}

// check holds every value to what is allowed.
func (c *Config) check(r *env.Reader) {
	c.Upstream.check(r)
	c.Polling.check(r)
	c.Kafka.check(r)
	tell(r, brokers(c.Kafka).Check())
	c.Registry.check(r)
	if !isHostPort(c.HTTPAddr, true) {
		r.Bad("HTTP_ADDR", "is not host:port: give one such as 127.0.0.1:8080 or :8080")
	}
}

func (u Upstream) check(r *env.Reader) {
	checkURL(r, "AIRUDDER_BASE_URL", u.BaseURL, "https://api.airudder.com", "")
	if !token.MatchString(u.AuthScheme) {
		r.Bad("AIRUDDER_AUTH_SCHEME", "is not one word: give one such as Token or Bearer")
	}
	if strings.HasPrefix(u.ListQuery, "?") || placeholder.MatchString(known.Replace(u.ListQuery)) {
		r.Bad("AIRUDDER_LIST_QUERY", "is not a query: give one such as page={page}&from={since}, without a question mark and with no other placeholders than {page}, {since} and {until}")
	} else if _, err := url.ParseQuery(known.Replace(u.ListQuery)); err != nil {
		r.Bad("AIRUDDER_LIST_QUERY", "is not a query: escape it, as in name=a%20b&page={page}")
	}
	if r.OK("AIRUDDER_LIST_ENABLED") && !u.ListEnabled && len(u.TaskIDs) == 0 && u.TaskIDsFile == "" {
		r.Bad("AIRUDDER_LIST_ENABLED", "leaves no task to export: give tasks as AIRUDDER_TASK_IDS or AIRUDDER_TASK_IDS_FILE, or set it to true")
	}
	if slices.ContainsFunc(u.TaskIDs, func(id string) bool { return strings.ContainsAny(id, " \t\r\n;") }) {
		r.Bad("AIRUDDER_TASK_IDS", "is not a list of task ids: separate them by commas")
	}
	if n := u.RequestsPerSecond; !(n > 0) || math.IsInf(n, 0) {
		r.Bad("AIRUDDER_REQUESTS_PER_SECOND", "is not above 0: give a number such as 0.5 or 2")
	}
	positive(r, "AIRUDDER_TIMEOUT", u.Timeout)
	positive(r, "AIRUDDER_RESPONSE_TIMEOUT", u.ResponseTimeout)
	notBelow(r, "AIRUDDER_RESPONSE_TIMEOUT", u.ResponseTimeout, "AIRUDDER_TIMEOUT", u.Timeout)
}

func (p Polling) check(r *env.Reader) {
	positive(r, "AIRUDDER_LIST_INTERVAL", p.ListInterval)
	atLeastOne(r, "AIRUDDER_CONCURRENCY", p.Concurrency)
	positive(r, "AIRUDDER_POLL_MIN_INTERVAL", p.MinInterval)
	positive(r, "AIRUDDER_POLL_MAX_INTERVAL", p.MaxInterval)
	notBelow(r, "AIRUDDER_POLL_MAX_INTERVAL", p.MaxInterval, "AIRUDDER_POLL_MIN_INTERVAL", p.MinInterval)
	if p.AfterEnd < 0 {
		r.Bad("AIRUDDER_POLL_AFTER_END", "is below 0: give a duration such as 24h, or 0s")
	}
	positive(r, "LEDGER_RETENTION", p.LedgerRetention)
}

func (k Kafka) check(r *env.Reader) {
	if len(k.Brokers) == 0 || slices.ContainsFunc(k.Brokers, func(b string) bool { return !isHostPort(b, false) }) {
		r.Bad("KAFKA_BROKERS", "is not a list of host:port: give one such as kafka-1:9092,kafka-2:9092")
	}
	if n := k.ReplicationFactor; n != -1 && (n < 1 || n > math.MaxInt16) {
		r.Bad("KAFKA_REPLICATION_FACTOR", "is no number of replicas: give 1 or more, or -1 for the broker's default")
	}
	atLeastOne(r, "KAFKA_PARTITIONS", k.Partitions)
	atLeastOne(r, "KAFKA_LEDGER_PARTITIONS", k.LedgerPartitions)
	if _, err := record.ParseEventKey(k.EventKey); err != nil {
		r.Add("KAFKA_EVENT_KEY", err.Error())
	}
	oneOf(r, "KAFKA_ASSIGNMENT", k.Assignment, shards.Group, shards.All)
	if t := k.TransactionTimeout; t < time.Second || t > 15*time.Minute {
		r.Bad("KAFKA_TRANSACTION_TIMEOUT", "is out of range: give a duration from 1s to 15m")
	}
}

func (g Registry) check(r *env.Reader) {
	checkURL(r, "SCHEMA_REGISTRY_URL", g.URL, "http://registry:8081", ", SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD for who may use it")
	together(r, "SCHEMA_REGISTRY_USERNAME", g.Username, "SCHEMA_REGISTRY_PASSWORD", g.Password)
}

// warn notes what works but is probably a mistake.
func (c *Config) warn(r *env.Reader) {
	if c.Kafka.SASL.Mechanism == "PLAIN" && !c.Kafka.TLS.Enabled && r.OK("KAFKA_TLS_ENABLED") {
		r.Warn("KAFKA_SASL_MECHANISM", "PLAIN without KAFKA_TLS_ENABLED sends the password unencrypted")
	}
	u, err := url.Parse(c.Upstream.BaseURL)
	if err == nil && u.Scheme == "http" && !isLocal(u.Hostname()) {
		r.Warn("AIRUDDER_BASE_URL", "http sends the key and the calls unencrypted")
	}
}

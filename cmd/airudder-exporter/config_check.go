package main

import (
	"airudder-exporter/internal/kafka"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"
)

// tidy brings values into the one form that the rest of the program expects.
func (c *Config) tidy() {
	c.Upstream.BaseURL = strings.TrimRight(c.Upstream.BaseURL, "/")
	c.Registry.URL = strings.TrimRight(c.Registry.URL, "/")
	c.Upstream.TaskIDs = slices.DeleteFunc(c.Upstream.TaskIDs, func(id string) bool { return id == "" })
	c.Kafka.Brokers = slices.DeleteFunc(c.Kafka.Brokers, func(b string) bool { return b == "" })
}

// check holds every value to what is allowed.
func (c *Config) check(l *loader) {
	c.Upstream.check(l)
	c.Polling.check(l)
	c.Kafka.check(l)
	l.told(brokers(c.Kafka).Check())
	c.Registry.check(l)
	if !isHostPort(c.HTTPAddr, true) {
		l.bad("HTTP_ADDR", "is not host:port: give one such as 127.0.0.1:8080 or :8080")
	}
}

func (u Upstream) check(l *loader) {
	checkURL(l, "AIRUDDER_BASE_URL", u.BaseURL, "https://api.airudder.com", "")
	if !token.MatchString(u.AuthScheme) {
		l.bad("AIRUDDER_AUTH_SCHEME", "is not one word: give one such as Token or Bearer")
	}
	if strings.HasPrefix(u.ListQuery, "?") || placeholder.MatchString(known.Replace(u.ListQuery)) {
		l.bad("AIRUDDER_LIST_QUERY", "is not a query: give one such as page={page}&from={since}, without a question mark and with no other placeholders than {page}, {since} and {until}")
	} else if _, err := url.ParseQuery(known.Replace(u.ListQuery)); err != nil {
		l.bad("AIRUDDER_LIST_QUERY", "is not a query: escape it, as in name=a%20b&page={page}")
	}
	if l.ok("AIRUDDER_LIST_ENABLED") && !u.ListEnabled && len(u.TaskIDs) == 0 && u.TaskIDsFile == "" {
		l.bad("AIRUDDER_LIST_ENABLED", "leaves no task to export: give tasks as AIRUDDER_TASK_IDS or AIRUDDER_TASK_IDS_FILE, or set it to true")
	}
	if slices.ContainsFunc(u.TaskIDs, func(id string) bool { return strings.ContainsAny(id, " \t\r\n;") }) {
		l.bad("AIRUDDER_TASK_IDS", "is not a list of task ids: separate them by commas")
	}
	if r := u.RequestsPerSecond; !(r > 0) || math.IsInf(r, 0) {
		l.bad("AIRUDDER_REQUESTS_PER_SECOND", "is not above 0: give a number such as 0.5 or 2")
	}
	positive(l, "AIRUDDER_TIMEOUT", u.Timeout)
	positive(l, "AIRUDDER_RESPONSE_TIMEOUT", u.ResponseTimeout)
	notBelow(l, "AIRUDDER_RESPONSE_TIMEOUT", u.ResponseTimeout, "AIRUDDER_TIMEOUT", u.Timeout)
}

func (p Polling) check(l *loader) {
	positive(l, "AIRUDDER_LIST_INTERVAL", p.ListInterval)
	atLeastOne(l, "AIRUDDER_CONCURRENCY", p.Concurrency)
	positive(l, "AIRUDDER_POLL_MIN_INTERVAL", p.MinInterval)
	positive(l, "AIRUDDER_POLL_MAX_INTERVAL", p.MaxInterval)
	notBelow(l, "AIRUDDER_POLL_MAX_INTERVAL", p.MaxInterval, "AIRUDDER_POLL_MIN_INTERVAL", p.MinInterval)
	if p.AfterEnd < 0 {
		l.bad("AIRUDDER_POLL_AFTER_END", "is below 0: give a duration such as 24h, or 0s")
	}
	positive(l, "LEDGER_RETENTION", p.LedgerRetention)
}

func (k Kafka) check(l *loader) {
	if len(k.Brokers) == 0 || slices.ContainsFunc(k.Brokers, func(b string) bool { return !isHostPort(b, false) }) {
		l.bad("KAFKA_BROKERS", "is not a list of host:port: give one such as kafka-1:9092,kafka-2:9092")
	}
	if r := k.ReplicationFactor; r != -1 && (r < 1 || r > math.MaxInt16) {
		l.bad("KAFKA_REPLICATION_FACTOR", "is no number of replicas: give 1 or more, or -1 for the broker's default")
	}
	atLeastOne(l, "KAFKA_PARTITIONS", k.Partitions)
	atLeastOne(l, "KAFKA_LEDGER_PARTITIONS", k.LedgerPartitions)
	oneOf(l, "KAFKA_EVENT_KEY", k.EventKey, "call_id", "task_id", "callee_number", "comments")
	oneOf(l, "KAFKA_ASSIGNMENT", k.Assignment, kafka.AssignGroup, kafka.AssignAll)
	if t := k.TransactionTimeout; t < time.Second || t > 15*time.Minute {
		l.bad("KAFKA_TRANSACTION_TIMEOUT", "is out of range: give a duration from 1s to 15m")
	}
}

func (r Registry) check(l *loader) {
	checkURL(l, "SCHEMA_REGISTRY_URL", r.URL, "http://registry:8081", ", SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD for who may use it")
	together(l, "SCHEMA_REGISTRY_USERNAME", r.Username, "SCHEMA_REGISTRY_PASSWORD", r.Password)
}

// warnings lists what works but is probably not meant.
func (c *Config) warnings(l *loader) []string {
	var w []string
	if c.Kafka.SASL.Mechanism == "PLAIN" && !c.Kafka.TLS.Enabled && l.ok("KAFKA_TLS_ENABLED") {
		w = append(w, "KAFKA_SASL_MECHANISM: PLAIN without KAFKA_TLS_ENABLED sends the password readable")
	}
	u, err := url.Parse(c.Upstream.BaseURL)
	if err == nil && u.Scheme == "http" && !isLocal(u.Hostname()) {
		w = append(w, "AIRUDDER_BASE_URL: http sends the key and the calls readable")
	}
	return w
}

package rig

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/airuddersim"
)

// Credentials of the simulated account. They look like nothing else.
const (
	AppKey    = "proof-key-6c1f0a"
	AppSecret = "proof-secret-93be77"
)

// World is what one test's exporters live in.
type World struct {
	*Kafka
	Registry string
	Topics   Topics
	Sim      *airuddersim.Sim
	Upstream *httptest.Server
	Shards   int           // partitions of the ledger
	PollMax  time.Duration // the least AIRUDDER_POLL_MAX_INTERVAL of any exporter
	EventKey string        // KAFKA_EVENT_KEY; empty: the default
	Privacy  string        // airudder_privacy of every event; empty: that of an exporter that hides nothing
	NoRaw    bool          // the privacy drops dead letters' raw rows
	Account  string        // AIRUDDER_ACCOUNT; others' records in the topics are not looked at
	Cleaned  bool          // the broker's cleaner has been at the ledger
}

// Topics are those of one test. Private and Revised are empty where they are not used.
type Topics struct{ Events, Status, Dead, Private, Revised, Ledger string }

// NewTopics are topics that no other test has.
func NewTopics() Topics {
	id := fmt.Sprintf("proof.%08x.", rand.Uint32())
	return Topics{Events: id + "call-completed", Status: id + "task-status", Dead: id + "dead-letter", Ledger: id + "ledger"}
}

// All are all of them.
func (t Topics) All() []string {
	all := []string{t.Events, t.Status, t.Dead, t.Private, t.Revised, t.Ledger}
	return slices.DeleteFunc(all, func(name string) bool { return name == "" })
}

// Apart has a topic for what privacy keeps apart from the events, and Changes one for what
// becomes of them.
func (t *Topics) Apart()   { t.Private = t.Events + "-private" }
func (t *Topics) Changes() { t.Revised = t.Events + "-revised" }

// NewWorld opens a world around a Kafka and a simulation. wrap, unless nil,
// stands before the simulated AIRudder.
func NewWorld(k *Kafka, cfg airuddersim.Config, wrap func(http.Handler) http.Handler) *World {
	k.T.Helper()
	cfg.AppKey, cfg.AppSecret = AppKey, AppSecret
	w := &World{Kafka: k, Registry: Registry(k.T), Topics: NewTopics(), Sim: airuddersim.New(cfg), Shards: 1, PollMax: pollMax}
	handler := w.Sim.Handler()
	if wrap != nil {
		handler = wrap(handler)
	}
	w.Upstream = httptest.NewServer(handler)
	k.T.Cleanup(func() {
		w.Upstream.CloseClientConnections() // a hanging response waits for that
		w.Upstream.Close()
	})
	k.T.Cleanup(w.removeTopics)
	return w
}

// removeTopics leaves brokers that were there before as they were; after a
// failure the topics stay to be looked at.
func (w *World) removeTopics() {
	if !w.Real || w.T.Failed() {
		return
	}
	there := slices.DeleteFunc(w.Topics.All(), func(topic string) bool { return w.Partitions(topic) == 0 })
	w.Remove(there...)
}

const pollMax = 500 * time.Millisecond

// Environment is an exporter's whole environment: the intervals of a test, the
// settings that matter as an operator's; then those that differ.
func (w *World) Environment(settings ...string) []string {
	for _, s := range settings {
		switch name, value, _ := strings.Cut(s, "="); name {
		case "KAFKA_LEDGER_PARTITIONS":
			_, _ = fmt.Sscan(value, &w.Shards)
		case "AIRUDDER_POLL_MAX_INTERVAL":
			if d, err := time.ParseDuration(value); err == nil {
				w.PollMax = min(w.PollMax, d)
			}
		case "KAFKA_EVENT_KEY":
			w.EventKey = value
		}
	}
	for name, topic := range map[string]string{"PRIVATE": w.Topics.Private, "REVISED": w.Topics.Revised} {
		if topic != "" {
			settings = append(settings, "KAFKA_TOPIC_CALL_"+name+"="+topic)
		}
	}
	return append([]string{
		"AIRUDDER_BASE_URL=" + w.Upstream.URL,
		"AIRUDDER_ACCOUNT=" + w.Account,
		"AIRUDDER_APP_KEY=" + AppKey,
		"AIRUDDER_APP_SECRET=" + AppSecret,
		"AIRUDDER_LIST_INTERVAL=300ms",
		"AIRUDDER_REQUESTS_PER_SECOND=200",
		"AIRUDDER_TIMEOUT=1s",
		"AIRUDDER_RESPONSE_TIMEOUT=10s",
		"AIRUDDER_POLL_MIN_INTERVAL=100ms",
		"AIRUDDER_POLL_MAX_INTERVAL=" + pollMax.String(),
		"AIRUDDER_POLL_AFTER_END=10m", "AIRUDDER_SEAL_OPEN_AFTER=1s",
		"KAFKA_BROKERS=" + strings.Join(w.Brokers, ","),
		"KAFKA_CREATE_TOPICS=true",
		"KAFKA_ASSIGNMENT=all",
		"KAFKA_TOPIC_CALL_COMPLETED=" + w.Topics.Events,
		"KAFKA_TOPIC_TASK_STATUS=" + w.Topics.Status,
		"KAFKA_TOPIC_DEAD_LETTER=" + w.Topics.Dead,
		"KAFKA_TOPIC_LEDGER=" + w.Topics.Ledger,
		"SCHEMA_REGISTRY_URL=" + w.Registry,
		"HTTP_ADDR=" + FreeAddress(w.T),
		"LOG_LEVEL=debug",
		"GORACE=halt_on_error=0",
	}, settings...)
}

// Own reports whether a record of a shared topic is of the world's own account.
func (w *World) Own(r *kgo.Record) bool { return Header(r, "airudder_account") == w.Account }

// FreeAddress is a loopback address on which nobody listens just now: where the
// system allows it, on a loopback host of its own, on which no connection of
// another test is given the port before the program takes it.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", 1+rand.IntN(250), rand.IntN(256), 1+rand.IntN(250)))
	if err != nil {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

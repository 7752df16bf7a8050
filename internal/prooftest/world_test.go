package prooftest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/embedded"
)

// Credentials of the simulated account. They look like nothing else.
const (
	appKey    = "proof-key-6c1f0a"
	appSecret = "proof-secret-93be77"
)

// world is what one test's exporters live in.
type world struct {
	t        testing.TB
	brokers  []string
	real     bool // brokers that were there before the test
	registry string
	topics   topics
	sim      *airuddersim.Sim
	upstream *httptest.Server
	client   *kgo.Client // the test's own
	shards   int         // partitions of the ledger
	eventKey string      // KAFKA_EVENT_KEY; empty: the default
	children []*child
	late     lateness
}

// topics are those of one test.
type topics struct{ events, status, dead, ledger string }

func (t topics) all() []string { return []string{t.events, t.status, t.dead, t.ledger} }

// newWorld opens a world around a simulation. wrap, unless nil, stands before
// the simulated AIRudder.
func newWorld(t testing.TB, cfg airuddersim.Config, wrap func(http.Handler) http.Handler) *world {
	t.Helper()
	w := &world{t: t}
	w.openBrokers()
	w.open(cfg, wrap)
	return w
}

// open opens a world around its brokers.
func (w *world) open(cfg airuddersim.Config, wrap func(http.Handler) http.Handler) {
	t := w.t
	t.Helper()
	id := fmt.Sprintf("proof.%08x.", rand.Uint32())
	w.shards, w.topics = 1, topics{id + "call-completed", id + "task-status", id + "dead-letter", id + "ledger"}
	w.openRegistry()
	cfg.AppKey, cfg.AppSecret = appKey, appSecret
	w.sim = airuddersim.New(cfg)
	handler := w.sim.Handler()
	if wrap != nil {
		handler = wrap(handler)
	}
	w.upstream = httptest.NewServer(handler)
	t.Cleanup(func() {
		w.upstream.CloseClientConnections() // a hanging response waits for that
		w.upstream.Close()
	})
	client, err := kgo.NewClient(kgo.SeedBrokers(w.brokers...), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.removeTopics()
		client.Close()
	})
	w.client = client
}

// removeTopics leaves brokers that were there before as they were; after a
// failure the topics stay to be looked at.
func (w *world) removeTopics() {
	if !w.real || w.t.Failed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TimeoutMillis = 10_000
	for _, name := range w.topics.all() {
		topic := kmsg.NewDeleteTopicsRequestTopic()
		topic.Topic = &name
		req.TopicNames, req.Topics = append(req.TopicNames, name), append(req.Topics, topic)
	}
	if _, err := req.RequestWith(ctx, w.client); err != nil {
		w.t.Logf("remove the topics: %v", err)
	}
}

func (w *world) openBrokers() {
	w.t.Helper()
	if list := os.Getenv("TEST_KAFKA_BROKERS"); list != "" {
		w.brokers, w.real = strings.Split(list, ","), true
		return
	}
	broker, err := embedded.StartBroker(embedded.BrokerConfig{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(broker.Close)
	w.brokers = []string{broker.Addr()}
}

func (w *world) openRegistry() {
	w.t.Helper()
	if w.registry = os.Getenv("TEST_SCHEMA_REGISTRY_URL"); w.registry != "" {
		return
	}
	registry, err := embedded.StartRegistry(embedded.RegistryConfig{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(registry.Close)
	w.registry = registry.URL()
}

// exporter describes an exporter of this world, and starts nothing. settings
// are environment variables that differ from the usual ones.
func (w *world) exporter(name string, settings ...string) *child {
	w.t.Helper()
	net := newProxy(w.t, w.topics.ledger)
	var brokers []string
	for _, real := range w.brokers {
		address, err := net.address(real)
		if err != nil {
			w.t.Fatal(err)
		}
		brokers = append(brokers, address)
	}
	env := w.environment(strings.Join(brokers, ","))
	for _, s := range settings { // of doubles the last counts
		name, value, _ := strings.Cut(s, "=")
		switch name {
		case "KAFKA_LEDGER_PARTITIONS":
			_, _ = fmt.Sscan(value, &w.shards)
		case "KAFKA_EVENT_KEY":
			w.eventKey = value
		}
		env = slices.DeleteFunc(env, func(old string) bool { return strings.HasPrefix(old, name+"=") })
		env = append(env, s)
	}
	c := newChild(w.t, name, net, env)
	w.children = append(w.children, c)
	return c
}

// environment is an exporter's whole environment: the intervals of a test, the
// settings that matter as an operator's.
func (w *world) environment(brokers string) []string {
	return []string{
		"AIRUDDER_BASE_URL=" + w.upstream.URL,
		"AIRUDDER_APP_KEY=" + appKey,
		"AIRUDDER_APP_SECRET=" + appSecret,
		"AIRUDDER_LIST_INTERVAL=300ms",
		"AIRUDDER_REQUESTS_PER_SECOND=200",
		"AIRUDDER_TIMEOUT=1s",
		"AIRUDDER_RESPONSE_TIMEOUT=10s",
		"AIRUDDER_POLL_MIN_INTERVAL=100ms",
		"AIRUDDER_POLL_MAX_INTERVAL=500ms",
		"AIRUDDER_POLL_AFTER_END=10m",
		"KAFKA_BROKERS=" + brokers,
		"KAFKA_CREATE_TOPICS=true",
		"KAFKA_ASSIGNMENT=all",
		"KAFKA_TOPIC_CALL_COMPLETED=" + w.topics.events,
		"KAFKA_TOPIC_TASK_STATUS=" + w.topics.status,
		"KAFKA_TOPIC_DEAD_LETTER=" + w.topics.dead,
		"KAFKA_TOPIC_LEDGER=" + w.topics.ledger,
		"SCHEMA_REGISTRY_URL=" + w.registry,
		"HTTP_ADDR=" + freeAddress(w.t),
		"LOG_LEVEL=debug",
		"GORACE=halt_on_error=0",
	}
}

// freeAddress is a loopback address on which nobody listens just now: where the
// system allows it, on a loopback host of its own, on which no connection of
// another test is given the port before the exporter takes it.
func freeAddress(t testing.TB) string {
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

// play lets the campaigns run, so many seconds of theirs in one of ours, until
// the function that it returns is called or the test ends.
func (w *world) play(speed float64) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { w.sim.Run(ctx, speed) })
	stop = func() {
		cancel()
		running.Wait()
		w.sim.Stop()
	}
	w.t.Cleanup(stop)
	return stop
}

// campaigns is a simulation of campaigns that play at a speed above 1 without
// leaving the present: its clock begins in the past.
func campaigns(seed uint64, tasks, rows int, rate float64) airuddersim.Config {
	return airuddersim.Config{
		Seed: seed, Start: time.Now().Add(-2 * time.Hour).Truncate(time.Second), Window: 4 * time.Hour,
		Tasks: tasks, RowsPerTask: rows, Rate: rate, WarmUp: time.Minute,
		Lead: 2 * time.Second, Pause: 5 * time.Second, RedialWait: 10 * time.Second, Overtake: 0.1, Gzip: true,
	}
}

// awaitEvents waits until each call that has to be an event is one, and each
// whose row was damaged is that or a dead letter. A response that was cut off
// publishes no dead letter, and so the first to show the damage may not.
// Patience ends where none came for so long: how many there are to catch up with
// is the machine's business.
func (w *world) awaitEvents(seen *watch, patience time.Duration) {
	w.t.Helper()
	missing := seen.unsettled(w.sim.Truth())
	defer func() {
		if len(missing) > 0 {
			w.t.Logf("%d calls are not published yet, the first of them %v", len(missing), missing[0])
		}
	}()
	for len(missing) > 0 {
		before := len(missing)
		eventually(w.t, "the calls that are left", patience, func() bool {
			missing = seen.unsettled(w.sim.Truth())
			return len(missing) < before
		})
	}
}

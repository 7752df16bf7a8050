package demo

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/embedded"
)

// world is all that the demo runs beside the exporter, in memory.
type world struct {
	options     Options
	sim         *airuddersim.Sim
	upstream    *http.Server
	upstreamURL string
	broker      *embedded.Broker
	registry    *embedded.Registry
	statusAddr  string
	hints       *airuddersim.Hinter
	hintAddr    string
}

// The ports that the demo prefers; where one is taken, a free one serves.
const (
	statusPort   = 8080
	hintPort     = 8088
	registryPort = 8081
	upstreamPort = 8090
	brokerPort   = 9092
)

// demoKey stands for credentials: the simulator accepts any.
const demoKey = "demo"

// demoHints is the secret of the hints' path, which loopback alone can reach.
const demoHints = "demo-demo-demo-demo"

// openWorld starts it all. When something fails, what had started ends again.
func openWorld(o Options) (*world, error) {
	w := &world{options: o}
	if err := w.open(); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *world) open() (err error) {
	quiet := slog.New(slog.DiscardHandler)
	if w.broker, err = embedded.StartBroker(embedded.BrokerConfig{Port: brokerPort, Logger: quiet}); err != nil {
		return err
	}
	if w.registry, err = embedded.StartRegistry(embedded.RegistryConfig{Port: registryPort, Logger: quiet}); err != nil {
		return err
	}
	free, err := listenNear(hintPort)
	if err != nil {
		return err
	}
	w.hintAddr = free.Addr().String()
	if err := free.Close(); err != nil { // the exporter takes it in a moment
		return err
	}
	w.hints = &airuddersim.Hinter{URL: "http://" + w.hintAddr + "/hint/" + demoHints, Delay: 200 * time.Millisecond, Lost: .05, Double: .05}
	w.sim = airuddersim.New(airuddersim.Config{
		Ended: w.hints.Ended,
		Seed:  uint64(time.Now().UnixNano()), Tasks: w.options.Tasks, Rate: w.options.Rate, RowsPerTask: 60, Renew: true,
		WarmUp: 30 * time.Second, Lead: 2 * time.Second, Pause: 4 * time.Second, RedialWait: 5 * time.Second, Gzip: true,
	})
	listener, err := listenNear(upstreamPort)
	if err != nil {
		return err
	}
	w.upstreamURL = "http://" + listener.Addr().String()
	w.upstream = &http.Server{Handler: w.sim.Handler(), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = w.upstream.Serve(listener) }() // ends at close
	free, err = listenNear(statusPort)
	if err != nil {
		return err
	}
	w.statusAddr = free.Addr().String()
	return free.Close() // the exporter takes it in a moment
}

func (w *world) close() {
	if w.upstream != nil {
		_ = w.upstream.Close()
	}
	if w.registry != nil {
		w.registry.Close()
	}
	if w.broker != nil {
		w.broker.Close()
	}
}

// listenNear listens on a loopback port, or on a free one where it is taken.
func listenNear(port int) (net.Listener, error) {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err == nil {
		return listener, nil
	}
	return net.Listen("tcp", "127.0.0.1:0")
}

// childEnv is the exporter's whole environment: what an operator would set, with
// intervals for people who watch.
func (w *world) childEnv() []string {
	return []string{
		"AIRUDDER_BASE_URL=" + w.upstreamURL,
		"AIRUDDER_APP_KEY=" + demoKey,
		"AIRUDDER_APP_SECRET=" + demoKey,
		"AIRUDDER_LIST_INTERVAL=1s",
		"AIRUDDER_REQUESTS_PER_SECOND=50",
		"AIRUDDER_POLL_MIN_INTERVAL=250ms",
		"AIRUDDER_POLL_MAX_INTERVAL=2s",
		"AIRUDDER_POLL_AFTER_END=5m",
		"KAFKA_BROKERS=" + w.broker.Addr(),
		"KAFKA_CREATE_TOPICS=true",
		"KAFKA_ASSIGNMENT=all",
		"SCHEMA_REGISTRY_URL=" + w.registry.URL(),
		"HTTP_ADDR=" + w.statusAddr,
		"HINT_ADDR=" + w.hintAddr,
		"HINT_SECRET=" + demoHints,
	}
}
